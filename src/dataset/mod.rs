//! Recipes, fetching, scanning, splitting, decoding and the drawn flowers. Knows neither tensors nor training.

pub mod archive;
pub mod download;
mod error;
mod http;
mod layout;
pub mod recipe;
pub mod record;
mod sample;
pub mod scan;
mod split;
mod walk;

pub use error::Error;
pub use recipe::Recipe;
pub use record::Record;
pub use sample::{Dataset, Origin, Sample, SetAside, Split};
pub use scan::open;
pub use split::Shares;
