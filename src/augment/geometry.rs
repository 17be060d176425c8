//! Flips and rotation of interleaved RGB bytes. What a rotation uncovers is filled with the mirrored picture, so
//! that no blank corner tells a network how far it was turned.

use super::Shape;
use super::between::{Places, Source, Way, fill};

const CHANNELS: usize = 3;

/// Swaps left and right.
pub fn flip(pixels: &mut [u8], width: usize) {
    for row in pixels.chunks_exact_mut((width * CHANNELS).max(1)) {
        row.as_chunks_mut::<CHANNELS>().0.reverse();
    }
}

/// Swaps top and bottom.
pub fn flip_vertical(pixels: &mut [u8], width: usize) {
    let length = width * CHANNELS;
    let rows = pixels.len() / length.max(1);
    for row in 0..rows / 2 {
        let (upper, lower) = pixels.split_at_mut((rows - 1 - row) * length);
        upper[row * length..][..length].swap_with_slice(&mut lower[..length]);
    }
}

/// Turns the picture counter-clockwise about its centre, bilinear, keeping its size.
pub fn rotate(pixels: &[u8], width: usize, height: usize, degrees: f64) -> Vec<u8> {
    let source = Source::<CHANNELS>::new(pixels, Shape { width, height, channels: CHANNELS });
    let mut turned = vec![0; pixels.len()];
    fill(turned.as_chunks_mut().0, &source, &Turn::new(width, height, degrees), Way::Mirrored);
    turned
}

/// Where the pixels of a turned picture come from.
struct Turn {
    sine: f64,
    cosine: f64,
    /// The middle row.
    middle: f64,
    /// For each column, as it is in the middle row.
    columns: Vec<[f64; 2]>,
}

impl Turn {
    fn new(width: usize, height: usize, degrees: f64) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let [centre, middle] = [width, height].map(|size| (size as f64 - 1.0) / 2.0);
        let column = |x: usize| {
            let right = x as f64 - centre;
            [centre + cosine * right, middle + sine * right]
        };
        Self { sine, cosine, middle, columns: (0..width).map(column).collect() }
    }
}

impl Places for Turn {
    #[inline(always)]
    fn row(&self, row: usize, across: &mut [f64], down: &mut [f64]) {
        let below = row as f64 - self.middle;
        let (left, lower) = (self.sine * below, self.cosine * below);
        for (([x, y], across), down) in self.columns.iter().zip(across).zip(down) {
            (*across, *down) = (x - left, y + lower);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 2x2 picture of four colours, and what becomes of it.
    const FOUR: [u8; 12] = [1, 2, 3, 40, 50, 60, 7, 8, 9, 200, 201, 202];

    fn picture(width: usize, height: usize) -> Vec<u8> {
        (0..width * height * 3).map(|i| (i * 37 % 251) as u8).collect()
    }

    #[test]
    fn a_flip_swaps_sides_and_undoes_itself() {
        let mut pixels = FOUR;
        flip(&mut pixels, 2);
        assert_eq!(pixels, [40, 50, 60, 1, 2, 3, 200, 201, 202, 7, 8, 9]);
        flip(&mut pixels, 2);
        flip_vertical(&mut pixels, 2);
        assert_eq!(pixels, [7, 8, 9, 200, 201, 202, 1, 2, 3, 40, 50, 60]);
        flip_vertical(&mut pixels, 2);
        assert_eq!(pixels, FOUR);
    }

    #[test]
    fn a_flip_of_nothing_is_nothing() {
        flip(&mut [], 0);
        flip_vertical(&mut [], 0);
        assert!(rotate(&[], 0, 0, 10.0).is_empty());
    }

    #[test]
    fn quarter_turns_are_exact() {
        // np.rot90 turns counter-clockwise.
        assert_eq!(rotate(&FOUR, 2, 2, 90.0), [40, 50, 60, 200, 201, 202, 1, 2, 3, 7, 8, 9]);
        for size in [1, 4, 5] {
            let original = picture(size, size);
            let quarter = rotate(&original, size, size, 90.0);
            let mut upside_down = original.clone();
            flip(&mut upside_down, size);
            flip_vertical(&mut upside_down, size);
            assert_eq!(rotate(&original, size, size, 0.0), original);
            assert_eq!(rotate(&original, size, size, 180.0), upside_down);
            assert_eq!(rotate(&quarter, size, size, 90.0), upside_down);
            assert_eq!(rotate(&quarter, size, size, 270.0), original);
        }
        let wide = picture(5, 3);
        assert_eq!(rotate(&rotate(&wide, 5, 3, 180.0), 5, 3, 180.0), wide);
    }

    #[test]
    fn one_colour_is_turned_into_itself() {
        assert!(rotate(&[90; 75], 5, 5, 31.0).iter().all(|&value| value == 90));
    }
}
