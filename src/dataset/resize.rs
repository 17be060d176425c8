//! Resizing of a whole picture or of a box with fractional edges, as Pillow's `Image.resize` does it.
//! Knows nothing of weights or augmentation: which box and which size is for others to say.

use super::picture::{Picture, PictureError};
use serde::{Deserialize, Serialize};

/// How values between pixels are found. Both widen their reach when a picture shrinks, so nothing aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    Bilinear,
    Bicubic,
}

/// A part of a picture in pixels from its upper left corner; edges may fall between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Region {
    /// All of a picture.
    pub fn whole(picture: &Picture) -> Self {
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        Self { left: 0.0, top: 0.0, width, height }
    }
}

/// The region brought to `out_width` x `out_height`.
pub fn resize(
    _picture: &Picture,
    _region: Region,
    _out_width: u32,
    _out_height: u32,
    _interpolation: Interpolation,
) -> Result<Picture, PictureError> {
    Err(PictureError::Preprocess { reason: "not written yet".into() })
}
