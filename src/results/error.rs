//! Why results cannot be left where they were asked for.

use std::path::PathBuf;

use crate::durable;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: no format belongs to this ending; end the name with {endings}, or say it with --format", .path.display())]
    Ending { path: PathBuf, endings: &'static str },

    #[error(
        "this kiln was built without Parquet; build it with `--features parquet`, or choose another format"
    )]
    NoParquet,

    #[error("the model's class {class:?} cannot name a folder; sort by a table of the predictions instead")]
    ClassName { class: String },

    #[error("{}: line {line} is no entry of a journal of sorted files: {reason}", .path.display())]
    Journal { path: PathBuf, line: u64, reason: String },

    #[error("{}: {reason}", .path.display())]
    Write { path: PathBuf, reason: String },

    #[error(transparent)]
    File(#[from] durable::Error),
}
