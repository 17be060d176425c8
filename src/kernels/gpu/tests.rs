//! Every kernel against plain loops in 64 bits; gradients against differences of those loops. On what wgpu reaches first, which may
//! be a software driver, or with KILN_GPU=cuda on the first card that CUDA knows; without one the tests say that they were skipped.

use std::sync::OnceLock;

use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::extension::OnGpu;
use crate::kernels::Window;
use crate::scaling::{Activation, Padding};

/// Numbers in 64 bits, and their sizes.
#[derive(Clone)]
struct Array(Vec<f64>, Vec<usize>);

pub fn device() -> Option<Device> {
    static FOUND: OnceLock<Option<Device>> = OnceLock::new();
    let open = || {
        let device = opened();
        Tensor::<1>::from_floats([1.0, 2.0], &device).into_data();
        device
    };
    let found = FOUND.get_or_init(|| std::panic::catch_unwind(open).ok()).clone();
    if found.is_none() {
        assert!(std::env::var_os("KILN_GPU").is_none(), "KILN_GPU names a device that is not here");
        eprintln!("skipped: there is no GPU");
    }
    found
}

fn opened() -> Device {
    match std::env::var("KILN_GPU").as_deref() {
        #[cfg(feature = "cuda")]
        Ok("cuda") => Device::cuda(0),
        #[cfg(feature = "wgpu")]
        Ok("wgpu") | Err(_) => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        #[cfg(not(feature = "wgpu"))]
        Err(_) => Device::cuda(0),
        Ok(other) => panic!("KILN_GPU={other}, which this build does not have"),
    }
}

/// Numbers between -1 and 1 that are the same in every run and exact in 16 bits.
fn drawn(seed: u64, shape: &[usize]) -> Array {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % 255) as f64 / 128.0 - 127.0 / 128.0
    };
    Array((0..shape.iter().product()).map(next).collect(), shape.to_vec())
}

impl Array {
    fn tensor<const D: usize>(&self, device: &Device) -> Tensor<D> {
        let values: Vec<f32> = self.0.iter().map(|value| *value as f32).collect();
        Tensor::from_data(TensorData::new(values, self.1.clone()), device)
    }
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.cast(DType::F32).into_data().iter::<f64>().collect()
}

fn close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(1e-2f64, |top, value| top.max(value.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs() / scale;
        assert!(error <= tolerance, "{what}[{i}]: {got}, not {expected} ({error:e} of {scale})");
    }
}

/// The slope of `sum(call(inputs) * weights)` in each number of each input.
fn slopes(inputs: &[Array], weights: &[f64], call: &dyn Fn(&[Array]) -> Vec<f64>) -> Vec<Vec<f64>> {
    let total = |inputs: &[Array]| -> f64 {
        let output = call(inputs);
        assert_eq!(output.len(), weights.len());
        output.iter().zip(weights).map(|(output, weight)| output * weight).sum()
    };
    let mut inputs = inputs.to_vec();
    let step = 1e-4;
    (0..inputs.len())
        .map(|which| {
            (0..inputs[which].0.len())
                .map(|at| {
                    let middle = inputs[which].0[at];
                    inputs[which].0[at] = middle + step;
                    let above = total(&inputs);
                    inputs[which].0[at] = middle - step;
                    let below = total(&inputs);
                    inputs[which].0[at] = middle;
                    (above - below) / (2.0 * step)
                })
                .collect()
        })
        .collect()
}

type Call<'a> = &'a dyn Fn(Tensor<4>, &[Tensor<1>]) -> Tensor<4>;

/// The operation on the device and its gradients, against the loops: pictures first, then what is flattened.
fn check(what: &str, inputs: &[Array], call: Call, reference: &dyn Fn(&[Array]) -> Vec<f64>) {
    check_in(what, DType::F32, 2e-5, inputs, call, reference);
    if device().is_some_and(|device| device.supports_dtype(DType::F16)) {
        check_in(what, DType::F16, 6e-3, inputs, call, reference);
    }
}

fn check_in(
    what: &str,
    dtype: DType,
    tolerance: f64,
    inputs: &[Array],
    call: Call,
    reference: &dyn Fn(&[Array]) -> Vec<f64>,
) {
    let Some(device) = device() else { return };
    let what = format!("{what} in {dtype:?}");
    let expected = reference(inputs);
    let weights = drawn(99, &[expected.len()]);
    let x = inputs[0].tensor::<4>(&device).cast(dtype).autodiff().require_grad();
    let flat = |array: &Array| {
        Array(array.0.clone(), vec![array.0.len()]).tensor::<1>(&device).autodiff().require_grad()
    };
    let others: Vec<Tensor<1>> = inputs[1..].iter().map(flat).collect();
    let output = call(x.clone(), &others);
    let weighed = Array(weights.0.clone(), output.dims().to_vec()).tensor::<4>(&device).autodiff();
    let mut grads = output.clone().cast(DType::F32).mul(weighed).sum().backward();
    close(&what, &numbers(output.inner()), &expected, tolerance);
    let slopes = slopes(inputs, &weights.0, reference);
    let found = x.grad_remove(&mut grads).expect("a gradient of the pictures");
    close(&format!("{what}: gradient of the pictures"), &numbers(found), &slopes[0], tolerance);
    for (i, (other, slopes)) in others.iter().zip(&slopes[1..]).enumerate() {
        let found = other.grad_remove(&mut grads).expect("a gradient");
        close(&format!("{what}: gradient {i}"), &numbers(found), slopes, tolerance);
    }
}

/// A convolution of `[n, h, w, c]` by `[o, i, k, k]`.
fn convolved(x: &Array, weight: &Array, window: Window) -> Vec<f64> {
    let [n, h, w, c] = x.1[..] else { panic!("four sizes") };
    let [o, each, k, _] = weight.1[..] else { panic!("four sizes") };
    let side = |input: usize| {
        let before = window.padding.amounts(input, k, window.stride).0 as isize;
        (before, window.padding.output(input, k, window.stride))
    };
    let ((up, rows), (left, columns)) = (side(h), side(w));
    let mut output = Vec::new();
    for sample in 0..n {
        for place in 0..rows * columns {
            for out in 0..o {
                let first = out / (o / window.groups) * each;
                let mut sum = 0.0;
                for tap in 0..each * k * k {
                    let (channel, ky, kx) = (tap / (k * k), tap / k % k, tap % k);
                    let y = (place / columns * window.stride + ky) as isize - up;
                    let at = (place % columns * window.stride + kx) as isize - left;
                    if (0..h as isize).contains(&y) && (0..w as isize).contains(&at) {
                        let from = ((sample * h + y as usize) * w + at as usize) * c + first + channel;
                        sum += x.0[from] * weight.0[out * each * k * k + tap];
                    }
                }
                output.push(sum);
            }
        }
    }
    output
}

fn convolution(what: &str, shape: [usize; 4], weight: [usize; 4], stride: usize, padding: Padding) {
    let groups = if weight[1] == 1 && shape[3] > 1 { shape[3] } else { 1 };
    let window = Window { kernel: weight[2], stride, padding, groups };
    let call = |x: Tensor<4>, others: &[Tensor<1>]| {
        let weight = others[0].clone().reshape(weight);
        Tensor::from_dispatch(Dispatch::gpu_convolve(x.into_dispatch(), weight.into_dispatch(), window))
    };
    let reference = |inputs: &[Array]| convolved(&inputs[0], &inputs[1], window);
    check(what, &[drawn(1, &shape), drawn(2, &weight)], &call, &reference);
}

#[test]
fn one_by_one_convolutions_are_products() {
    convolution("1x1", [2, 3, 4, 8], [12, 8, 1, 1], 1, Padding::Symmetric);
    convolution("1x1 of three channels", [1, 2, 2, 3], [5, 3, 1, 1], 1, Padding::Symmetric);
}

#[test]
fn depthwise_convolutions_filter_each_channel() {
    convolution("3x3", [2, 5, 6, 8], [8, 1, 3, 3], 1, Padding::Symmetric);
    convolution("3x3 by 2", [2, 6, 5, 8], [8, 1, 3, 3], 2, Padding::Symmetric);
    convolution("5x5, SAME", [1, 7, 9, 4], [4, 1, 5, 5], 1, Padding::Same);
    convolution("5x5 by 2, SAME", [1, 6, 7, 6], [6, 1, 5, 5], 2, Padding::Same);
    convolution("3x3 by 2, SAME, odd channels", [2, 8, 8, 5], [5, 1, 3, 3], 2, Padding::Same);
}

#[test]
fn other_convolutions_take_what_lies_under_their_windows() {
    convolution("stem", [2, 7, 6, 3], [8, 3, 3, 3], 2, Padding::Symmetric);
    convolution("stem, SAME", [1, 6, 8, 3], [8, 3, 3, 3], 2, Padding::Same);
    convolution("stem of one channel", [2, 5, 5, 1], [4, 1, 3, 3], 2, Padding::Symmetric);
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn activated(x: f64, activation: Option<Activation>) -> f64 {
    match activation {
        None => x,
        Some(Activation::Silu) => x * sigmoid(x),
        Some(Activation::Relu6) => x.clamp(0.0, 6.0),
    }
}

const EPS: f64 = 1e-3;

fn statistics(x: &Array) -> Vec<(f64, f64)> {
    let channels = x.1[3];
    let rows = x.0.len() / channels;
    let column = |channel: usize| x.0.iter().skip(channel).step_by(channels);
    (0..channels)
        .map(|channel| {
            let mean = column(channel).sum::<f64>() / rows as f64;
            (mean, column(channel).map(|value| (value - mean).powi(2)).sum::<f64>() / rows as f64)
        })
        .collect()
}

#[test]
fn batches_are_normalised_by_their_own_statistics() {
    for (activation, shape) in [
        (None, [2, 3, 3, 8]),
        (Some(Activation::Silu), [3, 2, 3, 5]),
        (Some(Activation::Relu6), [2, 2, 2, 4]),
        (Some(Activation::Silu), [1, 1, 2, 320]),
    ] {
        let call = |x: Tensor<4>, others: &[Tensor<1>]| {
            let [weight, bias] = [0, 1].map(|i| others[i].clone().into_dispatch());
            Tensor::from_dispatch(Dispatch::gpu_normalise(x.into_dispatch(), weight, bias, EPS, activation).0)
        };
        let reference = |inputs: &[Array]| {
            let statistics = statistics(&inputs[0]);
            let number = |(i, x): (usize, &f64)| {
                let channel = i % statistics.len();
                let (mean, variance) = statistics[channel];
                let value =
                    (x - mean) / (variance + EPS).sqrt() * inputs[1].0[channel] + inputs[2].0[channel];
                activated(value, activation)
            };
            inputs[0].0.iter().enumerate().map(number).collect()
        };
        let inputs = [drawn(3, &shape), drawn(4, &[shape[3]]), drawn(5, &[shape[3]])];
        check("normalised", &inputs, &call, &reference);
    }
}

#[test]
fn statistics_survive_a_distance_from_zero_and_many_rows() {
    let Some(device) = device() else { return };
    let shape = [2, 64, 63, 24];
    let mut x = drawn(6, &shape);
    x.0.iter_mut().for_each(|value| *value += 1000.0);
    let ones = Tensor::<1>::ones([24], &device).into_dispatch();
    let images = x.tensor::<4>(&device).into_dispatch();
    let found = Dispatch::gpu_normalise(images, ones.clone(), ones, EPS, None);
    let (mean, variance): (Tensor<1>, Tensor<1>) =
        (Tensor::from_dispatch(found.1), Tensor::from_dispatch(found.2));
    let expected = statistics(&x);
    close("mean", &numbers(mean), &expected.iter().map(|pair| pair.0).collect::<Vec<_>>(), 1e-6);
    close("variance", &numbers(variance), &expected.iter().map(|pair| pair.1).collect::<Vec<_>>(), 1e-4);
}

#[test]
fn each_channel_is_multiplied_and_shifted() {
    for activation in [None, Some(Activation::Silu), Some(Activation::Relu6)] {
        let call = |x: Tensor<4>, others: &[Tensor<1>]| {
            let [scale, shift] = [0, 1].map(|i| others[i].clone().into_dispatch());
            Tensor::from_dispatch(Dispatch::gpu_affine(x.into_dispatch(), scale, shift, activation))
        };
        let reference = |inputs: &[Array]| {
            let channels = inputs[1].0.len();
            let number = |(i, x): (usize, &f64)| {
                activated(x * inputs[1].0[i % channels] + inputs[2].0[i % channels], activation)
            };
            inputs[0].0.iter().enumerate().map(number).collect()
        };
        check("affine", &[drawn(7, &[2, 3, 2, 8]), drawn(8, &[8]), drawn(9, &[8])], &call, &reference);
    }
}

fn means(x: &Array) -> Vec<f64> {
    let [n, h, w, c] = x.1[..] else { panic!("four sizes") };
    let mean = |i: usize| {
        let start = i / c * h * w * c + i % c;
        (0..h * w).map(|position| x.0[start + position * c]).sum::<f64>() / (h * w) as f64
    };
    (0..n * c).map(mean).collect()
}

/// `[n, inputs]` by `[outputs, inputs]`, and a term for each output.
fn dense(x: &[f64], weight: &Array, bias: &Array) -> Vec<f64> {
    let outputs = bias.0.len();
    let inputs = weight.0.len() / outputs;
    let number = |(row, out): (&[f64], usize)| {
        row.iter().zip(&weight.0[out * inputs..]).map(|(x, w)| x * w).sum::<f64>() + bias.0[out]
    };
    x.chunks(inputs).flat_map(|row| (0..outputs).map(move |out| (row, out))).map(number).collect()
}

#[test]
fn channels_are_weighed_by_gates() {
    let (shape, hidden) = ([2, 3, 2, 8], 3);
    let call = |x: Tensor<4>, others: &[Tensor<1>]| {
        let [reduce, expand] = [(0, [hidden, 8, 1, 1]), (2, [8, hidden, 1, 1])]
            .map(|(i, shape)| others[i].clone().reshape(shape).into_dispatch());
        let [reduce_bias, expand_bias] = [1, 3].map(|i| others[i].clone().into_dispatch());
        Tensor::from_dispatch(Dispatch::gpu_squeeze(
            x.into_dispatch(),
            reduce,
            reduce_bias,
            expand,
            expand_bias,
        ))
    };
    let reference = |inputs: &[Array]| {
        let hidden = dense(&means(&inputs[0]), &inputs[1], &inputs[2]);
        let hidden: Vec<f64> = hidden.into_iter().map(|x| activated(x, Some(Activation::Silu))).collect();
        let gates = dense(&hidden, &inputs[3], &inputs[4]);
        let number = |(i, x): (usize, &f64)| x * sigmoid(gates[i / (6 * 8) * 8 + i % 8]);
        inputs[0].0.iter().enumerate().map(number).collect()
    };
    let sizes: [(u64, &[usize]); 4] = [(11, &[hidden, 8]), (12, &[hidden]), (13, &[8, hidden]), (14, &[8])];
    let mut inputs = vec![drawn(10, &shape)];
    inputs.extend(sizes.map(|(seed, shape)| drawn(seed, shape)));
    check("squeeze-excite", &inputs, &call, &reference);
}

#[test]
fn pictures_become_their_means() {
    let call = |x: Tensor<4>, _: &[Tensor<1>]| {
        let found: Tensor<2> = Tensor::from_dispatch(Dispatch::gpu_pool(x.into_dispatch()));
        let [samples, channels] = found.dims();
        found.reshape([samples, channels, 1, 1])
    };
    check("pool", &[drawn(15, &[3, 4, 5, 6])], &call, &|inputs| means(&inputs[0]));
}

#[test]
fn branches_are_added_with_their_factors() {
    let shape = [3, 2, 2, 8];
    let factors = [0.0, 1.25, 1.0];
    let call = |x: Tensor<4>, others: &[Tensor<1>]| {
        let input = others[0].clone().reshape(shape).cast(x.dtype());
        let factors = factors.map(|factor| factor as f32).to_vec();
        Tensor::from_dispatch(Dispatch::gpu_join(x.into_dispatch(), input.into_dispatch(), factors))
    };
    let reference = |inputs: &[Array]| {
        let number = |(i, (x, input)): (usize, (&f64, &f64))| x * factors[i / 32] + input;
        inputs[0].0.iter().zip(&inputs[1].0).enumerate().map(number).collect()
    };
    check("join", &[drawn(16, &shape), drawn(17, &shape)], &call, &reference);
}

/// Parts of rows, several chunks, and a product cut up: the ways that small shapes do not take.
#[test]
fn large_shapes_agree_with_small_parts() {
    let Some(device) = device() else { return };
    let (shape, outputs) = ([4, 50, 50, 24], 16);
    let (x, gradient) = (drawn(18, &shape), drawn(19, &[4, 50, 50, outputs]));
    let window = Window { kernel: 1, stride: 1, padding: Padding::Symmetric, groups: 1 };
    let weight = drawn(20, &[outputs, 24, 1, 1]).tensor::<4>(&device).autodiff().require_grad();
    let images = x.tensor::<4>(&device).autodiff();
    let output: Tensor<4> = Tensor::from_dispatch(Dispatch::gpu_convolve(
        images.into_dispatch(),
        weight.clone().into_dispatch(),
        window,
    ));
    let mut grads = output.mul(gradient.tensor::<4>(&device).autodiff()).sum().backward();
    let found = weight.grad_remove(&mut grads).expect("a gradient");
    let mut expected = vec![0.0; outputs * 24];
    for (x, gradient) in x.0.chunks(24).zip(gradient.0.chunks(outputs)) {
        for (out, gradient) in gradient.iter().enumerate() {
            for (i, x) in x.iter().enumerate() {
                expected[out * 24 + i] += gradient * x;
            }
        }
    }
    close("weight gradient over 10,000 rows", &numbers(found), &expected, 1e-5);
}
