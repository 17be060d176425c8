//! The order of samples, worker threads and batches as tensors. Knows no model.

mod batch;
mod crew;
mod decoded;
pub mod order;
mod pack;
mod packs;
mod prepare;
#[cfg(test)]
mod tests;
mod workers;

pub use batch::Batch;
pub use decoded::{Decoded, Name};
pub use order::Lone;
pub use prepare::Item;
pub use workers::{Loader, Spec};

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::dataset::{DecodeError, PictureError};

/// Why a batch could not be made. Always names the file.
#[derive(Debug, Error)]
pub enum LoaderError {
    #[error("{}: cannot be read ({source}); put the file back, or make the data set anew without it", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Decode { path: PathBuf, source: DecodeError },
    #[error("{}: {source}", path.display())]
    Prepare { path: PathBuf, source: PictureError },
    #[error("{}: has class number {class}, but there are only {classes} classes", path.display())]
    Class { path: PathBuf, class: usize, classes: usize },
    #[error("{}: preparing this picture failed inside kiln ({reason}); take it out and report it", path.display())]
    Panicked { path: PathBuf, reason: String },
    #[error("{}: the threads that prepare pictures ended before it; set data.workers to 0", path.display())]
    Ended { path: PathBuf },
}
