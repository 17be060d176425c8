//! From the bytes of a file to an upright 8-bit RGB picture, or a reason why not. Never half a picture, never a panic.
//! Knows no paths: the caller has read the bytes and names the file.

use super::picture::Picture;
use thiserror::Error;

/// What a file may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Width times height. A picture beyond it is refused by its header, before memory is taken.
    pub pixels: u64,
}

impl Default for Limits {
    /// Pillow refuses beyond twice 89,478,485 pixels (a quarter of a GiB in RGB, twice).
    fn default() -> Self {
        Self { pixels: 2 * 89_478_485 }
    }
}

/// Why a file gave no picture. The file's name is for the caller to add.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("the file is empty; fetch or copy it again")]
    Empty,
    #[error("the content is no picture that kiln reads (JPEG, PNG, GIF, BMP, WebP, TIFF, PNM, QOI)")]
    NotAPicture,
    #[error("{what} is not read; save it as 8-bit RGB")]
    Unsupported { what: String },
    #[error("{width}x{height} is more than {limit} pixels; scale the picture down")]
    TooLarge { width: u32, height: u32, limit: u64 },
    #[error("the {format} file is cut off; fetch or copy it again")]
    Truncated { format: &'static str },
    #[error("the {format} file is damaged ({reason}); fetch or copy it again")]
    Damaged { format: &'static str, reason: String },
    #[error("the decoder gave up on this file ({reason}); save it again with another program")]
    Panicked { reason: String },
}

/// The picture in these bytes: upright, RGB, 8 bits, transparency laid on `background`.
/// The format is told by the content.
pub fn decode(_bytes: &[u8], _background: [u8; 3], _limits: &Limits) -> Result<Picture, DecodeError> {
    Err(DecodeError::NotAPicture)
}

/// Width and height of the upright picture, from the header alone.
pub fn probe(_bytes: &[u8]) -> Result<(u32, u32), DecodeError> {
    Err(DecodeError::NotAPicture)
}
