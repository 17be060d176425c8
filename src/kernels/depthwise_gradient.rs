//! The gradient of a depthwise weight, channels last. Lines of outputs are taken in parts that the shape
//! alone decides, and the parts are added in their order.
#![allow(unsafe_code)]

use std::ops::Range;

use rayon::prelude::*;

use super::buffers;
use super::depthwise::{Depthwise, Source, Taps, Target, line as line_of};
use super::lanes::{self, Kernel, Lanes};
use super::layer::Refine;
use super::matrix::Finish;
use super::shared::Shared;
use super::taps::Run;

/// Lines of outputs whose share is summed apart from the others.
const LINES_PER_PART: usize = 16;
/// Numbers of output gradients in a band: 512 KiB, which fit into the second cache.
const BAND: usize = 128 * 1024;

impl Depthwise {
    /// The weight's gradient, `[taps, channels]`.
    pub fn weight_gradient(&self, x: &[f32], gradient: &[f32]) -> Vec<f32> {
        let lines = self.samples * self.height.output;
        let size = self.height.kernel * self.width.kernel * self.channels;
        assert_eq!(x.len(), self.samples * self.height.input * self.width.input * self.channels);
        assert_eq!(gradient.len(), lines * self.width.output * self.channels);
        let shares: Vec<Vec<f32>> = (0..lines.div_ceil(LINES_PER_PART))
            .into_par_iter()
            .map(|part| {
                let mut sums = vec![0.0; size];
                for number in part * LINES_PER_PART..lines.min((part + 1) * LINES_PER_PART) {
                    let (sample, line) = (number / self.height.output, number % self.height.output);
                    let row = self.width.output * self.channels;
                    let inputs = &x[sample * self.picture()..(sample + 1) * self.picture()];
                    let inputs = Inputs::new(inputs, &[], 0);
                    let gradient = &gradient[number * row..(number + 1) * row];
                    lanes::run(Line { shape: self, inputs, x: &[], gradient, line, sums: &mut sums });
                }
                sums
            })
            .collect();
        add_up(shares, size)
    }

    /// The gradients of weight and input at once, band by band: lines of the output's gradient are finished as they
    /// are read, serve both, and are not written back. The input's gradient takes the input's place.
    pub fn both_gradients(
        &self,
        x: &mut [f32],
        weight: &[f32],
        gradient: &[f32],
        refine: Refine,
    ) -> Vec<f32> {
        let (lines, row) = (self.height.output, self.width.output * self.channels);
        assert_eq!(x.len(), self.samples * self.picture());
        assert_eq!(gradient.len(), self.samples * lines * row);
        // Bands of one size, each longer than what the next one reads again.
        let bands = lines.div_ceil((BAND / row.max(1)).max(2 * self.height.kernel));
        let per_band = lines.div_ceil(bands.max(1)).max(1);
        let bands = lines.div_ceil(per_band);
        let few = self.samples < rayon::current_num_threads();
        let mut copy = buffers::take(if few { x.len() } else { 0 });
        if few {
            copy.copy_from_slice(x);
        }
        let (runs, target) = (self.width.backward_runs(), Shared::new(x));
        let work = Bands { shape: self, weight, gradient, refine, runs: &runs, target: &target, per_band };
        let shares: Vec<Vec<f32>> = if few {
            // Bands at once, which asks for an input that is not written over.
            let of_task = |task: usize| {
                let (sample, band) = (task / bands, task % bands);
                let x = &copy[sample * self.picture()..(sample + 1) * self.picture()];
                work.band(sample, band, Inputs::new(x, &[], 0))
            };
            (0..self.samples * bands).into_par_iter().map(of_task).collect()
        } else {
            (0..self.samples).into_par_iter().flat_map_iter(|sample| work.picture(sample, bands)).collect()
        };
        buffers::give(copy);
        add_up(shares, self.height.kernel * self.width.kernel * self.channels)
    }

    /// Numbers of one picture that goes in.
    fn picture(&self) -> usize {
        self.height.input * self.width.input * self.channels
    }
}

/// In the order of the shares.
fn add_up(shares: Vec<Vec<f32>>, size: usize) -> Vec<f32> {
    let mut total = vec![0.0; size];
    for share in shares {
        total.iter_mut().zip(share).for_each(|(total, value)| *total += value);
    }
    total
}

/// What `both_gradients` works with.
struct Bands<'a> {
    shape: &'a Depthwise,
    weight: &'a [f32],
    gradient: &'a [f32],
    refine: Refine<'a>,
    runs: &'a [Run],
    /// All inputs, which become their gradients.
    target: &'a Shared<'a>,
    per_band: usize,
}

/// The lines of one picture that goes in. The kept ones stand for those that end before a line, which are written over.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    /// The first number; no reference, since lines that are done with are written over.
    start: *const f32,
    length: usize,
    kept: &'a [f32],
    before: usize,
}

impl<'a> Inputs<'a> {
    fn new(lines: &'a [f32], kept: &'a [f32], before: usize) -> Self {
        Self { start: lines.as_ptr(), length: lines.len(), kept, before }
    }

    /// # Safety
    /// Nobody writes the line while it is held.
    unsafe fn line(&self, number: usize, row: usize) -> &'a [f32] {
        if number >= self.before {
            assert!((number + 1) * row <= self.length, "a line beyond the picture");
            // SAFETY: the line lies in the picture, and is not written by the caller's promise.
            return unsafe { std::slice::from_raw_parts(self.start.add(number * row), row) };
        }
        let first = self.kept.len() - (self.before - number) * row;
        &self.kept[first..first + row]
    }
}

impl Bands<'_> {
    /// The bands of one picture, one after the other.
    fn picture(&self, sample: usize, bands: usize) -> Vec<Vec<f32>> {
        let Depthwise { height, width, channels, .. } = *self.shape;
        let row = width.input * channels;
        let mut kept: Vec<f32> = Vec::new();
        let of_band = |band: usize| {
            // SAFETY: this task alone has the picture, and a band reads its lines before it writes over them.
            let lines = unsafe { self.target.part(sample * self.shape.picture(), self.shape.picture()) };
            let own = self.inputs(band);
            // Lines that the next band reads again.
            let again = own.end.saturating_sub(height.kernel).max(own.start)..own.end;
            let next = lines[again.start * row..again.end * row].to_vec();
            let inputs = Inputs::new(lines, &kept, own.start);
            let sums = self.band(sample, band, inputs);
            kept = next;
            sums
        };
        (0..bands).map(of_band).collect()
    }

    /// The lines whose gradient a band makes.
    fn inputs(&self, band: usize) -> Range<usize> {
        let Depthwise { height, .. } = *self.shape;
        let end = (band + 1) * self.per_band;
        let first = (band * self.per_band * height.stride).min(height.input);
        first..if end >= height.output { height.input } else { (end * height.stride).min(height.input) }
    }

    /// One band: its share of the weight's gradient.
    fn band(&self, sample: usize, band: usize, x: Inputs) -> Vec<f32> {
        let Depthwise { height, width, channels, .. } = *self.shape;
        let row = width.output * channels;
        let own = band * self.per_band..height.output.min((band + 1) * self.per_band);
        let inputs = self.inputs(band);
        let taps: Vec<_> = inputs.clone().map(|line| height.backward(line)).collect();
        let met = || taps.iter().flatten().map(|(line, _)| *line);
        let first = met().min().unwrap_or(own.start).min(own.start);
        let held = first..met().max().map_or(own.end, |last| own.end.max(last + 1));
        let numbers = (sample * height.output + held.start) * row..(sample * height.output + held.end) * row;
        let mut finished = buffers::take(numbers.len());
        let mut done = 0;
        for (lines, counted) in
            [(held.start..own.start, false), (own.clone(), true), (own.end..held.end, false)]
        {
            let part = done..done + lines.len() * row;
            let source = &self.gradient[numbers.start + part.start..numbers.start + part.end];
            (self.refine)(numbers.start + part.start, source, &mut finished[part.clone()], counted);
            done = part.end;
        }
        let mut sums = vec![0.0; height.kernel * width.kernel * channels];
        for line in own {
            let gradient = &finished[(line - held.start) * row..(line - held.start + 1) * row];
            lanes::run(Line { shape: self.shape, inputs: x, x: &[], gradient, line, sums: &mut sums });
        }
        let source = Source { numbers: &finished, width: width.output, channels };
        for (input, mut met) in inputs.zip(taps) {
            met.iter_mut().for_each(|(line, _)| *line -= held.start);
            let taps =
                Taps { weight: self.weight, channels, kernel: width.kernel, lines: &met, runs: self.runs };
            let first = (sample * height.input + input) * width.input * channels;
            let output = Target { numbers: self.target, first, channels };
            // SAFETY: each line of inputs belongs to one band, which has read it.
            unsafe { line_of(source, taps, channels, Finish::default(), output) };
        }
        buffers::give(finished);
        sums
    }
}

/// What one line of output gradients adds to the sums.
struct Line<'a> {
    shape: &'a Depthwise,
    inputs: Inputs<'a>,
    /// The line of inputs that is met.
    x: &'a [f32],
    /// One line.
    gradient: &'a [f32],
    line: usize,
    sums: &'a mut [f32],
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let Depthwise { channels, height, width, .. } = *self.shape;
        for line_tap in 0..height.kernel {
            let Some(input) = (self.line * height.stride + line_tap).checked_sub(height.before) else {
                continue;
            };
            if input >= height.input {
                continue;
            }
            // SAFETY: a band reads its lines before it writes over them.
            self.x = unsafe { self.inputs.line(input, width.input * channels) };
            let mut tap = 0;
            while tap < width.kernel {
                // Neighbouring taps share the loads of the gradient.
                tap += match width.kernel - tap {
                    5.. => self.taps::<L, 5>(line_tap, tap),
                    3.. => self.taps::<L, 3>(line_tap, tap),
                    _ => self.taps::<L, 1>(line_tap, tap),
                };
            }
        }
    }
}

impl Line<'_> {
    #[inline(always)]
    fn taps<L: Lanes, const G: usize>(&mut self, line_tap: usize, tap: usize) -> usize {
        let channels = self.shape.channels;
        let mut channel = 0;
        while channel + 2 * L::WIDTH <= channels {
            self.block::<L, 2, G>(line_tap, tap, channel);
            channel += 2 * L::WIDTH;
        }
        while channel + L::WIDTH <= channels {
            self.block::<L, 1, G>(line_tap, tap, channel);
            channel += L::WIDTH;
        }
        while channel < channels {
            self.block::<L::Single, 1, G>(line_tap, tap, channel);
            channel += 1;
        }
        G
    }

    /// V lanes of channels and G neighbouring taps along the whole line.
    #[inline(always)]
    fn block<L: Lanes, const V: usize, const G: usize>(
        &mut self,
        line_tap: usize,
        tap: usize,
        channel: usize,
    ) {
        let Depthwise { channels, width, .. } = *self.shape;
        let mut sums = [[L::splat(0.0); V]; G];
        let whole = width.whole(tap, G);
        for output in (0..whole.start).chain(whole.end..width.output) {
            for (g, sum) in sums.iter_mut().enumerate() {
                let Some(input) = (output * width.stride + tap + g).checked_sub(width.before) else {
                    continue;
                };
                if input < width.input {
                    self.add::<L, V>(sum, input * channels + channel, output * channels + channel);
                }
            }
        }
        let step = width.stride * channels;
        let start = (whole.start * width.stride + tap).saturating_sub(width.before) * channels + channel;
        for (i, output) in whole.enumerate() {
            for (g, sum) in sums.iter_mut().enumerate() {
                self.add::<L, V>(sum, start + i * step + g * channels, output * channels + channel);
            }
        }
        for (g, sum) in sums.into_iter().enumerate() {
            let place = ((line_tap * width.kernel) + tap + g) * channels + channel;
            let target = self.sums[place..place + V * L::WIDTH].as_mut_ptr();
            for (v, value) in sum.into_iter().enumerate() {
                // SAFETY: the target holds V lanes.
                unsafe {
                    let target = target.add(v * L::WIDTH);
                    L::load(target).add(value).store(target);
                }
            }
        }
    }

    #[inline(always)]
    fn add<L: Lanes, const V: usize>(&self, sum: &mut [L; V], x: usize, gradient: usize) {
        debug_assert!(x + V * L::WIDTH <= self.x.len() && gradient + V * L::WIDTH <= self.gradient.len());
        for (v, sum) in sum.iter_mut().enumerate() {
            // SAFETY: `block` only names inputs and outputs inside their lines (for whole ranges: see taps.rs),
            // and V lanes inside the channels.
            unsafe {
                let x = L::load(self.x.as_ptr().add(x + v * L::WIDTH));
                let gradient = L::load(self.gradient.as_ptr().add(gradient + v * L::WIDTH));
                *sum = x.mul_add(gradient, *sum);
            }
        }
    }
}
