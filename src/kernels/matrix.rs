//! Matrix products: rows of numbers times a weight that is packed once. Every output is summed in the order
//! of its inputs, whatever rows stand beside it, so its bits do not depend on the batch or on threads.
#![allow(unsafe_code)]

use std::ops::Range;

use rayon::prelude::*;

use super::buffers;
use super::crew::Crew;
use super::exp::{Act, Identity, Relu6, Silu};
use super::lanes::{self, Kernel, Lanes};
use super::layer::Visit;
use super::shared::Shared;
use crate::scaling::Activation;

/// Outputs that are computed together: two lanes of eight, or one of sixteen.
pub const COLUMNS: usize = 16;
/// Rows that are computed together: as many as leave registers for two weights and one input.
pub const ROWS: usize = 6;
/// The same for two panels where sixteen numbers are one lane. With more of them the compiler keeps sums in memory.
const MORE_ROWS: usize = 8;

/// Multiply-adds for which other threads are not worth waking.
pub const SMALL: usize = 1 << 20;

/// A weight in panels of sixteen outputs, each input's sixteen numbers side by side; filled up with zeros.
#[derive(Debug)]
pub struct Packed {
    panels: Vec<f32>,
    pub inputs: usize,
    pub outputs: usize,
}

impl Packed {
    /// From `[outputs, inputs]`, as PyTorch keeps a weight.
    pub fn by_output(weight: &[f32], outputs: usize, inputs: usize) -> Self {
        Self::pack(inputs, outputs, |input, output| weight[output * inputs + input])
    }

    /// From `[inputs, outputs]`.
    pub fn by_input(weight: &[f32], inputs: usize, outputs: usize) -> Self {
        Self::pack(inputs, outputs, |input, output| weight[input * outputs + output])
    }

    pub fn pack(inputs: usize, outputs: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let mut panels = vec![0.0; outputs.div_ceil(COLUMNS) * inputs * COLUMNS];
        for (panel, numbers) in panels.chunks_exact_mut((inputs * COLUMNS).max(1)).enumerate() {
            let first = panel * COLUMNS;
            let count = COLUMNS.min(outputs - first);
            for (input, row) in numbers.chunks_exact_mut(COLUMNS).enumerate() {
                for (i, value) in row[..count].iter_mut().enumerate() {
                    *value = weight(input, first + i);
                }
            }
        }
        Self { panels, inputs, outputs }
    }

    pub fn panels(&self) -> usize {
        self.outputs.div_ceil(COLUMNS)
    }

    /// The same weight with each input's numbers multiplied by a factor.
    pub fn scaled(&self, factors: &[f32]) -> Self {
        assert_eq!(factors.len(), self.inputs, "a factor for each input");
        let mut panels = buffers::take(self.panels.len());
        let rows = panels.chunks_exact_mut(COLUMNS).zip(self.panels.chunks_exact(COLUMNS));
        for ((target, source), factor) in rows.zip(factors.iter().cycle()) {
            target.iter_mut().zip(source).for_each(|(target, source)| *target = source * factor);
        }
        Self { panels, ..*self }
    }

    /// Gives its memory back for later use.
    pub fn give(self) {
        buffers::give(self.panels);
    }

    /// How many rows make a task: what they read stays in the second cache.
    pub fn rows_per_task(&self) -> usize {
        (32_768 / self.inputs.max(1) / ROWS * ROWS).clamp(4 * ROWS, 80 * ROWS)
    }
}

/// The columns of some panels, of so many columns in all.
pub fn columns(panels: &Range<usize>, all: usize) -> Range<usize> {
    (panels.start * COLUMNS).min(all)..(panels.end * COLUMNS).min(all)
}

/// What is done to a sum before it is stored. Empty slices stand for nothing.
#[derive(Clone, Copy, Default)]
pub struct Finish<'a> {
    pub bias: &'a [f32],
    pub activation: Option<Activation>,
    /// Added last; as large as the output.
    pub residual: &'a [f32],
}

/// `[rows, inputs]` times the weight, into `[rows, outputs]`.
pub fn product(x: &[f32], weight: &Packed, finish: Finish, output: &mut [f32]) {
    product_by(Crew::Pool, x, weight, finish, output);
}

/// As `product`, with a crew to do it.
pub fn product_by(crew: Crew, x: &[f32], weight: &Packed, finish: Finish, output: &mut [f32]) {
    let (inputs, outputs) = (weight.inputs, weight.outputs);
    let rows = output.len() / outputs.max(1);
    assert!(x.len() == rows * inputs && output.len() == rows * outputs, "a matrix product of other sizes");
    if rows * inputs * outputs <= SMALL {
        return product_here(x, weight, finish, output);
    }
    // Chunks of about one size.
    let per_task = rows.div_ceil(rows.div_ceil(weight.rows_per_task())).next_multiple_of(ROWS);
    let chunks = rows.div_ceil(per_task);
    // Few rows: the outputs are shared out as well.
    let panels = outputs.div_ceil(COLUMNS);
    let groups = (8 / chunks.max(1)).clamp(1, panels.max(1));
    let per_group = panels.div_ceil(groups);
    let target = Shared::new(output);
    crew.each(chunks * groups, &|task| {
        let (first, group) = (task / groups * per_task, task % groups);
        let count = per_task.min(rows - first);
        let panels = (group * per_group).min(panels)..((group + 1) * per_group).min(panels);
        let x = &x[first * inputs..(first + count) * inputs];
        let place = Place { row: first, column: 0, width: outputs };
        lanes::run_wide(Rows { x, weight, panels, count, finish, output: &target, place });
    });
}

/// As `product`; the rows are shown to `see` while they are in the cache.
pub fn product_seen(x: &[f32], weight: &Packed, finish: Finish, see: Visit, output: &mut [f32]) {
    assert!(finish.residual.is_empty(), "a residual has rows of its own");
    let (inputs, outputs) = (weight.inputs, weight.outputs);
    let part = weight.rows_per_task();
    // Few rows: they stay in a cache anyway, and are shared out better without an eye on that.
    let long = output.len() / outputs.max(1) >= 8 * part;
    if !long {
        product(x, weight, finish, output);
    }
    output.par_chunks_mut((part * outputs).max(1)).enumerate().for_each(|(i, output)| {
        if long {
            let first = i * part * inputs;
            let x = &x[first..first + output.len() / outputs * inputs];
            product_here(x, weight, finish, output);
        }
        see(i * part * outputs, output);
    });
}

/// As `product`, on this thread alone.
pub fn product_here(x: &[f32], weight: &Packed, finish: Finish, output: &mut [f32]) {
    let count = output.len() / weight.outputs.max(1);
    assert!(x.len() == count * weight.inputs && output.len() == count * weight.outputs, "other sizes");
    let panels = 0..weight.outputs.div_ceil(COLUMNS);
    let output = &Shared::new(output);
    let place = Place { row: 0, column: 0, width: weight.outputs };
    lanes::run_wide(Rows { x, weight, panels, count, finish, output, place });
}

/// Some panels of the outputs alone, on this thread, into rows that hold just these.
pub fn product_of(x: &[f32], weight: &Packed, panels: Range<usize>, finish: Finish, output: &mut [f32]) {
    let columns = columns(&panels, weight.outputs);
    let count = output.len() / columns.len().max(1);
    assert!(x.len() == count * weight.inputs && output.len() == count * columns.len(), "other sizes");
    assert!(finish.residual.is_empty(), "a residual has whole rows");
    let place = Place { row: 0, column: columns.start, width: columns.len() };
    let output = &Shared::new(output);
    lanes::run_wide(Rows { x, weight, panels, count, finish, output, place });
}

struct Rows<'a> {
    x: &'a [f32],
    weight: &'a Packed,
    panels: Range<usize>,
    count: usize,
    finish: Finish<'a>,
    output: &'a Shared<'a>,
    place: Place,
}

/// Where the first row and column lie in the output, and how long its rows are.
struct Place {
    row: usize,
    /// The first column that the output holds.
    column: usize,
    width: usize,
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        if self.count < 3 {
            return self.few::<L>();
        }
        // Where sixteen numbers are one lane, there are registers for two panels.
        let pairs = if L::WIDTH == COLUMNS { self.panels.len() / 2 } else { 0 };
        let single = self.panels.start + 2 * pairs;
        for panel in (self.panels.start..single).step_by(2) {
            self.down::<L, 2>(panel);
        }
        for panel in single..self.panels.end {
            self.down::<L, 1>(panel);
        }
    }
}

/// Where each of the tiles begins that so many rows are cut into: as few as possible, of about one size. The sums of one
/// or two rows would wait for one another, so there are no such tiles.
fn tiles(rows: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let tiles = rows.div_ceil(most);
    (0..tiles).map(move |tile| rows * tile / tiles..rows * (tile + 1) / tiles)
}

impl Rows<'_> {
    /// One or two rows: several panels at once keep enough sums going.
    #[inline(always)]
    fn few<L: Lanes>(&self) {
        for row in 0..self.count {
            let mut panel = self.panels.start;
            while panel + 4 <= self.panels.end {
                self.tile::<L, 1, 4>(row, panel);
                panel += 4;
            }
            while panel < self.panels.end {
                self.tile::<L, 1, 1>(row, panel);
                panel += 1;
            }
        }
    }

    /// All rows of P panels.
    #[inline(always)]
    fn down<L: Lanes, const P: usize>(&self, panel: usize) {
        let is_wide = L::WIDTH == COLUMNS;
        for rows in tiles(self.count, if is_wide { MORE_ROWS } else { ROWS }) {
            let row = rows.start;
            match rows.len() {
                3 => self.tile::<L, 3, P>(row, panel),
                4 => self.tile::<L, 4, P>(row, panel),
                5 => self.tile::<L, 5, P>(row, panel),
                ROWS => self.tile::<L, ROWS, P>(row, panel),
                7 if is_wide => self.tile::<L, 7, P>(row, panel),
                _ if is_wide => self.tile::<L, MORE_ROWS, P>(row, panel),
                _ => {}
            }
        }
    }

    /// R rows of P panels.
    #[inline(always)]
    fn tile<L: Lanes, const R: usize, const P: usize>(&self, row: usize, panel: usize) {
        const { assert!(L::WIDTH == COLUMNS || 2 * L::WIDTH == COLUMNS) };
        let inputs = self.weight.inputs;
        let x = &self.x[row * inputs..(row + R) * inputs];
        let length = inputs * COLUMNS;
        let weight = &self.weight.panels[panel * length..(panel + P) * length];
        // SAFETY: x holds R rows of `inputs` numbers, each panel sixteen for each input.
        let sums =
            unsafe { sums::<L, R, P>(inputs, (x.as_ptr(), inputs, 1), (weight.as_ptr(), COLUMNS, length)) };
        match self.finish.activation {
            None => self.finish::<L, R, P>(sums, (row, panel), Identity),
            Some(Activation::Relu6) => self.finish::<L, R, P>(sums, (row, panel), Relu6),
            Some(Activation::Silu) => self.finish::<L, R, P>(sums, (row, panel), Silu),
        }
    }

    /// Bias, activation and residual, and where it all goes.
    #[inline(always)]
    fn finish<L: Lanes, const R: usize, const P: usize>(
        &self,
        sums: [[[L; 2]; P]; R],
        (row, panel): (usize, usize),
        act: impl Act,
    ) {
        let (Finish { bias, residual, .. }, width) = (self.finish, self.place.width);
        for p in 0..P {
            let column = (panel + p) * COLUMNS;
            let columns = COLUMNS.min(self.weight.outputs - column);
            let first = (self.place.row + row) * width + column - self.place.column;
            let needed = (R - 1) * width + columns;
            assert!(bias.is_empty() || column + columns <= bias.len(), "a bias of another size");
            assert!(residual.is_empty() || first + needed <= residual.len(), "a residual of another size");
            for lane in 0..COLUMNS / L::WIDTH {
                let begin = lane * L::WIDTH;
                let count = L::WIDTH.min(columns.saturating_sub(begin));
                // SAFETY: this task alone writes these outputs; the three hold so many numbers, as was just asked.
                unsafe {
                    let mut to = self.output.place(first, needed).add(begin);
                    let mut added = residual.as_ptr().wrapping_add(first + begin);
                    let bias =
                        (!bias.is_empty()).then(|| L::load_first(bias.as_ptr().add(column + begin), count));
                    for sums in &sums {
                        let sum = bias.map_or(sums[p][lane], |bias| sums[p][lane].add(bias));
                        let [mut value] = act.apply([sum]);
                        if !residual.is_empty() {
                            value = value.add(L::load_first(added, count));
                        }
                        value.store_first(to, count);
                        (to, added) = (to.wrapping_add(width), added.wrapping_add(width));
                    }
                }
            }
        }
    }
}

/// R rows times sixteen columns of P panels, summed over `depth`. `a` comes with the distances to the next row and to a
/// row's next number, `b` with those to the next sixteen columns and to the next panel.
///
/// # Safety
/// `a` can be read at each depth of each row, `b` at sixteen numbers for each depth of each panel.
#[inline(always)]
pub unsafe fn sums<L: Lanes, const R: usize, const P: usize>(
    depth: usize,
    (a, row, step): (*const f32, usize, usize),
    (b, line, panel): (*const f32, usize, usize),
) -> [[[L; 2]; P]; R] {
    let mut sums = [[[L::splat(0.0); 2]; P]; R];
    for k in 0..depth {
        for p in 0..P {
            // SAFETY: the caller's promise.
            unsafe {
                let b = b.add(p * panel + k * line);
                let (b0, b1) = (L::load(b), L::load(b.add(COLUMNS - L::WIDTH)));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let value = L::splat(*a.add(r * row + k * step));
                    sums[p][0] = value.mul_add(b0, sums[p][0]);
                    if L::WIDTH < COLUMNS {
                        sums[p][1] = value.mul_add(b1, sums[p][1]);
                    }
                }
            }
        }
    }
    sums
}
