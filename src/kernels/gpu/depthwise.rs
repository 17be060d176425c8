//! Depthwise convolutions over pictures `[samples, height, width, channels]`: a unit computes a few neighbours of
//! one line for a few channels. Sums are in 32 bits whatever the pictures are.
// Kernels are launched without checks of their indices; each compares them itself.
#![allow(unsafe_code)]

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::columns::{Deal, Span, add_up, channel_of, gather, rows_of};
use super::launch::{UNITS, argument, cube, cubes, dims, elements, empty, lanes, shaped};
use super::place::Place;
use crate::kernels::Window;

/// Neighbours in a line that a unit computes.
const STRIP: usize = 4;

/// Each output is the sum of the inputs under its window; `weight` is `[kernel, kernel, channels]`.
#[cube(launch_unchecked)]
fn forward<F: Float, N: Size>(
    x: &[Vector<F, N>],
    weight: &[Vector<f32, N>],
    output: &mut [Vector<F, N>],
    place: Place,
    channels: usize,
    strips: usize,
    units: usize,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[comptime] strip: usize,
    #[comptime] flipped: bool,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let channel = ABSOLUTE_POS % channels;
    let rest = ABSOLUTE_POS / channels;
    let first = (rest % strips) * strip;
    let line = rest / strips;
    let row = line % place.rows;
    let sample = line / place.rows;
    let mut sums = Array::<Vector<f32, N>>::new(strip);
    #[unroll]
    for i in 0..strip {
        sums[i] = Vector::new(0.0f32);
    }
    #[unroll]
    for ky in 0..kernel {
        // Where there is no such row or column the difference wraps round and is too large.
        let y = row * stride + ky - place.up;
        if y < place.height {
            let start = (sample * place.height + y) * place.width;
            #[unroll]
            for step in 0..(strip - 1) * stride + kernel {
                let column = first * stride + step - place.left;
                if column < place.width {
                    let value = Vector::<f32, N>::cast_from(x[(start + column) * channels + channel]);
                    #[unroll]
                    for i in 0..strip {
                        // The tap of output i that lies on this column.
                        if comptime!(step >= i * stride && step < i * stride + kernel) {
                            let tap = comptime!(ky * kernel + step - i * stride);
                            let tap = comptime!(if flipped { kernel * kernel - 1 - tap } else { tap });
                            sums[i] += value * weight[tap * channels + channel];
                        }
                    }
                }
            }
        }
    }
    #[unroll]
    for i in 0..strip {
        if first + i < place.columns {
            output[(line * place.columns + first + i) * channels + channel] = Vector::cast_from(sums[i]);
        }
    }
}

/// What each input adds to the outputs whose windows it lies under.
#[cube(launch_unchecked)]
fn backward<F: Float, N: Size>(
    gradient: &[Vector<F, N>],
    weight: &[Vector<f32, N>],
    output: &mut [Vector<F, N>],
    place: Place,
    channels: usize,
    units: usize,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= units {
        terminate!();
    }
    let channel = ABSOLUTE_POS % channels;
    let position = ABSOLUTE_POS / channels;
    let (x, line) = (position % place.width, position / place.width);
    let (y, sample) = (line % place.height, line / place.height);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    #[unroll]
    for ky in 0..kernel {
        // What would be negative wraps round, and is too large after the division too.
        let from = y + place.up - ky;
        let row = from / stride;
        if row * stride == from && row < place.rows {
            #[unroll]
            for kx in 0..kernel {
                let from = x + place.left - kx;
                let column = from / stride;
                if column * stride == from && column < place.columns {
                    let at = ((sample * place.rows + row) * place.columns + column) * channels + channel;
                    let tap = comptime!(ky * kernel + kx) * channels + channel;
                    sum += Vector::<f32, N>::cast_from(gradient[at]) * weight[tap];
                }
            }
        }
    }
    output[ABSOLUTE_POS] = Vector::cast_from(sum);
}

/// The weights' gradients of a chunk of outputs: `[chunks, kernel * kernel, channels]`.
#[cube(launch_unchecked)]
fn weight_gradients<F: Float, N: Size>(
    x: &[Vector<F, N>],
    gradient: &[Vector<F, N>],
    output: &mut [Vector<f32, N>],
    place: Place,
    span: Span,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[define(F)] _dtype: ElemType,
) {
    let channel = channel_of(&span);
    let (first, end) = rows_of(&span);
    let mut sums = Array::<Vector<f32, N>>::new(comptime!(kernel * kernel));
    #[unroll]
    for tap in 0..kernel * kernel {
        sums[tap] = Vector::new(0.0f32);
    }
    for position in range_stepped(first, end, span.turns) {
        let (column, line) = (position % place.columns, position / place.columns);
        let (row, sample) = (line % place.rows, line / place.rows);
        let value = Vector::<f32, N>::cast_from(gradient[position * span.channels + channel]);
        #[unroll]
        for ky in 0..kernel {
            let y = row * stride + ky - place.up;
            if y < place.height {
                let start = (sample * place.height + y) * place.width;
                #[unroll]
                for kx in 0..kernel {
                    let column = column * stride + kx - place.left;
                    if column < place.width {
                        let at = (start + column) * span.channels + channel;
                        sums[comptime!(ky * kernel + kx)] += value * Vector::<f32, N>::cast_from(x[at]);
                    }
                }
            }
        }
    }
    let mut shared = Shared::<[Vector<f32, N>]>::new_slice(UNITS);
    #[unroll]
    for tap in 0..kernel * kernel {
        gather::<N>(sums[tap], &mut shared, output, comptime!(kernel * kernel), tap, &span);
    }
}

/// Pictures `[n, h, w, c]` with `[kernel, kernel, c]` in 32 bits, both whole.
pub fn convolve(x: &CubeTensor, weight: &CubeTensor, window: Window) -> CubeTensor {
    let [samples, height, width, channels] = dims(x);
    let place = Place::of(window, [height, width]);
    let output = empty(x, [samples, place.rows, place.columns, channels], x.dtype);
    sweep([x, weight, &output], place, window, false);
    output
}

/// The gradient of pictures of this shape.
pub fn input_gradient(
    gradient: &CubeTensor,
    weight: &CubeTensor,
    shape: [usize; 4],
    window: Window,
) -> CubeTensor {
    let [_, height, width, channels] = shape;
    let place = Place::of(window, [height, width]);
    let output = empty(gradient, shape, gradient.dtype);
    if window.stride == 1 {
        // The same sum with the window turned round.
        sweep([gradient, weight, &output], place.turned(window.kernel), window, true);
        return output;
    }
    let lanes = lanes(channels);
    let units = shape.iter().product::<usize>() / lanes;
    // Safety: units beyond the last leave at once, and every other index is compared with the sides of the pictures.
    unsafe {
        backward::launch_unchecked(
            &gradient.client,
            cubes(units),
            cube(),
            lanes,
            argument(gradient),
            argument(weight),
            argument(&output),
            place.launch(),
            channels / lanes,
            units,
            window.kernel,
            window.stride,
            elements(gradient),
        );
    }
    output
}

/// The gradient of the weights, `[kernel, kernel, channels]` in 32 bits.
pub fn weight_gradient(x: &CubeTensor, gradient: &CubeTensor, window: Window) -> CubeTensor {
    let [samples, height, width, channels] = dims(x);
    let place = Place::of(window, [height, width]);
    let taps = window.kernel * window.kernel;
    // A unit keeps a sum for each tap; fewer channels at once for the larger windows.
    let lanes = if taps > 9 { lanes(channels).min(2) } else { lanes(channels) };
    let deal = Deal::with_lanes(1, samples * place.rows * place.columns, channels, lanes);
    let parts = empty(x, [deal.chunks, taps, channels], DType::F32);
    // Safety: rows end with their chunk, units without a channel have no rows, and inputs are compared with the sides.
    unsafe {
        weight_gradients::launch_unchecked(
            &x.client,
            deal.cubes(),
            cube(),
            lanes,
            argument(x),
            argument(gradient),
            argument(&parts),
            place.launch(),
            deal.span(),
            window.kernel,
            window.stride,
            elements(x),
        );
    }
    let shape = [window.kernel, window.kernel, channels];
    match deal.chunks {
        1 => shaped(parts, shape),
        chunks => shaped(add_up(&parts, Deal::new(1, chunks, taps * channels)), shape),
    }
}

/// Every output of a convolution.
fn sweep([x, weight, output]: [&CubeTensor; 3], place: Place, window: Window, flipped: bool) {
    let [samples, rows, columns, channels] = dims(output);
    let lanes = lanes(channels);
    let (vectors, strips) = (channels / lanes, columns.div_ceil(STRIP));
    let units = samples * rows * strips * vectors;
    // Safety: as in `input_gradient`.
    unsafe {
        forward::launch_unchecked(
            &x.client,
            cubes(units),
            cube(),
            lanes,
            argument(x),
            argument(weight),
            argument(output),
            place.launch(),
            vectors,
            strips,
            units,
            window.kernel,
            window.stride,
            STRIP,
            flipped,
            elements(x),
        );
    }
}
