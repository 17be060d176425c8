//! From the many kinds of pixels that decoders give to the few that kiln works with: 8-bit RGB, and 16 bits in grey or
//! RGB. Transparency is laid on one colour here. Reading files is not its business.

use super::decode::DecodeError;
use super::picture::{Depth, Picture, PictureError};
use image::{DynamicImage, ImageBuffer, Pixel, Primitive, Rgba};

/// Up to 8 bits become RGB with 8 bits, 16 bits stay 16 bits; grey of 16 bits stays grey.
pub fn flatten(image: DynamicImage, background: [u8; 3]) -> Result<Picture, DecodeError> {
    let (width, height) = (image.width(), image.height());
    let (channels, depth) = match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) => {
            (3, Depth::U8(image.into_rgb8().into_raw().into()))
        }
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageRgba8(_) => {
            (3, Depth::U8(on_background(&image.into_rgba8(), background).into()))
        }
        DynamicImage::ImageLuma16(grey) => (1, Depth::U16(grey.into_raw())),
        DynamicImage::ImageRgb16(rgb) => (3, Depth::U16(rgb.into_raw())),
        DynamicImage::ImageLumaA16(_) if is_grey(background) => {
            let rgb = on_background(&image.into_rgba16(), background.map(widened));
            (1, Depth::U16(rgb.into_iter().step_by(3).collect()))
        }
        DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgba16(_) => {
            (3, Depth::U16(on_background(&image.into_rgba16(), background.map(widened))))
        }
        // Where nobody knows which number is white, nobody knows what a background is.
        _ => return Err(DecodeError::Unsupported { what: "a float picture with transparency".to_owned() }),
    };
    Picture::new(width, height, channels, depth).map_err(no_picture)
}

/// A decoder that gives other numbers than the header announced.
pub fn no_picture(error: PictureError) -> DecodeError {
    DecodeError::Damaged { format: "picture", reason: error.to_string() }
}

fn is_grey([red, green, blue]: [u8; 3]) -> bool {
    red == green && green == blue
}

/// 255 becomes 65535.
fn widened(byte: u8) -> u16 {
    u16::from(byte) * 257
}

/// Lays transparent pixels on one colour.
fn on_background<T>(pixels: &ImageBuffer<Rgba<T>, Vec<T>>, background: [T; 3]) -> Vec<T>
where
    T: Primitive + Into<u64> + TryFrom<u64>,
    Rgba<T>: Pixel<Subpixel = T>,
{
    // The value of white and of opaque.
    let full: u64 = T::DEFAULT_MAX_VALUE.into();
    let mut out = Vec::with_capacity(pixels.pixels().len() * 3);
    for Rgba([r, g, b, alpha]) in pixels.pixels() {
        let alpha: u64 = (*alpha).into();
        for (colour, behind) in [*r, *g, *b].into_iter().zip(background) {
            let sum = colour.into() * alpha + behind.into() * (full - alpha);
            // A mean of two values fits their type.
            out.push(T::try_from((sum + full / 2) / full).unwrap_or(colour));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, LumaA, Rgb};

    fn check(image: DynamicImage, background: [u8; 3], channels: u8, depth: Depth) {
        let wanted = Picture::new(1, 1, channels, depth).unwrap();
        assert_eq!(flatten(image, background).unwrap(), wanted);
    }

    fn one<P: Pixel>(pixel: P) -> ImageBuffer<P, Vec<P::Subpixel>> {
        ImageBuffer::from_pixel(1, 1, pixel)
    }

    #[test]
    fn depth_is_kept_and_transparency_laid_on_the_background() {
        let white = [255; 3];
        check(one(Luma([7u8])).into(), white, 3, Depth::U8(vec![7; 3].into()));
        check(one(Luma([770u16])).into(), white, 1, Depth::U16(vec![770]));
        check(one(Rgb([1u16, 2, 60_000])).into(), white, 3, Depth::U16(vec![1, 2, 60_000]));
        check(one(LumaA([5u16, 0])).into(), white, 1, Depth::U16(vec![65_535]));
        check(one(LumaA([5u16, 65_535])).into(), [0, 9, 0], 3, Depth::U16(vec![5; 3]));
        check(one(Rgba([5u16, 6, 7, 0])).into(), [0, 1, 255], 3, Depth::U16(vec![0, 257, 65_535]));
        check(one(Rgba([200u8, 100, 0, 51])).into(), [0, 0, 255], 3, Depth::U8(vec![40, 20, 204].into()));
    }

    #[test]
    fn floats_with_transparency_are_refused_by_name() {
        let error = flatten(one(Rgba([0.5f32; 4])).into(), [0; 3]).unwrap_err().to_string();
        assert!(error.starts_with("a float picture with transparency is not read; save it as"), "{error}");
    }
}
