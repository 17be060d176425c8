//! Exif's eight ways up: where the pixels of an upright picture are stored, and how they get upright. Stands in the
//! crates that `kiln export` writes, too.

use std::ops::Range;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

/// How a stored picture becomes an upright one.
#[derive(Clone, Copy)]
pub struct Turn {
    orientation: Orientation,
    /// Whether rows become columns, and which way the upright picture then counts them.
    on_its_side: bool,
    backwards: (bool, bool),
}

impl Turn {
    pub fn new(exif: u8) -> Option<Self> {
        let backwards = (matches!(exif, 2 | 3 | 6 | 7), matches!(exif, 3 | 4 | 7 | 8));
        Some(Self { orientation: Orientation::from_exif(exif)?, on_its_side: exif >= 5, backwards })
    }

    pub fn upright(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.on_its_side { (height, width) } else { (width, height) }
    }

    /// Where a picture of whole pixels begins, whose last stored ones reach over the edge.
    pub fn origin(self, size: (u32, u32), covered: (u32, u32)) -> (f64, f64) {
        let before = |size, covered, backwards| {
            if backwards { f64::from(size) - f64::from(covered) } else { 0.0 }
        };
        (before(size.0, covered.0, self.backwards.0), before(size.1, covered.1, self.backwards.1))
    }

    /// The stored columns and rows behind those of an upright picture of this size.
    pub fn stored(
        self,
        columns: &Range<u32>,
        rows: &Range<u32>,
        size: (u32, u32),
    ) -> (Range<u32>, Range<u32>) {
        let along = |range: &Range<u32>, size: u32, backwards: bool| {
            if backwards { size - range.end..size - range.start } else { range.clone() }
        };
        let columns = along(columns, size.0, self.backwards.0);
        let rows = along(rows, size.1, self.backwards.1);
        if self.on_its_side { (rows, columns) } else { (columns, rows) }
    }

    pub fn apply(self, pixels: Vec<u8>, width: u32, height: u32) -> Option<Vec<u8>> {
        if self.orientation == Orientation::NoTransforms {
            return Some(pixels);
        }
        let mut image = DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, pixels)?);
        image.apply_orientation(self.orientation);
        Some(image.into_bytes())
    }
}
