//! What an optimizer does to a parameter, in one pass over it, and the sum of its squares. The rules are written next door
//! (`updates.rs`); here they are in 32 bits, number by number.
// Kernels are launched without checks of their indices; each compares them itself.
#![allow(unsafe_code)]

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{UNITS, argument, cube, cubes, empty};
use crate::kernels::{Rule, Step};

const ADAMW: u32 = 0;
const SGD: u32 = 1;
const RMSPROP: u32 = 2;

/// A rule's numbers: what each is for depends on the rule.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
struct Factors {
    /// The gradient's.
    share: f32,
    rate: f32,
    /// AdamW: what is left of the value. Otherwise the value's share in the gradient.
    decay: f32,
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

#[cube(launch_unchecked)]
fn update_numbers(
    value: &[f32],
    gradient: &[f32],
    first: &[f32],
    second: &[f32],
    new_value: &mut [f32],
    new_first: &mut [f32],
    new_second: &mut [f32],
    by: Factors,
    units: usize,
    #[comptime] rule: u32,
    #[comptime] momentum: bool,
    #[comptime] nesterov: bool,
) {
    let at = ABSOLUTE_POS;
    if at >= units {
        terminate!();
    }
    let old = value[at];
    let mut change = gradient[at] * by.share;
    if comptime!(rule == ADAMW) {
        let mean = first[at] * by.first + change * by.first_new;
        let square = second[at] * by.second + change * change * by.second_new;
        new_first[at] = mean;
        new_second[at] = square;
        change = mean / (square.sqrt() / by.correction + by.eps);
        new_value[at] = old * by.decay - change * by.rate;
    } else {
        change += old * by.decay;
        if comptime!(rule == RMSPROP) {
            let square = second[at] * by.second + change * change * by.second_new;
            new_second[at] = square;
            change /= square.sqrt() + by.eps;
        }
        if comptime!(momentum) {
            let moved = first[at] * by.first + change;
            new_first[at] = moved;
            if comptime!(nesterov) {
                change += moved * by.first;
            } else {
                change = moved;
            }
        }
        new_value[at] = old - change * by.rate;
    }
}

/// A mean that moves towards a value by a share of their distance.
#[cube(launch_unchecked)]
fn move_mean(mean: &[f32], value: &[f32], output: &mut [f32], share: f32, units: usize) {
    let at = ABSOLUTE_POS;
    if at >= units {
        terminate!();
    }
    output[at] = mean[at] + (value[at] - mean[at]) * share;
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

/// The sum of the squares, by one cube: units take turns, and one adds up what they found.
#[cube(launch_unchecked)]
fn sum_squares(x: &[f32], output: &mut [f32], count: usize) {
    let unit = UNIT_POS as usize;
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let mut sum = 0.0f32;
    for at in range_stepped(unit, count, UNITS) {
        sum += x[at] * x[at];
    }
    shared[unit] = sum;
    sync_cube();
    if unit == 0 {
        for other in 1..UNITS {
            sum += shared[other];
        }
        output[0] = sum;
    }
}

/// `mean + (value - mean) * share`; both are whole and in 32 bits.
pub fn follow(mean: &CubeTensor, value: &CubeTensor, share: f64) -> CubeTensor {
    let units = mean.meta.shape().num_elements();
    let output = empty(mean, [units], DType::F32);
    // Safety: units beyond the last leave at once.
    unsafe {
        move_mean::launch_unchecked(
            &mean.client,
            cubes(units),
            cube(),
            argument(mean),
            argument(value),
            argument(&output),
            share as f32,
            units,
        );
    }
    output
}

/// Mean and variance, `stored` and the batch's `new` ones, all whole and in 32 bits, as `kernels::blend` says.
pub fn blend(
    stored: [&CubeTensor; 2],
    new: [&CubeTensor; 2],
    share: f64,
    unbiased: f64,
) -> (CubeTensor, CubeTensor) {
    let units = stored[0].meta.shape().num_elements();
    let [mean, variance] = [(); 2].map(|()| empty(stored[0], [units], DType::F32));
    // Safety: as above.
    unsafe {
        blend_statistics::launch_unchecked(
            &mean.client,
            cubes(units),
            cube(),
            argument(stored[0]),
            argument(stored[1]),
            argument(new[0]),
            argument(new[1]),
            argument(&mean),
            argument(&variance),
            (1.0 - share) as f32,
            share as f32,
            unbiased as f32,
            units,
        );
    }
    (mean, variance)
}

/// The value and both moments after one update; all are whole and in 32 bits. What a rule does not keep stays as it is.
pub fn update(
    value: &CubeTensor,
    gradient: &CubeTensor,
    [first, second]: [CubeTensor; 2],
    step: Step,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let units = value.meta.shape().num_elements();
    let keeps = step.rule.keeps();
    let fresh =
        |keeps: bool| if keeps { empty(value, [units], DType::F32) } else { empty(value, [1], DType::F32) };
    let (new_value, new_first, new_second) = (fresh(true), fresh(keeps[0]), fresh(keeps[1]));
    let factors = Numbers::of(step);
    let (rule, nesterov) = match step.rule {
        Rule::AdamW { .. } => (ADAMW, false),
        Rule::Sgd { nesterov, .. } => (SGD, nesterov),
        Rule::RmsProp { .. } => (RMSPROP, false),
    };
    // Safety: units beyond the last leave at once, and a moment that is not kept is not touched.
    unsafe {
        update_numbers::launch_unchecked(
            &value.client,
            cubes(units),
            cube(),
            argument(value),
            argument(gradient),
            argument(&first),
            argument(&second),
            argument(&new_value),
            argument(&new_first),
            argument(&new_second),
            factors.launch(),
            units,
            rule,
            keeps[0],
            nesterov,
        );
    }
    (new_value, if keeps[0] { new_first } else { first }, if keeps[1] { new_second } else { second })
}

/// The factors, worked out in 64 bits.
struct Numbers {
    decay: f64,
    keep: [f64; 2],
    new: [f64; 2],
    rate: f64,
    correction: f64,
    eps: f64,
    share: f64,
}

impl Numbers {
    fn of(step: Step) -> Self {
        let plain = Self {
            decay: step.weight_decay,
            keep: [0.0; 2],
            new: [0.0; 2],
            rate: step.rate,
            correction: 1.0,
            eps: 0.0,
            share: step.share,
        };
        match step.rule {
            Rule::AdamW { betas, eps, updates } => {
                let corrected = betas.map(|beta| 1.0 - beta.powi(updates));
                Self {
                    decay: 1.0 - step.rate * step.weight_decay,
                    keep: betas,
                    new: betas.map(|beta| 1.0 - beta),
                    rate: step.rate / corrected[0],
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

    fn launch(&self) -> FactorsLaunch {
        let [first, second] = self.keep.map(|factor| factor as f32);
        let [first_new, second_new] = self.new.map(|factor| factor as f32);
        FactorsLaunch::new(
            self.share as f32,
            self.rate as f32,
            self.decay as f32,
            first,
            second,
            first_new,
            second_new,
            self.correction as f32,
            self.eps as f32,
        )
    }
}

/// The sum of the squares, as one number on the device.
pub fn squares(x: &CubeTensor) -> CubeTensor {
    let output = empty(x, [1], DType::F32);
    // Safety: every index is below the count.
    unsafe {
        sum_squares::launch_unchecked(
            &x.client,
            CubeCount::Static(1, 1, 1),
            cube(),
            argument(x),
            argument(&output),
            x.meta.shape().num_elements(),
        );
    }
    output
}
