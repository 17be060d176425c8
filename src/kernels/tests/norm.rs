//! Batch normalisation by either statistics, with each activation.

use proptest::prelude::*;

use super::super::{enter, fallback, normalise_batch, scale_and_shift};
use super::{activations, agree, cases, close, drawn, numbers};
use crate::scaling::Activation;

const EPS: f64 = 1e-3;

fn check(shape: [usize; 4], activation: Option<Activation>) {
    let x = drawn("x", shape).mul_scalar(3.0).add_scalar(1.5);
    let parameters = [drawn("weight", [shape[1]]), drawn("bias", [shape[1]])];
    agree(
        &x,
        &parameters,
        |x, p| scale_and_shift(x, p[0].clone(), p[1].clone(), activation),
        |x, p| fallback::scale_and_shift(x, p[0].clone(), p[1].clone(), activation),
    );
    // The batch's gradients vanish where there is next to nothing to normalise.
    if shape[0] * shape[2] * shape[3] < 4 {
        return;
    }
    agree(
        &x,
        &parameters,
        |x, p| normalise_batch(x, p[0].clone(), p[1].clone(), EPS, activation).output,
        |x, p| fallback::normalise_batch(x, p[0].clone(), p[1].clone(), EPS, activation).output,
    );
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn both_statistics(
        n in 1usize..4, h in 1usize..9, w in 1usize..9, channels in 1usize..40, activation in activations(),
    ) {
        check([n, channels, h, w], activation);
    }
}

#[test]
fn many_rows_that_take_several_parts() {
    check([2, 24, 47, 50], Some(Activation::Silu));
    check([3, 130, 21, 20], None);
}

#[test]
fn statistics_are_those_of_64_bits_far_from_zero() {
    let shape = [3, 5, 17, 19];
    let x = drawn("x", shape).add_scalar(300.0);
    let ones = drawn("weight", [5]).ones_like();
    let result = normalise_batch(enter(x.clone()), ones.clone(), ones, EPS, None);
    let (mean, variance) = (numbers(result.mean), numbers(result.variance));
    let values = numbers(x);
    for channel in 0..5 {
        let of_channel = values.chunks(17 * 19).skip(channel).step_by(5).flatten().map(|v| f64::from(*v));
        let count = (3 * 17 * 19) as f64;
        let expected = of_channel.clone().sum::<f64>() / count;
        let spread = of_channel.map(|v| (v - expected).powi(2)).sum::<f64>() / count;
        close("mean", &[mean[channel]], &[expected as f32], 1e-7);
        close("variance", &[variance[channel]], &[spread as f32], 2e-6);
    }
}

#[test]
fn a_single_value_is_normalised_to_its_bias() {
    let x = drawn("x", [1, 9, 1, 1]);
    let (weight, bias) = (drawn("weight", [9]), drawn("bias", [9]));
    let result = normalise_batch(enter(x.clone()), weight, bias.clone(), EPS, None);
    close("output", &numbers(result.output), &numbers(bias), 1e-6);
    close("mean", &numbers(result.mean), &numbers(x), 1e-7);
    assert_eq!(numbers(result.variance), [0.0; 9]);
}

#[test]
fn what_is_no_number_stays_none() {
    let x = drawn("x", [1, 9, 2, 2]).mul_scalar(f32::NAN);
    let ones = drawn("weight", [9]).ones_like();
    for activation in [None, Some(Activation::Silu), Some(Activation::Relu6)] {
        let output = scale_and_shift(enter(x.clone()), ones.clone(), ones.clone(), activation);
        assert!(numbers(output).iter().all(|value| value.is_nan()));
    }
}
