//! From bytes side by side to one plane of numbers for each channel, each with its own factor and offset.

use macerator::{Simd, WithSimd};

use super::lanes::widest;

/// Writes `byte * factor + offset` of each channel into its plane; the planes of `out` lie one after the other.
pub fn spread(pixels: &[[u8; 3]], lines: [(f32, f32); 3], out: &mut [f32]) {
    widest(Spread { pixels, lines, out });
}

struct Spread<'a> {
    pixels: &'a [[u8; 3]],
    lines: [(f32, f32); 3],
    out: &'a mut [f32],
}

/// Pixels that go side by side.
const AT_ONCE: usize = 32;

impl WithSimd for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { pixels, lines: [red, green, blue], out } = self;
        let Some((reds, rest)) = out.split_at_mut_checked(pixels.len()) else { return };
        let Some((greens, rest)) = rest.split_at_mut_checked(pixels.len()) else { return };
        let Some(blues) = rest.get_mut(..pixels.len()) else { return };
        let mut at = 0;
        while let Some(from) = pixels[at..].first_chunk::<AT_ONCE>() {
            if let Some(to) = reds[at..].first_chunk_mut::<AT_ONCE>() {
                (0..AT_ONCE).for_each(|i| to[i] = f32::from(from[i][0]) * red.0 + red.1);
            }
            if let Some(to) = greens[at..].first_chunk_mut::<AT_ONCE>() {
                (0..AT_ONCE).for_each(|i| to[i] = f32::from(from[i][1]) * green.0 + green.1);
            }
            if let Some(to) = blues[at..].first_chunk_mut::<AT_ONCE>() {
                (0..AT_ONCE).for_each(|i| to[i] = f32::from(from[i][2]) * blue.0 + blue.1);
            }
            at += AT_ONCE;
        }
        for at in at..pixels.len() {
            let pixel = pixels[at].map(f32::from);
            reds[at] = pixel[0] * red.0 + red.1;
            greens[at] = pixel[1] * green.0 + green.1;
            blues[at] = pixel[2] * blue.0 + blue.1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_goes_to_its_place() {
        let lines = [(0.5, 1.0), (0.25, -3.0), (2.0, 0.125)];
        for count in [0, 1, 31, 32, 33, 70] {
            let pixels: Vec<_> = (0..count).map(|i| [i as u8, (i * 3) as u8, (i * 7) as u8]).collect();
            let mut out = vec![f32::NAN; 3 * count];
            spread(&pixels, lines, &mut out);
            for (i, pixel) in pixels.iter().enumerate() {
                for c in 0..3 {
                    assert_eq!(out[c * count + i], f32::from(pixel[c]) * lines[c].0 + lines[c].1);
                }
            }
        }
    }
}
