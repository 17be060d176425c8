//! What can be wrong with a data set, said so that the user can put it right.

use std::io;
use std::path::{Path, PathBuf};

use super::{archive, download};
use crate::durable;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no data set is called '{name}'{}: kiln knows {known}, and reads {file} where there is one", did_you_mean(.nearest))]
    UnknownRecipe { name: String, nearest: Option<String>, known: String, file: PathBuf },
    #[error("the recipe {file} cannot be used: {reason}")]
    BadRecipe { file: String, reason: String },
    #[error(
        "the archive of '{name}' holds no folder '{root}'; the recipe's `root` has to name the folder of the classes"
    )]
    NoRoot { name: String, root: String },
    #[error("there is no folder for caches on this system; set KILN_CACHE to one that kiln may write to")]
    NoCache,
    #[error(transparent)]
    Download(#[from] download::Error),
    #[error(transparent)]
    Archive(#[from] archive::Error),
    #[error(transparent)]
    Durable(#[from] durable::Error),

    #[error(
        "{path} does not exist; `data.path` has to name a folder with one folder of pictures per class, a table or .tar shards"
    )]
    Missing { path: PathBuf },
    #[error(
        "{path} is a file and no list of pictures; `data.path` has to name a folder, a .csv, .tsv, .jsonl or .ndjson, or .tar shards"
    )]
    NotAFolder { path: PathBuf },
    #[error("cannot read {path}: {cause}")]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{path} is empty; put one folder of pictures per class into it")]
    Empty { path: PathBuf },
    #[error(
        "{path} holds {files} files but no folder; put the pictures of each class into a folder of its name"
    )]
    NoClasses { path: PathBuf, files: usize },
    #[error("{path} holds a single class, '{class}', and there is nothing to tell it from{hint}")]
    OneClass { path: PathBuf, class: String, hint: String },
    #[error(
        "{path} holds {folders} but no train/; add the training pictures, or put the classes directly into it"
    )]
    NoTraining { path: PathBuf, folders: String },
    #[error("{path} holds {first}/ and {second}/, which both mean the {split} split; keep one")]
    SplitTwice { path: PathBuf, split: &'static str, first: String, second: String },
    #[error("{at}: {reason}")]
    Said { at: String, reason: String },
    #[error(
        "{path} holds nothing to train on: all that it names is for validation or test; add training pictures, or name no splits"
    )]
    NothingToTrain { path: PathBuf },
    #[error(
        "{path} holds no folders of pictures {depth} folders deep; `data.depth` says how many names make a class"
    )]
    NotSoDeep { path: PathBuf, depth: usize },
    #[error("{at}: the class '{class}' has no picture to train on{}", did_you_mean(.nearest))]
    Untrained { at: String, class: String, nearest: Option<String> },
    #[error("class '{class}' has pictures in {folder}/ but none in train/{}; the classes of the splits are matched by name", did_you_mean(.nearest))]
    NotInTraining { class: String, folder: String, nearest: Option<String> },
    #[error("class '{class}' has no usable picture to train on in {folder}{}; add some, or remove the class", because(.set_aside, .reason))]
    ClassWithoutPictures { class: String, folder: PathBuf, set_aside: usize, reason: String },
    #[error("no picture under {path} can be used{}", because(.set_aside, .reason))]
    NothingUsable { path: PathBuf, set_aside: usize, reason: String },
    #[error("{count} files cannot be used, and `data.bad` is \"fail\":\n{list}")]
    BadPictures { count: usize, list: String },

    #[error(
        "{count} pictures are in several splits, and what has been trained on measures nothing:\n{list}\nkeep each in one split, or set data.leakage = \"skip\" to leave them to the split that measures, \"allow\" to use them in all"
    )]
    Leakage { count: usize, list: String },

    #[error("{path} cannot be used: {reason}")]
    BadRecord { path: PathBuf, reason: String },
}

impl Error {
    /// Whether the archive could not be had at all: the one case in which drawn data may stand in for it.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Error::Download(error) if error.is_unreachable())
    }

    /// A fault in a line of a file.
    pub(super) fn said(path: &Path, line: u64, reason: String) -> Error {
        Error::Said { at: format!("{}:{line}", path.display()), reason: shown(&reason) }
    }

    pub(super) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |cause| Error::Unreadable { path, cause }
    }
}

/// Words that quote a file, fit for a terminal: no control characters, and no more than somebody reads.
fn shown(words: &str) -> String {
    const MOST: usize = 600;
    let plain = words.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let cut = if words.chars().nth(MOST).is_some() { "..." } else { "" };
    plain.take(MOST).chain(cut.chars()).collect()
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

fn because(set_aside: &usize, reason: &str) -> String {
    if *set_aside == 0 { String::new() } else { format!(" ({set_aside} set aside; the first: {reason})") }
}

/// The known name that a mistyped one may stand for.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let (likeness, nearest) =
        known.map(|other| (likeness(other), other)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness > 0.8).then(|| nearest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_cannot_flood_or_steer_a_terminal() {
        let said = |reason: &str| Error::said(Path::new("a.csv"), 2, reason.into()).to_string();
        assert!(said("the split is 'dev'").contains("a.csv:2") && said("é is fine").contains("é is fine"));
        assert!(said("a\u{1b}[2Jb").contains("a\u{fffd}[2Jb"));
        let long = said(&"x".repeat(1 << 20));
        assert!(long.len() < 700 && long.contains("xxx..."), "{}", long.len());
    }
}
