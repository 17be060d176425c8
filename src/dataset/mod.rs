//! Recipes, fetching, scanning, splitting, decoding and the drawn flowers. Knows neither tensors nor training.

pub mod decode;
mod jpeg;
pub mod picture;
pub mod preprocess;
pub mod resize;

pub use decode::{DecodeError, Limits, decode, probe};
pub use picture::{Depth, Picture, PictureError};
pub use preprocess::{Crop, IMAGENET_MEAN, IMAGENET_STD, Preprocess, Resize};
pub use resize::{Interpolation, Region, resize};
