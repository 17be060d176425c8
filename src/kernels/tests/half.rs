//! Pictures of half floats through the plain forms, against the same forms in 64 bits: what comes out has the type of what
//! went in, parameters keep theirs, and no sum is taken in halves.

use burn::tensor::{DType, Device, Tensor};

use super::super::{
    Window, convolve_normalise, enter, fork, in_float, join, leave, normalise_batch, pool, scale_and_shift,
    squeeze_excite,
};
use super::super::{convolve, fallback};
use super::{Parameters, close, drawn, gradients, numbers};
use crate::scaling::{Activation, Float, Padding};

/// Half types, and what one rounding may do to a number; several add up.
const HALVES: [(Float, DType, f32); 2] =
    [(Float::Fp16, DType::F16, 1.0 / 2048.0), (Float::Bf16, DType::BF16, 1.0 / 256.0)];

/// Asks that a function of half pictures agrees with its plain form in 64 bits, within so many roundings.
fn agree_in_halves(
    x: &Tensor<4>,
    parameters: &[Tensor<1>],
    roundings: f32,
    half: impl Fn(Tensor<4>, Parameters) -> Tensor<4>,
    plain: impl Fn(Tensor<4>, Parameters) -> Tensor<4>,
) {
    for (float, dtype, rounding) in HALVES {
        let x = in_float(in_float(x.clone(), float), Float::Fp32);
        let got = gradients(&x, parameters, |x, parameters| {
            let x = in_float(x, float);
            assert!(parameters.iter().all(|parameter| parameter.dtype() == DType::F32));
            let output = half(enter(x), parameters);
            assert_eq!(output.dtype(), dtype);
            leave(output)
        });
        let wide: Parameters = parameters.iter().map(|p| p.clone().cast(DType::F64)).collect();
        let expected = gradients(&x.cast(DType::F64), &wide, &plain);
        for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
            close(
                &format!("part {i} (output, input, parameters) in {float}"),
                got,
                expected,
                roundings * rounding,
            );
        }
    }
}

#[test]
fn convolutions() {
    // (inputs, outputs, groups, kernel, stride): a stem, a filter, two products.
    for (inputs, outputs, groups, kernel, stride) in
        [(3, 8, 1, 3, 2), (12, 12, 12, 5, 1), (12, 12, 12, 3, 2), (40, 16, 1, 1, 1)]
    {
        let window = Window { kernel, stride, padding: Padding::Same, groups };
        let shape = [outputs, inputs / groups, kernel, kernel];
        agree_in_halves(
            &drawn("x", [2, inputs, 12, 10]),
            &[drawn("weight", [shape.iter().product()])],
            4.0,
            |x, p| convolve(x, p[0].clone().reshape(shape), None, window),
            |x, p| fallback::convolve(x, p[0].clone().reshape(shape), None, window),
        );
    }
}

#[test]
fn norms_gates_and_shortcuts() {
    let x = drawn("x", [3, 6, 9, 8]).mul_scalar(2.0).add_scalar(1.0);
    let norm = [drawn("weight", [6]), drawn("bias", [6])];
    for activation in [None, Some(Activation::Silu)] {
        agree_in_halves(
            &x,
            &norm,
            4.0,
            |x, p| normalise_batch(x, p[0].clone(), p[1].clone(), 1e-3, activation).output,
            |x, p| fallback::normalise_batch(x, p[0].clone(), p[1].clone(), 1e-3, activation).output,
        );
        agree_in_halves(
            &x,
            &norm,
            4.0,
            |x, p| scale_and_shift(x, p[0].clone(), p[1].clone(), activation),
            |x, p| fallback::scale_and_shift(x, p[0].clone(), p[1].clone(), activation),
        );
    }
    let gate = [drawn("w1", [12]), drawn("b1", [2]), drawn("w2", [12]), drawn("b2", [6])];
    let layers = |p: &[Tensor<1>]| {
        let reduce = (p[0].clone().reshape([2, 6, 1, 1]), p[1].clone());
        (reduce, (p[2].clone().reshape([6, 2, 1, 1]), p[3].clone()))
    };
    agree_in_halves(
        &x,
        &gate,
        4.0,
        |x, p| {
            let (reduce, expand) = layers(&p);
            squeeze_excite(x, reduce, expand)
        },
        |x, p| {
            let (reduce, expand) = layers(&p);
            fallback::squeeze_excite(x, reduce, expand)
        },
    );
    let factors = vec![0.0, 1.25, 1.0];
    agree_in_halves(
        &x,
        &[],
        6.0,
        |x, _| {
            let (branch, shortcut) = fork(x);
            join(branch, shortcut, factors.clone())
        },
        |x, _| fallback::join(x.clone(), x, factors.clone()),
    );
}

/// In halves alone the sum over so many dots would stop at 2048: adding 1 to it changes nothing any more.
#[test]
fn sums_over_many_dots_are_not_taken_in_halves() {
    let side = 96;
    let window = Window { kernel: 1, stride: 1, padding: Padding::Symmetric, groups: 1 };
    for (float, _, rounding) in HALVES {
        let ones = in_float(Tensor::<4>::ones([2, 1, side, side], &Device::flex()).autodiff(), float);
        let weight = Tensor::<4>::ones([1, 1, 1, 1], &Device::flex()).autodiff().require_grad();
        let output =
            in_float(leave(convolve(enter(ones.clone()), weight.clone(), None, window)), Float::Fp32);
        let gradient = weight.grad(&output.sum().backward()).unwrap();
        assert_eq!(numbers(gradient), [(2 * side * side) as f32]);
        let means = pool(enter(ones.mul_scalar(1.0 + 2.0 * rounding)));
        assert_eq!(means.dtype(), DType::F32);
        close("means", &numbers(means), &[1.0 + 2.0 * rounding; 2], 1e-6);
    }
}

#[test]
fn statistics_of_half_pictures_are_those_of_64_bits() {
    let (channels, dots) = (4, 31 * 29);
    let x = drawn("x", [5, channels, 31, 29]).mul_scalar(3.0).add_scalar(20.0);
    for (float, dtype, _) in HALVES {
        let x = in_float(x.clone(), float);
        let ones = drawn("weight", [channels]).ones_like();
        let window = Window { kernel: 1, stride: 1, padding: Padding::Symmetric, groups: channels };
        let weight = Tensor::<4>::ones([channels, 1, 1, 1], &Device::flex());
        // A convolution that changes nothing.
        let result =
            convolve_normalise(enter(x.clone()), weight, window, (ones.clone(), ones.clone()), 1e-3, None);
        assert_eq!(
            (result.output.dtype(), result.mean.dtype(), result.variance.dtype()),
            (dtype, DType::F32, DType::F32)
        );
        let (mean, variance, values) = (numbers(result.mean), numbers(result.variance), numbers(x));
        for channel in 0..channels {
            let chunks = values.chunks(dots).skip(channel).step_by(channels);
            let of_channel = chunks.flatten().map(|v| f64::from(*v));
            let count = (5 * dots) as f64;
            let expected = of_channel.clone().sum::<f64>() / count;
            let spread = of_channel.map(|v| (v - expected).powi(2)).sum::<f64>() / count;
            close("mean", &[mean[channel]], &[expected as f32], 1e-6);
            close("variance", &[variance[channel]], &[spread as f32], 1e-5);
        }
    }
}
