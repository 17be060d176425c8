//! Convolutions: pointwise, depthwise and dense.

use burn::tensor::Tensor;
use proptest::prelude::*;

use super::super::{Window, convolve, enter, fallback, leave};
use super::{agree, close, drawn, numbers};
use crate::scaling::Padding;

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

fn paddings() -> impl Strategy<Value = Padding> {
    prop_oneof![Just(Padding::Symmetric), Just(Padding::Same)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

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
