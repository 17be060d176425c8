//! Batch normalisation and the activation that follows it, channels last: the statistics of a batch, one
//! multiply-add per channel, and the gradients of both, which recompute what they need from the input.
//! Rows are taken in parts that the shape alone decides; their sums are kept in 64 bits and added in order.

use rayon::prelude::*;

use super::exp::{Act, Identity, Relu6, Silu};
use super::lanes;
use super::norm_rows::{Apply, Correct, Derive, Sums};
use crate::scaling::Activation;

/// `(x - center) * scale + shift` for each channel.
#[derive(Clone, Copy)]
pub struct Affine<'a> {
    pub center: &'a [f32],
    pub scale: &'a [f32],
    pub shift: &'a [f32],
}

/// Two sums for each channel.
type Pair = (Vec<f64>, Vec<f64>);

/// Mean and biased variance of each channel.
pub fn statistics(x: &[f32], channels: usize) -> Pair {
    let rows = (x.len() / channels.max(1)).max(1) as f64;
    // Distances from some value that occurs: squares of numbers far from zero would lose digits.
    let pivot: Vec<f32> = x.iter().copied().chain(std::iter::repeat(0.0)).take(channels).collect();
    let parts = x.par_chunks(part(channels)).map(|x| lanes::run(Sums { x, pivot: &pivot }));
    let (sums, squares) = total(parts.collect(), channels);
    let shifts: Vec<f64> = sums.iter().map(|sum| sum / rows).collect();
    let variance =
        squares.iter().zip(&shifts).map(|(square, shift)| (square / rows - shift * shift).max(0.0));
    let variance = variance.collect();
    let mean = shifts.iter().zip(&pivot).map(|(shift, pivot)| shift + f64::from(*pivot)).collect();
    (mean, variance)
}

/// The affine map, then the activation.
pub fn apply(x: &[f32], affine: Affine, activation: Option<Activation>, output: &mut [f32]) {
    match activation {
        None => apply_with(x, affine, Identity, output),
        Some(Activation::Silu) => apply_with(x, affine, Silu, output),
        Some(Activation::Relu6) => apply_with(x, affine, Relu6, output),
    }
}

/// Turns the output's gradient into that of the activation's input, or with `scaled` into that of the
/// affine map's. Gives the sums of the former, and of the former times the distance from the center.
pub fn derive(
    x: &[f32],
    affine: Affine,
    activation: Option<Activation>,
    scaled: bool,
    gradient: &mut [f32],
) -> Pair {
    match (activation, scaled) {
        (None, false) => derive_with::<_, false>(x, affine, Identity, gradient),
        (None, true) => derive_with::<_, true>(x, affine, Identity, gradient),
        (Some(Activation::Silu), false) => derive_with::<_, false>(x, affine, Silu, gradient),
        (Some(Activation::Silu), true) => derive_with::<_, true>(x, affine, Silu, gradient),
        (Some(Activation::Relu6), false) => derive_with::<_, false>(x, affine, Relu6, gradient),
        (Some(Activation::Relu6), true) => derive_with::<_, true>(x, affine, Relu6, gradient),
    }
}

/// `gradient * scale + (x - center) * slope + offset`, in place: what the batch's statistics add.
pub fn correct(x: &[f32], affine: Affine, slope: &[f32], gradient: &mut [f32]) {
    let part = part(affine.scale.len());
    assert_eq!(x.len(), gradient.len());
    gradient.par_chunks_mut(part).zip(x.par_chunks(part)).for_each(|(gradient, x)| {
        lanes::run(Correct { x, affine, slope, gradient });
    });
}

fn apply_with<A: Act>(x: &[f32], affine: Affine, act: A, output: &mut [f32]) {
    let part = part(affine.scale.len());
    assert_eq!(x.len(), output.len());
    if x.len() <= part {
        return lanes::run(Apply { x, affine, act, output });
    }
    output.par_chunks_mut(part).zip(x.par_chunks(part)).for_each(|(output, x)| {
        lanes::run(Apply { x, affine, act, output });
    });
}

fn derive_with<A: Act, const SCALED: bool>(x: &[f32], affine: Affine, act: A, gradient: &mut [f32]) -> Pair {
    let channels = affine.scale.len();
    let part = part(channels);
    assert_eq!(x.len(), gradient.len());
    let parts = gradient
        .par_chunks_mut(part)
        .zip(x.par_chunks(part))
        .map(|(gradient, x)| lanes::run(Derive::<A, SCALED> { x, affine, act, gradient }));
    total(parts.collect(), channels)
}

/// Numbers in a part: whole rows, few enough for the second cache.
fn part(channels: usize) -> usize {
    (32_768 / channels.max(1)).clamp(8, 2048) * channels.max(1)
}

fn total(parts: Vec<Pair>, channels: usize) -> Pair {
    let mut total = (vec![0.0; channels], vec![0.0; channels]);
    for part in parts {
        total.0.iter_mut().zip(part.0).for_each(|(total, value)| *total += value);
        total.1.iter_mut().zip(part.1).for_each(|(total, value)| *total += value);
    }
    total
}
