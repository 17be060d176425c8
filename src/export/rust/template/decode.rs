//! From the bytes of a file to upright RGB by the general decoder: turned as Exif says, transparency laid on one colour, black
//! and white of deep pictures where they belong.

use std::fmt;
use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::jpeg::check_whole;
use super::prepare::{Picture, Settings};
use super::resize::{Deep, Pixels};

/// What a picture may have.
pub const MOST_PIXELS: u64 = 178_956_970;

/// Why a file gave no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    Empty,
    TooLarge { width: u32, height: u32 },
    Truncated { format: &'static str },
    Unsupported { what: String },
    Damaged { reason: String },
}

/// The first picture in the file.
pub fn decode(file: &[u8], settings: &Settings) -> Result<Picture, DecodeError> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(ImageError::from)?;
    if reader.format() == Some(ImageFormat::Jpeg) {
        check_whole(file)?;
    }
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(DecodeError::TooLarge { width, height });
    }
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok(match image {
        DynamicImage::ImageLuma16(_) | DynamicImage::ImageRgb16(_) => {
            let window = settings.window.unwrap_or([0.0, 65_535.0]);
            let shares = image.into_rgb16().into_raw().into_iter().map(|value| share(value.into(), window));
            Picture::Deep(Deep { width, height, shares: shares.collect() })
        }
        DynamicImage::ImageRgb32F(_) => {
            let window = settings.window.unwrap_or([0.0, 1.0]);
            let shares = image.into_rgb32f().into_raw().into_iter().map(|value| share(value.into(), window));
            Picture::Deep(Deep { width, height, shares: shares.collect() })
        }
        bytes => Picture::Bytes(Pixels { width, height, bytes: rgb(bytes, settings.background) }),
    })
}

fn rgb(image: DynamicImage, background: [u8; 3]) -> Vec<u8> {
    match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) => image.into_rgb8().into_raw(),
        transparent => {
            let pixels = transparent.into_rgba8().into_raw();
            pixels.chunks_exact(4).flat_map(|pixel| laid_on(pixel, background)).collect()
        }
    }
}

/// A number's place between black and white.
fn share(value: f64, [low, high]: [f64; 2]) -> f32 {
    ((value - low) / (high - low)).clamp(0.0, 1.0) as f32
}

fn laid_on(pixel: &[u8], background: [u8; 3]) -> [u8; 3] {
    let alpha = u32::from(pixel[3]);
    [0, 1, 2].map(|channel| {
        let sum = u32::from(pixel[channel]) * alpha + u32::from(background[channel]) * (255 - alpha);
        ((sum + 127) / 255) as u8
    })
}

impl From<ImageError> for DecodeError {
    fn from(error: ImageError) -> Self {
        Self::Damaged { reason: error.to_string() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "the picture has no pixels"),
            Self::TooLarge { width, height } => write!(out, "{width}x{height} are too many pixels"),
            Self::Truncated { format } => write!(out, "the {format} file is cut off"),
            Self::Unsupported { what } => write!(out, "{what} is not read"),
            Self::Damaged { reason } => write!(out, "{reason}"),
        }
    }
}

impl std::error::Error for DecodeError {}
