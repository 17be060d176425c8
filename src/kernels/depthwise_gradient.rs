//! The gradient of a depthwise weight, channels last. Lines of outputs are taken in parts that the shape
//! alone decides, and the parts are added in their order.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::depthwise::Depthwise;
use super::lanes::{self, Kernel, Lanes};

/// Lines of outputs whose share is summed apart from the others.
const LINES_PER_PART: usize = 16;

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
                    lanes::run(Line { shape: self, x, gradient, number, sums: &mut sums });
                }
                sums
            })
            .collect();
        let mut total = vec![0.0; size];
        for share in shares {
            total.iter_mut().zip(share).for_each(|(total, value)| *total += value);
        }
        total
    }
}

/// What one line of output gradients adds to the sums.
struct Line<'a> {
    shape: &'a Depthwise,
    x: &'a [f32],
    gradient: &'a [f32],
    number: usize,
    sums: &'a mut [f32],
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let Depthwise { channels, height, width, .. } = *self.shape;
        let (sample, line) = (self.number / height.output, self.number % height.output);
        let row = width.output * channels;
        self.gradient = &self.gradient[self.number * row..(self.number + 1) * row];
        let size = height.input * width.input * channels;
        let x = &self.x[sample * size..(sample + 1) * size];
        for line_tap in 0..height.kernel {
            let Some(input) = (line * height.stride + line_tap).checked_sub(height.before) else { continue };
            if input >= height.input {
                continue;
            }
            self.x = &x[input * width.input * channels..(input + 1) * width.input * channels];
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
