//! The gradient of a matrix product's weight: a sum over all rows. Rows are taken in parts that the shape
//! alone decides, and the parts are added in their order, so threads never change a bit.
#![allow(unsafe_code)]

use std::ops::Range;

use rayon::prelude::*;

use super::buffers;
use super::lanes::{self, Kernel, Lanes};
use super::layer::Refine;
use super::matrix::{COLUMNS, ROWS, SMALL, sums};
use super::shared::Shared;

/// As many panels or tiles do not make up for packing what they are multiplied with.
const FEW: usize = 4;
/// Rows whose share is summed apart from the others.
const ROWS_PER_PART: usize = 2048;

/// Where rows come from; some have to be made first.
pub trait RowSource: Sync {
    /// The number of rows.
    fn len(&self) -> usize;

    /// Numbers of each row that have to be made.
    fn made(&self) -> usize {
        0
    }

    /// `count` rows from `first` on, side by side; they may be put into `scratch`.
    fn rows<'a>(&'a self, first: usize, count: usize, scratch: &'a mut Vec<f32>) -> &'a [f32];
}

/// Rows that lie ready.
pub struct Ready<'a> {
    pub values: &'a [f32],
    pub width: usize,
}

impl RowSource for Ready<'_> {
    fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    fn rows<'a>(&'a self, first: usize, count: usize, _: &'a mut Vec<f32>) -> &'a [f32] {
        &self.values[first * self.width..(first + count) * self.width]
    }
}

/// Rows that are written over by the task that has read them.
pub struct InPlace<'a> {
    values: &'a Shared<'a>,
    width: usize,
}

impl<'a> InPlace<'a> {
    /// # Safety
    /// Each row is read by one task, and by none but this task written, after that.
    pub unsafe fn new(values: &'a Shared<'a>, width: usize) -> Self {
        Self { values, width }
    }
}

impl RowSource for InPlace<'_> {
    fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    fn rows<'a>(&'a self, first: usize, count: usize, _: &'a mut Vec<f32>) -> &'a [f32] {
        // SAFETY: the promise of `new`.
        unsafe { self.values.part(first * self.width, count * self.width) }
    }
}

/// Rows that are finished as they are read.
pub struct Refined<'a> {
    pub values: &'a [f32],
    pub width: usize,
    pub refine: Refine<'a>,
}

impl RowSource for Refined<'_> {
    fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    fn made(&self) -> usize {
        self.width
    }

    fn rows<'a>(&'a self, first: usize, count: usize, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        let first = first * self.width;
        scratch.resize(count * self.width, 0.0);
        (self.refine)(first, &self.values[first..first + count * self.width], scratch, true);
        scratch
    }
}

/// Whether so many rows are shared out by rows alone, so that each is read once.
pub fn is_long(rows: usize) -> bool {
    rows > 4 * ROWS_PER_PART
}

/// The gradient of a weight `[outputs, inputs]`: the sum over rows of output gradient times input. The rows of the
/// gradient are shown to `see`.
pub fn weight_gradient(
    input: &impl RowSource,
    inputs: usize,
    gradient: &impl RowSource,
    outputs: usize,
    see: &(impl Fn(usize, &[f32]) + Sync),
) -> Vec<f32> {
    let rows = gradient.len();
    let mut total = vec![0.0; outputs * inputs];
    if rows == 0 || inputs == 0 {
        return total;
    }
    // Parts of one size, and an even number of them where there are many.
    let parts = rows.div_ceil(ROWS_PER_PART);
    let parts = if is_long(rows) { parts.next_multiple_of(4) } else { parts };
    let per_part = rows.div_ceil(parts);
    let parts = rows.div_ceil(per_part);
    let tiles = outputs.div_ceil(ROWS);
    // Few parts: the outputs are shared out as well, which changes no sum.
    let small = rows * inputs * outputs <= SMALL;
    let groups = if small { 1 } else { (8 / parts).clamp(1, tiles) };
    assert!(input.len() == rows && (groups == 1 || !is_long(rows)), "rows that are read once");
    let per_group = tiles.div_ceil(groups);
    let padded = inputs.next_multiple_of(COLUMNS);
    let of_task = |task: usize| {
        let (part, group) = (task / groups, task % groups);
        let tiles = (group * per_group).min(tiles)..((group + 1) * per_group).min(tiles);
        let rows = part * per_part..rows.min((part + 1) * per_part);
        share((input, inputs), (gradient, outputs), tiles, rows, see)
    };
    let tasks = 0..parts * groups;
    let shares: Vec<Vec<f32>> =
        if small { tasks.map(of_task).collect() } else { tasks.into_par_iter().map(of_task).collect() };
    for (task, share) in shares.into_iter().enumerate() {
        let first = task % groups * per_group * ROWS;
        for (output, sums) in (first..outputs).zip(share.chunks_exact(padded)) {
            for (value, sum) in total[output * inputs..][..inputs].iter_mut().zip(sums) {
                *value += sum;
            }
        }
        buffers::give(share);
    }
    total
}

/// The same for rows that lie ready.
pub fn dense_gradient(input: &[f32], gradient: &[f32], [outputs, inputs]: [usize; 2]) -> Vec<f32> {
    let (x, gradient) = (Ready { values: input, width: inputs }, Ready { values: gradient, width: outputs });
    weight_gradient(&x, inputs, &gradient, outputs, &|_, _| ())
}

/// One part's share of some tiles of outputs: `[tiles * ROWS, inputs filled up to COLUMNS]`.
fn share(
    (input, inputs): (&impl RowSource, usize),
    (gradient, outputs): (&impl RowSource, usize),
    tiles: Range<usize>,
    rows: Range<usize>,
    see: &impl Fn(usize, &[f32]),
) -> Vec<f32> {
    let padded = inputs.next_multiple_of(COLUMNS);
    let mut sums = buffers::zeros(tiles.len() * ROWS * padded);
    let block = (65_536 / (tiles.len() * ROWS + padded)).clamp(16, 256);
    let mut scratch = buffers::take(block * input.made());
    let mut refined = buffers::take(block * gradient.made());
    let mut columns = buffers::take(block * padded);
    let mut factors = buffers::take(block * tiles.len() * ROWS);
    for first in rows.clone().step_by(block) {
        let depth = block.min(rows.end - first);
        let x = input.rows(first, depth, &mut scratch);
        let g = gradient.rows(first, depth, &mut refined);
        let panels = padded / COLUMNS;
        let columns = Panels::new::<COLUMNS>((x, inputs), 0..panels, tiles.len() > FEW, &mut columns);
        let factors = Panels::new::<ROWS>((g, outputs), tiles.clone(), panels > FEW, &mut factors);
        lanes::run_wide(Block { columns, factors, depth, padded, sums: &mut sums });
        see(first, g);
    }
    buffers::give(columns);
    buffers::give(factors);
    buffers::give(scratch);
    buffers::give(refined);
    sums
}

/// Some neighbouring numbers of each row make a panel.
#[derive(Clone, Copy)]
struct Panels<'a> {
    numbers: &'a [f32],
    count: usize,
    /// From one panel to the next.
    apart: usize,
    /// From one row to the next.
    step: usize,
}

impl<'a> Panels<'a> {
    /// Panels of W numbers, packed where that is worth it: where many others are multiplied with each.
    fn new<const W: usize>(
        (rows, stride): (&'a [f32], usize),
        panels: Range<usize>,
        worth: bool,
        packed: &'a mut Vec<f32>,
    ) -> Self {
        let count = panels.len();
        if worth || stride % W != 0 {
            pack::<W>(rows, stride, panels.start * W, count, packed);
            return Self { numbers: packed, count, apart: rows.len() / stride * W, step: W };
        }
        Self { numbers: &rows[panels.start * W..], count, apart: W, step: stride }
    }

    /// The first number of a panel, whose rows may all be read.
    fn panel<const W: usize>(&self, number: usize, depth: usize) -> *const f32 {
        let first = number * self.apart;
        assert!(first + (depth - 1) * self.step + W <= self.numbers.len(), "a panel beyond its rows");
        self.numbers[first..].as_ptr()
    }
}

/// Rows into panels of W neighbours each, filled up with zeros.
fn pack<const W: usize>(rows: &[f32], stride: usize, start: usize, panels: usize, packed: &mut Vec<f32>) {
    let depth = rows.len() / stride;
    packed.resize(panels * depth * W, 0.0);
    for (panel, numbers) in packed.chunks_exact_mut((depth * W).max(1)).enumerate() {
        let first = start + panel * W;
        let count = W.min(stride - first);
        for (target, row) in numbers.as_chunks_mut::<W>().0.iter_mut().zip(rows.chunks_exact(stride)) {
            let source = &row[first..first + count];
            match <[f32; W]>::try_from(source) {
                Ok(source) => *target = source,
                Err(_) => {
                    *target = [0.0; W];
                    target[..count].copy_from_slice(source);
                }
            }
        }
    }
}

struct Block<'a> {
    columns: Panels<'a>,
    factors: Panels<'a>,
    depth: usize,
    padded: usize,
    sums: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        // Where sixteen numbers are one lane, there are registers for two panels.
        let single = if L::WIDTH == COLUMNS { self.columns.count / 2 * 2 } else { 0 };
        (0..single).step_by(2).for_each(|panel| self.down::<L, 2>(panel));
        (single..self.columns.count).for_each(|panel| self.down::<L, 1>(panel));
    }
}

impl Block<'_> {
    /// All factors times P panels of columns.
    #[inline(always)]
    fn down<L: Lanes, const P: usize>(&mut self, panel: usize) {
        let Self { columns, factors, depth, padded, .. } = *self;
        let first = columns.panel::<COLUMNS>(panel, depth);
        // Asks for the last one as well.
        columns.panel::<COLUMNS>(panel + P - 1, depth);
        for tile in 0..factors.count {
            let (a, b) =
                ((factors.panel::<ROWS>(tile, depth), 1, factors.step), (first, columns.step, columns.apart));
            // SAFETY: all panels can be read to their last row, as was asked.
            let tile_sums = unsafe { sums::<L, ROWS, P>(depth, a, b) };
            for (r, sums) in tile_sums.into_iter().enumerate() {
                let place = (tile * ROWS + r) * padded + panel * COLUMNS;
                let target = self.sums[place..place + P * COLUMNS].as_mut_ptr();
                for (p, sum) in sums.into_iter().enumerate() {
                    for (i, value) in sum.into_iter().enumerate().take(COLUMNS / L::WIDTH) {
                        // SAFETY: the target holds sixteen numbers for each panel, one or two widths.
                        unsafe {
                            let target = target.add(p * COLUMNS + i * L::WIDTH);
                            L::load(target).add(value).store(target);
                        }
                    }
                }
            }
        }
    }
}
