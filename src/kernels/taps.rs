//! Which numbers of an input line a window's output is made of, and the same seen from the input: plain
//! arithmetic on positions, shared by the depthwise convolution and its gradient.

use super::Window;

/// Outputs along one line that take the same taps: `count` of them, `step` apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub first: usize,
    pub step: usize,
    pub count: usize,
    /// For the first of them: which source position meets which tap.
    pub taps: Vec<(usize, usize)>,
    /// How much further on the sources are for the next one.
    pub source_step: usize,
}

/// A window along one axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
    pub before: usize,
}

impl Axis {
    pub fn new(input: usize, window: Window) -> Self {
        let stride = window.stride.max(1);
        let (before, _) = window.padding.amounts(input, window.kernel, stride);
        let output = window.padding.output(input, window.kernel, stride);
        Self { input, output, kernel: window.kernel, stride, before }
    }

    /// The inputs that an output is summed from, as (input, tap).
    pub fn forward(&self, output: usize) -> Vec<(usize, usize)> {
        let at = |tap: usize| (output * self.stride + tap).checked_sub(self.before);
        (0..self.kernel).filter_map(|tap| Some((at(tap).filter(|&i| i < self.input)?, tap))).collect()
    }

    /// The outputs that an input went into, as (output, tap).
    pub fn backward(&self, input: usize) -> Vec<(usize, usize)> {
        let at = |tap: usize| {
            let distance = (input + self.before).checked_sub(tap)?;
            let output = distance / self.stride;
            (distance % self.stride == 0 && output < self.output).then_some(output)
        };
        (0..self.kernel).filter_map(|tap| Some((at(tap)?, tap))).collect()
    }

    /// All outputs in runs that take the same taps.
    pub fn forward_runs(&self) -> Vec<Run> {
        runs(self.output, 1, self.stride, |output| self.forward(output))
    }

    /// All inputs in runs that take the same taps.
    pub fn backward_runs(&self) -> Vec<Run> {
        runs(self.input, self.stride, 1, |input| self.backward(input))
    }

    /// The outputs for which all of some neighbouring taps meet the input.
    pub fn whole(&self, first_tap: usize, taps: usize) -> std::ops::Range<usize> {
        let low = self.before.saturating_sub(first_tap).div_ceil(self.stride);
        let high = (self.input + self.before)
            .checked_sub(first_tap + taps)
            .map_or(0, |room| (room / self.stride + 1).min(self.output));
        low.min(high)..high
    }
}

fn runs(
    length: usize,
    step: usize,
    source_step: usize,
    taps: impl Fn(usize) -> Vec<(usize, usize)>,
) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    for class in 0..step.min(length) {
        let mut open = false;
        for position in (class..length).step_by(step) {
            let taps = taps(position);
            match found.last_mut() {
                Some(run) if open && run.goes_on_with(&taps) => run.count += 1,
                _ => found.push(Run { first: position, step, count: 1, taps, source_step }),
            }
            open = true;
        }
    }
    found
}

impl Run {
    /// How many positions it is from each tap's source to the next one's; 0 where the taps are not neighbours, or not all
    /// as far apart.
    pub fn slope(&self) -> isize {
        let between = |pair: &[(usize, usize)]| {
            let [(first, tap), (second, next)] = [pair[0], pair[1]];
            if next == tap + 1 { second as isize - first as isize } else { 0 }
        };
        let mut slopes = self.taps.windows(2).map(between);
        let first = slopes.next().unwrap_or(0);
        if slopes.all(|slope| slope == first) { first } else { 0 }
    }

    fn goes_on_with(&self, taps: &[(usize, usize)]) -> bool {
        let moved = self.count * self.source_step;
        taps.len() == self.taps.len()
            && taps.iter().zip(&self.taps).all(|(new, old)| *new == (old.0 + moved, old.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::Padding;

    fn axis(input: usize, kernel: usize, stride: usize, padding: Padding) -> Axis {
        Axis::new(input, Window { kernel, stride, padding, groups: 1 })
    }

    #[test]
    fn runs_cover_every_position_once_with_its_own_taps() {
        for input in 1..20 {
            for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (1, 1), (1, 2), (7, 3)] {
                for padding in [Padding::Symmetric, Padding::Same] {
                    let axis = axis(input, kernel, stride, padding);
                    check(axis.output, &axis.forward_runs(), |i| axis.forward(i));
                    check(axis.input, &axis.backward_runs(), |i| axis.backward(i));
                }
            }
        }
    }

    fn check(length: usize, runs: &[Run], taps: impl Fn(usize) -> Vec<(usize, usize)>) {
        let mut seen = vec![false; length];
        for run in runs {
            for i in 0..run.count {
                let position = run.first + i * run.step;
                assert!(!std::mem::replace(&mut seen[position], true));
                let expected: Vec<_> =
                    run.taps.iter().map(|(source, tap)| (source + i * run.source_step, *tap)).collect();
                assert_eq!(expected, taps(position));
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn the_slope_tells_which_way_the_sources_go() {
        let same = axis(9, 5, 1, Padding::Same);
        assert!(same.forward_runs().iter().all(|run| run.slope() == 1));
        assert!(same.backward_runs().iter().all(|run| run.slope() == -1));
        let run = |taps: &[(usize, usize)]| Run {
            first: 0,
            step: 1,
            count: 1,
            taps: taps.to_vec(),
            source_step: 1,
        };
        assert_eq!(run(&[(4, 0), (3, 2)]).slope(), 0, "a tap is missing");
        assert_eq!(run(&[(4, 0), (5, 1), (7, 2)]).slope(), 0, "a position is missing");
        assert_eq!(run(&[(4, 0)]).slope(), 0, "there is nothing to compare");
    }

    #[test]
    fn the_whole_range_is_where_every_tap_meets_the_input() {
        for input in 1..12 {
            for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
                let axis = axis(input, kernel, stride, Padding::Same);
                for (first, taps) in [(0, kernel), (0, 3), (1, 1)] {
                    let range = axis.whole(first, taps);
                    for output in 0..axis.output {
                        let met = axis.forward(output);
                        let all = (first..first + taps).all(|tap| met.iter().any(|m| m.1 == tap));
                        assert_eq!(range.contains(&output), all, "{axis:?} {output} {first} {taps}");
                    }
                }
            }
        }
    }
}
