//! Resizing as Pillow and kiln do it: a kernel that widens where a picture shrinks, rows before columns. Bytes in sums of
//! integers, rounded after each of the two passes; deeper pictures in numbers that are rounded once, at the end.

/// How values between pixels are found; a model uses one way.
#[allow(dead_code)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    Bilinear,
    Bicubic,
}

/// A part of a picture in pixels from its upper left corner; edges may fall between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
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

/// The region, which must lie within the picture, brought to a size.
pub fn resize(picture: &Pixels, region: Region, width: usize, height: usize, kernel: Kernel) -> Pixels {
    let across = Weights::new(picture.width, (region.left, region.width), width, kernel);
    let down = Weights::new(picture.height, (region.top, region.height), height, kernel);
    let (first, end) = down.reach();
    let rows = picture.bytes.chunks_exact(3 * picture.width).skip(first).take(end - first);
    let band: Vec<u8> = rows.flat_map(|row| across.blend(row, 3, 0)).collect();
    Pixels { width, height, bytes: down.blend(&band, 3 * width, first) }
}

/// The same of a deep picture. What a cubic shoots over is cut off at the end.
pub fn resize_deep(picture: &Deep, region: Region, width: usize, height: usize, kernel: Kernel) -> Pixels {
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

/// What each new pixel of an axis is made of, in whole numbers.
struct Weights {
    shares: Vec<(usize, Vec<i32>)>,
    /// Bits behind the point.
    precision: u32,
}

/// Bits that are left for a fraction beside a byte and two for what shoots over.
const MOST_PRECISE: u32 = 32 - 8 - 2 - 1;

impl Weights {
    fn new(limit: usize, stretch: (f64, f64), out: usize, kernel: Kernel) -> Self {
        let exact = exact(limit, stretch, out, kernel);
        let most = exact.iter().flat_map(|(_, shares)| shares).copied().fold(0.0, f64::max);
        let precision = (0..MOST_PRECISE)
            .find(|bits| (most * f64::from(2u32 << bits)).round() >= f64::from(1u32 << 15))
            .unwrap_or(MOST_PRECISE);
        let one = f64::from(1u32 << precision);
        let whole = |share: f64| i32::from((share * one).round() as i16);
        let shares =
            exact.into_iter().map(|(first, shares)| (first, shares.into_iter().map(whole).collect()));
        Self { shares: shares.collect(), precision }
    }

    /// First and end of the old pixels that count.
    fn reach(&self) -> (usize, usize) {
        let first = self.shares.iter().map(|(first, _)| *first).min().unwrap_or(0);
        (first, self.shares.iter().map(|(first, shares)| first + shares.len()).max().unwrap_or(first))
    }

    /// New pixels from old ones, each of some bytes, of which the first is number `from`.
    fn blend(&self, old: &[u8], bytes: usize, from: usize) -> Vec<u8> {
        let half = (1 << self.precision) >> 1;
        let mut new = Vec::with_capacity(self.shares.len() * bytes);
        let mut sums = vec![half; bytes];
        for (first, shares) in &self.shares {
            sums.fill(half);
            for (pixel, share) in old.chunks_exact(bytes).skip(first - from).zip(shares) {
                for (sum, byte) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*byte) * share;
                }
            }
            new.extend(sums.iter().map(|sum| (sum >> self.precision).clamp(0, 255) as u8));
        }
        new
    }
}

impl Kernel {
    /// How far it reaches to either side, in pixels of the coarser picture.
    fn support(self) -> f64 {
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
