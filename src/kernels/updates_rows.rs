//! The optimizers' rules on slices: one pass over a parameter, its gradient and its moments.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::lanes::{self, Kernel, Lanes};
use super::updates::{Rule, Step};

/// Numbers in a task.
const PART: usize = 32_768;

/// Changes the value and the moments in place. A moment that the rule does not keep may have any length.
pub fn update(value: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], step: Step) {
    let [keeps_first, keeps_second] = step.rule.keeps();
    let fits = |moment: &[f32], keeps: bool| !keeps || moment.len() == value.len();
    assert!(gradient.len() == value.len(), "a gradient of another size");
    assert!(fits(first, keeps_first) && fits(second, keeps_second), "a moment of another size");
    let parts = value.len().div_ceil(PART);
    let firsts = divided(first, keeps_first, parts);
    let seconds = divided(second, keeps_second, parts);
    let tasks: Vec<_> = value.chunks_mut(PART).zip(gradient.chunks(PART)).zip(firsts).zip(seconds).collect();
    each(tasks, |(((value, gradient), first), second)| match step.rule {
        Rule::AdamW { betas, eps, updates } => {
            lanes::run(All { value, gradient, first, second, formula: AdamW::new(step, betas, eps, updates) })
        }
        Rule::Sgd { momentum, nesterov } => lanes::run(All {
            value,
            gradient,
            first,
            second,
            formula: Sgd { step, momentum: momentum as f32, nesterov },
        }),
        Rule::RmsProp { alpha, eps, momentum } => lanes::run(All {
            value,
            gradient,
            first,
            second,
            formula: RmsProp {
                step,
                alpha: alpha as f32,
                new: (1.0 - alpha) as f32,
                eps: eps as f32,
                momentum: momentum as f32,
            },
        }),
    });
}

/// Moves each mean towards its value.
pub fn follow(mean: &mut [f32], value: &[f32], share: f64) {
    assert_eq!(mean.len(), value.len(), "a mean of another size");
    let share = share as f32;
    each(mean.chunks_mut(PART).zip(value.chunks(PART)).collect(), |(mean, value)| {
        mean.iter_mut().zip(value).for_each(|(mean, value)| *mean += (value - *mean) * share);
    });
}

/// Adds to each number.
pub fn add(sum: &mut [f32], other: &[f32]) {
    assert_eq!(sum.len(), other.len(), "a sum of other sizes");
    each(sum.chunks_mut(PART).zip(other.chunks(PART)).collect(), |(sum, other)| {
        sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    });
}

/// The sum of the squares, in parts that the length alone decides.
pub fn squares(x: &[f32]) -> f64 {
    let parts: Vec<f64> = x
        .par_chunks(PART)
        .map(|part| part.iter().map(|value| f64::from(*value) * f64::from(*value)).sum())
        .collect();
    parts.into_iter().sum()
}

fn divided(moment: &mut [f32], keeps: bool, parts: usize) -> Vec<&mut [f32]> {
    match keeps {
        true => moment.chunks_mut(PART).collect(),
        false => (0..parts).map(|_| <&mut [f32]>::default()).collect(),
    }
}

/// Other threads are not worth waking for one part.
fn each<T: Send>(mut tasks: Vec<T>, work: impl Fn(T) + Sync + Send) {
    if tasks.len() < 2 {
        return tasks.pop().map_or((), work);
    }
    tasks.into_par_iter().for_each(work);
}

/// A rule on lanes: the new value, first and second moment from the old ones and the gradient.
trait Formula: Copy + Sync {
    fn keeps(self) -> [bool; 2];
    fn apply<L: Lanes>(self, old: Numbers<L>) -> [L; 3];
}

#[derive(Clone, Copy)]
struct Numbers<L> {
    value: L,
    gradient: L,
    first: L,
    second: L,
}

struct All<'a, F> {
    value: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    formula: F,
}

impl<F: Formula> Kernel for All<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let whole = self.value.len() / L::WIDTH * L::WIDTH;
        for place in (0..whole).step_by(L::WIDTH) {
            self.at::<L>(place);
        }
        for place in whole..self.value.len() {
            self.at::<L::Single>(place);
        }
    }
}

impl<F: Formula> All<'_, F> {
    #[inline(always)]
    fn at<L: Lanes>(&mut self, place: usize) {
        let [keeps_first, keeps_second] = self.formula.keeps();
        debug_assert!(place + L::WIDTH <= self.value.len() && self.gradient.len() == self.value.len());
        // SAFETY: a whole width from this place on lies within the value; `update` asked for gradients and kept
        // moments of the same length, and divided all alike.
        unsafe {
            let load = |from: &[f32], keeps: bool| match keeps {
                true => L::load(from.as_ptr().add(place)),
                false => L::splat(0.0),
            };
            let [value, first, second] = self.formula.apply(Numbers {
                value: load(self.value, true),
                gradient: load(self.gradient, true),
                first: load(self.first, keeps_first),
                second: load(self.second, keeps_second),
            });
            value.store(self.value.as_mut_ptr().add(place));
            if keeps_first {
                first.store(self.first.as_mut_ptr().add(place));
            }
            if keeps_second {
                second.store(self.second.as_mut_ptr().add(place));
            }
        }
    }
}

#[derive(Clone, Copy)]
struct AdamW {
    share: f32,
    betas: [f32; 2],
    new: [f32; 2],
    eps: f32,
    /// One over the root of the second moment's correction.
    root: f32,
    rate: f32,
    kept: f32,
}

impl AdamW {
    fn new(step: Step, betas: [f64; 2], eps: f64, updates: i32) -> Self {
        let corrected = betas.map(|beta| 1.0 - beta.powi(updates));
        Self {
            share: step.share as f32,
            betas: betas.map(|beta| beta as f32),
            new: betas.map(|beta| (1.0 - beta) as f32),
            eps: eps as f32,
            root: (1.0 / corrected[1].sqrt()) as f32,
            rate: (step.rate / corrected[0]) as f32,
            kept: (1.0 - step.rate * step.weight_decay) as f32,
        }
    }
}

impl Formula for AdamW {
    #[inline(always)]
    fn keeps(self) -> [bool; 2] {
        [true, true]
    }

    #[inline(always)]
    fn apply<L: Lanes>(self, old: Numbers<L>) -> [L; 3] {
        let n = |value: f32| L::splat(value);
        let gradient = old.gradient.mul(n(self.share));
        let first = old.first.mul(n(self.betas[0])).add(gradient.mul(n(self.new[0])));
        let second = old.second.mul(n(self.betas[1])).add(gradient.mul(gradient).mul(n(self.new[1])));
        let deviation = second.sqrt().mul(n(self.root)).add(n(self.eps));
        let change = first.div(deviation).mul(n(self.rate));
        [old.value.mul(n(self.kept)).sub(change), first, second]
    }
}

#[derive(Clone, Copy)]
struct Sgd {
    step: Step,
    momentum: f32,
    nesterov: bool,
}

impl Formula for Sgd {
    #[inline(always)]
    fn keeps(self) -> [bool; 2] {
        [self.momentum != 0.0, false]
    }

    #[inline(always)]
    fn apply<L: Lanes>(self, old: Numbers<L>) -> [L; 3] {
        let momentum = L::splat(self.momentum);
        let gradient = decayed(self.step, old);
        let first = old.first.mul(momentum).add(gradient);
        let change = match (self.momentum != 0.0, self.nesterov) {
            (false, _) => gradient,
            (true, true) => gradient.add(first.mul(momentum)),
            (true, false) => first,
        };
        [old.value.sub(change.mul(L::splat(self.step.rate as f32))), first, old.second]
    }
}

#[derive(Clone, Copy)]
struct RmsProp {
    step: Step,
    alpha: f32,
    new: f32,
    eps: f32,
    momentum: f32,
}

impl Formula for RmsProp {
    #[inline(always)]
    fn keeps(self) -> [bool; 2] {
        [self.momentum != 0.0, true]
    }

    #[inline(always)]
    fn apply<L: Lanes>(self, old: Numbers<L>) -> [L; 3] {
        let gradient = decayed(self.step, old);
        let new = gradient.mul(gradient).mul(L::splat(self.new));
        let second = old.second.mul(L::splat(self.alpha)).add(new);
        let change = gradient.div(second.sqrt().add(L::splat(self.eps)));
        let first = old.first.mul(L::splat(self.momentum)).add(change);
        let change = if self.momentum != 0.0 { first } else { change };
        [old.value.sub(change.mul(L::splat(self.step.rate as f32))), first, second]
    }
}

/// The gradient with its share, and the pull of weight decay.
#[inline(always)]
fn decayed<L: Lanes>(step: Step, old: Numbers<L>) -> L {
    let pull = old.value.mul(L::splat(step.weight_decay as f32));
    old.gradient.mul(L::splat(step.share as f32)).add(pull)
}
