//! The inference form against the same pieces in plain Burn on another backend.

use burn::tensor::{DType, Device, Tensor};
use proptest::prelude::*;

use super::super::{Bottleneck, Conv, Gate, Piece, Sequence, Window, enter, leave};
use super::{cases, close, drawn, numbers, other};
use crate::scaling::{Activation, Padding};

/// What a random bottleneck is made of.
#[derive(Debug, Clone)]
struct Shape {
    input: usize,
    hidden: usize,
    output: usize,
    expands: bool,
    gate: Option<usize>,
    adds_input: bool,
    activation: Option<Activation>,
    window: Window,
}

/// Weights of a size that keeps the numbers near 1 through all layers.
fn conv(name: &str, weight: [usize; 4], window: Window, activation: Option<Activation>, to: &Device) -> Conv {
    let fan_in = (weight[1] * weight[2] * weight[3]) as f32;
    let vector = |kind: &str| drawn(&format!("{name} {kind}"), [weight[0]]).to_device(to);
    Conv {
        weight: drawn(name, weight).mul_scalar(fan_in.sqrt().recip()).to_device(to),
        scale: vector("scale"),
        shift: vector("shift"),
        window,
        activation,
    }
}

fn bottleneck(shape: &Shape, to: &Device) -> Bottleneck {
    let Shape { input, hidden, output, activation, window, .. } = *shape;
    let layer = |name: &str, outputs: usize, inputs: usize| {
        let weight: Tensor<4> = drawn(name, [outputs, inputs, 1, 1]);
        let weight = weight.mul_scalar((inputs as f32).sqrt().recip()).to_device(to);
        (weight, drawn(&format!("{name} bias"), [outputs]).to_device(to))
    };
    let kernel = window.kernel;
    Bottleneck {
        expand: shape.expands.then(|| conv("expand", [hidden, input, 1, 1], Window::POINT, activation, to)),
        depthwise: conv("depth", [hidden, 1, kernel, kernel], window, activation, to),
        gate: shape.gate.map(|reduced| Gate {
            reduce: layer("reduce", reduced, hidden),
            expand: layer("widen", hidden, reduced),
        }),
        project: conv("project", [output, hidden, 1, 1], Window::POINT, None, to),
        adds_input: shape.adds_input,
    }
}

fn in_precision(bottleneck: Bottleneck, to: DType) -> Bottleneck {
    let conv = |conv: Conv| Conv {
        weight: conv.weight.cast(to),
        scale: conv.scale.cast(to),
        shift: conv.shift.cast(to),
        ..conv
    };
    let layer = |(weight, bias): (Tensor<4>, Tensor<1>)| (weight.cast(to), bias.cast(to));
    Bottleneck {
        expand: bottleneck.expand.map(conv),
        depthwise: conv(bottleneck.depthwise),
        gate: bottleneck.gate.map(|gate| Gate { reduce: layer(gate.reduce), expand: layer(gate.expand) }),
        project: conv(bottleneck.project),
        ..bottleneck
    }
}

fn check(x: [usize; 4], shape: &Shape) {
    let x = drawn("x", x);
    let on = |device: &Device, precision: DType| {
        let bottleneck = in_precision(bottleneck(shape, device), precision);
        let sequence = Sequence::new(vec![Piece::Bottleneck(Box::new(bottleneck))]);
        numbers(leave(sequence.run(0..1, enter(x.clone().to_device(device).cast(precision)))))
    };
    let got = on(&Device::flex(), DType::F32);
    close(&format!("{shape:?}"), &got, &on(&other(), DType::F32), 2e-5);
    close(&format!("{shape:?} in 64 bits"), &got, &on(&Device::flex(), DType::F64), 1e-5);
}

fn shapes() -> impl Strategy<Value = Shape> {
    let activation = prop_oneof![Just(None), Just(Some(Activation::Silu)), Just(Some(Activation::Relu6))];
    let window = (
        prop_oneof![Just(3usize), Just(5), Just(7)],
        1usize..3,
        prop_oneof![Just(Padding::Symmetric), Just(Padding::Same)],
    );
    let sizes = (1usize..20, 2usize..60, 1usize..30, proptest::option::of(1usize..9));
    (sizes, any::<[bool; 2]>(), activation, window).prop_map(
        |((input, wide, narrow, gate), [expands, skips], activation, (kernel, stride, padding))| {
            let input = if expands { input } else { input.max(2) };
            let hidden = if expands { wide } else { input };
            let adds_input = skips && stride == 1;
            let output = if adds_input { input } else { narrow };
            let window = Window { kernel, stride, padding, groups: hidden };
            Shape { input, hidden, output, expands, gate, adds_input, activation, window }
        },
    )
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn bottlenecks(n in 1usize..4, h in 1usize..23, w in 1usize..15, shape in shapes()) {
        check([n, shape.input, h, w], &shape);
    }
}

/// Several groups of channels, several rounds of lines, several chunks of pictures.
#[test]
fn large_bottlenecks() {
    let window = Window { kernel: 5, stride: 2, padding: Padding::Same, groups: 150 };
    let shape = Shape {
        input: 24,
        hidden: 150,
        output: 40,
        expands: true,
        gate: Some(6),
        adds_input: false,
        activation: Some(Activation::Silu),
        window,
    };
    check([5, 24, 90, 121], &shape);
    let window = Window { stride: 1, padding: Padding::Symmetric, ..window };
    check([11, 24, 14, 14], &Shape { window, output: 24, adds_input: true, ..shape });
}
