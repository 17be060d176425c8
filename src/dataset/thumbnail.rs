//! Pictures small enough to stand inside a page, as data URIs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::{Interpolation, Limits, Location, Picture, Region, decode, resize};

/// The longer edge in pixels.
const EDGE: f64 = 160.0;
const QUALITY: u8 = 70;

/// None where the file gives no picture.
pub fn data_uri(location: &Location) -> Option<String> {
    let bytes = location.read().ok()?;
    let picture = small(&decode(&bytes, [255; 3], &Limits::default()).ok()?.to_rgb8())?;
    jpeg_uri(picture.as_rgb8()?, picture.width(), picture.height())
}

/// Pixels of red, green and blue as they are.
pub fn jpeg_uri(pixels: &[u8], width: u32, height: u32) -> Option<String> {
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    encoder.encode(pixels, width, height, ExtendedColorType::Rgb8).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

fn small(picture: &Picture) -> Option<Picture> {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let scale = (EDGE / width.max(height)).min(1.0);
    let edge = |length: f64| (length * scale).round().max(1.0) as u32;
    resize(picture, Region::whole(picture), edge(width), edge(height), Interpolation::Bilinear).ok()
}
