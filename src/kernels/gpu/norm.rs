//! Batch normalisation, and one multiply-add per channel, each with the activation behind it. Pictures are rows of
//! channels; every number per channel is in 32 bits.
// Kernels are launched without checks of their indices; each compares them itself.
#![allow(unsafe_code)]

use burn::backend::Cube;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::activation::{Code, activated, slope};
use super::columns::{Deal, add_distances, add_gradients};
use super::launch::{argument, cube, cubes, elements, empty, first_row, lanes, shaped};

/// `activation((x - center) * scale + shift)`, what it is made of channel by channel, and its deviation's inverse.
#[derive(Debug, Clone)]
pub struct Affine {
    pub center: CubeTensor,
    pub scale: CubeTensor,
    pub shift: CubeTensor,
    /// 1 / deviation where the statistics are the batch's own; their gradients go to `x` too.
    pub inverse: Option<CubeTensor>,
}

/// Mean and variance from sums of distances; the factors made of them.
#[cube(launch_unchecked)]
fn finish(
    x: &[f32],
    sums: &[f32],
    squares: &[f32],
    weight: &[f32],
    mean: &mut [f32],
    variance: &mut [f32],
    scale: &mut [f32],
    inverse: &mut [f32],
    rows: f32,
    eps: f32,
    channels: usize,
) {
    let channel = ABSOLUTE_POS;
    if channel >= channels {
        terminate!();
    }
    let distance = sums[channel] / rows;
    let found = f32::max(squares[channel] / rows - distance * distance, 0.0f32);
    mean[channel] = x[channel] + distance;
    variance[channel] = found;
    let deviation = 1.0f32 / (found + eps).sqrt();
    inverse[channel] = deviation;
    scale[channel] = weight[channel] * deviation;
}

#[cube(launch_unchecked)]
fn apply<F: Float, N: Size>(
    x: &[Vector<F, N>],
    center: &[Vector<f32, N>],
    scale: &[Vector<f32, N>],
    shift: &[Vector<f32, N>],
    output: &mut [Vector<F, N>],
    channels: usize,
    units: usize,
    #[comptime] code: u32,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let channel = ABSOLUTE_POS % channels;
    let distance = Vector::<f32, N>::cast_from(x[ABSOLUTE_POS]) - center[channel];
    let value = distance * scale[channel] + shift[channel];
    output[ABSOLUTE_POS] = Vector::cast_from(activated::<N>(value, code));
}

/// The gradient of `x`: directly, and, where there are `means`, through mean and variance.
#[cube(launch_unchecked)]
fn back<F: Float, N: Size>(
    x: &[Vector<F, N>],
    gradient: &[Vector<F, N>],
    center: &[Vector<f32, N>],
    scale: &[Vector<f32, N>],
    shift: &[Vector<f32, N>],
    sums: &[Vector<f32, N>],
    products: &[Vector<f32, N>],
    inverse: &[Vector<f32, N>],
    output: &mut [Vector<F, N>],
    rows: f32,
    channels: usize,
    units: usize,
    #[comptime] code: u32,
    #[comptime] own: bool,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let channel = ABSOLUTE_POS % channels;
    let distance = Vector::<f32, N>::cast_from(x[ABSOLUTE_POS]) - center[channel];
    let scale = scale[channel];
    let mut before = Vector::<f32, N>::cast_from(gradient[ABSOLUTE_POS])
        * slope::<N>(distance * scale + shift[channel], code);
    if comptime!(own) {
        let inverse = inverse[channel];
        let share = Vector::<f32, N>::new(1.0f32 / rows);
        before -= (sums[channel] + distance * inverse * inverse * products[channel]) * share;
    }
    output[ABSOLUTE_POS] = Vector::cast_from(before * scale);
}

/// Normalises by the batch's own statistics: the output, the factors, mean and biased variance.
pub fn normalise(
    x: &CubeTensor,
    [weight, bias]: [&CubeTensor; 2],
    eps: f64,
    code: Code,
) -> (CubeTensor, Affine, CubeTensor) {
    let (rows, channels) = rows_of(x);
    let [sums, squares] = add_distances(x, Deal::new(1, rows, channels));
    let pivot = first_row(x, channels);
    let [mean, variance, scale, inverse] = [(); 4].map(|()| empty(x, [channels], DType::F32));
    // Safety: units beyond the last channel leave at once.
    unsafe {
        finish::launch_unchecked(
            &x.client,
            cubes(channels),
            cube(),
            argument(&pivot),
            argument(&sums),
            argument(&squares),
            argument(weight),
            argument(&mean),
            argument(&variance),
            argument(&scale),
            argument(&inverse),
            rows as f32,
            eps as f32,
            channels,
        );
    }
    let affine = Affine { center: mean, scale, shift: bias.clone(), inverse: Some(inverse) };
    (affine.apply(x, code), affine, variance)
}

impl Affine {
    /// One multiply-add per channel.
    pub fn new(scale: CubeTensor, shift: CubeTensor) -> Self {
        let center = Cube::float_zeros(shift.meta.shape().clone(), &shift.device, DType::F32.into());
        Self { center, scale, shift, inverse: None }
    }

    pub fn apply(&self, x: &CubeTensor, code: Code) -> CubeTensor {
        let (rows, channels) = rows_of(x);
        let lanes = lanes(channels);
        let (vectors, units) = (channels / lanes, rows * channels / lanes);
        let output = empty(x, x.meta.shape().clone(), x.dtype);
        // Safety: units beyond the last leave at once.
        unsafe {
            apply::launch_unchecked(
                &x.client,
                cubes(units),
                cube(),
                lanes,
                argument(x),
                argument(&self.center),
                argument(&self.scale),
                argument(&self.shift),
                argument(&output),
                vectors,
                units,
                code,
                elements(x),
            );
        }
        output
    }

    /// The gradients of `x`, of the factor before any division by the deviation, and of the term.
    pub fn gradients(&self, x: &CubeTensor, gradient: &CubeTensor, code: Code) -> [CubeTensor; 3] {
        let (rows, channels) = rows_of(x);
        let parts = [&self.center, &self.scale, &self.shift];
        let [sums, products] = add_gradients([x, gradient], parts, code, Deal::new(1, rows, channels));
        let lanes = lanes(channels);
        let (vectors, units) = (channels / lanes, rows * channels / lanes);
        let output = empty(x, x.meta.shape().clone(), x.dtype);
        // Safety: as above.
        unsafe {
            back::launch_unchecked(
                &x.client,
                cubes(units),
                cube(),
                lanes,
                argument(x),
                argument(gradient),
                argument(&self.center),
                argument(&self.scale),
                argument(&self.shift),
                argument(&sums),
                argument(&products),
                argument(self.inverse.as_ref().unwrap_or(&self.scale)),
                argument(&output),
                rows as f32,
                vectors,
                units,
                code,
                self.inverse.is_some(),
                elements(x),
            );
        }
        [output, shaped(products, [channels]), shaped(sums, [channels])]
    }
}

/// Rows, and channels in each.
fn rows_of(x: &CubeTensor) -> (usize, usize) {
    let shape = x.meta.shape();
    let channels = shape.last().copied().unwrap_or(1);
    (shape.num_elements() / channels.max(1), channels)
}
