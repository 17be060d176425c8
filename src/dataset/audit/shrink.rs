//! A picture of any kind as a few grey squares, each the mean of the pixels that it covers, parts of pixels included.

use super::super::{Depth, Picture};

/// Squares along each edge.
pub const SIDE: usize = 32;

/// Brightness from 0 to 255, row by row.
pub type Grey = [f32; SIDE * SIDE];

pub fn shrink(picture: &Picture) -> Grey {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut out = [0.0; SIDE * SIDE];
    let mut sums = vec![0.0; width + 1];
    // A square's height in rows of pixels.
    let step = height as f32 / SIDE as f32;
    for y in 0..height {
        add_up(picture, y, &mut sums);
        let row = columns(&sums);
        let (top, bottom) = (y as f32, (y + 1) as f32);
        let first = (top / step) as usize;
        for square in first.min(SIDE - 1)..SIDE {
            let (from, to) = (square as f32 * step, (square + 1) as f32 * step);
            if from >= bottom {
                break;
            }
            let share = (to.min(bottom) - from.max(top)).max(0.0) / step;
            let squares = &mut out[square * SIDE..][..SIDE];
            squares.iter_mut().zip(&row).for_each(|(sum, value)| *sum += share * value);
        }
    }
    out
}

/// The sum of the brightness of all pixels of a row before each one.
fn add_up(picture: &Picture, y: usize, sums: &mut [f32]) {
    let length = picture.width() as usize * usize::from(picture.channels());
    let row = y * length..(y + 1) * length;
    let channels = picture.channels();
    match picture.depth() {
        Depth::U8(samples) => add(&samples[row], channels, sums, f32::from),
        Depth::U16(samples) => add(&samples[row], channels, sums, |v| f32::from(v) / 257.0),
        Depth::F32(samples) => {
            add(
                &samples[row],
                channels,
                sums,
                |v| if v.is_finite() { v.clamp(0.0, 1.0) * 255.0 } else { 0.0 },
            );
        }
    }
}

fn add<T: Copy>(samples: &[T], channels: u8, sums: &mut [f32], value: impl Fn(T) -> f32) {
    // Of ITU-R BT.601, as in Pillow's "L".
    const RED: f32 = 0.299;
    const GREEN: f32 = 0.587;
    const BLUE: f32 = 0.114;
    let mut sum = 0.0;
    let after = sums.iter_mut().skip(1);
    if channels == 3 {
        for (pixel, after) in samples.as_chunks::<3>().0.iter().zip(after) {
            let [red, green, blue] = pixel.map(&value);
            sum += RED * red + GREEN * green + BLUE * blue;
            *after = sum;
        }
    } else {
        for (&pixel, after) in samples.iter().zip(after) {
            sum += value(pixel);
            *after = sum;
        }
    }
}

/// The mean of each square's stretch of a row.
fn columns(sums: &[f32]) -> [f32; SIDE] {
    let step = (sums.len() - 1) as f32 / SIDE as f32;
    let until = |square: usize| {
        let at = square as f32 * step;
        let whole = (at as usize).min(sums.len() - 2);
        sums[whole] + (at - whole as f32) * (sums[whole + 1] - sums[whole])
    };
    let mut left = 0.0;
    std::array::from_fn(|square| {
        let right = until(square + 1);
        let mean = (right - left) / step;
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
