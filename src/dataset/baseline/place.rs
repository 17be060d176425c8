//! Which part of a picture is decoded, and how coarsely: from pixels to the units and blocks of the file.

use std::ops::Range;

use super::header::{Component, Header};

/// Edge of a block.
const BLOCK: usize = 8;
/// Pixels around a part that the enlarging of coarser channels may look at.
const MARGIN: usize = 8;

/// What is asked for: columns and rows of the reduced picture, whose edges are those of the whole one divided by
/// `factor` (1, 2, 4 or 8) and rounded up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub factor: usize,
    pub columns: Range<usize>,
    pub rows: Range<usize>,
}

/// The units that have to be decoded.
pub struct Units {
    pub columns: Range<usize>,
    pub rows: Range<usize>,
    /// Units in a row of the file, and such rows.
    pub across: usize,
    pub down: usize,
}

impl Units {
    pub fn of(header: &Header, wish: &Wish) -> Self {
        let (wide, high) = header.unit();
        let whole = |size: usize, blocks: usize| size.div_ceil(blocks * BLOCK);
        let (across, down) = (whole(header.width, wide), whole(header.height, high));
        let needed = |range: &Range<usize>, blocks: usize, limit: usize| {
            let edge = blocks * BLOCK / wish.factor;
            let end = (range.end + MARGIN).div_ceil(edge).min(limit);
            (range.start.saturating_sub(MARGIN) / edge).min(end)..end
        };
        let (columns, rows) = (needed(&wish.columns, wide, across), needed(&wish.rows, high, down));
        Self { columns, rows, across, down }
    }
}

/// One channel on its way into pixels.
pub struct Channel {
    /// Pixels that a block becomes, across and down: 1, 2, 4 or 8.
    pub edge: usize,
    /// Pixels of the picture to each of the channel's, across and down.
    pub ratio: (usize, usize),
    /// The channel's own size, whatever its blocks hold beyond it.
    pub width: usize,
    pub height: usize,
}

impl Channel {
    /// Coarser channels are not reduced as far, so that as little as possible has to be enlarged again.
    pub fn of(header: &Header, component: &Component, factor: usize) -> Option<Self> {
        let (wide, high) = header.unit();
        let full = BLOCK / factor;
        let mut edge = full;
        while edge < BLOCK
            && (wide * full).is_multiple_of(component.across * edge * 2)
            && (high * full).is_multiple_of(component.down * edge * 2)
        {
            edge *= 2;
        }
        let ratio = (wide * full / (component.across * edge), high * full / (component.down * edge));
        let exact = ratio.0 * component.across * edge == wide * full
            && ratio.1 * component.down * edge == high * full;
        let size = |size: usize, own: usize, all: usize| (size * own * edge).div_ceil(all * BLOCK);
        exact.then_some(Self {
            edge,
            ratio,
            width: size(header.width, component.across, wide),
            height: size(header.height, component.down, high),
        })
    }
}
