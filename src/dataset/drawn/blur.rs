//! Blur by box averages of any width, also below a pixel, as Gwosdek et al. (2011) extend them. Two in a
//! row look like a lens out of focus, at a cost that does not grow with the blur.

use tiny_skia::Pixmap;

const PASSES: usize = 2;
const CHANNELS: usize = 4;

/// Blurs the canvas; transparent parts too, since its colours are premultiplied.
pub fn blur(canvas: &mut Pixmap, sigma: f32) {
    if sigma < 0.2 {
        return;
    }
    let (width, height) = (canvas.width() as usize, canvas.height() as usize);
    let mut values: Vec<f32> = canvas.data().iter().map(|v| f32::from(*v)).collect();
    // Variances add up over the passes.
    let extent = extent(sigma * sigma / PASSES as f32);
    let mut other = vec![0.0; values.len()];
    for (columns, rows) in [(width, height), (height, width)] {
        for _ in 0..PASSES {
            average_down(&values, &mut other, columns * CHANNELS, extent);
            std::mem::swap(&mut values, &mut other);
        }
        transpose(&values, &mut other, columns, rows);
        std::mem::swap(&mut values, &mut other);
    }
    for (byte, value) in canvas.data_mut().iter_mut().zip(values) {
        *byte = (value + 0.5) as u8;
    }
}

/// The box of this variance: whole pixels to either side, and the share of one more.
fn extent(variance: f32) -> (isize, f32) {
    let whole = (0.5 * (12.0 * variance + 1.0).sqrt() - 0.5).floor();
    let width = 2.0 * whole + 1.0;
    // The sum of the squared distances of the whole pixels.
    let squares = whole * (whole + 1.0) * width / 3.0;
    let part = (variance * width - squares) / (2.0 * ((whole + 1.0).powi(2) - variance));
    (whole as isize, part)
}

/// Averages each column of `stride` values over the box; values beyond the edges are those at the edges.
fn average_down(from: &[f32], to: &mut [f32], stride: usize, (whole, part): (isize, f32)) {
    let rows = (from.len() / stride) as isize;
    let row = |y: isize| {
        let start = y.clamp(0, rows - 1) as usize * stride;
        &from[start..start + stride]
    };
    let share = (2.0 * (whole as f32 + part) + 1.0).recip();
    let mut sum = vec![0.0; stride];
    for y in -whole..=whole {
        sum.iter_mut().zip(row(y)).for_each(|(sum, v)| *sum += v);
    }
    for (y, out) in (0..).zip(to.chunks_exact_mut(stride)) {
        let (above, below) = (row(y - whole - 1), row(y + whole + 1));
        for (((out, sum), a), b) in out.iter_mut().zip(&sum).zip(above).zip(below) {
            *out = share * (sum + part * (a + b));
        }
        for ((sum, leaves), enters) in sum.iter_mut().zip(row(y - whole)).zip(below) {
            *sum += enters - leaves;
        }
    }
}

fn transpose(from: &[f32], to: &mut [f32], columns: usize, rows: usize) {
    for (y, line) in from.chunks_exact(columns * CHANNELS).enumerate() {
        for (x, pixel) in line.chunks_exact(CHANNELS).enumerate() {
            let start = (x * rows + y) * CHANNELS;
            to[start..start + CHANNELS].copy_from_slice(pixel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiny_skia::{Color, PremultipliedColorU8};

    #[test]
    fn one_colour_stays() {
        let mut canvas = Pixmap::new(9, 5).unwrap();
        canvas.fill(Color::from_rgba8(40, 90, 200, 255));
        let before = canvas.clone();
        blur(&mut canvas, 2.3);
        assert_eq!(canvas, before);
    }

    #[test]
    fn a_point_spreads_by_sigma_in_both_directions() {
        for sigma in [0.6, 1.5, 3.0] {
            let mut canvas = Pixmap::new(41, 31).unwrap();
            // A block of points, so that rounding to whole numbers matters little.
            let white = PremultipliedColorU8::from_rgba(255, 255, 255, 255).unwrap();
            (13..18)
                .flat_map(|y| (18..23).map(move |x| y * 41 + x))
                .for_each(|i| canvas.pixels_mut()[i] = white);
            blur(&mut canvas, sigma);
            let mut moments = [0.0_f32; 3];
            for (i, pixel) in canvas.pixels().iter().enumerate() {
                let (x, y) = ((i % 41) as f32 - 20.0, (i / 41) as f32 - 15.0);
                let v = f32::from(pixel.alpha());
                moments = [moments[0] + v, moments[1] + v * x * x, moments[2] + v * y * y];
            }
            for moment in &moments[1..] {
                // The block itself, 5 wide, has variance (5^2 - 1) / 12 = 2.
                let found = (moment / moments[0] - 2.0).sqrt();
                assert!((found - sigma).abs() < 0.05 * sigma, "{sigma}: {found}");
            }
        }
    }
}
