//! What predictions and features leave behind: tables and arrays, one file per format, and pictures sorted into the
//! folders of their classes. Takes what was found out; knows no model, prints nothing, and replaces no file.

mod error;
mod features;
mod lines;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod predictions;
pub mod sorted;

pub use error::Error;
pub use features::{FeatureForm, Features};
pub use lines::{Lines, csv_head};
pub use predictions::{Form, Guess, Marks, Predictions, Row, UNKNOWN};
