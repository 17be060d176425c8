//! TIFF files whose samples the general decoder has no type for: floats, signed numbers and whole numbers of more than
//! 16 bits, in grey or RGB. They come out as the file holds them; what is black and what is white is for a window to say.

use super::decode::DecodeError;
use super::flatten::no_picture;
use super::picture::{Depth, Picture};
use image::metadata::Orientation;
use image::{DynamicImage, Rgb32FImage};
use std::io::{Cursor, ErrorKind};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{SampleFormat, Tag};
use tiff::{ColorType, TiffError};

/// How a file writes its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    Whole,
    Signed,
    Float,
}

/// Such a file, its header read.
pub struct DeepTiff<'a> {
    decoder: Decoder<Cursor<&'a [u8]>>,
    width: u32,
    height: u32,
    channels: u8,
    bits: u8,
    numbers: Numbers,
    orientation: Orientation,
}

impl<'a> DeepTiff<'a> {
    /// Nothing where the general decoder is the one to read the file, or to say what is wrong with it.
    pub fn open(bytes: &'a [u8]) -> Option<Self> {
        let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
        let (channels, bits) = match decoder.colortype().ok()? {
            ColorType::Gray(bits) => (1, bits),
            ColorType::RGB(bits) => (3, bits),
            _ => return None,
        };
        let formats: Vec<u16> = decoder.find_tag_unsigned_vec(Tag::SampleFormat).ok()?.unwrap_or_default();
        let is_whole = formats.iter().all(|&format| format == SampleFormat::Uint.to_u16());
        if is_whole && bits <= 16 {
            return None;
        }
        let numbers = match formats.first().map(|&format| SampleFormat::from_u16_exhaustive(format)) {
            Some(SampleFormat::IEEEFP) => Numbers::Float,
            Some(SampleFormat::Int) => Numbers::Signed,
            _ => Numbers::Whole,
        };
        let (width, height) = decoder.dimensions().ok()?;
        let number = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
        let orientation = number.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);
        Some(Self { decoder, width, height, channels, bits, numbers, orientation })
    }

    /// Width and height as stored.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// 1 for grey, 3 for RGB.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// Of one sample.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    pub fn numbers(&self) -> Numbers {
        self.numbers
    }

    pub fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The upright picture. Its size should have been checked.
    pub fn decode(self) -> Result<Picture, DecodeError> {
        /// Of the widest sample.
        const BYTES: usize = 8;
        let Self { mut decoder, width, height, channels, orientation, .. } = self;
        let planes: Option<u16> = decoder.find_tag_unsigned(Tag::PlanarConfiguration).map_err(explain)?;
        if channels > 1 && planes == Some(2) {
            return Err(DecodeError::Unsupported { what: "a TIFF with a plane for each colour".to_owned() });
        }
        let mut limits = Limits::default();
        limits.decoding_buffer_size =
            (width as usize).saturating_mul(height as usize).saturating_mul(usize::from(channels) * BYTES);
        let samples = floats(decoder.with_limits(limits).read_image().map_err(explain)?);
        if !samples.iter().all(|value| value.is_finite()) {
            let what = "a picture with values that are no numbers (NaN or infinity)".to_owned();
            return Err(DecodeError::Unsupported { what });
        }
        upright(Picture::new(width, height, channels, Depth::F32(samples)).map_err(no_picture)?, orientation)
    }
}

/// Refuses what the decoder, whoever calls it, ends in a panic.
pub fn check_planes(bytes: &[u8]) -> Result<(), DecodeError> {
    let Ok(mut decoder) = Decoder::new(Cursor::new(bytes)) else { return Ok(()) };
    let mut number = |tag| decoder.find_tag_unsigned::<u32>(tag).ok().flatten();
    if number(Tag::PlanarConfiguration) == Some(2) && number(Tag::TileWidth).is_some() {
        return Err(DecodeError::Unsupported {
            what: "a TIFF of tiles with a plane for each colour".to_owned(),
        });
    }
    Ok(())
}

/// Each sample as the nearest 32-bit float.
fn floats(samples: DecodingResult) -> Vec<f32> {
    match samples {
        DecodingResult::U8(samples) => samples.into_iter().map(f32::from).collect(),
        DecodingResult::U16(samples) => samples.into_iter().map(f32::from).collect(),
        DecodingResult::U32(samples) => samples.into_iter().map(|v| v as f32).collect(),
        DecodingResult::U64(samples) => samples.into_iter().map(|v| v as f32).collect(),
        DecodingResult::I8(samples) => samples.into_iter().map(f32::from).collect(),
        DecodingResult::I16(samples) => samples.into_iter().map(f32::from).collect(),
        DecodingResult::I32(samples) => samples.into_iter().map(|v| v as f32).collect(),
        DecodingResult::I64(samples) => samples.into_iter().map(|v| v as f32).collect(),
        DecodingResult::F16(samples) => samples.into_iter().map(f32::from).collect(),
        DecodingResult::F32(samples) => samples,
        DecodingResult::F64(samples) => samples.into_iter().map(|v| v as f32).collect(),
    }
}

/// Turned by way of RGB, for which there is code; files of this kind are hardly ever on their side.
fn upright(picture: Picture, orientation: Orientation) -> Result<Picture, DecodeError> {
    if orientation == Orientation::NoTransforms {
        return Ok(picture);
    }
    let (width, height, channels) = (picture.width(), picture.height(), picture.channels());
    let Depth::F32(samples) = picture.into_depth() else { return Err(turned_wrongly()) };
    let samples = if channels == 1 { samples.into_iter().flat_map(|v| [v; 3]).collect() } else { samples };
    let image = Rgb32FImage::from_raw(width, height, samples).ok_or_else(turned_wrongly)?;
    let mut image = DynamicImage::ImageRgb32F(image);
    image.apply_orientation(orientation);
    let image = image.into_rgb32f();
    let (width, height) = image.dimensions();
    let samples = image.into_raw().into_iter().step_by(if channels == 1 { 3 } else { 1 }).collect();
    Picture::new(width, height, channels, Depth::F32(samples)).map_err(no_picture)
}

fn turned_wrongly() -> DecodeError {
    DecodeError::Damaged { format: "TIFF", reason: "it cannot be turned upright".to_owned() }
}

fn explain(error: TiffError) -> DecodeError {
    let format = "TIFF";
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format }
        }
        TiffError::UnsupportedError(error) => {
            DecodeError::Unsupported { what: format!("this {format} file ({error})") }
        }
        other => DecodeError::Damaged { format, reason: other.to_string() },
    }
}
