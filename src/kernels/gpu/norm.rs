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
use super::columns::{Deal, Pairs, Span, add_distances, add_gradients, channel_of, is_told, totals};
use super::launch::{argument, cube, cubes, elements, empty, lanes, several};

/// `activation((x - center) * scale + shift)`, what it is made of channel by channel, and its deviation's inverse.
#[derive(Debug, Clone)]
pub struct Affine {
    pub center: CubeTensor,
    pub scale: CubeTensor,
    pub shift: CubeTensor,
    /// 1 / deviation where the statistics are the batch's own; their gradients go to `x` too.
    pub inverse: Option<CubeTensor>,
}

/// Mean and variance from the sums of the distances from the first row; the factors made of them.
#[cube(launch_unchecked)]
fn finish<F: Float, N: Size>(
    x: &[Vector<F, N>],
    parts: &[Vector<f32, N>],
    weight: &[Vector<f32, N>],
    mean: &mut [Vector<f32, N>],
    variance: &mut [Vector<f32, N>],
    scale: &mut [Vector<f32, N>],
    inverse: &mut [Vector<f32, N>],
    rows: f32,
    eps: f32,
    span: Span,
    #[define(F)] _dtype: ElemType,
) {
    let (sum, squares) = totals::<N>(parts, &span);
    if is_told(&span) {
        let channel = channel_of(&span);
        let rows = Vector::<f32, N>::new(rows);
        let distance = sum / rows;
        let found = (squares / rows - distance * distance).max(Vector::new(0.0f32));
        mean[channel] = Vector::cast_from(x[channel]) + distance;
        variance[channel] = found;
        let deviation = Vector::new(1.0f32) / (found + Vector::new(eps)).sqrt();
        inverse[channel] = deviation;
        scale[channel] = weight[channel] * deviation;
    }
}

/// Adds both sums up. The weight's gradient is the sum of the products divided by the deviation.
#[cube(launch_unchecked)]
fn finish_back<N: Size>(
    parts: &[Vector<f32, N>],
    inverse: &[Vector<f32, N>],
    sums: &mut [Vector<f32, N>],
    products: &mut [Vector<f32, N>],
    weight: &mut [Vector<f32, N>],
    span: Span,
    #[comptime] own: bool,
) {
    let (sum, product) = totals::<N>(parts, &span);
    if is_told(&span) {
        let channel = channel_of(&span);
        sums[channel] = sum;
        products[channel] = product;
        if comptime!(own) {
            weight[channel] = product * inverse[channel];
        }
    }
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
    let Pairs { parts, deal } = add_distances(x, Deal::new(1, rows, channels));
    let [mean, variance, scale, inverse] = several(x, [(); 4].map(|()| [channels].into()));
    // Safety: units without a channel add up no chunks and write nothing.
    unsafe {
        finish::launch_unchecked(
            &x.client,
            deal.cubes(),
            cube(),
            deal.lanes,
            argument(x),
            argument(&parts),
            argument(weight),
            argument(&mean),
            argument(&variance),
            argument(&scale),
            argument(&inverse),
            rows as f32,
            eps as f32,
            deal.span(),
            elements(x),
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

    /// The gradients of `x`, of the factor (where the statistics are the batch's own, of the weight), and of the term.
    pub fn gradients(&self, x: &CubeTensor, gradient: &CubeTensor, code: Code) -> [CubeTensor; 3] {
        let (rows, channels) = rows_of(x);
        let parts = [&self.center, &self.scale, &self.shift];
        let Pairs { parts, deal } = add_gradients([x, gradient], parts, code, Deal::new(1, rows, channels));
        let own = self.inverse.is_some();
        let [sums, products, weight] = several(x, [(); 3].map(|()| [channels].into()));
        // Safety: as above.
        unsafe {
            finish_back::launch_unchecked(
                &x.client,
                deal.cubes(),
                cube(),
                deal.lanes,
                argument(&parts),
                argument(self.inverse.as_ref().unwrap_or(&self.scale)),
                argument(&sums),
                argument(&products),
                argument(&weight),
                deal.span(),
                own,
            );
        }
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
                own,
                elements(x),
            );
        }
        [output, if own { weight } else { products }, sums]
    }
}

/// Rows, and channels in each.
fn rows_of(x: &CubeTensor) -> (usize, usize) {
    let shape = x.meta.shape();
    let channels = shape.last().copied().unwrap_or(1);
    (shape.num_elements() / channels.max(1), channels)
}
