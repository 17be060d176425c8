//! The depthwise convolution, channels last: forward and the input's gradient, which is the same sum with
//! the roles of input and output exchanged. The weight's gradient is next door.
#![allow(unsafe_code)]

use std::ops::Range;

use rayon::prelude::*;

use super::exp::activate;
use super::lanes::{self, Kernel, Lanes};
use super::matrix::Finish;
use super::taps::{Axis, Run};

/// Outputs of one line that are computed together.
const TOGETHER: usize = 4;

/// A depthwise window over `[samples, height, width, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Depthwise {
    pub samples: usize,
    pub channels: usize,
    pub height: Axis,
    pub width: Axis,
}

impl Depthwise {
    /// The output, into a slice of `[samples, output height, output width, channels]`. The weight is
    /// `[taps, channels]`.
    pub fn forward(&self, x: &[f32], weight: &[f32], finish: Finish, output: &mut [f32]) {
        let lines = (0..self.height.output).map(|line| self.height.forward(line)).collect();
        let sizes = (self.height.input, self.width.input, self.width.output);
        self.gather(x, weight, finish, (lines, self.width.forward_runs()), sizes, output);
    }

    /// The input's gradient from the output's.
    pub fn input_gradient(&self, gradient: &[f32], weight: &[f32], output: &mut [f32]) {
        let lines = (0..self.height.input).map(|line| self.height.backward(line)).collect();
        let sizes = (self.height.output, self.width.output, self.width.input);
        let none = Finish::default();
        self.gather(gradient, weight, none, (lines, self.width.backward_runs()), sizes, output);
    }

    fn gather(
        &self,
        source: &[f32],
        weight: &[f32],
        finish: Finish,
        (lines, runs): (Vec<Vec<(usize, usize)>>, Vec<Run>),
        (source_height, source_width, width): (usize, usize, usize),
        output: &mut [f32],
    ) {
        let channels = self.channels;
        let kernel = self.width.kernel;
        let sample = source_height * source_width * channels;
        let row = width * channels;
        assert_eq!(source.len(), self.samples * sample, "a depthwise input of another size");
        assert_eq!(output.len(), self.samples * lines.len() * row, "a depthwise output of another size");
        assert_eq!(
            weight.len(),
            self.height.kernel * kernel * channels,
            "a depthwise weight of another size"
        );
        if output.is_empty() {
            return;
        }
        let rows_per_task = (self.samples * lines.len() / 16).clamp(1, 8);
        output.par_chunks_mut(row * rows_per_task).enumerate().for_each(|(task, rows)| {
            for (i, output) in rows.chunks_exact_mut(row).enumerate() {
                let number = task * rows_per_task + i;
                let source = &source[number / lines.len() * sample..][..sample];
                let lines = &lines[number % lines.len()];
                lanes::run(Line {
                    source,
                    weight,
                    finish,
                    lines,
                    runs: &runs,
                    source_width,
                    kernel,
                    channels,
                    output,
                });
            }
        });
    }
}

/// One line of outputs of one sample.
struct Line<'a> {
    source: &'a [f32],
    weight: &'a [f32],
    finish: Finish<'a>,
    lines: &'a [(usize, usize)],
    runs: &'a [Run],
    source_width: usize,
    kernel: usize,
    channels: usize,
    output: &'a mut [f32],
}

/// Where a tap's first numbers lie in the source and in the weight.
type Place = (usize, usize);

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let channels = self.channels;
        let mut places: Vec<Place> = Vec::with_capacity(self.kernel * self.kernel);
        for run in self.runs {
            places.clear();
            for &(line, tap) in self.lines {
                places.extend(run.taps.iter().map(|&(column, column_tap)| {
                    let source = (line * self.source_width + column) * channels;
                    (source, (tap * self.kernel + column_tap) * channels)
                }));
            }
            // Long runs take few lanes of many outputs, what is left of them many lanes of few: either way
            // enough sums go on at once to keep the processor busy.
            let long = run.count / TOGETHER * TOGETHER;
            self.part::<L, 2, TOGETHER>(run, &places, 0..long);
            let pairs = long + (run.count - long) / 2 * 2;
            self.part::<L, 4, 2>(run, &places, long..pairs);
            self.part::<L, 8, 1>(run, &places, pairs..run.count);
        }
    }
}

impl Line<'_> {
    /// Some outputs of a run, T at once, over all channels, V lanes at once.
    #[inline(always)]
    fn part<L: Lanes, const V: usize, const T: usize>(
        &mut self,
        run: &Run,
        places: &[Place],
        outputs: Range<usize>,
    ) {
        if outputs.is_empty() {
            return;
        }
        let channels = self.channels;
        let mut channel = 0;
        while channel + V * L::WIDTH <= channels {
            self.block::<L, V, T>(run, places, channel, outputs.clone());
            channel += V * L::WIDTH;
        }
        if V > 4 {
            while channel + 4 * L::WIDTH <= channels {
                self.block::<L, 4, T>(run, places, channel, outputs.clone());
                channel += 4 * L::WIDTH;
            }
        }
        while channel + L::WIDTH <= channels {
            self.block::<L, 1, T>(run, places, channel, outputs.clone());
            channel += L::WIDTH;
        }
        while channel < channels {
            self.block::<L::Single, 1, T>(run, places, channel, outputs.clone());
            channel += 1;
        }
    }

    #[inline(always)]
    fn block<L: Lanes, const V: usize, const T: usize>(
        &mut self,
        run: &Run,
        places: &[Place],
        channel: usize,
        outputs: Range<usize>,
    ) {
        for i in outputs.step_by(T) {
            self.tile::<L, V, T>(run, places, channel, i);
        }
    }

    #[inline(always)]
    fn tile<L: Lanes, const V: usize, const T: usize>(
        &mut self,
        run: &Run,
        places: &[Place],
        channel: usize,
        i: usize,
    ) {
        let step = run.source_step * self.channels;
        let first = channel + i * step;
        let mut sums = [[L::splat(0.0); V]; T];
        for &(source, weight) in places {
            let last = first + source + (T - 1) * step + V * L::WIDTH;
            debug_assert!(last <= self.source.len() && weight + channel + V * L::WIDTH <= self.weight.len());
            // SAFETY: the taps of a run lie inside the source for each of its positions (see taps.rs, whose
            // tests say so), the tap's numbers inside the weight, and V lanes inside the channels; `gather`
            // asked for the sizes of all three.
            unsafe {
                let weight = self.weight.as_ptr().add(weight + channel);
                let source = self.source.as_ptr().add(first + source);
                for v in 0..V {
                    let factor = L::load(weight.add(v * L::WIDTH));
                    for (t, sum) in sums.iter_mut().enumerate() {
                        sum[v] = L::load(source.add(t * step + v * L::WIDTH)).mul_add(factor, sum[v]);
                    }
                }
            }
        }
        for (t, sum) in sums.into_iter().enumerate() {
            let place = (run.first + (i + t) * run.step) * self.channels + channel;
            let output = &mut self.output[place..place + V * L::WIDTH];
            let bias = self.finish.bias.get(channel..channel + V * L::WIDTH);
            for (v, mut value) in sum.into_iter().enumerate() {
                // SAFETY: both slices hold V lanes.
                unsafe {
                    if let Some(bias) = bias {
                        value = value.add(L::load(bias.as_ptr().add(v * L::WIDTH)));
                    }
                    activate(value, self.finish.activation).store(output.as_mut_ptr().add(v * L::WIDTH));
                }
            }
        }
    }
}

/// A weight `[channels, 1, kernel, kernel]` with the channels last.
pub fn taps_first(weight: &[f32], channels: usize) -> Vec<f32> {
    transpose(weight, channels, weight.len() / channels.max(1))
}

/// `[rows, columns]` to `[columns, rows]`.
pub fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut turned = vec![0.0; rows * columns];
    for (row, numbers) in values.chunks_exact(columns.max(1)).enumerate() {
        for (column, value) in numbers.iter().enumerate() {
            turned[column * rows + row] = *value;
        }
    }
    turned
}
