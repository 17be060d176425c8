//! The gradient of a matrix product's weight: a sum over all rows. Rows are taken in parts that the shape
//! alone decides, and the parts are added in their order, so threads never change a bit.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::buffers;
use super::lanes::{self, Kernel, Lanes};
use super::matrix::{COLUMNS, ROWS, SMALL, sums};

/// Rows whose share is summed apart from the others.
const ROWS_PER_PART: usize = 2048;

/// Where the rows of a product's input come from; some have to be made first.
pub trait RowSource: Sync {
    /// `count` rows from `first` on, side by side; they may be put into `scratch`.
    fn rows<'a>(&'a self, first: usize, count: usize, scratch: &'a mut Vec<f32>) -> &'a [f32];
}

/// Rows that lie ready.
pub struct Ready<'a> {
    pub values: &'a [f32],
    pub width: usize,
}

impl RowSource for Ready<'_> {
    fn rows<'a>(&'a self, first: usize, count: usize, _: &'a mut Vec<f32>) -> &'a [f32] {
        &self.values[first * self.width..(first + count) * self.width]
    }
}

/// The gradient of a weight `[outputs, inputs]`: the sum over rows of output gradient times input.
pub fn weight_gradient(input: &impl RowSource, inputs: usize, gradient: &[f32], outputs: usize) -> Vec<f32> {
    let rows = gradient.len() / outputs.max(1);
    let mut total = vec![0.0; outputs * inputs];
    if rows == 0 || inputs == 0 {
        return total;
    }
    let parts = rows.div_ceil(ROWS_PER_PART);
    let tiles = outputs.div_ceil(ROWS);
    // Few parts: the outputs are shared out as well, which changes no sum.
    let small = rows * inputs * outputs <= SMALL;
    let groups = if small { 1 } else { (8 / parts).clamp(1, tiles) };
    let per_group = tiles.div_ceil(groups);
    let padded = inputs.next_multiple_of(COLUMNS);
    let of_task = |task: usize| {
        let (part, group) = (task / groups, task % groups);
        let tiles = (group * per_group).min(tiles)..((group + 1) * per_group).min(tiles);
        let rows = part * ROWS_PER_PART..rows.min((part + 1) * ROWS_PER_PART);
        share(input, inputs, gradient, outputs, tiles, rows)
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

/// One part's share of some tiles of outputs: `[tiles * ROWS, inputs filled up to COLUMNS]`.
fn share(
    input: &impl RowSource,
    inputs: usize,
    gradient: &[f32],
    outputs: usize,
    tiles: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
) -> Vec<f32> {
    let padded = inputs.next_multiple_of(COLUMNS);
    let mut sums = buffers::zeros(tiles.len() * ROWS * padded);
    let block = (65_536 / (tiles.len() * ROWS + padded)).clamp(16, 256);
    let mut scratch = Vec::new();
    let mut columns = buffers::take(block * padded);
    let mut factors = buffers::take(block * tiles.len() * ROWS);
    for first in rows.clone().step_by(block) {
        let depth = block.min(rows.end - first);
        let x = input.rows(first, depth, &mut scratch);
        pack::<COLUMNS>(x, inputs, 0, inputs.div_ceil(COLUMNS), &mut columns);
        let g = &gradient[first * outputs..(first + depth) * outputs];
        pack::<ROWS>(g, outputs, tiles.start * ROWS, tiles.len(), &mut factors);
        lanes::run(Block { columns: &columns, factors: &factors, depth, padded, sums: &mut sums });
    }
    buffers::give(columns);
    buffers::give(factors);
    buffers::give(scratch);
    sums
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
    columns: &'a [f32],
    factors: &'a [f32],
    depth: usize,
    padded: usize,
    sums: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { depth, padded, .. } = self;
        for (panel, columns) in self.columns.chunks_exact(depth * COLUMNS).enumerate() {
            for (tile, factors) in self.factors.chunks_exact(depth * ROWS).enumerate() {
                // SAFETY: a panel holds sixteen numbers for each row, a tile of factors six.
                let tile_sums =
                    unsafe { sums::<L, ROWS>(depth, factors.as_ptr(), 1, ROWS, columns.as_ptr()) };
                for (r, sum) in tile_sums.into_iter().enumerate() {
                    let place = (tile * ROWS + r) * padded + panel * COLUMNS;
                    let target = self.sums[place..place + COLUMNS].as_mut_ptr();
                    for (i, value) in sum.into_iter().enumerate() {
                        // SAFETY: the target holds sixteen numbers, two widths.
                        unsafe {
                            let target = target.add(i * L::WIDTH);
                            L::load(target).add(value).store(target);
                        }
                    }
                }
            }
        }
    }
}
