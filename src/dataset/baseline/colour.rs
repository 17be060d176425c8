//! From the planes of the channels to RGB: coarser channels are brought to the picture's size as libjpeg does it by
//! default (straight lines between the centres of pixels), then YCbCr becomes RGB.

use std::ops::Range;

use super::super::lanes::{Work, widest};
use super::place::Wish;
use super::scan::Plane;

/// The wished part of the planes as rows of RGB.
pub fn rgb(planes: &[Plane], wish: &Wish) -> Vec<u8> {
    let mut out = vec![0; wish.columns.len() * wish.rows.len() * 3];
    let mut lines: Vec<Line> = planes.iter().map(|plane| Line::new(plane, &wish.columns)).collect();
    widest(Rows { planes, wish, lines: &mut lines, out: &mut out });
    out
}

struct Rows<'a> {
    planes: &'a [Plane],
    wish: &'a Wish,
    lines: &'a mut [Line],
    out: &'a mut [u8],
}

impl Work for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { planes, wish, lines, out } = self;
        let width = wish.columns.len();
        if width == 0 {
            return;
        }
        for (row, to) in wish.rows.clone().zip(out.chunks_exact_mut(3 * width)) {
            for (plane, line) in planes.iter().zip(lines.iter_mut()) {
                line.take(plane, row);
            }
            match &*lines {
                [y, cb, cr] => {
                    coloured(y.pixels(width), cb.pixels(width), cr.pixels(width), to);
                }
                [grey, ..] => {
                    for (to, &value) in to.as_chunks_mut::<3>().0.iter_mut().zip(grey.pixels(width)) {
                        *to = [value; 3];
                    }
                }
                [] => {}
            }
        }
    }
}

/// One row of a channel at the picture's size.
struct Line {
    /// The row, from the first pixel on that its coarser neighbours give.
    row: Vec<u8>,
    /// Where the wished columns begin in it.
    skipped: usize,
    /// The pixels of the channel that it is made of.
    own: Range<usize>,
    /// Sums of two rows, with one more on either side.
    sums: Vec<u16>,
}

impl Line {
    fn new(plane: &Plane, columns: &Range<usize>) -> Self {
        let (ratio, _) = plane.channel.ratio;
        let own = columns.start / ratio..columns.end.div_ceil(ratio).min(plane.channel.width);
        let skipped = columns.start - own.start * ratio;
        let row = vec![0; own.len() * ratio];
        Self { row, skipped, sums: vec![0; own.len() + 2], own }
    }

    fn pixels(&self, width: usize) -> &[u8] {
        &self.row[self.skipped..][..width]
    }

    /// The row of the picture from the rows of the plane.
    #[inline(always)]
    fn take(&mut self, plane: &Plane, row: usize) {
        let near = row / plane.channel.ratio.1;
        match (plane.channel.ratio, plane.channel.smooth) {
            ((1, 1), _) => self.row.copy_from_slice(inside(plane, near, &self.own)),
            ((1, 2), true) => self.between(plane, row),
            ((2, 1), true) => self.along(plane, near),
            ((2, 2), true) => self.across(plane, row),
            ((ratio, _), _) => {
                let own = inside(plane, near, &self.own);
                for (to, &value) in self.row.chunks_exact_mut(ratio).zip(own) {
                    to.fill(value);
                }
            }
        }
    }

    /// Three parts of the nearer row and one of the other, which side of it that may be.
    #[inline(always)]
    fn between(&mut self, plane: &Plane, row: usize) {
        let (near, far) = (row / 2, neighbour(plane, row));
        let bias = 1 + (row % 2) as u16;
        let (near, far) = (inside(plane, near, &self.own), inside(plane, far, &self.own));
        for ((to, &near), &far) in self.row.iter_mut().zip(near).zip(far) {
            *to = ((u16::from(near) * 3 + u16::from(far) + bias) >> 2) as u8;
        }
    }

    #[inline(always)]
    fn along(&mut self, plane: &Plane, row: usize) {
        let around = around(plane, &self.own);
        let inner = inside(plane, row, &around);
        let before = self.own.start - around.start;
        let count = self.own.len();
        for (to, &from) in self.sums[1 - before..].iter_mut().zip(inner) {
            *to = u16::from(from);
        }
        if before == 0 {
            self.sums[0] = self.sums[1];
        }
        if around.end == self.own.end {
            self.sums[count + 1] = self.sums[count];
        }
        spread::<2>(&self.sums, &mut self.row, 1, 2);
    }

    #[inline(always)]
    fn across(&mut self, plane: &Plane, row: usize) {
        let around = around(plane, &self.own);
        let near = inside(plane, row / 2, &around);
        let far = inside(plane, neighbour(plane, row), &around);
        let before = self.own.start - around.start;
        let count = self.own.len();
        for ((to, &near), &far) in self.sums[1 - before..].iter_mut().zip(near).zip(far) {
            *to = u16::from(near) * 3 + u16::from(far);
        }
        if before == 0 {
            self.sums[0] = self.sums[1];
        }
        if around.end == self.own.end {
            self.sums[count + 1] = self.sums[count];
        }
        spread::<4>(&self.sums, &mut self.row, 8, 7);
    }
}

/// Two pixels of each sum: three parts of itself and one of the neighbour on that side.
#[inline(always)]
fn spread<const SHIFT: u16>(sums: &[u16], row: &mut [u8], left: u16, right: u16) {
    let count = row.len() / 2;
    let (before, own, after) = (&sums[..count], &sums[1..][..count], &sums[2..][..count]);
    for (((to, &before), &own), &after) in
        row.as_chunks_mut::<2>().0.iter_mut().zip(before).zip(own).zip(after)
    {
        *to = [((own * 3 + before + left) >> SHIFT) as u8, ((own * 3 + after + right) >> SHIFT) as u8];
    }
}

/// The row on the other side of this one; at the edge the row itself.
fn neighbour(plane: &Plane, row: usize) -> usize {
    let near = row / 2;
    if row.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(plane.channel.height - 1) }
}

/// One more pixel on either side, where the channel has it.
fn around(plane: &Plane, own: &Range<usize>) -> Range<usize> {
    own.start.saturating_sub(1)..(own.end + 1).min(plane.channel.width)
}

/// Pixels of a row of a channel.
#[inline(always)]
fn inside<'a>(plane: &'a Plane, row: usize, columns: &Range<usize>) -> &'a [u8] {
    let start = (row - plane.top) * plane.stride + columns.start - plane.left;
    &plane.pixels[start..][..columns.len()]
}

/// ITU-R 601's YCbCr as RGB, in fixed point as libjpeg has it.
#[inline(always)]
fn coloured(y: &[u8], cb: &[u8], cr: &[u8], to: &mut [u8]) {
    const AT_ONCE: usize = 32;
    let (whole, rest) = to.as_chunks_mut::<{ 3 * AT_ONCE }>();
    let chunks =
        y.as_chunks::<AT_ONCE>().0.iter().zip(cb.as_chunks::<AT_ONCE>().0).zip(cr.as_chunks::<AT_ONCE>().0);
    for (to, ((y, cb), cr)) in whole.iter_mut().zip(chunks) {
        let mut planes = [[0u8; AT_ONCE]; 3];
        for i in 0..AT_ONCE {
            let pixel = pixel(y[i], cb[i], cr[i]);
            planes[0][i] = pixel[0];
            planes[1][i] = pixel[1];
            planes[2][i] = pixel[2];
        }
        for i in 0..AT_ONCE {
            to[3 * i] = planes[0][i];
            to[3 * i + 1] = planes[1][i];
            to[3 * i + 2] = planes[2][i];
        }
    }
    let done = y.len() - rest.len() / 3;
    for (i, to) in rest.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        *to = pixel(y[done + i], cb[done + i], cr[done + i]);
    }
}

#[inline(always)]
fn pixel(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((cr * 91_881 + HALF) >> 16);
    let green = y + ((HALF - cb * 22_554 - cr * 46_802) >> 16);
    let blue = y + ((cb * 116_130 + HALF) >> 16);
    [red.clamp(0, 255) as u8, green.clamp(0, 255) as u8, blue.clamp(0, 255) as u8]
}
