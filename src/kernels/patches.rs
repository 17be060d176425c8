//! A convolution over all channels, channels last, as a matrix product of patches: the stem's 3x3, and any
//! other window that is neither pointwise nor depthwise. Patches are made as they are needed.

use rayon::prelude::*;

use super::buffers;
use super::crew::Crew;
use super::layer::Visit;
use super::matrix::{Finish, Packed, product, product_here};
use super::matrix_gradient::{Ready, RowSource, weight_gradient};
use super::shared::Shared;
use super::taps::Axis;

/// A window over `[samples, height, width, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Patches {
    pub samples: usize,
    pub channels: usize,
    pub height: Axis,
    pub width: Axis,
}

impl Patches {
    /// Numbers in one patch: line, column, channel.
    pub fn size(&self) -> usize {
        self.height.kernel * self.width.kernel * self.channels
    }

    fn rows(&self) -> usize {
        self.samples * self.height.output * self.width.output
    }

    fn input_size(&self) -> usize {
        self.height.input * self.width.input * self.channels
    }

    /// The weight `[outputs, channels, kernel, kernel]` in a patch's order.
    pub fn order(&self, weight: &[f32], outputs: usize) -> Vec<f32> {
        let taps = self.height.kernel * self.width.kernel;
        let mut ordered = vec![0.0; outputs * self.size()];
        for (target, source) in ordered.chunks_exact_mut(self.size()).zip(weight.chunks_exact(self.size())) {
            for (i, value) in source.iter().enumerate() {
                target[i % taps * self.channels + i / taps] = *value;
            }
        }
        ordered
    }

    /// The other way round.
    pub fn disorder(&self, ordered: &[f32], outputs: usize) -> Vec<f32> {
        let taps = self.height.kernel * self.width.kernel;
        let mut weight = vec![0.0; outputs * self.size()];
        for (target, source) in weight.chunks_exact_mut(self.size()).zip(ordered.chunks_exact(self.size())) {
            for (i, value) in target.iter_mut().enumerate() {
                *value = source[i % taps * self.channels + i / taps];
            }
        }
        weight
    }

    /// The output, from a weight whose inputs are in a patch's order.
    pub fn forward(
        &self,
        crew: Crew,
        x: &[f32],
        weight: &Packed,
        finish: Finish,
        see: Option<Visit>,
        output: &mut [f32],
    ) {
        let outputs = weight.outputs;
        assert_eq!(x.len(), self.samples * self.input_size(), "an input of another size");
        assert_eq!(output.len(), self.rows() * outputs, "an output of another size");
        if output.is_empty() {
            return;
        }
        let source = Source { shape: self, x };
        let rows = weight.rows_per_task();
        let finish = Finish { residual: &[], ..finish };
        let target = Shared::new(output);
        crew.each(self.rows().div_ceil(rows), &|task| {
            let count = rows.min(self.rows() - task * rows);
            let mut scratch = buffers::take(count * self.size());
            let patches = source.rows(task * rows, count, &mut scratch);
            // SAFETY: each task has rows of its own.
            #[allow(unsafe_code)]
            let output = unsafe { target.part(task * rows * outputs, count * outputs) };
            product_here(patches, weight, finish, output);
            buffers::give(scratch);
            if let Some(see) = see {
                see(task * rows * outputs, output);
            }
        });
    }

    /// The gradient of a weight in a patch's order.
    pub fn weight_gradient(&self, x: &[f32], gradient: &[f32], outputs: usize) -> Vec<f32> {
        assert_eq!(x.len(), self.samples * self.input_size(), "an input of another size");
        assert_eq!(gradient.len(), self.rows() * outputs, "a gradient of another size");
        let gradient = Ready { values: gradient, width: outputs };
        weight_gradient(&Source { shape: self, x }, self.size(), &gradient, outputs, &|_, _| ())
    }

    /// The input's gradient; the weight is `[outputs, a patch]`.
    pub fn input_gradient(&self, gradient: &[f32], weight: &[f32], outputs: usize) -> Vec<f32> {
        let weight = Packed::by_input(weight, outputs, self.size());
        let mut patches = buffers::take(self.rows() * self.size());
        product(gradient, &weight, Finish::default(), &mut patches);
        let mut x = buffers::zeros(self.samples * self.input_size());
        let per_sample = self.height.output * self.width.output * self.size();
        if per_sample > 0 && !x.is_empty() {
            x.par_chunks_mut(self.input_size())
                .zip(patches.par_chunks(per_sample))
                .for_each(|(x, patches)| self.scatter(patches, x));
        }
        buffers::give(patches);
        x
    }

    /// Adds each patch of a sample to where it was taken from.
    fn scatter(&self, patches: &[f32], x: &mut [f32]) {
        for (i, patch) in patches.chunks_exact(self.size()).enumerate() {
            self.visit(i, |place, from, count| {
                let target = &mut x[place..place + count];
                target.iter_mut().zip(&patch[from..]).for_each(|(target, value)| *target += value);
            });
        }
    }

    /// Calls for each line of a patch with its place in the sample, in the patch, and how many numbers of it
    /// meet the sample.
    #[inline(always)]
    fn visit(&self, position: usize, mut call: impl FnMut(usize, usize, usize)) {
        let (line, column) = (position / self.width.output, position % self.width.output);
        let left = column * self.width.stride;
        // The taps that lie inside the sample's lines.
        let first = self.width.before.saturating_sub(left).min(self.width.kernel);
        let last =
            (self.width.input + self.width.before).saturating_sub(left).clamp(first, self.width.kernel);
        if first == last {
            return;
        }
        for line_tap in 0..self.height.kernel {
            let at = (line * self.height.stride + line_tap).checked_sub(self.height.before);
            let Some(y) = at.filter(|&y| y < self.height.input) else { continue };
            let x = left + first - self.width.before;
            let tap = line_tap * self.width.kernel + first;
            let count = (last - first) * self.channels;
            call((y * self.width.input + x) * self.channels, tap * self.channels, count);
        }
    }
}

struct Source<'a> {
    shape: &'a Patches,
    x: &'a [f32],
}

impl RowSource for Source<'_> {
    fn len(&self) -> usize {
        self.shape.rows()
    }

    fn made(&self) -> usize {
        self.shape.size()
    }

    fn rows<'a>(&'a self, first: usize, count: usize, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        let shape = self.shape;
        scratch.clear();
        scratch.resize(count * shape.size(), 0.0);
        let positions = shape.height.output * shape.width.output;
        for (i, patch) in scratch.chunks_exact_mut(shape.size()).enumerate() {
            let row = first + i;
            let sample = &self.x[row / positions * shape.input_size()..][..shape.input_size()];
            shape.visit(row % positions, |place, to, count| {
                patch[to..to + count].copy_from_slice(&sample[place..place + count]);
            });
        }
        scratch
    }
}
