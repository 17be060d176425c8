//! Batch normalisation and the activation that follows it, channels last: the statistics of a batch, one
//! multiply-add per channel, and the gradients of both, which recompute what they need from the input.
//! Rows are taken in parts that the shape alone decides; their sums are kept in 64 bits and added in order.

use rayon::prelude::*;

use super::exp::{Identity, Relu6, Silu};
use super::lanes;
use super::layer::Visit;
pub use super::norm_rows::Rows;
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
pub type Pair = (Vec<f64>, Vec<f64>);

/// Mean and biased variance of each channel.
pub fn statistics(x: &[f32], channels: usize) -> Pair {
    let parts: Vec<Share> = x.par_chunks(part(channels)).map(|x| Share::of(x, channels)).collect();
    Share::total(parts, channels)
}

/// What some rows say of the channels.
pub struct Share {
    rows: f64,
    mean: Vec<f64>,
    /// Squared distances from the mean, added up.
    spread: Vec<f64>,
}

impl Share {
    pub fn of(x: &[f32], channels: usize) -> Self {
        // Distances from a value that occurs: squares of numbers far from zero would lose digits.
        let pivot = &x[..channels];
        let rows = (x.len() / channels.max(1)) as f64;
        let (sums, squares) = lanes::run(Sums { x, pivot });
        let spread = squares.iter().zip(&sums).map(|(square, sum)| (square - sum * sum / rows).max(0.0));
        let spread = spread.collect();
        let mean = sums.iter().zip(pivot).map(|(sum, pivot)| sum / rows + f64::from(*pivot)).collect();
        Self { rows, mean, spread }
    }

    /// Mean and biased variance of all rows. The shares are added in the order they come in.
    pub fn total(shares: Vec<Self>, channels: usize) -> Pair {
        let (mut rows, mut mean, mut spread) = (0.0, vec![0.0; channels], vec![0.0; channels]);
        for share in shares {
            let all = rows + share.rows;
            let totals = mean.iter_mut().zip(&mut spread);
            for ((mean, spread), (other, others)) in totals.zip(share.mean.iter().zip(&share.spread)) {
                let distance = other - *mean;
                *mean += distance * share.rows / all;
                *spread += others + distance * distance * rows * share.rows / all;
            }
            rows = all;
        }
        spread.iter_mut().for_each(|spread| *spread /= f64::max(rows, 1.0));
        (mean, spread)
    }
}

/// The affine map, then the activation.
pub fn apply(x: &[f32], affine: Affine, activation: Option<Activation>, output: &mut [f32]) {
    let part = part(affine.scale.len());
    assert_eq!(x.len(), output.len());
    if x.len() <= part {
        return apply_here(x, affine, activation, output);
    }
    output.par_chunks_mut(part).zip(x.par_chunks(part)).for_each(|(output, x)| {
        apply_here(x, affine, activation, output);
    });
}

/// As `apply`, on this thread alone.
pub fn apply_here(x: &[f32], affine: Affine, activation: Option<Activation>, output: &mut [f32]) {
    match activation {
        None => lanes::run(Apply { x, affine, act: Identity, output }),
        Some(Activation::Silu) => lanes::run(Apply { x, affine, act: Silu, output }),
        Some(Activation::Relu6) => lanes::run(Apply { x, affine, act: Relu6, output }),
    }
}

/// Turns the output's gradient into that of the activation's input. Gives its sums, and those of it times the distance
/// from the center.
pub fn derive(x: &[f32], affine: Affine, activation: Option<Activation>, gradient: &mut [f32]) -> Pair {
    let channels = affine.scale.len();
    let part = part(channels);
    assert_eq!(x.len(), gradient.len());
    let parts = gradient
        .par_chunks_mut(part)
        .zip(x.par_chunks(part))
        .map(|(gradient, x)| derive_here::<false>(x, affine, activation, Rows::here(gradient)));
    total(parts.collect::<Vec<_>>(), channels)
}

/// As `derive`, on this thread alone; with `SCALED` the gradient becomes that of the affine map's input.
pub fn derive_here<const SCALED: bool>(
    x: &[f32],
    affine: Affine,
    activation: Option<Activation>,
    gradient: Rows,
) -> Pair {
    match activation {
        None => lanes::run(Derive::<_, SCALED> { x, affine, act: Identity, gradient }),
        Some(Activation::Silu) => lanes::run(Derive::<_, SCALED> { x, affine, act: Silu, gradient }),
        Some(Activation::Relu6) => lanes::run(Derive::<_, SCALED> { x, affine, act: Relu6, gradient }),
    }
}

/// `gradient * scale + (x - center) * slope + offset` on this thread: what the batch's statistics add. The offset is the
/// affine map's shift.
pub fn correct_here(x: &[f32], affine: Affine, slope: &[f32], gradient: Rows) {
    lanes::run(Correct { x, affine, slope, gradient });
}

/// Calls with the parts of some rows, at once.
pub fn in_parts(rows: &mut [f32], channels: usize, visit: Visit) {
    let part = part(channels);
    rows.par_chunks_mut(part.max(1)).enumerate().for_each(|(i, rows)| visit(i * part, rows));
}

/// Numbers in a part: whole rows, few enough for the second cache.
fn part(channels: usize) -> usize {
    (32_768 / channels.max(1)).clamp(8, 2048) * channels.max(1)
}

/// The shares' sums, added in the order they come in.
pub fn total(parts: impl IntoIterator<Item = Pair>, channels: usize) -> Pair {
    let mut total = (vec![0.0; channels], vec![0.0; channels]);
    for part in parts {
        total.0.iter_mut().zip(part.0).for_each(|(total, value)| *total += value);
        total.1.iter_mut().zip(part.1).for_each(|(total, value)| *total += value);
    }
    total
}
