//! Places on a picture: regions with fractional edges, and which pixels a resized region is made of. Knows no pixels.
//! Stands in the crates that `kiln export` writes, too.

use std::ops::Range;

/// A part of a picture in pixels from its upper left corner; edges may fall between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// Columns and rows.
pub type Window = (Range<u32>, Range<u32>);

impl Region {
    /// The same on the picture reduced by a factor, which begins at `origin` of the whole one.
    pub fn scaled(self, origin: (f64, f64), factor: u32) -> Self {
        let factor = f64::from(factor);
        Self {
            left: (self.left - origin.0) / factor,
            top: (self.top - origin.1) / factor,
            width: self.width / factor,
            height: self.height / factor,
        }
    }

    /// The same, counted from the first of some columns and rows.
    pub fn within(self, (columns, rows): &Window) -> Self {
        let (left, top) = (f64::from(columns.start), f64::from(rows.start));
        Self { left: self.left - left, top: self.top - top, ..self }
    }
}

/// The columns and rows of a picture of this size on which a region brought to `out` depends, where there are any. The kernel
/// reaches as far as `support` to either side, in pixels of the coarser of the two pictures.
pub fn seen(region: Region, out: (u32, u32), support: f64, (width, height): (u32, u32)) -> Option<Window> {
    let along = |start, length, out, limit| {
        let (first, last) = Span::cut(start, length, limit)?.reach(support, out, limit);
        (first < last).then_some(first..last)
    };
    Some((along(region.left, region.width, out.0, width)?, along(region.top, region.height, out.1, height)?))
}

/// A stretch of one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub start: f64,
    pub length: f64,
}

impl Span {
    /// The part that lies within 0 and `limit`, where there is any.
    pub fn cut(start: f64, length: f64, limit: u32) -> Option<Self> {
        if !(start.is_finite() && length.is_finite()) {
            return None;
        }
        let limit = f64::from(limit);
        let end = (start + length).min(limit);
        let start = start.max(0.0);
        let mut length = end - start;
        if start + length > limit {
            // The sum may round up past the edge, which the resizer would refuse.
            length = length.next_down();
        }
        (length > 0.0).then_some(Self { start, length })
    }

    /// First pixel and end of what `out` pixels made of this span depend on, with one to spare on either side.
    pub fn reach(self, support: f64, out: u32, limit: u32) -> (u32, u32) {
        let reach = support * (self.length / f64::from(out)).max(1.0) + 1.0;
        let first = (self.start - reach).floor().max(0.0) as u32;
        let last = (self.start + self.length + reach).ceil().min(f64::from(limit)) as u32;
        (first, last)
    }
}
