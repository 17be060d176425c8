//! From bytes side by side to one plane of numbers for each channel, each with its own factor and offset.

// Iterators over arrays are not always inlined, and then nothing goes side by side.
#![allow(clippy::needless_range_loop)]

use super::lanes::{Work, widest};

/// Appends `byte * factor + offset`, the plane of each channel after the last. Room is made once; nothing is written twice.
pub fn spread(pixels: &[[u8; 3]], lines: [(f32, f32); 3], out: &mut Vec<f32>) {
    out.reserve(3 * pixels.len());
    widest(Spread { pixels, lines, out });
}

struct Spread<'a> {
    pixels: &'a [[u8; 3]],
    lines: [(f32, f32); 3],
    out: &'a mut Vec<f32>,
}

/// Pixels that go side by side.
const AT_ONCE: usize = 64;

impl Work for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { pixels, lines: [red, green, blue], out } = self;
        plane::<0>(pixels, red, out);
        plane::<1>(pixels, green, out);
        plane::<2>(pixels, blue, out);
    }
}

#[inline(always)]
fn plane<const CHANNEL: usize>(pixels: &[[u8; 3]], (factor, offset): (f32, f32), out: &mut Vec<f32>) {
    let (chunks, rest) = pixels.as_chunks::<AT_ONCE>();
    for from in chunks {
        let mut numbers = [0.0; AT_ONCE];
        for i in 0..AT_ONCE {
            numbers[i] = f32::from(from[i][CHANNEL]) * factor + offset;
        }
        out.extend_from_slice(&numbers);
    }
    for pixel in rest {
        out.push(f32::from(pixel[CHANNEL]) * factor + offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_goes_to_its_place() {
        let lines = [(0.5, 1.0), (0.25, -3.0), (2.0, 0.125)];
        for count in [0, 1, 63, 64, 65, 150] {
            let pixels: Vec<_> = (0..count).map(|i| [i as u8, (i * 3) as u8, (i * 7) as u8]).collect();
            let mut out = vec![7.0];
            spread(&pixels, lines, &mut out);
            assert_eq!(out.remove(0), 7.0);
            assert_eq!(out.len(), 3 * count);
            for (i, pixel) in pixels.iter().enumerate() {
                for c in 0..3 {
                    assert_eq!(out[c * count + i], f32::from(pixel[c]) * lines[c].0 + lines[c].1);
                }
            }
        }
    }
}
