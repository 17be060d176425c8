//! Random erasing: a rectangle is replaced by the mean colour, by black or by noise.

use super::Shape;
use super::crop::{Crop, erased};
use crate::chance::Key;
use crate::config::{EraseFill, Erasing};
use crate::dataset::Preprocess;

/// Replaces one rectangle, unless none of the size asked for has room.
pub fn erase(settings: &Erasing, pixels: &mut [u8], shape: Shape, preprocess: &Preprocess, key: Key) {
    let Shape { width, height, channels } = shape;
    let area = Crop { scale: settings.scale, ratio: settings.ratio };
    let Some([columns, lines]) = erased(width, height, &area, key.named("patch")) else { return };
    let mut noise = key.named("patch noise").draws();
    for row in pixels.chunks_exact_mut((width * channels).max(1)).skip(lines.start).take(lines.len()) {
        for pixel in row.chunks_exact_mut(channels).skip(columns.start).take(columns.len()) {
            for (channel, value) in pixel.iter_mut().enumerate() {
                let (mean, std) = (preprocess.mean[channel], preprocess.std[channel]);
                *value = match settings.fill {
                    EraseFill::Mean => (mean * 255.0).round() as u8,
                    EraseFill::Black => 0,
                    // What the network sees as normal noise of deviation 1, as far as bytes reach.
                    EraseFill::Random => ((mean + std * noise.normal() as f32) * 255.0).round() as u8,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Interpolation;

    #[test]
    fn noise_has_the_mean_and_deviation_of_the_weights_pictures() {
        let mut preprocess = Preprocess::image_net(64, 0.875, Interpolation::Bilinear);
        (preprocess.mean, preprocess.std) = ([0.5; 3], [0.1, 0.05, 0.1]);
        let settings = Erasing { scale: [0.5, 0.5], ratio: [1.0, 1.0], fill: EraseFill::Random };
        let mut pixels = vec![0; 64 * 64 * 3];
        let shape = Shape { width: 64, height: 64, channels: 3 };
        erase(&settings, &mut pixels, shape, &preprocess, Key::new(1));
        let changed: Vec<f64> =
            pixels.as_chunks::<3>().0.iter().filter(|p| **p != [0; 3]).map(|p| f64::from(p[1])).collect();
        let count = changed.len() as f64;
        assert!((1900.0..2100.0).contains(&count), "{count}");
        let mean = changed.iter().sum::<f64>() / count;
        let deviation = (changed.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
        assert!((mean - 127.5).abs() < 1.0 && (deviation - 12.75).abs() < 0.7, "{mean} {deviation}");
    }
}
