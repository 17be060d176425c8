//! What an optimizer does to parameters, in one pass over each, and the sums of their squares: a launch takes many of them,
//! since most are small. The rules are written next door (`updates.rs`); here they are in 32 bits, number by number.
// Kernels are launched without checks of their indices; each compares them itself.
#![allow(unsafe_code)]

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{UNITS, argument, cube, cubes, empty, several};
use super::together::{self, Room, arguments, lengths, turns};
use crate::kernels::{Own, Rule};

const ADAMW: u32 = 0;
const SGD: u32 = 1;
const RMSPROP: u32 = 2;

/// Squares that a unit should add up before it is worth another cube, and the most cubes for a tensor.
const SQUARES: usize = 16;
const PARTS: usize = 64;

/// A rule's numbers: what each is for depends on the rule.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
struct Factors {
    /// The gradient's.
    share: f32,
    /// What is kept of the first and of the second moment.
    first: f32,
    second: f32,
    /// The new number's share in each.
    first_new: f32,
    second_new: f32,
    /// AdamW: what divides the deviation.
    correction: f32,
    eps: f32,
}

/// A cube works on the parameter of its second place; its units take turns.
#[cube(launch_unchecked)]
fn update_numbers(
    values: Sequence<Box<[f32]>>,
    gradients: Sequence<Box<[f32]>>,
    firsts: Sequence<Box<[f32]>>,
    seconds: Sequence<Box<[f32]>>,
    new_values: &mut [f32],
    new_firsts: &mut [f32],
    new_seconds: &mut [f32],
    lengths: Sequence<usize>,
    places: Sequence<usize>,
    rates: Sequence<f32>,
    decays: Sequence<f32>,
    by: Factors,
    #[comptime] count: usize,
    #[comptime] rule: u32,
    #[comptime] momentum: bool,
    #[comptime] nesterov: bool,
) {
    let (first, step) = turns();
    #[unroll]
    for i in 0..count {
        if CUBE_POS_Y as usize == i {
            let (rate, decay) = (rates[i], decays[i]);
            for at in range_stepped(first, lengths[i], step) {
                let to = places[i] + at;
                let old = values[i][at];
                let mut change = gradients[i][at] * by.share;
                if comptime!(rule == ADAMW) {
                    let mean = firsts[i][at] * by.first + change * by.first_new;
                    let square = seconds[i][at] * by.second + change * change * by.second_new;
                    new_firsts[to] = mean;
                    new_seconds[to] = square;
                    change = mean / (square.sqrt() / by.correction + by.eps);
                    new_values[to] = old * decay - change * rate;
                } else {
                    change += old * decay;
                    if comptime!(rule == RMSPROP) {
                        let square = seconds[i][at] * by.second + change * change * by.second_new;
                        new_seconds[to] = square;
                        change /= square.sqrt() + by.eps;
                    }
                    if comptime!(momentum) {
                        let moved = firsts[i][at] * by.first + change;
                        new_firsts[to] = moved;
                        if comptime!(nesterov) {
                            change += moved * by.first;
                        } else {
                            change = moved;
                        }
                    }
                    new_values[to] = old - change * rate;
                }
            }
        }
    }
}

/// Means that move towards values by a share of their distance.
#[cube(launch_unchecked)]
fn move_means(
    means: Sequence<Box<[f32]>>,
    values: Sequence<Box<[f32]>>,
    output: &mut [f32],
    lengths: Sequence<usize>,
    places: Sequence<usize>,
    share: f32,
    #[comptime] count: usize,
) {
    let (first, step) = turns();
    #[unroll]
    for i in 0..count {
        if CUBE_POS_Y as usize == i {
            for at in range_stepped(first, lengths[i], step) {
                output[places[i] + at] = means[i][at] + (values[i][at] - means[i][at]) * share;
            }
        }
    }
}

/// Stored statistics after one more batch.
#[cube(launch_unchecked)]
fn blend_statistics(
    stored_mean: &[f32],
    stored_variance: &[f32],
    mean: &[f32],
    variance: &[f32],
    new_mean: &mut [f32],
    new_variance: &mut [f32],
    kept: f32,
    share: f32,
    unbiased: f32,
    units: usize,
) {
    let at = ABSOLUTE_POS;
    if at >= units {
        terminate!();
    }
    new_mean[at] = stored_mean[at] * kept + mean[at] * share;
    new_variance[at] = stored_variance[at] * kept + variance[at] * unbiased * share;
}

/// Sums of squares: each cube writes that of its share of a tensor, behind those of the tensors before.
#[cube(launch_unchecked)]
fn sum_squares(
    all: Sequence<Box<[f32]>>,
    output: &mut [f32],
    lengths: Sequence<usize>,
    before: usize,
    #[comptime] count: usize,
    #[comptime] halvings: usize,
) {
    let unit = UNIT_POS as usize;
    let (first, step) = turns();
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let mut sum = 0.0f32;
    #[unroll]
    for i in 0..count {
        if CUBE_POS_Y as usize == i {
            for at in range_stepped(first, lengths[i], step) {
                sum += all[i][at] * all[i][at];
            }
        }
    }
    shared[unit] = sum;
    #[unroll]
    for halving in 0..halvings {
        let reach = comptime!(UNITS >> (halving + 1));
        sync_cube();
        if unit < reach {
            sum += shared[unit + reach];
            shared[unit] = sum;
        }
    }
    if unit == 0 {
        output[(before + CUBE_POS_Y as usize) * CUBE_COUNT_X as usize + CUBE_POS_X as usize] = sum;
    }
}

/// `mean + (value - mean) * share` of each; all are whole and in 32 bits.
pub fn follow([mut means, mut values]: [Vec<CubeTensor>; 2], share: f64) -> Vec<CubeTensor> {
    let mut moved = Vec::new();
    for count in together::counts(&means, 2, 1) {
        let [means, values] = [&mut means, &mut values].map(|list| together::taken(list, count));
        let room = Room::like(&means);
        // Safety: cubes beyond the last tensor find none, and units stop at its length.
        unsafe {
            move_means::launch_unchecked(
                &room.whole.client,
                together::cubes(&means),
                cube(),
                arguments(&means),
                arguments(&values),
                argument(&room.whole),
                lengths(&means),
                room.places(),
                share as f32,
                count,
            );
        }
        moved.extend(room.parts);
    }
    moved
}

/// Mean and variance, `stored` and the batch's `new` ones, all whole and in 32 bits, as `kernels::blend` says.
pub fn blend(stored: &[CubeTensor], new: &[CubeTensor], share: f64, unbiased: f64) -> [CubeTensor; 2] {
    let [mean, variance] = several(&stored[0], [0, 1].map(|i| stored[i].meta.shape().clone()));
    let units = stored[0].meta.shape().num_elements();
    // Safety: units beyond the last leave at once.
    unsafe {
        blend_statistics::launch_unchecked(
            &stored[0].client,
            cubes(units),
            cube(),
            argument(&stored[0]),
            argument(&stored[1]),
            argument(&new[0]),
            argument(&new[1]),
            argument(&mean),
            argument(&variance),
            (1.0 - share) as f32,
            share as f32,
            unbiased as f32,
            units,
        );
    }
    [mean, variance]
}

/// Values and both moments after one update; all are whole and in 32 bits. What a rule does not keep it neither takes nor gives.
/// What is old is let go launch by launch.
pub fn update(
    [mut values, mut gradients, mut first, mut second]: [Vec<CubeTensor>; 4],
    mut own: &[Own],
    rule: Rule,
    share: f64,
) -> [Vec<CubeTensor>; 3] {
    let keeps = rule.keeps();
    let kept = keeps.into_iter().filter(|keeps| *keeps).count();
    let (code, nesterov) = match rule {
        Rule::AdamW { .. } => (ADAMW, false),
        Rule::Sgd { nesterov, .. } => (SGD, nesterov),
        Rule::RmsProp { .. } => (RMSPROP, false),
    };
    let numbers = Numbers::of(rule, share);
    let mut new = [const { Vec::new() }; 3];
    for count in together::counts(&values, 2 + kept, 3) {
        let lists = [&mut values, &mut gradients, &mut first, &mut second];
        let [values, gradients, first, second] = lists.map(|list| together::taken(list, count));
        let its;
        (its, own) = own.split_at(count);
        let room = |keeps: bool| if keeps { Room::like(&values) } else { Room::none(&values[0]) };
        let rooms = [true, keeps[0], keeps[1]].map(room);
        let each = |f: &dyn Fn(&Own) -> f64| its.iter().map(|own| f(own) as f32).collect();
        // Safety: cubes beyond the last parameter find none, units stop at its length, and a moment that is not kept is not touched.
        unsafe {
            update_numbers::launch_unchecked(
                &values[0].client,
                together::cubes(&values),
                cube(),
                arguments(&values),
                arguments(&gradients),
                arguments(&first),
                arguments(&second),
                argument(&rooms[0].whole),
                argument(&rooms[1].whole),
                argument(&rooms[2].whole),
                lengths(&values),
                rooms[0].places(),
                each(&|own| numbers.rate(own)),
                each(&|own| numbers.decay(own)),
                numbers.launch(),
                count,
                code,
                keeps[0],
                nesterov,
            );
        }
        for (new, room) in new.iter_mut().zip(rooms) {
            new.extend(room.parts);
        }
    }
    new
}

/// The factors, worked out in 64 bits.
struct Numbers {
    rule: Rule,
    keep: [f64; 2],
    new: [f64; 2],
    /// AdamW: what the rate is divided by.
    corrected: f64,
    correction: f64,
    eps: f64,
    share: f64,
}

impl Numbers {
    fn of(rule: Rule, share: f64) -> Self {
        let plain =
            Self { rule, keep: [0.0; 2], new: [0.0; 2], corrected: 1.0, correction: 1.0, eps: 0.0, share };
        match rule {
            Rule::AdamW { betas, eps, updates } => {
                let corrected = betas.map(|beta| 1.0 - beta.powi(updates));
                Self {
                    keep: betas,
                    new: betas.map(|beta| 1.0 - beta),
                    corrected: corrected[0],
                    correction: corrected[1].sqrt(),
                    eps,
                    ..plain
                }
            }
            Rule::Sgd { momentum, .. } => Self { keep: [momentum, 0.0], ..plain },
            Rule::RmsProp { alpha, eps, momentum } => {
                Self { keep: [momentum, alpha], new: [1.0, 1.0 - alpha], eps, ..plain }
            }
        }
    }

    fn rate(&self, own: &Own) -> f64 {
        own.rate / self.corrected
    }

    /// AdamW: what is left of the value. Otherwise the value's share in the gradient.
    fn decay(&self, own: &Own) -> f64 {
        match self.rule {
            Rule::AdamW { .. } => 1.0 - own.rate * own.weight_decay,
            _ => own.weight_decay,
        }
    }

    fn launch(&self) -> FactorsLaunch {
        let [first, second] = self.keep.map(|factor| factor as f32);
        let [first_new, second_new] = self.new.map(|factor| factor as f32);
        let (share, correction, eps) = (self.share as f32, self.correction as f32, self.eps as f32);
        FactorsLaunch::new(share, first, second, first_new, second_new, correction, eps)
    }
}

/// Numbers whose sum is the sum of all squares; the lengths alone say how many.
pub fn squares(all: &[CubeTensor]) -> CubeTensor {
    let longest = all.iter().map(|x| x.meta.shape().num_elements()).max().unwrap_or_default();
    let parts = longest.div_ceil(UNITS * SQUARES).clamp(1, PARTS);
    let output = empty(&all[0], [all.len() * parts], DType::F32);
    let mut before = 0;
    for count in together::counts(all, 1, 1) {
        let all = &all[before..before + count];
        // Safety: cubes beyond the last tensor find none, and units stop at its length.
        unsafe {
            sum_squares::launch_unchecked(
                &all[0].client,
                CubeCount::Static(parts as u32, count as u32, 1),
                cube(),
                arguments(all),
                argument(&output),
                lengths(all),
                before,
                count,
                UNITS.ilog2() as usize,
            );
        }
        before += count;
    }
    output
}
