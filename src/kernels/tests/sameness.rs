//! The same bits with one thread and with several, and for a picture alone and in a batch.

use burn::tensor::Tensor;

use super::super::{
    Window, convolve, convolve_folded, dense, enter, leave, normalise_batch, pool, squeeze_excite,
};
use super::{drawn, gradients, numbers};
use crate::scaling::{Activation, Padding};

const DEPTH: Window = Window { kernel: 5, stride: 2, padding: Padding::Same, groups: 40 };
const STEM: Window = Window { kernel: 3, stride: 2, padding: Padding::Same, groups: 1 };

/// A small network with one of everything: pictures of three channels.
fn network(x: Tensor<4>, p: Vec<Tensor<1>>) -> Tensor<4> {
    let norm = |x: Tensor<4>, channels, activation| {
        let ones: Tensor<1> = drawn("norm", [channels]).autodiff();
        normalise_batch(x, ones.clone(), ones, 1e-3, activation).output
    };
    let mut x = convolve(enter(x), p[0].clone().reshape([24, 3, 3, 3]), None, STEM);
    x = norm(x, 24, Some(Activation::Silu));
    x = convolve(x, p[1].clone().reshape([40, 24, 1, 1]), None, Window::POINT);
    x = norm(x, 40, Some(Activation::Relu6));
    x = convolve(x, p[2].clone().reshape([40, 1, 5, 5]), None, DEPTH);
    let reduce = (p[3].clone().reshape([10, 40, 1, 1]), p[4].clone());
    x = squeeze_excite(x, reduce, (p[5].clone().reshape([40, 10, 1, 1]), p[6].clone()));
    leave(x)
}

fn parameters() -> Vec<Tensor<1>> {
    let sizes = [24 * 27, 40 * 24, 40 * 25, 400, 10, 400, 40];
    sizes.iter().enumerate().map(|(i, size)| drawn(&format!("p{i}"), [*size])).collect()
}

#[test]
fn threads_never_change_a_bit() {
    let x = drawn("pictures", [3, 3, 70, 74]);
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let all = pool.install(|| gradients(&x, &parameters(), network));
        all.concat().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    let one = of(1);
    assert!(one == of(2), "two threads differ from one");
    assert!(one == of(4), "four threads differ from one");
}

#[test]
fn a_picture_has_the_same_bits_in_any_batch() {
    let p = parameters();
    let folded = |x: Tensor<4>| {
        let bias = |channels| drawn("bias", [channels]);
        let act = Some(Activation::Silu);
        let x = convolve_folded(enter(x), p[0].clone().reshape([24, 3, 3, 3]), bias(24), STEM, act, None);
        let x = convolve_folded(x, p[1].clone().reshape([40, 24, 1, 1]), bias(40), Window::POINT, act, None);
        let x = convolve_folded(x, p[2].clone().reshape([40, 1, 5, 5]), bias(40), DEPTH, act, None);
        let reduce = (p[3].clone().reshape([10, 40, 1, 1]), p[4].clone());
        let x = squeeze_excite(x, reduce, (p[5].clone().reshape([40, 10, 1, 1]), p[6].clone()));
        let square = drawn("square", [40, 40, 1, 1]);
        let x = convolve_folded(x.clone(), square, bias(40), Window::POINT, None, Some(x));
        numbers(dense(pool(x), drawn("classes", [7, 40]), bias(7)))
    };
    for side in [9, 40] {
        let batch = drawn("pictures", [9, 3, side, side]);
        let together = folded(batch.clone());
        for sample in 0..9 {
            let alone = folded(batch.clone().narrow(0, sample, 1));
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&alone), bits(&together[sample * 7..][..7]), "picture {sample} of side {side}");
        }
    }
}
