//! Squeeze-excite, pooling and the dense layer.

use proptest::prelude::*;

use super::super::{dense, fallback, pool, squeeze_excite};
use super::{agree, cases, drawn};

fn check([n, c, h, w]: [usize; 4], reduced: usize) {
    let x = drawn("x", [n, c, h, w]);
    let flat = |name, count| drawn(name, [count]);
    let parameters = [flat("w1", reduced * c), flat("b1", reduced), flat("w2", reduced * c), flat("b2", c)];
    let layers = |p: &[burn::tensor::Tensor<1>]| {
        let reduce = (p[0].clone().reshape([reduced, c, 1, 1]), p[1].clone());
        (reduce, (p[2].clone().reshape([c, reduced, 1, 1]), p[3].clone()))
    };
    agree(
        &x,
        &parameters,
        |x, p| {
            let (reduce, expand) = layers(&p);
            squeeze_excite(x, reduce, expand)
        },
        |x, p| {
            let (reduce, expand) = layers(&p);
            fallback::squeeze_excite(x, reduce, expand)
        },
    );
    // Pooling and a dense layer; the output in four dimensions, which `agree` turns around.
    let parameters = [flat("w", reduced * c), flat("b", reduced)];
    agree(
        &x,
        &parameters,
        |x, p| dense(pool(x), p[0].clone().reshape([reduced, c]), p[1].clone()).reshape([n, 1, 1, reduced]),
        |x, p| {
            let weight = p[0].clone().reshape([reduced, c]);
            fallback::dense(fallback::pool(x), weight, p[1].clone()).reshape([n, reduced, 1, 1])
        },
    );
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn squeeze_and_pool(
        n in 1usize..4, h in 1usize..9, w in 1usize..9, channels in 1usize..40, reduced in 1usize..12,
    ) {
        check([n, channels, h, w], reduced);
    }
}

#[test]
fn pictures_that_take_several_parts() {
    check([2, 24, 40, 41], 6);
}

#[test]
fn more_channels_between_the_layers_than_units() {
    check([3, 300, 3, 2], 270);
}
