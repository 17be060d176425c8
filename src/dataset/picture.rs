//! One picture in memory: size, channels, depth, interleaved rows. Owns nothing but the pixels and the
//! promise that their number fits the size; where they come from and what is done to them lies elsewhere.

use std::borrow::Cow;

use super::bytes::Bytes;
use thiserror::Error;

/// A picture, stored row by row from the top, the channels of a pixel side by side.
///
/// What has 8 bits in its file is RGB with 8 bits here, grey or not. What has more keeps its depth and its channels:
/// `levels` brings it to floats between 0 and 1, and in that form it is resized, augmented and normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    width: u32,
    height: u32,
    channels: u8,
    depth: Depth,
}

/// The samples of a picture, one value per channel and pixel.
#[derive(Debug, Clone, PartialEq)]
pub enum Depth {
    /// 0 is black, 255 is white.
    U8(Bytes),
    /// 0 is black, 65535 is white, unless a window says otherwise.
    U16(Vec<u16>),
    /// 0.0 is black, 1.0 is white; as decoded, whatever the file holds.
    F32(Vec<f32>),
}

/// Why a picture cannot be made, resized or prepared.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PictureError {
    #[error("a picture of {width}x{height} has no pixels; both edges must be at least 1")]
    Empty { width: u32, height: u32 },
    #[error("{found} channels; a picture has 1 (grey) or 3 (RGB)")]
    Channels { found: u8 },
    #[error("{found} samples do not make a picture of {width}x{height} with {channels} channel(s)")]
    Length { width: u32, height: u32, channels: u8, found: usize },
    #[error("the box {left}, {top}, {right}, {bottom} holds nothing of a picture of {width}x{height}")]
    Box { left: f64, top: f64, right: f64, bottom: f64, width: u32, height: u32 },
    #[error("{what} takes pictures of {wanted}, not {found}; convert the picture first")]
    Kind { what: &'static str, wanted: &'static str, found: &'static str },
    #[error(
        "its values reach from {low} to {high}, and without a window they must lie between 0 and 1; set data.window = [low, high] to the values that are to become black and white"
    )]
    Range { low: f32, high: f32 },
    #[error("preprocessing of {size}x{size} needs a buffer of {wanted} numbers, but it has {found}")]
    Buffer { size: usize, wanted: usize, found: usize },
    #[error("the picture cannot be resized: {reason}")]
    Resize { reason: String },
    #[error("this preprocessing makes no picture: {reason}")]
    Preprocess { reason: String },
}

impl Picture {
    /// A picture of any kind; the number of samples must fit.
    pub fn new(width: u32, height: u32, channels: u8, depth: Depth) -> Result<Self, PictureError> {
        if width == 0 || height == 0 {
            return Err(PictureError::Empty { width, height });
        }
        if channels != 1 && channels != 3 {
            return Err(PictureError::Channels { found: channels });
        }
        // Three factors below 2^32, 2^32 and 4 fit 128 bits.
        let wanted = u128::from(width) * u128::from(height) * u128::from(channels);
        if wanted != depth.len() as u128 {
            return Err(PictureError::Length { width, height, channels, found: depth.len() });
        }
        Ok(Self { width, height, channels, depth })
    }

    /// RGB with 8 bits per channel.
    pub fn rgb8(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, PictureError> {
        Self::new(width, height, 3, Depth::U8(pixels.into()))
    }

    /// One colour everywhere.
    pub fn filled(width: u32, height: u32, colour: [u8; 3]) -> Result<Self, PictureError> {
        Self::rgb8(width, height, colour.repeat(width as usize * height as usize))
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// Bytes that the samples take.
    pub fn bytes(&self) -> usize {
        match &self.depth {
            Depth::U8(samples) => samples.len(),
            Depth::U16(samples) => size_of_val(samples.as_slice()),
            Depth::F32(samples) => size_of_val(samples.as_slice()),
        }
    }

    /// 1 for grey, 3 for RGB.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    pub fn depth(&self) -> &Depth {
        &self.depth
    }

    /// The pixels, where this is RGB with 8 bits.
    pub fn as_rgb8(&self) -> Option<&[u8]> {
        match &self.depth {
            Depth::U8(pixels) if self.channels == 3 => Some(pixels),
            _ => None,
        }
    }

    /// The pixels to write to, where this is RGB with 8 bits.
    pub fn as_rgb8_mut(&mut self) -> Option<&mut [u8]> {
        match &mut self.depth {
            Depth::U8(pixels) if self.channels == 3 => Some(pixels.to_mut()),
            _ => None,
        }
    }

    /// The samples to write to, where they are floats.
    pub fn as_f32_mut(&mut self) -> Option<&mut [f32]> {
        match &mut self.depth {
            Depth::F32(samples) => Some(samples),
            _ => None,
        }
    }

    /// The picture for eyes, thumbnails and perceptual hashes: RGB with 8 bits, rounded, what lies outside cut off.
    pub fn to_rgb8(&self) -> Cow<'_, Self> {
        let bytes = match &self.depth {
            Depth::U8(_) if self.channels == 3 => return Cow::Borrowed(self),
            Depth::U8(samples) => samples.clone(),
            Depth::U16(samples) => samples.iter().map(|&v| ((u32::from(v) + 128) / 257) as u8).collect(),
            // The cast cuts off what lies outside, and makes 0 of what is no number.
            Depth::F32(samples) => samples.iter().map(|v| (v * 255.0).round() as u8).collect(),
        };
        let bytes =
            if self.channels == 1 { bytes.iter().flat_map(|&grey| [grey; 3]).collect() } else { bytes };
        Cow::Owned(Self { channels: 3, depth: Depth::U8(bytes), ..*self })
    }

    /// The samples themselves.
    pub fn into_depth(self) -> Depth {
        self.depth
    }

    /// What kind of picture this is, for messages.
    pub fn kind(&self) -> &'static str {
        match (self.channels, &self.depth) {
            (1, Depth::U8(_)) => "8-bit grey",
            (1, Depth::U16(_)) => "16-bit grey",
            (1, Depth::F32(_)) => "float grey",
            (_, Depth::U8(_)) => "8-bit RGB",
            (_, Depth::U16(_)) => "16-bit RGB",
            (_, Depth::F32(_)) => "float RGB",
        }
    }

    /// The pixels of an 8-bit RGB picture, or an error that names who asked.
    pub fn expect_rgb8(&self, what: &'static str) -> Result<&[u8], PictureError> {
        self.as_rgb8().ok_or(PictureError::Kind { what, wanted: "8-bit RGB", found: self.kind() })
    }
}

impl Depth {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
            Self::F32(samples) => samples.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(width: u32, height: u32, channels: u8, depth: Depth, expected: Result<&str, &str>) {
        let made = Picture::new(width, height, channels, depth);
        let told = made.as_ref().map(Picture::kind).map_err(ToString::to_string);
        assert_eq!(told, expected.map_err(String::from));
    }

    #[test]
    fn the_number_of_samples_must_fit() {
        check(2, 1, 3, Depth::U8(vec![0; 6].into()), Ok("8-bit RGB"));
        check(2, 2, 1, Depth::U16(vec![0; 4]), Ok("16-bit grey"));
        check(1, 1, 3, Depth::F32(vec![0.0; 3]), Ok("float RGB"));
        let short = "5 samples do not make a picture of 2x1 with 3 channel(s)";
        check(2, 1, 3, Depth::U8(vec![0; 5].into()), Err(short));
        let none = "a picture of 0x1 has no pixels; both edges must be at least 1";
        check(0, 1, 3, Depth::U8(vec![].into()), Err(none));
        check(1, 1, 4, Depth::U8(vec![0; 4].into()), Err("4 channels; a picture has 1 (grey) or 3 (RGB)"));
    }

    #[test]
    fn a_size_beyond_all_memory_is_refused_not_wrapped() {
        assert!(Picture::new(u32::MAX, u32::MAX, 3, Depth::U8(vec![0; 3].into())).is_err());
    }

    #[test]
    fn eyes_get_8_bits_of_everything() {
        let check = |channels, depth, expected: &[u8]| {
            let picture = Picture::new(1, 1, channels, depth).unwrap();
            assert_eq!(picture.to_rgb8().as_rgb8(), Some(expected));
        };
        check(3, Depth::U8(vec![1, 2, 3].into()), &[1, 2, 3]);
        check(1, Depth::U8(vec![9].into()), &[9; 3]);
        check(1, Depth::U16(vec![65_535]), &[255; 3]);
        check(3, Depth::U16(vec![128, 129, 257]), &[0, 1, 1]);
        check(3, Depth::F32(vec![-3.0, 0.5, 7.0]), &[0, 128, 255]);
    }

    #[test]
    fn only_8_bit_rgb_lends_rgb8() {
        let grey = Picture::new(1, 1, 1, Depth::U8(vec![7].into())).unwrap();
        assert_eq!(grey.as_rgb8(), None);
        assert!(grey.expect_rgb8("mixing").unwrap_err().to_string().starts_with("mixing takes"));
        assert_eq!(Picture::filled(2, 1, [1, 2, 3]).unwrap().as_rgb8(), Some(&[1, 2, 3, 1, 2, 3][..]));
    }
}
