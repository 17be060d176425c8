//! The same bits with one thread and with several, and for a picture alone and in a batch.

use burn::tensor::Tensor;

use super::super::{
    Bottleneck, Conv, Gate, Piece, Sequence, Window, convolve, convolve_affine, convolve_normalise, enter,
    leave, normalise_batch, squeeze_excite,
};
use super::{drawn, gradients, numbers};
use crate::kernels::lanes;
use crate::scaling::{Activation, Padding};

const DEPTH: Window = Window { kernel: 5, stride: 2, padding: Padding::Same, groups: 40 };
const STEM: Window = Window { kernel: 3, stride: 2, padding: Padding::Same, groups: 1 };

/// A small network with one of everything: pictures of three channels.
fn network(x: Tensor<4>, p: Vec<Tensor<1>>) -> Tensor<4> {
    let norm = |x: Tensor<4>, channels, activation| {
        let ones: Tensor<1> = drawn("norm", [channels]).autodiff();
        normalise_batch(x, ones.clone(), ones, 1e-3, activation).output
    };
    let pair = |channels| {
        let vector: Tensor<1> = drawn("norm", [channels]).autodiff();
        (vector.clone(), vector)
    };
    let mut x = convolve(enter(x), p[0].clone().reshape([24, 3, 3, 3]), None, STEM);
    x = norm(x, 24, Some(Activation::Silu));
    let (weight, silu) = (p[7].clone().reshape([24, 24, 1, 1]), Some(Activation::Silu));
    x = convolve_normalise(x, weight, Window::POINT, pair(24), 1e-3, silu).output;
    let (weight, relu) = (p[1].clone().reshape([40, 24, 1, 1]), Some(Activation::Relu6));
    x = convolve_affine(x, weight, Window::POINT, pair(40), relu);
    x = convolve_normalise(x, p[2].clone().reshape([40, 1, 5, 5]), DEPTH, pair(40), 1e-3, silu).output;
    let reduce = (p[3].clone().reshape([10, 40, 1, 1]), p[4].clone());
    x = squeeze_excite(x, reduce, (p[5].clone().reshape([40, 10, 1, 1]), p[6].clone()));
    leave(x)
}

fn parameters() -> Vec<Tensor<1>> {
    let sizes = [24 * 27, 40 * 24, 40 * 25, 400, 10, 400, 40, 24 * 24];
    sizes.iter().enumerate().map(|(i, size)| drawn(&format!("p{i}"), [*size])).collect()
}

#[test]
fn threads_never_change_a_bit() {
    let x = drawn("pictures", [3, 3, 110, 114]);
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let all = pool.install(|| gradients(&x, &parameters(), network));
        all.concat().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    let one = of(1);
    assert!(one == of(2), "two threads differ from one");
    assert!(one == of(4), "four threads differ from one");
}

/// Filters over several bands of lines, one picture per thread and several threads per picture.
#[test]
fn threads_never_change_a_bit_of_long_filters() {
    for stride in [1, 2] {
        let window = Window { kernel: 5, stride, padding: Padding::Same, groups: 560 };
        let x = drawn("pictures", [3, 32, 64, 560]);
        let parameters = [drawn("weight", [560 * 25]), drawn("gamma", [560]), drawn("beta", [560])];
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let all = pool.install(|| {
                gradients(&x, &parameters, |x, p| {
                    let norm = (p[1].clone(), p[2].clone());
                    convolve_affine(x, p[0].clone().reshape([560, 1, 5, 5]), window, norm, None)
                })
            });
            bits(&all.concat())
        };
        let one = of(1);
        assert!(one == of(2), "two threads differ from one");
        assert!(one == of(4), "four threads differ from one");
    }
}

/// The same in the inference form, with a bottleneck and what follows it.
fn inference() -> Sequence {
    let conv = |name: &str, weight: [usize; 4], window: Window, activation: Option<Activation>| {
        let vector = |kind: &str| drawn(&format!("{name} {kind}"), [weight[0]]);
        Conv {
            weight: drawn(name, weight),
            scale: vector("scale"),
            shift: vector("shift"),
            window,
            activation,
        }
    };
    let silu = Some(Activation::Silu);
    let gate = Gate {
        reduce: (drawn("reduce", [10, 40, 1, 1]), drawn("reduce bias", [10])),
        expand: (drawn("expand", [40, 10, 1, 1]), drawn("expand bias", [40])),
    };
    let point = |name, outputs, inputs, act| conv(name, [outputs, inputs, 1, 1], Window::POINT, act);
    let one = Bottleneck {
        expand: Some(point("wide", 40, 24, silu)),
        depthwise: conv("depth", [40, 1, 5, 5], DEPTH, silu),
        gate: Some(gate),
        project: point("narrow", 40, 40, None),
        adds_input: false,
    };
    let depth = Window { stride: 1, ..DEPTH };
    let two = Bottleneck {
        expand: None,
        depthwise: conv("second depth", [40, 1, 5, 5], depth, silu),
        adds_input: true,
        ..one.clone()
    };
    Sequence::new(vec![
        Piece::Convolve(Box::new(conv("stem", [24, 3, 3, 3], STEM, silu))),
        Piece::Bottleneck(Box::new(one)),
        Piece::Bottleneck(Box::new(two)),
        Piece::Convolve(Box::new(point("head", 70, 40, silu))),
        Piece::Pool,
    ])
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Machines with and without AVX-512 go by one name, so runs may move between them. The test asks another process, which does
/// without it.
#[test]
fn the_width_of_lanes_never_changes_a_bit() {
    const FILE: &str = "KILN_TEST_BITS";
    let pictures = drawn("pictures", [3, 3, 61, 66]);
    let mut all = gradients(&pictures, &parameters(), network).concat();
    all.extend(numbers(inference().run(0..5, enter(pictures))));
    let here = format!("{:x?}", bits(&all));
    if let Some(file) = std::env::var_os(FILE) {
        return std::fs::write(file, here).unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.env(FILE, file.path()).env(lanes::NARROW, "1");
    assert!(command.args(["the_width_of_lanes_never_changes_a_bit"]).output().unwrap().status.success());
    assert!(std::fs::read_to_string(file).unwrap() == here);
}

#[test]
fn a_picture_has_the_same_bits_in_any_batch() {
    let sequence = inference();
    let infer = |x: Tensor<4>| numbers(sequence.run(0..5, enter(x)));
    for side in [9, 40] {
        let batch = drawn("pictures", [19, 3, side, side]);
        let together = infer(batch.clone());
        for sample in 0..19 {
            let alone = infer(batch.clone().narrow(0, sample, 1));
            assert_eq!(bits(&alone), bits(&together[sample * 70..][..70]), "picture {sample} of side {side}");
        }
    }
}

#[test]
fn the_inference_form_has_the_same_bits_with_any_threads() {
    let sequence = inference();
    for samples in [1, 3, 9] {
        let batch = drawn("pictures", [samples, 3, 50, 47]);
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            bits(&pool.install(|| numbers(sequence.run(0..5, enter(batch.clone())))))
        };
        let one = of(1);
        for threads in [2, 4, 7] {
            assert!(one == of(threads), "{threads} threads on {samples} pictures differ from one");
        }
    }
}
