//! Resizing as Pillow and kiln do it: a kernel that widens where a picture shrinks, rows before columns. Bytes in sums of
//! integers, rounded after each of the two passes; deeper pictures in numbers that are rounded once, at the end.

use super::blend::Weights;
use super::region::{Region, Span};

/// How values between pixels are found; a model uses one way.
#[allow(dead_code)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    Bilinear,
    Bicubic,
}

/// RGB bytes, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    pub width: usize,
    pub height: usize,
    pub bytes: Vec<u8>,
}

/// RGB from 0 to 1, row by row: of pictures with more than 8 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Deep {
    pub width: usize,
    pub height: usize,
    pub shares: Vec<f32>,
}

/// The region brought to a size, each of the two passes by kiln's sums of integers. None where nothing of it lies on the
/// picture.
pub fn resize(
    picture: &Pixels,
    region: Region,
    (width, height): (usize, usize),
    kernel: Kernel,
) -> Option<Pixels> {
    let x = Span::cut(region.left, region.width, picture.width as u32)?;
    let y = Span::cut(region.top, region.height, picture.height as u32)?;
    let (first, end) = y.reach(kernel.support(), height as u32, picture.height as u32);
    let y = Span::cut(y.start - f64::from(first), y.length, end - first)?;
    let rows = (end - first) as usize;
    let band = picture.bytes.as_chunks().0.get(first as usize * picture.width..)?;
    let band = turned(&band[..rows * picture.width], picture.width);
    let narrow = weights(picture.width, x, width, kernel).blend(&band, 3 * rows)?;
    let band = turned(narrow.as_chunks().0, rows);
    let bytes = weights(rows, y, height, kernel).blend(&band, 3 * width)?;
    Some(Pixels { width, height, bytes })
}

fn weights(limit: usize, span: Span, out: usize, kernel: Kernel) -> Weights {
    Weights::new(limit, (span.start, span.length), out, kernel.support(), |place| kernel.at(place))
}

/// Rows of so many pixels become columns.
fn turned(pixels: &[[u8; 3]], width: usize) -> Vec<u8> {
    let rows = pixels.len() / width;
    let column = |x: usize| (0..rows).map(move |y| pixels[y * width + x]);
    (0..width).flat_map(column).collect::<Vec<_>>().into_flattened()
}

/// The same of a deep picture. What a cubic shoots over is cut off at the end.
pub fn resize_deep(
    picture: &Deep,
    region: Region,
    (width, height): (usize, usize),
    kernel: Kernel,
) -> Pixels {
    let across = exact(picture.width, (region.left, region.width), width, kernel);
    let down = exact(picture.height, (region.top, region.height), height, kernel);
    let rows = picture.shares.chunks_exact(3 * picture.width);
    let band: Vec<f32> = rows.flat_map(|row| sums(&across, row, 3)).collect();
    let byte = |share: f32| (share.clamp(0.0, 1.0) * 255.0).round() as u8;
    Pixels { width, height, bytes: sums(&down, &band, 3 * width).into_iter().map(byte).collect() }
}

/// New pixels from old ones, each of some numbers.
fn sums(weights: &[Exact], old: &[f32], numbers: usize) -> Vec<f32> {
    let mut new = Vec::with_capacity(weights.len() * numbers);
    for (first, shares) in weights {
        let mut sums = vec![0.0; numbers];
        for (pixel, share) in old.chunks_exact(numbers).skip(*first).zip(shares) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += f64::from(*value) * share;
            }
        }
        new.extend(sums.into_iter().map(|sum| sum as f32));
    }
    new
}

/// The first of the old pixels that a new one is made of, and what each of them counts.
type Exact = (usize, Vec<f64>);

/// For `out` pixels made of the stretch from `start` on, of `limit` pixels in all.
fn exact(limit: usize, (start, length): (f64, f64), out: usize, kernel: Kernel) -> Vec<Exact> {
    let scale = length / out as f64;
    let wide = scale.max(1.0);
    let reach = kernel.support() * wide;
    let pixels = (0..out).map(|at| {
        let centre = start + (at as f64 + 0.5) * scale;
        let first = (centre - reach).floor().max(0.0) as usize;
        let end = ((centre + reach).ceil() as usize).min(limit);
        let shares: Vec<f64> =
            (first..end).map(|old| kernel.at((old as f64 + 0.5 - centre) / wide)).collect();
        let sum: f64 = shares.iter().sum();
        (first, shares.into_iter().map(|share| share / sum).collect())
    });
    pixels.collect()
}

impl Kernel {
    /// How far it reaches to either side, in pixels of the coarser picture.
    pub fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// How much a pixel counts that lies so far from the middle.
    fn at(self, place: f64) -> f64 {
        let x = place.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0,
            Self::Bicubic => 0.0,
        }
    }
}
