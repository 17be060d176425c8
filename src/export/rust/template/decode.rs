//! From the bytes of a file to upright RGB of 8 bits: turned as Exif says, transparency laid on one colour, deep pictures
//! brought to bytes.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::prepare::Settings;
use super::resize::Pixels;

/// The picture, and whether it came from a JPEG. Of an animation it is the first frame.
pub fn decode(file: &[u8], settings: &Settings) -> Result<(Pixels, bool), ImageError> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok((Pixels { width, height, bytes: bytes(image, settings) }, is_jpeg))
}

fn bytes(image: DynamicImage, settings: &Settings) -> Vec<u8> {
    match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) => image.into_rgb8().into_raw(),
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageRgba8(_) => {
            let pixels = image.into_rgba8().into_raw();
            pixels.chunks_exact(4).flat_map(|pixel| laid_on(pixel, settings.background)).collect()
        }
        DynamicImage::ImageLuma16(_) | DynamicImage::ImageRgb16(_) => {
            let levels = |value: u16| level(f64::from(value), settings.window.unwrap_or([0.0, 65_535.0]));
            image.into_rgb16().into_raw().into_iter().map(levels).collect()
        }
        DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgba16(_) => {
            let pixels = image.into_rgba8().into_raw();
            pixels.chunks_exact(4).flat_map(|pixel| laid_on(pixel, settings.background)).collect()
        }
        floats => {
            let levels = |value: f32| level(f64::from(value), settings.window.unwrap_or([0.0, 1.0]));
            floats.into_rgb32f().into_raw().into_iter().map(levels).collect()
        }
    }
}

/// A number between black and white as a byte.
fn level(value: f64, [low, high]: [f64; 2]) -> u8 {
    ((value - low) / (high - low) * 255.0).round() as u8
}

fn laid_on(pixel: &[u8], background: [u8; 3]) -> [u8; 3] {
    let alpha = u32::from(pixel[3]);
    [0, 1, 2].map(|channel| {
        let sum = u32::from(pixel[channel]) * alpha + u32::from(background[channel]) * (255 - alpha);
        ((sum + 127) / 255) as u8
    })
}
