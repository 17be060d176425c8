//! The loops of the bottleneck that are neither products nor filters: sums over a line, and the gates on rows.
#![allow(unsafe_code)]

use super::depthwise::Target;
use super::lanes::{self, Kernel, Lanes, WIDEST};

/// Adds one line of a target to the sums of its first channels.
///
/// # Safety
/// Nobody else writes these channels of the line at the same time.
pub unsafe fn add_up(target: Target, width: usize, sums: &mut [f64]) {
    lanes::run_wide(AddUp { target, width, sums });
}

struct AddUp<'a> {
    target: Target<'a>,
    width: usize,
    sums: &'a mut [f64],
}

impl Kernel for AddUp<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let mut channel = 0;
        while channel + 4 * L::WIDTH <= self.sums.len() {
            self.add::<L, 4>(channel);
            channel += 4 * L::WIDTH;
        }
        while channel + L::WIDTH <= self.sums.len() {
            self.add::<L, 1>(channel);
            channel += L::WIDTH;
        }
        while channel < self.sums.len() {
            self.add::<L::Single, 1>(channel);
            channel += 1;
        }
    }
}

impl AddUp<'_> {
    /// V lanes of channels; a line is short enough to be added up in 32 bits.
    #[inline(always)]
    fn add<L: Lanes, const V: usize>(&mut self, channel: usize) {
        let mut totals = [L::splat(0.0); V];
        for column in 0..self.width {
            let place = self.target.first + column * self.target.channels + channel;
            // SAFETY: the caller of `add_up` vouches for the line, and the part holds V widths.
            unsafe {
                let numbers = self.target.numbers.part(place, V * L::WIDTH);
                for (v, total) in totals.iter_mut().enumerate() {
                    *total = total.add(L::load(numbers.as_ptr().add(v * L::WIDTH)));
                }
            }
        }
        for (v, total) in totals.into_iter().enumerate() {
            let mut values = [0.0; WIDEST];
            // SAFETY: no lanes are wider.
            unsafe { total.store(values.as_mut_ptr()) };
            let sums = &mut self.sums[channel + v * L::WIDTH..channel + (v + 1) * L::WIDTH];
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
        }
    }
}

/// Each row times the gates of its channels.
pub struct Weigh<'a> {
    pub rows: &'a mut [f32],
    pub gates: &'a [f32],
}

impl Kernel for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for row in self.rows.chunks_exact_mut(self.gates.len().max(1)) {
            row.iter_mut().zip(self.gates).for_each(|(value, gate)| *value *= gate);
        }
    }
}
