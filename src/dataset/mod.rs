//! Recipes, fetching, scanning, splitting, decoding and the drawn flowers. Knows neither tensors nor training.

pub mod archive;
pub mod baseline;
mod bytes;
pub mod decode;
pub mod download;
pub mod drawn;
mod error;
mod http;
mod jpeg;
mod layout;
pub mod part;
pub mod picture;
pub mod preprocess;
pub mod recipe;
pub mod record;
pub mod resize;
mod sample;
pub mod scan;
mod split;
mod walk;

pub use bytes::Bytes;
pub use decode::{DecodeError, Limits, decode, probe};
pub use error::Error;
pub use part::{Frame, Look, Need, Part};
pub use picture::{Depth, Picture, PictureError};
pub use preprocess::{Crop, IMAGENET_MEAN, IMAGENET_STD, Preprocess, Resize};
pub use recipe::Recipe;
pub use record::{Balance, Record};
pub use resize::{Interpolation, Region, resize};
pub use sample::{Dataset, Origin, Sample, SetAside, Split};
pub use scan::open;
pub use split::Shares;
