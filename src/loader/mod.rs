//! The order of samples, worker threads and batches as tensors. Knows no model.

mod batch;
mod crew;
mod decoded;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod order;
mod pack;
mod packs;
mod prepare;
mod raw;
#[cfg(test)]
mod tests;
mod workers;

pub use batch::Batch;
pub use decoded::{Decoded, Name};
pub use order::Lone;
pub use prepare::Item;
pub use workers::{Loader, Spec};

use std::io;

use thiserror::Error;

use crate::dataset::{DecodeError, Location, PictureError};

/// Why a batch could not be made. Always names the file.
#[derive(Debug, Error)]
pub enum LoaderError {
    #[error("{path}: cannot be read ({source}); put the file back, or make the data set anew without it")]
    Read { path: Location, source: io::Error },
    #[error("{path}: {source}")]
    Decode { path: Location, source: DecodeError },
    #[error("{path}: {source}")]
    Prepare { path: Location, source: PictureError },
    #[error("{path}: has class number {class}, but there are only {classes} classes")]
    Class { path: Location, class: usize, classes: usize },
    #[error("{path}: preparing this picture failed inside kiln ({reason}); take it out and report it")]
    Panicked { path: Location, reason: String },
    #[error("{path}: the threads that prepare pictures ended before it; set data.workers to 0")]
    Ended { path: Location },
}
