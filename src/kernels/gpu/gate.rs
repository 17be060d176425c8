//! What squeeze-excite does with whole pictures: their means, their products with a gate for each channel, and back.
// Kernels are launched without checks of their indices; each compares them itself.
#![allow(unsafe_code)]

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::columns::{Deal, add_products, add_up};
use super::launch::{argument, cube, cubes, dims, elements, empty, lanes};

/// `x * gate + term`, the latter two for each channel of each sample; without `x`, the term alone.
#[cube(launch_unchecked)]
fn weigh<F: Float, N: Size>(
    x: &[Vector<F, N>],
    gate: &[Vector<f32, N>],
    term: &[Vector<f32, N>],
    output: &mut [Vector<F, N>],
    positions: usize,
    channels: usize,
    units: usize,
    share: f32,
    #[comptime] weighs: bool,
    #[comptime] adds: bool,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let row = ABSOLUTE_POS / channels;
    let at = row / positions * channels + ABSOLUTE_POS % channels;
    let mut value = Vector::<f32, N>::new(0.0f32);
    if comptime!(weighs) {
        value += Vector::<f32, N>::cast_from(x[ABSOLUTE_POS]) * gate[at];
    }
    if comptime!(adds) {
        value += term[at] * Vector::new(share);
    }
    output[ABSOLUTE_POS] = Vector::cast_from(value);
}

/// `x * factor + input`, a factor for each sample; or the product alone.
#[cube(launch_unchecked)]
fn add_branch<F: Float, N: Size>(
    x: &[Vector<F, N>],
    input: &[Vector<F, N>],
    factors: &[f32],
    output: &mut [Vector<F, N>],
    each: usize,
    units: usize,
    #[comptime] adds: bool,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let factor = Vector::<f32, N>::new(factors[ABSOLUTE_POS / each]);
    let mut value = Vector::<f32, N>::cast_from(x[ABSOLUTE_POS]) * factor;
    if comptime!(adds) {
        value += Vector::<f32, N>::cast_from(input[ABSOLUTE_POS]);
    }
    output[ABSOLUTE_POS] = Vector::cast_from(value);
}

/// Sums over the positions: `[n, h, w, c]` to `[n, c]` in 32 bits.
pub fn position_sums(x: &CubeTensor) -> CubeTensor {
    let [samples, height, width, channels] = dims(x);
    add_up(x, Deal::new(samples, height * width, channels))
}

/// Sums over the positions of the products of two pictures.
pub fn product_sums(x: &CubeTensor, y: &CubeTensor) -> CubeTensor {
    let [samples, height, width, channels] = dims(x);
    add_products(x, y, Deal::new(samples, height * width, channels))
}

/// `x * gate`, and `term * share` on top of it where there is one.
pub fn gated(x: &CubeTensor, gate: &CubeTensor, term: Option<(&CubeTensor, f32)>) -> CubeTensor {
    let output = empty(x, x.meta.shape().clone(), x.dtype);
    let (added, share) = term.unwrap_or((gate, 0.0));
    weighed([x, gate, added, &output], share, [true, term.is_some()]);
    output
}

/// `term * share` at every position of pictures of a size and type.
pub fn spread(term: &CubeTensor, shape: [usize; 4], share: f32, dtype: DType) -> CubeTensor {
    let output = empty(term, shape, dtype);
    weighed([term, term, term, &output], share, [false, true]);
    output
}

fn weighed([x, gate, term, output]: [&CubeTensor; 4], share: f32, [weighs, adds]: [bool; 2]) {
    let [samples, height, width, channels] = dims(output);
    let lanes = lanes(channels);
    let (vectors, units) = (channels / lanes, samples * height * width * channels / lanes);
    // Safety: units beyond the last leave at once, and there is a sample for each.
    unsafe {
        weigh::launch_unchecked(
            &output.client,
            cubes(units),
            cube(),
            lanes,
            argument(x),
            argument(gate),
            argument(term),
            argument(output),
            height * width,
            vectors,
            units,
            share,
            weighs,
            adds,
            elements(output),
        );
    }
}

/// A branch weighed sample by sample, and its input on top of it where there is one.
pub fn joined(x: &CubeTensor, input: Option<&CubeTensor>, factors: &CubeTensor) -> CubeTensor {
    let [samples, height, width, channels] = dims(x);
    let lanes = lanes(channels);
    let each = height * width * channels / lanes;
    let output = empty(x, x.meta.shape().clone(), x.dtype);
    // Safety: as above.
    unsafe {
        add_branch::launch_unchecked(
            &x.client,
            cubes(samples * each),
            cube(),
            lanes,
            argument(x),
            argument(input.unwrap_or(x)),
            argument(factors),
            argument(&output),
            each,
            samples * each,
            input.is_some(),
            elements(x),
        );
    }
    output
}
