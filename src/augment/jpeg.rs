//! The marks that a JPEG encoder leaves: encodes and decodes for real. Without subsampling of colours, as
//! the `image` crate writes; Pillow's default halves them.

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{ExtendedColorType, ImageDecoder, ImageError};

use super::Shape;
use crate::dataset::PictureError;

/// Replaces the picture by what a JPEG of this quality, from 1 to 100, keeps of it.
pub fn jpeg(pixels: &mut [u8], shape: Shape, quality: u8) -> Result<(), PictureError> {
    through_file(pixels, shape, quality).map_err(|error| PictureError::Preprocess {
        reason: format!(
            "a {}x{} JPEG of quality {quality} cannot be made: {error}",
            shape.width, shape.height
        ),
    })
}

fn through_file(pixels: &mut [u8], shape: Shape, quality: u8) -> Result<(), ImageError> {
    let colour = if shape.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut file = Vec::new();
    let encoder = &mut JpegEncoder::new_with_quality(&mut file, quality);
    encoder.encode(pixels, shape.width as u32, shape.height as u32, colour)?;
    JpegDecoder::new(std::io::Cursor::new(file))?.read_image(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_decides_how_much_is_lost() {
        let shape = Shape { width: 40, height: 24, channels: 3 };
        let original: Vec<u8> = (0..40 * 24 * 3).map(|i| (i * 37 % 120 + i / 40) as u8).collect();
        let loss = |quality| {
            let mut pixels = original.clone();
            jpeg(&mut pixels, shape, quality).unwrap();
            pixels.iter().zip(&original).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>()
        };
        assert!(loss(100) < loss(80) && loss(80) < loss(30) && loss(30) < loss(1));
    }

    #[test]
    fn grey_pictures_are_taken_and_impossible_ones_refused() {
        let mut pixels = vec![200; 12];
        jpeg(&mut pixels, Shape { width: 4, height: 3, channels: 1 }, 90).unwrap();
        assert_eq!(pixels, vec![200; 12]);
        assert!(jpeg(&mut [], Shape { width: 0, height: 0, channels: 3 }, 90).is_err());
    }
}
