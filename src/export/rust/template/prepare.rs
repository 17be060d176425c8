//! From a decoded picture to what the network sees: resized, its middle kept, bordered with black where it is smaller. The
//! settings belong to the model.

use super::resize::{Deep, Kernel, Pixels, Region, resize, resize_deep};

/// What a model demands of its pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Edge of the square that the network sees.
    pub size: usize,
    pub resize: Resize,
    pub kernel: Kernel,
    /// What shows through transparent pixels.
    pub background: [u8; 3],
    /// What is black and white in pictures of more than 8 bits.
    pub window: Option<[f64; 2]>,
    /// Whether JPEGs more than twice as fine as needed are reduced first.
    pub reduced: bool,
}

/// To which size a picture is brought before the crop; a model uses one way.
#[allow(dead_code)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// The shorter edge gets this length, the shape stays.
    Shorter(usize),
    /// Both edges get this length, whatever the shape.
    Squash(usize),
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    Bytes(Pixels),
    Deep(Deep),
}

/// The picture as the network sees it; `is_jpeg` tells whether it may be reduced first.
pub fn prepare(picture: &Picture, is_jpeg: bool, settings: &Settings) -> Pixels {
    match picture {
        Picture::Bytes(pixels) => prepare_bytes(pixels, is_jpeg, settings),
        Picture::Deep(deep) => prepare_deep(deep, settings),
    }
}

fn prepare_deep(picture: &Deep, settings: &Settings) -> Pixels {
    let (x, y) = stretches((picture.width, picture.height), settings);
    let region = Region { left: x.start, top: y.start, width: x.length, height: y.length };
    let kept = resize_deep(picture, region, x.kept, y.kept, settings.kernel);
    bordered(kept, (x.border, y.border), settings.size)
}

/// What is kept of a picture's two axes.
fn stretches((width, height): (usize, usize), settings: &Settings) -> (Stretch, Stretch) {
    let (to_width, to_height) = settings.resize.applied(width, height);
    (Stretch::middle(width, to_width, settings.size), Stretch::middle(height, to_height, settings.size))
}

fn prepare_bytes(picture: &Pixels, is_jpeg: bool, settings: &Settings) -> Pixels {
    let (x, y) = stretches((picture.width, picture.height), settings);
    let finer = (x.length / x.kept as f64).min(y.length / y.kept as f64);
    let factor = if is_jpeg && settings.reduced { factor(finer) } else { 1 };
    let scale = factor as f64;
    let smaller = reduced(picture, factor);
    let picture = smaller.as_ref().unwrap_or(picture);
    let region = Region {
        left: x.start / scale,
        top: y.start / scale,
        // The last block of a reduced picture may be no whole one.
        width: (x.length / scale).min(picture.width as f64 - x.start / scale),
        height: (y.length / scale).min(picture.height as f64 - y.start / scale),
    };
    bordered(resize(picture, region, x.kept, y.kept, settings.kernel), (x.border, y.border), settings.size)
}

impl Resize {
    /// Width and height after resizing; the longer edge is rounded down.
    fn applied(self, width: usize, height: usize) -> (usize, usize) {
        let longer = |edge: usize, long: usize, short: usize| ((edge * long) as f64 / short as f64) as usize;
        match self {
            Self::Squash(edge) => (edge, edge),
            Self::Shorter(edge) if width <= height => (edge, longer(edge, height, width)),
            Self::Shorter(edge) => (longer(edge, width, height), edge),
        }
    }
}

/// One axis on the way to the crop: `kept` pixels, made of `start..start + length` of the source, after `border` black ones.
struct Stretch {
    start: f64,
    length: f64,
    kept: usize,
    border: usize,
}

impl Stretch {
    /// The middle `size` pixels of an edge that was `source` and is resized to `resized` pixels.
    fn middle(source: usize, resized: usize, size: usize) -> Self {
        let kept = resized.min(size);
        let offset = ((resized - kept) as f64 * 0.5).round_ties_even();
        let scale = source as f64 / resized as f64;
        Self { start: offset * scale, length: kept as f64 * scale, kept, border: (size - kept) / 2 }
    }
}

/// By how much a picture is reduced that is so many times finer than needed: it stays twice as fine.
fn factor(finer: f64) -> usize {
    match finer / 2.0 {
        8.0.. => 8,
        4.0.. => 4,
        2.0.. => 2,
        _ => 1,
    }
}

/// The means of blocks of some pixels' edge, where there is something to do.
fn reduced(picture: &Pixels, factor: usize) -> Option<Pixels> {
    if factor == 1 {
        return None;
    }
    let (width, height) = (picture.width.div_ceil(factor), picture.height.div_ceil(factor));
    let mut bytes = Vec::with_capacity(3 * width * height);
    for rows in picture.bytes.chunks(3 * picture.width * factor) {
        let mut sums = vec![[0u32; 4]; width];
        for row in rows.chunks_exact(3 * picture.width) {
            for (at, pixel) in row.chunks_exact(3).enumerate() {
                let sum = &mut sums[at / factor];
                (0..3).for_each(|channel| sum[channel] += u32::from(pixel[channel]));
                sum[3] += 1;
            }
        }
        let mean = |sum: [u32; 4]| [0, 1, 2].map(|channel| ((sum[channel] + sum[3] / 2) / sum[3]) as u8);
        bytes.extend(sums.into_iter().flat_map(mean));
    }
    Some(Pixels { width, height, bytes })
}

/// In the middle of a black square.
fn bordered(kept: Pixels, (left, top): (usize, usize), size: usize) -> Pixels {
    if (kept.width, kept.height) == (size, size) {
        return kept;
    }
    let mut bytes = vec![0; 3 * size * size];
    let lines = bytes.chunks_exact_mut(3 * size).skip(top);
    for (row, line) in kept.bytes.chunks_exact(3 * kept.width).zip(lines) {
        line[3 * left..][..row.len()].copy_from_slice(row);
    }
    Pixels { width: size, height: size, bytes }
}
