//! Convolutions as products of matrices: 1x1 over rows of channels, any other window over rows of what lies under it.
// Kernels are launched without checks of their indices; each compares them itself.
#![allow(unsafe_code)]

use burn::backend::{Cube, ops::FloatTensorOps};
use burn::tensor::DType;
use burn_cubecl::kernel::cast;
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::candidates::{self, UNROUNDED};
use super::columns::{Deal, add_up};
use super::launch::{argument, cube, cubes, dims, elements, empty, shaped};
use super::place::Place;
use crate::kernels::products::{float, kernel_for};
use crate::kernels::{PLAIN, Product, Window};

/// Rows that one product should sum over before there are more products side by side.
const DEEP: usize = 4096;

/// What lies under a window is padded to a multiple of this: the kernels for products want even rows.
const EVEN: usize = 8;

/// Rows of what lies under each window: channel after channel, then down, then across, as PyTorch lays weights out.
#[cube(launch_unchecked)]
fn gather_patches<F: Float>(
    x: &[F],
    output: &mut [F],
    place: Place,
    channels: usize,
    stride: usize,
    length: usize,
    units: usize,
    #[comptime] kernel: usize,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let at = ABSOLUTE_POS % length;
    let position = ABSOLUTE_POS / length;
    let (column, line) = (position % place.columns, position / place.columns);
    let (row, sample) = (line % place.rows, line / place.rows);
    let channel = at / (kernel * kernel);
    let (ky, kx) = (at / kernel % kernel, at % kernel);
    // Where there is no such row or column the difference wraps round and is too large.
    let (y, x_at) = (row * stride + ky - place.up, column * stride + kx - place.left);
    let mut value = F::new(0.0f32);
    if channel < channels && y < place.height && x_at < place.width {
        value = x[((sample * place.height + y) * place.width + x_at) * channels + channel];
    }
    output[ABSOLUTE_POS] = value;
}

/// The way back: what each number of a picture has in all windows that it lies under.
#[cube(launch_unchecked)]
fn spread_patches<F: Float>(
    patches: &[F],
    output: &mut [F],
    place: Place,
    channels: usize,
    stride: usize,
    length: usize,
    units: usize,
    #[comptime] kernel: usize,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let channel = ABSOLUTE_POS % channels;
    let position = ABSOLUTE_POS / channels;
    let (x, line) = (position % place.width, position / place.width);
    let (y, sample) = (line % place.height, line / place.height);
    let mut sum = 0.0f32;
    for ky in 0..kernel {
        let from = y + place.up - ky;
        let row = from / stride;
        if row * stride == from && row < place.rows {
            for kx in 0..kernel {
                let from = x + place.left - kx;
                let column = from / stride;
                if column * stride == from && column < place.columns {
                    let window = (sample * place.rows + row) * place.columns + column;
                    let at = (channel * kernel + ky) * kernel + kx;
                    sum += f32::cast_from(patches[window * length + at]);
                }
            }
        }
    }
    output[ABSOLUTE_POS] = F::cast_from(sum);
}

/// Rows cut to a length, or filled up with zeros.
#[cube(launch_unchecked)]
fn recut(x: &[f32], output: &mut [f32], length: usize, new: usize, units: usize) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let at = ABSOLUTE_POS % new;
    let mut value = 0.0f32;
    if at < length {
        value = x[ABSOLUTE_POS / new * length + at];
    }
    output[ABSOLUTE_POS] = value;
}

/// `x` by the transpose of `weight`, which is `[outputs, inputs]` in 32 bits.
pub fn by_outputs(x: &CubeTensor, weight: &CubeTensor) -> CubeTensor {
    let [rows, _] = dims(x);
    let [outputs, _] = dims(weight);
    let weight = Cube::float_swap_dims(like(weight, x), 0, 1);
    multiplied(x.clone(), weight, [false, true], x.dtype, [rows, outputs])
}

/// `x` by `weight`, `[outputs, inputs]` in 32 bits: the way back.
pub fn by_inputs(x: &CubeTensor, weight: &CubeTensor) -> CubeTensor {
    let [rows, _] = dims(x);
    let [_, inputs] = dims(weight);
    multiplied(x.clone(), like(weight, x), [false; 2], x.dtype, [rows, inputs])
}

/// The weight's gradient, `[outputs, inputs]` in 32 bits, from rows of gradients and inputs. One product would sum over
/// millions of rows while most of a GPU waits: many sum over parts of them, and then their sum is taken.
pub fn weight_gradient(gradient: &CubeTensor, x: &CubeTensor, samples: usize) -> CubeTensor {
    let [rows, outputs] = dims(gradient);
    let [_, inputs] = dims(x);
    let parts = parts(rows, samples);
    let each = rows / parts;
    let gradient = Cube::float_swap_dims(shaped(gradient.clone(), [parts, each, outputs]), 1, 2);
    let x = shaped(x.clone(), [parts, each, inputs]);
    let found = multiplied(gradient, x, [true, false], DType::F32, [parts, outputs * inputs]);
    if parts == 1 {
        return shaped(found, [outputs, inputs]);
    }
    shaped(add_up(&found, Deal::new(1, parts, outputs * inputs)), [outputs, inputs])
}

/// As many parts as there are rows for, a divisor of the samples.
fn parts(rows: usize, samples: usize) -> usize {
    let most = (rows / DEEP).clamp(1, samples.max(1));
    (1..=most).rev().find(|parts| samples.is_multiple_of(*parts)).unwrap_or(1)
}

/// A product, in the order of its numbers, by the kernel that was found for it on this device or else by Burn's own choice.
/// `turned` tells which of both lie with their columns as rows.
fn multiplied<const D: usize>(
    left: CubeTensor,
    right: CubeTensor,
    turned: [bool; 2],
    dtype: DType,
    shape: [usize; D],
) -> CubeTensor {
    let kernel = described(&left, &right, turned, dtype).and_then(kernel_for);
    let kernel =
        kernel.and_then(|name| candidates::named(&name)).filter(|kernel| !kernel.rounds(&left, left.dtype));
    let found = kernel.and_then(|kernel| kernel.multiply(&left, &right, dtype).ok());
    shaped(found.unwrap_or_else(|| untuned(left, right, dtype)), shape)
}

/// By Burn's own choice, but for factors of 32 bits that it would round. Where no kernel of it multiplies halves into 32 bits,
/// all of it is in 32 bits.
pub fn untuned(left: CubeTensor, right: CubeTensor, dtype: DType) -> CubeTensor {
    let by = |name| candidates::named(name)?.multiply(&left, &right, dtype).ok();
    let found = if candidates::rounds(&left, left.dtype) {
        by(UNROUNDED)
    } else {
        // Burn's own outputs may have gaps between their rows, which would be another pass to close.
        let output = empty(&left, product_shape(&left, &right), dtype);
        matmul(left.clone(), right.clone(), Some(output), MatmulStrategy::default(), dtype).ok()
    };
    match found {
        Some(found) => found,
        None if left.dtype != dtype => untuned(cast(left, dtype), cast(right, dtype), dtype),
        None => by(PLAIN).unwrap_or_else(|| Cube::float_matmul(left, right)),
    }
}

/// The shape of a product.
pub fn product_shape(left: &CubeTensor, right: &CubeTensor) -> Vec<usize> {
    let mut shape = left.meta.shape().to_vec();
    if let (Some(columns), Some(last)) = (right.meta.shape().last(), shape.last_mut()) {
        *last = *columns;
    }
    shape
}

fn described(left: &CubeTensor, right: &CubeTensor, turned: [bool; 2], into: DType) -> Option<Product> {
    let [left_shape, right_shape] = [left, right].map(|x| x.meta.shape().to_vec());
    let (&[ref many @ .., rows, depth], &[.., columns]) = (left_shape.as_slice(), right_shape.as_slice())
    else {
        return None;
    };
    let (from, into) = (float(left.dtype)?, float(into)?);
    Some(Product { count: many.iter().product(), rows, columns, depth, turned, from, into })
}

/// A weight in the type of the pictures.
fn like(weight: &CubeTensor, x: &CubeTensor) -> CubeTensor {
    if weight.dtype == x.dtype { weight.clone() } else { cast(weight.clone(), x.dtype) }
}

/// What lies under a convolution's windows, a row for each output.
pub fn patches(x: &CubeTensor, window: Window) -> CubeTensor {
    let [samples, height, width, channels] = dims(x);
    let place = Place::of(window, [height, width]);
    let length = evened(channels * window.kernel * window.kernel);
    let windows = samples * place.rows * place.columns;
    let output = empty(x, [windows, length], x.dtype);
    let units = windows * length;
    // Safety: units beyond the last leave at once, and rows, columns and channels are compared with the picture's.
    unsafe {
        gather_patches::launch_unchecked(
            &x.client,
            cubes(units),
            cube(),
            argument(x),
            argument(&output),
            place.launch(),
            channels,
            window.stride,
            length,
            units,
            window.kernel,
            elements(x),
        );
    }
    output
}

/// Pictures of a size from the gradients of what lay under a convolution's windows.
pub fn from_patches(patches: &CubeTensor, shape: [usize; 4], window: Window) -> CubeTensor {
    let [_, height, width, channels] = shape;
    let place = Place::of(window, [height, width]);
    let [_, length] = dims(patches);
    let output = empty(patches, shape, patches.dtype);
    let units = shape.iter().product();
    // Safety: as above.
    unsafe {
        spread_patches::launch_unchecked(
            &patches.client,
            cubes(units),
            cube(),
            argument(patches),
            argument(&output),
            place.launch(),
            channels,
            window.stride,
            length,
            units,
            window.kernel,
            elements(patches),
        );
    }
    output
}

/// The length of a row that holds so many numbers.
pub fn evened(length: usize) -> usize {
    length.next_multiple_of(EVEN)
}

/// A matrix in 32 bits whose rows are cut, or filled up with zeros.
pub fn with_rows_of(x: CubeTensor, new: usize) -> CubeTensor {
    let [rows, length] = dims(&x);
    if length == new {
        return x;
    }
    let output = empty(&x, [rows, new], DType::F32);
    // Safety: units beyond the last leave at once, and columns are compared with the length.
    unsafe {
        recut::launch_unchecked(
            &x.client,
            cubes(rows * new),
            cube(),
            argument(&x),
            argument(&output),
            length,
            new,
            rows * new,
        );
    }
    output
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use crate::kernels::dense;
    use crate::kernels::gpu::tests::device;

    /// Factors that were rounded to 10 bits of mantissa would be off by more than ten times as much.
    #[test]
    fn products_in_32_bits_keep_them() {
        let Some(device) = device() else { return };
        let thirds = |rows: usize, columns: usize, by: f32| {
            let values: Vec<f32> = (0..rows * columns).map(|at| 1.0 / (3.0 + by * at as f32)).collect();
            (values.clone(), Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), &device))
        };
        for (rows, depth, outputs) in [(64, 64, 64), (7, 40, 5), (1, 320, 102)] {
            let ((left, x), (right, weight)) = (thirds(rows, depth, 0.01), thirds(outputs, depth, 0.02));
            let got: Vec<f32> =
                dense(x, weight, Tensor::zeros([outputs], &device)).into_data().try_into_vec().unwrap();
            for (at, got) in got.iter().enumerate() {
                let (row, output) = (at / outputs, at % outputs);
                let pairs = left[row * depth..][..depth].iter().zip(&right[output * depth..][..depth]);
                let expected: f64 = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                let error = (f64::from(*got) - expected).abs() / expected;
                assert!(
                    error < 1e-6,
                    "{rows}x{depth} by {depth}x{outputs}, {at}: {got}, not {expected} ({error:e})"
                );
            }
            gradients_keep_them(&device, (&left, &right), [rows, depth, outputs]);
        }
    }

    /// Of the sum of all outputs: each is a sum of the other factor's columns.
    fn gradients_keep_them(
        device: &Device,
        (left, right): (&[f32], &[f32]),
        [rows, depth, outputs]: [usize; 3],
    ) {
        let tracked = |values: &[f32], rows: usize| {
            let data = TensorData::new(values.to_vec(), [rows, depth]);
            Tensor::<2>::from_data(data, device).autodiff().require_grad()
        };
        let (x, weight) = (tracked(left, rows), tracked(right, outputs));
        let bias = Tensor::zeros([outputs], device).autodiff();
        let mut gradients = dense(x.clone(), weight.clone(), bias).sum().backward();
        for (of, from) in [(x, right), (weight, left)] {
            let found = of.grad_remove(&mut gradients).unwrap();
            let found: Vec<f32> = found.into_data().try_into_vec().unwrap();
            for (at, found) in found.iter().enumerate() {
                let expected: f64 = from.iter().skip(at % depth).step_by(depth).map(|x| f64::from(*x)).sum();
                let error = (f64::from(*found) - expected).abs() / expected;
                assert!(error < 1e-6, "gradient {at}: {found}, not {expected} ({error:e})");
            }
        }
    }
}
