//! Convolutions: pointwise, depthwise and dense.

use burn::tensor::Tensor;
use proptest::prelude::*;

use super::super::{Window, convolve, convolve_affine, convolve_normalise, enter, fallback, leave};
use super::{activations, agree, cases, close, drawn, numbers};
use crate::scaling::{Activation, Padding};

fn flat<const D: usize>(x: &Tensor<D>) -> Tensor<1> {
    x.clone().flatten(0, D - 1)
}

/// The convolution by its definition, in 64 bits, channels first.
fn by_definition(x: &Tensor<4>, weight: &Tensor<4>, window: Window) -> Vec<f32> {
    let ([n, c, h, w], [o, per_group, k, _]) = (x.dims(), weight.dims());
    let (xs, ws) = (numbers(x.clone()), numbers(weight.clone()));
    let side = |input| window.padding.output(input, k, window.stride);
    let before = |input| window.padding.amounts(input, k, window.stride).0;
    let mut output = Vec::new();
    for (sample, out) in (0..n).flat_map(|s| (0..o).map(move |o| (s, o))) {
        for (i, j) in (0..side(h)).flat_map(|i| (0..side(w)).map(move |j| (i, j))) {
            let mut sum = 0.0f64;
            for (inner, a, b) in
                (0..per_group).flat_map(|p| (0..k).flat_map(move |a| (0..k).map(move |b| (p, a, b))))
            {
                let (y, z) = (
                    (i * window.stride + a).wrapping_sub(before(h)),
                    (j * window.stride + b).wrapping_sub(before(w)),
                );
                if y < h && z < w {
                    let channel = out / (o / window.groups) * per_group + inner;
                    sum += f64::from(xs[((sample * c + channel) * h + y) * w + z])
                        * f64::from(ws[((out * per_group + inner) * k + a) * k + b]);
                }
            }
            output.push(sum as f32);
        }
    }
    output
}

fn check(x: [usize; 4], weight: [usize; 4], window: Window) {
    let (x, weight) = (drawn("x", x), drawn("weight", weight));
    let got = leave(convolve(enter(x.clone()), weight.clone(), None, window));
    close("forward", &numbers(got), &by_definition(&x, &weight, window), 2e-6);
    let shape = weight.dims();
    agree(
        &x,
        &[flat(&weight)],
        |x, p| convolve(x, p[0].clone().reshape(shape), None, window),
        |x, p| fallback::convolve(x, p[0].clone().reshape(shape), None, window),
    );
}

/// A convolution and its normalisation as one operation, by either statistics.
fn check_normalised(x: [usize; 4], weight: [usize; 4], window: Window, activation: Option<Activation>) {
    let (x, weight) = (drawn("x", x), drawn("weight", weight));
    let shape = weight.dims();
    let parameters = [flat(&weight), drawn("gamma", [shape[0]]), drawn("beta", [shape[0]])];
    let split = |p: Vec<Tensor<1>>| (p[0].clone().reshape(shape), (p[1].clone(), p[2].clone()));
    agree(
        &x,
        &parameters,
        |x, p| {
            let (weight, affine) = split(p);
            convolve_affine(x, weight, window, affine, activation)
        },
        |x, p| {
            let (weight, (scale, shift)) = split(p);
            fallback::scale_and_shift(fallback::convolve(x, weight, None, window), scale, shift, activation)
        },
    );
    let output = fallback::convolve(x.clone(), weight.clone(), None, window).dims();
    // The batch's gradients vanish where there is next to nothing to normalise.
    if output[0] * output[2] * output[3] < 4 {
        return;
    }
    agree(
        &x,
        &parameters,
        |x, p| {
            let (weight, affine) = split(p);
            convolve_normalise(x, weight, window, affine, 1e-3, activation).output
        },
        |x, p| {
            let (weight, (gamma, beta)) = split(p);
            let x = fallback::convolve(x, weight, None, window);
            fallback::normalise_batch(x, gamma, beta, 1e-3, activation).output
        },
    );
}

fn paddings() -> impl Strategy<Value = Padding> {
    prop_oneof![Just(Padding::Symmetric), Just(Padding::Same)]
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn pointwise(n in 1usize..4, side in 1usize..8, input in 1usize..40, output in 1usize..40) {
        check([n, input, side, side + 1], [output, input, 1, 1], Window::POINT);
    }

    #[test]
    fn depthwise(
        n in 1usize..3, h in 1usize..14, w in 1usize..14, channels in 2usize..40,
        kernel in prop_oneof![Just(1usize), Just(3), Just(5), Just(7)], stride in 1usize..3, padding in paddings(),
    ) {
        let window = Window { kernel, stride, padding, groups: channels };
        check([n, channels, h, w], [channels, 1, kernel, kernel], window);
    }

    #[test]
    fn dense_windows(
        n in 1usize..3, h in 1usize..12, w in 1usize..12, input in 1usize..5, output in 1usize..40,
        kernel in prop_oneof![Just(1usize), Just(3), Just(5)], stride in 1usize..3, padding in paddings(),
    ) {
        let window = Window { kernel, stride, padding, groups: 1 };
        check([n, input, h, w], [output, input, kernel, kernel], window);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn normalised(
        n in 1usize..4, h in 1usize..9, w in 1usize..9, input in 2usize..24, output in 1usize..24,
        kernel in prop_oneof![Just(1usize), Just(3), Just(5)], stride in 1usize..3, padding in paddings(),
        way in 0..3, activation in activations(),
    ) {
        // One tap of one channel: normalised, its gradient vanishes, and only rounding would be compared.
        let kernel = if way == 1 { kernel.max(3) } else { kernel };
        let (kernel, stride) = if way == 0 { (1, 1) } else { (kernel, stride) };
        let groups = if way == 1 { input } else { 1 };
        let (output, per_group) = if way == 1 { (input, 1) } else { (output, input) };
        let window = Window { kernel, stride, padding, groups };
        check_normalised([n, input, h, w], [output, per_group, kernel, kernel], window, activation);
    }
}

/// Rows enough for the way that finishes gradients as it reads them.
#[test]
fn long_layers() {
    for activation in [None, Some(Activation::Silu), Some(Activation::Relu6)] {
        check_normalised([3, 12, 60, 61], [20, 12, 1, 1], Window::POINT, activation);
    }
    let window = Window { kernel: 3, stride: 2, padding: Padding::Same, groups: 20 };
    check_normalised([3, 20, 61, 64], [20, 1, 3, 3], window, Some(Activation::Silu));
    check_normalised([3, 3, 61, 64], [20, 3, 3, 3], Window { groups: 1, ..window }, None);
}

/// Several bands of lines, by wide lines or by many.
#[test]
fn filters_in_bands() {
    for (stride, padding) in [(1, Padding::Symmetric), (2, Padding::Same)] {
        let window = Window { kernel: 3, stride, padding, groups: 50 };
        check_normalised([2, 50, 85 * stride, 64 * stride], [50, 1, 3, 3], window, Some(Activation::Silu));
    }
}

#[test]
fn large_filters_in_bands() {
    for (stride, padding) in [(1, Padding::Symmetric), (2, Padding::Same)] {
        let window = Window { kernel: 3, stride, padding, groups: 620 };
        check_normalised([3, 620, 21, 64], [620, 1, 3, 3], window, Some(Activation::Silu));
    }
}

#[test]
fn large_shapes_that_take_several_tasks() {
    check([2, 40, 33, 31], [72, 40, 1, 1], Window::POINT);
    let window = Window { kernel: 5, stride: 2, padding: Padding::Same, groups: 48 };
    check([2, 48, 57, 50], [48, 1, 5, 5], window);
    check([2, 3, 61, 64], [32, 3, 3, 3], Window { kernel: 3, groups: 1, ..window });
}

#[test]
fn what_the_kernels_do_not_know_goes_through_plain_burn() {
    // Two groups of several channels each.
    let window = Window { kernel: 3, stride: 1, padding: Padding::Symmetric, groups: 2 };
    check([1, 4, 5, 6], [6, 2, 3, 3], window);
}
