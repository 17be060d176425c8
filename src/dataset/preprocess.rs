//! What a set of weights demands of its pictures: size, crop, interpolation, normalisation. Travels inside
//! model files. Decoding and random augmentation are not its business.

use super::picture::{Picture, PictureError};
use super::resize::Interpolation;
use serde::{Deserialize, Serialize};

/// Mean and standard deviation of ImageNet's training pictures, per channel.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// The way from a decoded picture to the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Edge of the square that the network sees.
    pub size: usize,
    pub resize: Resize,
    pub crop: Crop,
    pub interpolation: Interpolation,
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// What shows through transparent pixels; decoding takes it from here.
    pub background: [u8; 3],
}

/// To which size a picture is brought before the crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The shorter edge gets this length, the shape stays.
    Shorter(usize),
    /// Both edges get this length, whatever the shape.
    Squash(usize),
}

/// What is kept of the resized picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crop {
    /// The middle, `size` x `size`; what is smaller gets a black border.
    Center,
    /// Everything: only with `Squash(size)`.
    None,
}

impl Preprocess {
    /// The usual evaluation on ImageNet: shorter edge to `size / crop_pct` rounded down, middle, ImageNet's statistics.
    pub fn image_net(size: usize, crop_pct: f64, interpolation: Interpolation) -> Self {
        Self::image_net_resized(size, (size as f64 / crop_pct).floor() as usize, interpolation)
    }

    /// As torchvision states it: shorter edge to `resize`, then the middle `size`.
    pub fn image_net_resized(size: usize, resize: usize, interpolation: Interpolation) -> Self {
        Self {
            size,
            resize: Resize::Shorter(resize),
            crop: Crop::Center,
            interpolation,
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
            background: [255; 3],
        }
    }

    /// The picture as the network sees it: `size` x `size`, RGB, 8 bits.
    pub fn apply(&self, _picture: &Picture) -> Result<Picture, PictureError> {
        Err(PictureError::Preprocess { reason: "not written yet".into() })
    }

    /// Writes (v / 255 - mean) / std of a `size` x `size` picture, channel by channel (CHW).
    pub fn normalise_into(&self, _picture: &Picture, _out: &mut [f32]) -> Result<(), PictureError> {
        Err(PictureError::Preprocess { reason: "not written yet".into() })
    }
}
