//! From a file to what the network sees: decoded, resized, its middle kept, bordered with black where it is smaller. The
//! settings belong to the model.

use super::decode::{DecodeError, MOST_PIXELS, decode};
use super::quick::{Asked, Found, Sight, quick};
use super::region::Region;
use super::resize::{Deep, Kernel, Pixels, resize, resize_deep};
use super::stretch::{MIDDLE, Stretch, longer, reduction};

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
    /// Whether JPEGs more than twice as fine as needed are decoded at a reduced scale.
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

/// A picture as the general decoder gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    Bytes(Pixels),
    Deep(Deep),
}

/// The picture in a file as the network sees it. kiln's own decoder takes the usual JPEGs, the general one everything else.
pub fn seen(file: &[u8], settings: &Settings) -> Result<Pixels, DecodeError> {
    match quick(file, MOST_PIXELS, &|width, height| asked(width, height, settings)) {
        Some(found) => of_jpeg(found, settings),
        None => prepare(&decode(file, settings)?, settings),
    }
    .ok_or(DecodeError::Empty)
}

/// The same of a whole picture. None where it has no pixels.
pub fn prepare(picture: &Picture, settings: &Settings) -> Option<Pixels> {
    match picture {
        Picture::Bytes(pixels) => {
            let kept = Kept::of((pixels.width as u32, pixels.height as u32), settings);
            Some(bordered(resize(pixels, kept.region, kept.size(), settings.kernel)?, &kept, settings))
        }
        Picture::Deep(deep) => {
            let kept = Kept::of((deep.width as u32, deep.height as u32), settings);
            Some(bordered(resize_deep(deep, kept.region, kept.size(), settings.kernel), &kept, settings))
        }
    }
}

fn of_jpeg(found: Found, settings: &Settings) -> Option<Pixels> {
    let kept = Kept::of(found.size, settings);
    let region = kept.region.scaled(found.origin, found.factor).within(&found.window);
    let (width, height) = (found.window.0.len(), found.window.1.len());
    let picture = Pixels { width, height, bytes: found.pixels };
    Some(bordered(resize(&picture, region, kept.size(), settings.kernel)?, &kept, settings))
}

/// What is needed of a JPEG.
fn asked(width: u32, height: u32, settings: &Settings) -> Asked {
    let kept = Kept::of((width, height), settings);
    let factor = if settings.reduced { reduction(&kept.x, &kept.y) } else { 1 };
    let out = (kept.x.kept as u32, kept.y.kept as u32);
    let sight = Sight { region: kept.region, out, support: settings.kernel.support() };
    Asked { factor, sight: Some(sight) }
}

/// What the crop keeps of a picture.
struct Kept {
    x: Stretch,
    y: Stretch,
    region: Region,
}

impl Kept {
    fn of((width, height): (u32, u32), settings: &Settings) -> Self {
        let (to_width, to_height) = settings.resize.applied(width, height);
        let x = Stretch::at(MIDDLE, width, to_width, settings.size);
        let y = Stretch::at(MIDDLE, height, to_height, settings.size);
        let region = Region { left: x.start, top: y.start, width: x.length, height: y.length };
        Self { x, y, region }
    }

    fn size(&self) -> (usize, usize) {
        (self.x.kept, self.y.kept)
    }
}

impl Resize {
    /// Width and height after resizing.
    fn applied(self, width: u32, height: u32) -> (usize, usize) {
        match self {
            Self::Squash(edge) => (edge, edge),
            Self::Shorter(edge) if width <= height => (edge, longer(edge, height, width)),
            Self::Shorter(edge) => (longer(edge, width, height), edge),
        }
    }
}

/// In the middle of a black square.
fn bordered(seen: Pixels, kept: &Kept, settings: &Settings) -> Pixels {
    let size = settings.size;
    if (seen.width, seen.height) == (size, size) {
        return seen;
    }
    let mut bytes = vec![0; 3 * size * size];
    let lines = bytes.chunks_exact_mut(3 * size).skip(kept.y.border);
    for (row, line) in seen.bytes.chunks_exact(3 * seen.width).zip(lines) {
        line[3 * kept.x.border..][..row.len()].copy_from_slice(row);
    }
    Pixels { width: size, height: size, bytes }
}
