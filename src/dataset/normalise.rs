//! From a prepared picture to the numbers that a network takes: channel after channel, less the mean, by the standard deviation.

use super::picture::{Depth, Picture, PictureError};
use super::planes;
use super::preprocess::{Preprocess, luma};

impl Preprocess {
    /// Appends (v - mean) / std of a picture that `apply` made, channel after channel (CHW), v between 0 and 1: one channel or
    /// three. Three take grey three times, one takes the luma of colours.
    pub fn normalise(
        &self,
        picture: &Picture,
        channels: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), PictureError> {
        self.expect_fit(picture, channels)?;
        out.reserve(channels * self.size * self.size);
        match (picture.depth(), picture.channels()) {
            (Depth::U8(samples), 3) if channels == 3 => {
                let lines = [0, 1, 2].map(|channel| self.line(channel, 255.0));
                planes::spread(samples.as_chunks().0, lines, out);
            }
            (Depth::U8(samples), 3) => self.planes_of_rgb(samples, 255.0, channels, out),
            (Depth::F32(samples), 3) => self.planes_of_rgb(samples, 1.0, channels, out),
            (Depth::F32(samples), _) => self.planes(samples.iter().copied(), 1.0, channels, out),
            _ => {
                let (what, wanted) = ("normalising", "8-bit RGB or float");
                return Err(PictureError::Kind { what, wanted, found: picture.kind() });
            }
        }
        Ok(())
    }

    /// The bytes of a picture that `apply` made, pixel after pixel, for a device that normalises them itself; nothing where it is
    /// not RGB with 8 bits.
    pub fn bytes<'a>(&self, picture: &'a Picture, channels: usize) -> Result<Option<&'a [u8]>, PictureError> {
        self.expect_fit(picture, channels)?;
        Ok(picture.as_rgb8())
    }

    fn expect_fit(&self, picture: &Picture, channels: usize) -> Result<(), PictureError> {
        let is_square = picture.width() as usize == self.size && picture.height() as usize == self.size;
        if is_square && (channels == 1 || channels == 3) {
            return Ok(());
        }
        let wanted = channels * self.size * self.size;
        Err(PictureError::Buffer { size: self.size, wanted, found: picture.depth().len() })
    }

    fn planes_of_rgb<T: Copy + Into<f32>>(
        &self,
        samples: &[T],
        white: f64,
        channels: usize,
        out: &mut Vec<f32>,
    ) {
        let pixels = samples.as_chunks::<3>().0;
        if channels == 1 {
            return self.planes(pixels.iter().map(|pixel| luma(pixel.map(T::into))), white, 1, out);
        }
        for channel in 0..channels {
            let (factor, offset) = self.line(channel, white);
            out.extend(pixels.iter().map(|pixel| pixel[channel].into() * factor + offset));
        }
    }

    /// Every channel from one value per pixel.
    fn planes(
        &self,
        grey: impl Iterator<Item = f32> + Clone,
        white: f64,
        channels: usize,
        out: &mut Vec<f32>,
    ) {
        for channel in 0..channels {
            let (factor, offset) = self.line(channel, white);
            out.extend(grey.clone().map(|value| value * factor + offset));
        }
    }

    /// Normalising a channel as one factor and one offset, rounded once; `white` is the number that stands for white.
    pub fn line(&self, channel: usize, white: f64) -> (f32, f32) {
        let (mean, std) = (f64::from(self.mean[channel]), f64::from(self.std[channel]));
        ((1.0 / (white * std)) as f32, (-mean / std) as f32)
    }
}
