//! The depthwise convolution, channels last: forward and the input's gradient, which is the same sum with
//! the roles of input and output exchanged. The weight's gradient is next door.
#![allow(unsafe_code)]

use std::ops::Range;

use rayon::prelude::*;

use super::exp::activate;
use super::lanes::{self, Kernel, Lanes, WIDEST};
use super::layer::Visit;
use super::matrix::Finish;
use super::shared::Shared;
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
    pub fn forward(&self, x: &[f32], weight: &[f32], finish: Finish, see: Option<Visit>, output: &mut [f32]) {
        let lines = (0..self.height.output).map(|line| self.height.forward(line)).collect();
        let sizes = (self.height.input, self.width.input, self.width.output);
        self.gather(x, weight, (finish, see), (lines, self.width.forward_runs()), sizes, output);
    }

    /// The input's gradient from the output's.
    pub fn input_gradient(&self, gradient: &[f32], weight: &[f32], output: &mut [f32]) {
        let lines = (0..self.height.input).map(|line| self.height.backward(line)).collect();
        let sizes = (self.height.output, self.width.output, self.width.input);
        let none = (Finish::default(), None);
        self.gather(gradient, weight, none, (lines, self.width.backward_runs()), sizes, output);
    }

    fn gather(
        &self,
        source: &[f32],
        weight: &[f32],
        (finish, see): (Finish, Option<Visit>),
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
                let source = Source { numbers: source, width: source_width, channels };
                let lines = &lines[number % lines.len()];
                let taps = Taps { weight, channels, kernel, lines, runs: &runs };
                let output = Target { numbers: &Shared::new(output), first: 0, channels };
                // SAFETY: this task alone holds the output.
                unsafe { line(source, taps, channels, finish, output) };
            }
            if let Some(see) = see {
                see(task * rows_per_task * row, rows);
            }
        });
    }
}

/// Lines of numbers, `channels` of them at each position.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub numbers: &'a [f32],
    pub width: usize,
    pub channels: usize,
}

/// Which numbers one line of outputs is made of. The weight has `channels` numbers for each tap.
#[derive(Clone, Copy)]
pub struct Taps<'a> {
    pub weight: &'a [f32],
    pub channels: usize,
    pub kernel: usize,
    /// Which of the source's lines meets which line of taps.
    pub lines: &'a [(usize, usize)],
    pub runs: &'a [Run],
}

/// Where a line of outputs lies: its first number, and how far its positions are apart.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub numbers: &'a Shared<'a>,
    pub first: usize,
    pub channels: usize,
}

/// One line of outputs of one sample, of the first `channels` of each position.
///
/// # Safety
/// Nobody else reads or writes these outputs at the same time.
pub unsafe fn line(source: Source, taps: Taps, channels: usize, finish: Finish, output: Target) {
    let kernel = taps.kernel;
    assert!(channels <= source.channels && channels <= taps.channels && channels <= output.channels);
    assert!(taps.weight.len() + taps.channels >= kernel * kernel * taps.channels + channels);
    lanes::run_wide(Line { source, taps, channels, finish, output });
}

struct Line<'a> {
    source: Source<'a>,
    taps: Taps<'a>,
    channels: usize,
    finish: Finish<'a>,
    output: Target<'a>,
}

/// Where a tap's first numbers lie in the source and in the weight.
type Place = (usize, usize);

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let taps = self.taps;
        let mut places: Vec<Place> = Vec::with_capacity(taps.kernel * taps.kernel);
        for run in taps.runs {
            places.clear();
            let way = (run.count - 1) * run.source_step * self.source.channels + self.channels;
            let mut furthest = 0;
            for &(line, tap) in taps.lines {
                for &(column, column_tap) in &run.taps {
                    let source = (line * self.source.width + column) * self.source.channels;
                    furthest = furthest.max(source + way);
                    places.push((source, (tap * taps.kernel + column_tap) * taps.channels));
                }
            }
            assert!(furthest <= self.source.numbers.len(), "a tap beyond the source");
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
        &self,
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
        &self,
        run: &Run,
        places: &[Place],
        channel: usize,
        outputs: Range<usize>,
    ) {
        let slides = T == TOGETHER && V == 2 && L::WIDTH == WIDEST && run.source_step == 1;
        let slope = if slides { run.slope() } else { 0 };
        let outputs = outputs.step_by(T);
        match (run.taps.len(), slope) {
            (3, 1) if slides => outputs.for_each(|i| self.sliding::<L, V, 3, false>(run, places, channel, i)),
            (5, 1) if slides => outputs.for_each(|i| self.sliding::<L, V, 5, false>(run, places, channel, i)),
            (3, -1) if slides => outputs.for_each(|i| self.sliding::<L, V, 3, true>(run, places, channel, i)),
            (5, -1) if slides => outputs.for_each(|i| self.sliding::<L, V, 5, true>(run, places, channel, i)),
            _ => outputs.for_each(|i| self.tile::<L, V, T>(run, places, channel, i)),
        }
    }

    #[inline(always)]
    fn tile<L: Lanes, const V: usize, const T: usize>(
        &self,
        run: &Run,
        places: &[Place],
        channel: usize,
        i: usize,
    ) {
        let step = run.source_step * self.source.channels;
        let first = channel + i * step;
        let mut sums = [[L::splat(0.0); V]; T];
        for &(source, weight) in places {
            let last = first + source + (T - 1) * step + V * L::WIDTH;
            debug_assert!(last <= self.source.numbers.len());
            debug_assert!(weight + channel + V * L::WIDTH <= self.taps.weight.len());
            // SAFETY: `run` asked for the furthest of the source's numbers, `line` for the weight's, and V lanes lie
            // inside the channels.
            unsafe {
                let weight = self.taps.weight.as_ptr().add(weight + channel);
                let source = self.source.numbers.as_ptr().add(first + source);
                for v in 0..V {
                    let factor = L::load(weight.add(v * L::WIDTH));
                    for (t, sum) in sums.iter_mut().enumerate() {
                        sum[v] = L::load(source.add(t * step + v * L::WIDTH)).mul_add(factor, sum[v]);
                    }
                }
            }
        }
        self.store(sums, run, channel, i);
    }

    /// As `tile`, for a run whose outputs are one position apart and meet K taps of each line, one position further on
    /// from tap to tap, or back: every number is read once, and stays in a register for all outputs that want it.
    #[inline(always)]
    fn sliding<L: Lanes, const V: usize, const K: usize, const BACK: bool>(
        &self,
        run: &Run,
        places: &[Place],
        channel: usize,
        i: usize,
    ) {
        let step = self.source.channels;
        let first = channel + i * step;
        let mut sums = [[L::splat(0.0); V]; TOGETHER];
        for line in places.chunks_exact(K) {
            let (source, weight) = line[0];
            // SAFETY: as in `tile`. No other positions are read than those of the first output's taps, and of the last's.
            unsafe {
                let weight = self.taps.weight.as_ptr().add(weight + channel);
                let source = self.source.numbers.as_ptr().add(first + source);
                for v in 0..V {
                    let at =
                        |position: isize| L::load(source.offset(position * step as isize).add(v * L::WIDTH));
                    // Position p stands at p modulo four.
                    let mut window = if BACK {
                        [L::splat(0.0), at(1), at(2), at(3)]
                    } else {
                        [at(0), at(1), at(2), L::splat(0.0)]
                    };
                    for k in 0..K {
                        let (new, moved) =
                            if BACK { (-(k as isize), 2 * TOGETHER - k) } else { (k as isize + 3, k) };
                        window[new.rem_euclid(TOGETHER as isize) as usize] = at(new);
                        let factor = L::load(weight.add(k * self.taps.channels + v * L::WIDTH));
                        for (t, sum) in sums.iter_mut().enumerate() {
                            sum[v] = window[(moved + t) % TOGETHER].mul_add(factor, sum[v]);
                        }
                    }
                }
            }
        }
        self.store(sums, run, channel, i);
    }

    /// Bias and activation, and where it all goes.
    #[inline(always)]
    fn store<L: Lanes, const V: usize, const T: usize>(
        &self,
        sums: [[L; V]; T],
        run: &Run,
        channel: usize,
        i: usize,
    ) {
        let bias = self.finish.bias.get(channel..channel + V * L::WIDTH);
        let mut held = [[[0.0f32; WIDEST]; V]; T];
        let start: *mut f32 = held.as_mut_ptr().cast();
        for (t, sum) in sums.into_iter().enumerate() {
            for (v, mut value) in sum.into_iter().enumerate() {
                // SAFETY: the bias holds V lanes, what is held T times as many.
                unsafe {
                    if let Some(bias) = bias {
                        value = value.add(L::load(bias.as_ptr().add(v * L::WIDTH)));
                    }
                    value.store(start.add((t * V + v) * L::WIDTH));
                }
            }
        }
        // SAFETY: as above.
        unsafe { activate::<L>(start, T * V, self.finish.activation) };
        for t in 0..T {
            let place = self.output.first + (run.first + (i + t) * run.step) * self.output.channels + channel;
            // SAFETY: the caller of `line` gave these outputs to this line alone.
            let output = unsafe { self.output.numbers.part(place, V * L::WIDTH) };
            for v in 0..V {
                // SAFETY: the output holds V lanes, what is held T times as many.
                unsafe {
                    let value = L::load(start.add((t * V + v) * L::WIDTH));
                    value.store(output.as_mut_ptr().add(v * L::WIDTH));
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
