//! A picture of any kind as a few grey squares, each the mean of the pixels that it covers, parts of pixels included.

use super::super::{Depth, Picture};

/// Squares along each edge.
pub const SIDE: usize = 32;

/// Brightness from 0 to 255, row by row.
pub type Grey = [f32; SIDE * SIDE];

pub fn shrink(picture: &Picture) -> Grey {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut out = [0.0; SIDE * SIDE];
    let mut band = Band::new(width * usize::from(picture.channels()));
    // A square's height in rows of pixels.
    let step = height as f32 / SIDE as f32;
    for (square, out) in out.as_chunks_mut::<SIDE>().0.iter_mut().enumerate() {
        let (from, to) = (square as f32 * step, (square + 1) as f32 * step);
        for y in from as usize..(to.ceil() as usize).min(height) {
            let part = to.min((y + 1) as f32) - from.max(y as f32);
            band.add(picture, y, part.max(0.0));
        }
        *out = columns(&sums(&band.take(), picture.channels()), step);
    }
    out
}

/// The sum of some rows, sample by sample. Whole rows of bytes, which nearly all are, are added as whole numbers: that takes a
/// quarter of the time.
struct Band {
    whole: Vec<u32>,
    parts: Vec<f32>,
}

impl Band {
    fn new(samples: usize) -> Self {
        Self { whole: vec![0; samples], parts: vec![0.0; samples] }
    }

    /// Adds this part of a row.
    fn add(&mut self, picture: &Picture, y: usize, part: f32) {
        let length = self.whole.len();
        let row = y * length..(y + 1) * length;
        match picture.depth() {
            Depth::U8(samples) if part == 1.0 => {
                self.whole.iter_mut().zip(&samples[row]).for_each(|(sum, &v)| *sum += u32::from(v));
            }
            Depth::U8(samples) => self.add_part(&samples[row], part, f32::from),
            Depth::U16(samples) => self.add_part(&samples[row], part, |v| f32::from(v) / 257.0),
            Depth::F32(samples) => {
                let value = |v: f32| if v.is_finite() { v.clamp(0.0, 1.0) * 255.0 } else { 0.0 };
                self.add_part(&samples[row], part, value);
            }
        }
    }

    fn add_part<T: Copy>(&mut self, samples: &[T], part: f32, value: impl Fn(T) -> f32) {
        self.parts.iter_mut().zip(samples).for_each(|(sum, &sample)| *sum += part * value(sample));
    }

    /// The sums so far; the next ones begin at nothing.
    fn take(&mut self) -> Vec<f32> {
        let sum = |(whole, part): (&mut u32, &mut f32)| std::mem::take(whole) as f32 + std::mem::take(part);
        self.whole.iter_mut().zip(&mut self.parts).map(sum).collect()
    }
}

/// The sum of the brightness of all pixels before each one, and of all.
fn sums(samples: &[f32], channels: u8) -> Vec<f32> {
    // Of ITU-R BT.601, as in Pillow's "L".
    const RED: f32 = 0.299;
    const GREEN: f32 = 0.587;
    const BLUE: f32 = 0.114;
    let mut sum = 0.0;
    let mut add = |value: f32| {
        sum += value;
        sum
    };
    let mut sums = vec![0.0];
    match channels {
        3 => sums.extend(
            samples
                .as_chunks::<3>()
                .0
                .iter()
                .map(|[red, green, blue]| add(RED * red + GREEN * green + BLUE * blue)),
        ),
        _ => sums.extend(samples.iter().map(|&grey| add(grey))),
    }
    sums
}

/// The mean of each square of a band of this height, of the sums before each of its columns.
fn columns(sums: &[f32], height: f32) -> [f32; SIDE] {
    let step = (sums.len() - 1) as f32 / SIDE as f32;
    let until = |square: usize| {
        let at = square as f32 * step;
        let whole = (at as usize).min(sums.len() - 2);
        sums[whole] + (at - whole as f32) * (sums[whole + 1] - sums[whole])
    };
    let mut left = 0.0;
    std::array::from_fn(|square| {
        let right = until(square + 1);
        let mean = (right - left) / (step * height);
        left = right;
        mean
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brightness that rises from left to right and from top to bottom, in any size.
    fn slope(width: u32, height: u32) -> Picture {
        let value = |x: u32, y: u32| {
            let (x, y) = ((x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32);
            (200.0 * (0.7 * x + 0.3 * y)).round() as u8
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| value(x, y)));
        Picture::rgb8(width, height, pixels.flat_map(|v| [v; 3]).collect()).unwrap()
    }

    #[test]
    fn every_size_shrinks_to_the_same_picture() {
        let expected = shrink(&slope(320, 320));
        for (width, height) in [(32, 32), (33, 71), (500, 375), (64, 1000)] {
            let found = shrink(&slope(width, height));
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1.5, "{width}x{height}: {worst}");
        }
    }

    #[test]
    fn every_depth_shrinks_to_the_same_picture() {
        let grey = |depth| shrink(&Picture::new(2, 1, 1, depth).unwrap());
        let expected = grey(Depth::U8(vec![0, 255].into()));
        assert!((expected[0]).abs() < 1e-3 && (expected[31] - 255.0).abs() < 1e-3);
        for other in [Depth::U16(vec![0, 65_535]), Depth::F32(vec![-1.0, 2.0])] {
            let found = grey(other);
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-3));
        }
        assert!(grey(Depth::F32(vec![f32::NAN, f32::INFINITY])).iter().all(|v| *v == 0.0));
    }
}
