//! What can be wrong with a run folder or a model file.

use std::path::{Path, PathBuf};

use crate::durable;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] durable::Error),

    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: std::io::Error },

    #[error("{} is not a run folder: it has no {missing}", path.display())]
    NoRun { path: PathBuf, missing: &'static str },

    #[error("{} is gone: something has moved or removed it while the run went on", path.display())]
    Vanished { path: PathBuf },

    #[error("{} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },

    #[error(
        "{} has format {found}, this kiln ({}) knows format {known}; use the kiln that wrote it, or a newer one",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Format { path: PathBuf, found: u64, known: u64 },

    #[error("{} has no checkpoint that is whole{}", path.display(), list(passed_over))]
    NoCheckpoint { path: PathBuf, passed_over: Vec<String> },

    #[error("{} has no checkpoint of step {step}, only {names}", path.display())]
    NoStep { path: PathBuf, step: usize, names: String },

    #[error("{} is no kiln model: {reason}", path.display())]
    NoModel { path: PathBuf, reason: String },
}

impl Error {
    /// A file of words that is damaged where it is no text, or too long for one.
    pub(super) fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, InvalidData};
        let path = path.to_owned();
        move |cause| match cause.kind() {
            FileTooLarge | InvalidData => Self::Damaged { path, reason: cause.to_string() },
            _ => Self::Read { path, cause },
        }
    }
}

fn list(passed_over: &[String]) -> String {
    passed_over.iter().map(|line| format!("\n  passed over {line}")).collect()
}
