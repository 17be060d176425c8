//! The quick way from a JPEG to as many upright pixels as somebody looks at: kiln's own decoder is asked for these and no
//! others, reduced where that is allowed. What it does not take is left to the general decoder by returning nothing.
//! Stands in the crates that `kiln export` writes, too.

use std::ops::Range;

use super::baseline::{self, Header, Wish};
use super::region::{Region, Window, seen};
use super::turn::Turn;

/// What is asked of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// By how much its edges are divided: 1, 2, 4 or 8.
    pub factor: u32,
    /// The only look at it; without one, all of it is decoded.
    pub sight: Option<Sight>,
}

/// A region of the whole picture, to be brought to a size by a kernel that reaches so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    pub region: Region,
    pub out: (u32, u32),
    pub support: f64,
}

/// Upright pixels, and where they lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Red, green and blue, row by row.
    pub pixels: Vec<u8>,
    /// Columns and rows of the reduced picture: those of the pixels.
    pub window: Window,
    /// Size of the whole picture, in its own pixels and as it was reduced.
    pub size: (u32, u32),
    pub reduced: (u32, u32),
    pub factor: u32,
    /// Where the reduced picture begins in the whole one: before it, where its first pixels are no full ones.
    pub origin: (f64, f64),
}

/// What kiln's own decoder makes of the bytes, where it can and the picture has no more than `limit` pixels.
pub fn quick(bytes: &[u8], limit: u64, ask: &dyn Fn(u32, u32) -> Asked) -> Option<Found> {
    let mut header = Header::read(bytes)?;
    let stored = (header.width as u32, header.height as u32);
    if u64::from(stored.0) * u64::from(stored.1) > limit {
        return None;
    }
    let turn = Turn::new(header.orientation)?;
    let size = turn.upright(stored);
    let Asked { factor, sight } = ask(size.0, size.1);
    let small = (stored.0.div_ceil(factor), stored.1.div_ceil(factor));
    let reduced = turn.upright(small);
    let origin = turn.origin(size, (reduced.0 * factor, reduced.1 * factor));
    let part =
        sight.and_then(|sight| seen(sight.region.scaled(origin, factor), sight.out, sight.support, reduced));
    let window = part.unwrap_or((0..reduced.0, 0..reduced.1));
    let (columns, rows) = turn.stored(&window.0, &window.1, reduced);
    let (width, height) = (columns.len() as u32, rows.len() as u32);
    let range = |range: Range<u32>| range.start as usize..range.end as usize;
    let wish = Wish { factor: factor as usize, columns: range(columns), rows: range(rows) };
    let pixels = turn.apply(baseline::rgb(&mut header, &wish)?, width, height)?;
    Some(Found { pixels, window, size, reduced, factor, origin })
}
