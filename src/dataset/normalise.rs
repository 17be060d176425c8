//! From a prepared picture to the numbers that a network takes: channel after channel, less the mean, by the standard deviation.

use super::picture::{Depth, Picture, PictureError};
use super::planes;
use super::preprocess::{Preprocess, luma};

impl Preprocess {
    /// Writes (v - mean) / std of a picture that `apply` made, channel after channel (CHW), v between 0 and 1. `out` has room
    /// for one channel or for three: three take grey three times, one takes the luma of colours.
    pub fn normalise_into(&self, picture: &Picture, out: &mut [f32]) -> Result<(), PictureError> {
        let area = self.size * self.size;
        let fits = picture.width() as usize == self.size && picture.height() as usize == self.size;
        if !fits || (out.len() != area && out.len() != 3 * area) {
            let found = out.len().min(picture.depth().len());
            return Err(PictureError::Buffer { size: self.size, wanted: self.samples(), found });
        }
        match (picture.depth(), picture.channels()) {
            (Depth::U8(samples), 3) if out.len() > area => {
                planes::spread(
                    samples.as_chunks().0,
                    [0, 1, 2].map(|channel| self.line(channel, 255.0)),
                    out,
                );
            }
            (Depth::U8(samples), 3) => self.planes_of_rgb(samples, 255.0, out),
            (Depth::F32(samples), 3) => self.planes_of_rgb(samples, 1.0, out),
            (Depth::F32(samples), _) => self.planes(samples.iter().copied(), 1.0, out),
            _ => {
                let (what, wanted) = ("normalising", "8-bit RGB or float");
                return Err(PictureError::Kind { what, wanted, found: picture.kind() });
            }
        }
        Ok(())
    }

    fn planes_of_rgb<T: Copy + Into<f32>>(&self, samples: &[T], white: f64, out: &mut [f32]) {
        let pixels = samples.as_chunks::<3>().0;
        if out.len() == pixels.len() {
            return self.planes(pixels.iter().map(|pixel| luma(pixel.map(T::into))), white, out);
        }
        for (channel, plane) in out.chunks_exact_mut(pixels.len()).enumerate() {
            let (factor, offset) = self.line(channel, white);
            for (to, pixel) in plane.iter_mut().zip(pixels) {
                *to = pixel[channel].into() * factor + offset;
            }
        }
    }

    /// Every channel from one value per pixel.
    fn planes(&self, grey: impl Iterator<Item = f32> + Clone, white: f64, out: &mut [f32]) {
        for (channel, plane) in out.chunks_exact_mut(self.size * self.size).enumerate() {
            let (factor, offset) = self.line(channel, white);
            for (to, value) in plane.iter_mut().zip(grey.clone()) {
                *to = value * factor + offset;
            }
        }
    }

    /// Normalising a channel as one factor and one offset, rounded once; `white` is the number that stands for white.
    pub fn line(&self, channel: usize, white: f64) -> (f32, f32) {
        let (mean, std) = (f64::from(self.mean[channel]), f64::from(self.std[channel]));
        ((1.0 / (white * std)) as f32, (-mean / std) as f32)
    }
}
