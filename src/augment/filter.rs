//! Operations that look at a pixel's neighbours: Pillow's sharpness to the bit, and torchvision's Gaussian blur.
//! For bytes of any number of interleaved channels.

use super::Shape;
use super::colour::blend;

/// Behind it a single-precision number has no room for fractions, so adding it rounds, halves to even.
const ROUNDING: f32 = 8_388_608.0;

/// Away from a smoothed picture: 0 gives that, 1 the picture itself, more sharpens. The outermost pixels stay.
pub fn sharpness(pixels: &mut [u8], shape: Shape, factor: f64) {
    let Shape { width, height, channels } = shape;
    let stride = width * channels;
    if width < 3 || height < 3 {
        return;
    }
    let source = pixels.to_vec();
    for (row, inner) in pixels.chunks_exact_mut(stride).enumerate().take(height - 1).skip(1) {
        let [above, own, below] = [row - 1, row, row + 1].map(|y| &source[y * stride..][..stride]);
        for at in channels..stride - channels {
            let three = |line: &[u8]| {
                u32::from(line[at - channels]) + u32::from(line[at]) + u32::from(line[at + channels])
            };
            let sum = three(above) + three(own) + three(below) + 4 * u32::from(own[at]);
            // The kernel's weights are 5 in the middle and 1 around it; no sum lies half-way between two values.
            inner[at] = blend(((2 * sum + 13) / 26) as u8, own[at], factor as f32);
        }
    }
}

/// Blurs by a Gaussian of this deviation in pixels, cut off at three deviations; edges are mirrored.
pub fn blur(pixels: &mut [u8], shape: Shape, sigma: f64) {
    let Shape { width, height, channels } = shape;
    if pixels.is_empty() {
        return;
    }
    let mut across = vec![0.0; pixels.len()];
    let kernel = gaussian(sigma, width);
    let mut padded = Vec::new();
    for (row, out) in pixels.chunks_exact(width * channels).zip(across.chunks_exact_mut(width * channels)) {
        pad(row, channels, kernel.len() / 2, &mut padded);
        for (tap, weight) in kernel.iter().enumerate() {
            add(out, &padded[tap * channels..], *weight);
        }
    }
    let kernel = gaussian(sigma, height);
    let mut sum = vec![0.0; width * channels];
    for (y, out) in pixels.chunks_exact_mut(width * channels).enumerate() {
        sum.fill(0.0);
        for (tap, weight) in kernel.iter().enumerate() {
            let from = reflected((y + tap) as isize - (kernel.len() / 2) as isize, height);
            add(&mut sum, &across[from * width * channels..], *weight);
        }
        out.iter_mut().zip(&sum).for_each(|(to, value)| *to = (value + ROUNDING - ROUNDING) as u8);
    }
}

fn add(to: &mut [f32], from: &[f32], weight: f32) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += weight * from);
}

/// The weights, which sum to 1. Reflection reaches no further than the picture is wide.
fn gaussian(sigma: f64, size: usize) -> Vec<f32> {
    let radius = radius(sigma).min(size - 1) as i64;
    let bell = |x: i64| (-0.5 * (x as f64 / sigma).powi(2)).exp();
    let sum: f64 = (-radius..=radius).map(bell).sum();
    (-radius..=radius).map(|x| (bell(x) / sum) as f32).collect()
}

/// How many pixels to either side a blur looks at.
pub(super) fn radius(sigma: f64) -> usize {
    (3.0 * sigma).ceil() as usize
}

/// The row with its mirrored surroundings.
fn pad(row: &[u8], channels: usize, radius: usize, padded: &mut Vec<f32>) {
    let width = row.len() / channels;
    padded.clear();
    for x in -(radius as isize)..(width + radius) as isize {
        let start = reflected(x, width) * channels;
        padded.extend(row[start..start + channels].iter().map(|value| f32::from(*value)));
    }
}

/// Where a position lies after reflection at the outermost pixels: ... 2 1 | 0 1 2 | 1 0 ...
fn reflected(position: isize, size: usize) -> usize {
    let last = size as isize - 1;
    let inside = position.abs();
    (if inside > last { 2 * last - inside } else { inside }).max(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { width: 5, height: 4, channels: 3 };

    #[test]
    fn one_colour_stays_one_colour() {
        for sigma in [0.1, 1.0, 20.0] {
            let mut pixels = [93; 60];
            blur(&mut pixels, SHAPE, sigma);
            assert_eq!(pixels, [93; 60]);
        }
        let mut pixels = [93; 60];
        sharpness(&mut pixels, SHAPE, 3.0);
        assert_eq!(pixels, [93; 60]);
    }

    #[test]
    fn a_blur_keeps_the_sum_of_a_dot() {
        let mut pixels = vec![0; 21 * 21];
        pixels[10 * 21 + 10] = 255;
        blur(&mut pixels, Shape { width: 21, height: 21, channels: 1 }, 1.0);
        // 255 / (2 pi) in the middle.
        assert_eq!(pixels[10 * 21 + 10], 41);
        let sum: u32 = pixels.iter().map(|value| u32::from(*value)).sum();
        assert!((245..=265).contains(&sum), "{sum}");
    }

    #[test]
    fn tiny_pictures_are_taken() {
        for (width, height) in [(1, 1), (2, 1), (1, 9), (3, 3)] {
            let mut pixels: Vec<u8> = (0..width * height).map(|i| i as u8 * 20).collect();
            let shape = Shape { width, height, channels: 1 };
            blur(&mut pixels, shape, 2.0);
            sharpness(&mut pixels, shape, 2.0);
        }
        blur(&mut [], Shape { width: 0, height: 0, channels: 3 }, 1.0);
    }

    #[test]
    fn reflection_leaves_the_edge_out() {
        let positions: Vec<_> = (-2..6).map(|position| reflected(position, 4)).collect();
        assert_eq!(positions, [2, 1, 0, 1, 2, 3, 2, 1]);
    }
}
