//! Which operations are checked, and at which shapes. All variants are made of the same few kinds of convolution: 1x1,
//! 3x3 with stride 2, depthwise 3x3 and 5x5 with stride 1 and 2, where stride 2 meets odd and even sides and either
//! padding. Each kind is here on pictures of several sizes, with the channels of b0 and lite0. The channels of every
//! other variant follow on pictures of a few dots, since a tuned kernel may be wrong at one number of channels alone.
//! Tests go through all variants.

use super::operation::Operation;
use crate::kernels::{Rule, Window};
use crate::scaling::{Activation, Kind, Layer, Padding, Plan, Variant};

/// The side of the picture: one that is halved to odd sides throughout, one that is halved to even ones.
const ODD: usize = 65;
const EVEN: usize = 64;

/// Every check, in the network's order and without doubles.
pub(super) fn all() -> Vec<Operation> {
    let mut all = Vec::new();
    let b0 = Plan::variant(Variant::B0);
    let lite0 = Plan::variant(Variant::Lite0);
    convolutions(&b0.layers(ODD, 1000), Padding::Symmetric, &mut all);
    // At even sides this padding is not the same on both sides.
    convolutions(&lite0.layers(EVEN, 1000), Padding::Same, &mut all);
    squeezes(&b0.layers(ODD, 1000), &mut all);
    norms(&b0, ODD, &mut all);
    all.extend(beyond_b0());
    all.extend(small());
    let mut all = without_doubles(all);
    for variant in Variant::ALL {
        widths(&Plan::variant(variant), &mut all);
    }
    all
}

/// The channels of a variant that no other has brought in, on a few dots.
fn widths(plan: &Plan, all: &mut Vec<Operation>) {
    let mut own = Vec::new();
    let layers = plan.layers(ODD, 1000);
    convolutions(&layers, Padding::Symmetric, &mut own);
    squeezes(&layers, &mut own);
    norms(plan, ODD, &mut own);
    for operation in own {
        if !all.iter().any(|known| same_channels(known, &operation)) {
            all.push(on_dots(operation));
        }
    }
}

/// The same on a picture as small as its window allows. Sides of a stride of 2 stay odd.
fn on_dots(mut operation: Operation) -> Operation {
    match &mut operation {
        Operation::Convolve { side, window, .. } => {
            *side = if window.kernel == 1 { 2 } else { window.kernel }
        }
        Operation::Normalise { side, .. } | Operation::Scale { side, .. } => *side = 3,
        Operation::Join { side, .. } => *side = 2,
        Operation::Pool { side, .. } | Operation::Squeeze { side, .. } => *side = 2,
        Operation::Dense { .. } | Operation::Update { .. } => {}
    }
    operation
}

/// Whether both are the same but for the size of the picture and where its border lies.
fn same_channels(one: &Operation, other: &Operation) -> bool {
    on_dots(without_border(*one)) == on_dots(without_border(*other))
}

fn without_border(mut operation: Operation) -> Operation {
    if let Operation::Convolve { window, .. } = &mut operation {
        window.padding = Padding::Symmetric;
    }
    operation
}

fn convolutions(layers: &[Layer], padding: Padding, all: &mut Vec<Operation>) {
    for layer in layers {
        let groups = match layer.kind {
            Kind::Depthwise => layer.input,
            Kind::Stem | Kind::Expand | Kind::Project | Kind::Head => 1,
            Kind::Dense => {
                all.push(Operation::Dense { inputs: layer.input, outputs: layer.output });
                continue;
            }
            Kind::Squeeze | Kind::Excite => continue,
        };
        all.push(convolution(
            (layer.input, layer.output, layer.side_in),
            (layer.kernel, layer.stride),
            groups,
            padding,
        ));
    }
}

fn convolution(
    (input, output, side): (usize, usize, usize),
    (kernel, stride): (usize, usize),
    groups: usize,
    padding: Padding,
) -> Operation {
    let window = Window { kernel, stride, padding, groups };
    Operation::Convolve { input, output, side, window, bias: false }
}

fn squeezes(layers: &[Layer], all: &mut Vec<Operation>) {
    for layer in layers.iter().filter(|layer| layer.kind == Kind::Squeeze) {
        all.push(Operation::Squeeze { channels: layer.input, reduced: layer.output, side: layer.side_in });
    }
}

/// One of each number of channels.
fn norms(plan: &Plan, side: usize, all: &mut Vec<Operation>) {
    let mut seen = Vec::new();
    for layer in plan.layers(side, 1000) {
        let activation = match layer.kind {
            Kind::Stem | Kind::Expand | Kind::Depthwise | Kind::Head => Some(plan.activation),
            Kind::Project => None,
            Kind::Squeeze | Kind::Excite | Kind::Dense => continue,
        };
        if !seen.contains(&layer.output) {
            seen.push(layer.output);
            all.push(Operation::Normalise { channels: layer.output, side: layer.side_out, activation });
        }
    }
}

/// b7's last block, the classifier's other sizes, and pictures of a real size.
fn beyond_b0() -> Vec<Operation> {
    let symmetric = Padding::Symmetric;
    vec![
        convolution((640, 3840, 3), (1, 1), 1, symmetric),
        convolution((3840, 3840, 3), (3, 1), 3840, symmetric),
        Operation::Squeeze { channels: 3840, reduced: 160, side: 3 },
        Operation::Dense { inputs: 2560, outputs: 5 },
        convolution((3, 32, 224), (3, 2), 1, symmetric),
        convolution((3, 32, 224), (3, 2), 1, Padding::Same),
        convolution((16, 96, 56), (1, 1), 1, symmetric),
        convolution((96, 96, 56), (3, 2), 96, Padding::Same),
        // On even sides this padding leaves the last row unused; b0's own layers above meet odd sides only.
        convolution((144, 144, 56), (5, 2), 144, symmetric),
        convolution((240, 240, 28), (3, 2), 240, symmetric),
        convolution((144, 24, 56), (1, 1), 1, symmetric),
        Operation::Normalise { channels: 96, side: 56, activation: Some(Activation::Silu) },
    ]
}

/// What is quick: the other forms of each operation.
fn small() -> Vec<Operation> {
    let bias = |input, output, kernel, stride, groups| Operation::Convolve {
        input,
        output,
        side: 9,
        window: Window { kernel, stride, padding: Padding::Symmetric, groups },
        bias: true,
    };
    let mut all = vec![
        // Grey pictures.
        convolution((1, 32, 33), (3, 2), 1, Padding::Symmetric),
        convolution((2, 32, 33), (3, 2), 1, Padding::Symmetric),
        // Folded layers.
        bias(3, 32, 3, 2, 1),
        bias(96, 96, 5, 1, 96),
        bias(24, 144, 1, 1, 1),
        Operation::Pool { channels: 1280, side: 3 },
        Operation::Pool { channels: 1280, side: 7 },
        Operation::Dense { inputs: 1280, outputs: 5 },
        Operation::Join { channels: 8, side: 5 },
        Operation::Join { channels: 24, side: 33 },
    ];
    for rule in [
        Rule::AdamW { betas: [0.9, 0.99], eps: 1e-8, updates: 3 },
        Rule::Sgd { momentum: 0.9, nesterov: true },
        Rule::RmsProp { alpha: 0.9, eps: 1e-3, momentum: 0.5 },
    ] {
        all.extend([5, 1000].map(|count| Operation::Update { count, rule }));
    }
    // So many numbers that units take turns, and several of them add up squares.
    all.push(Operation::Update { count: 150_000, rule: Rule::Sgd { momentum: 0.9, nesterov: false } });
    for activation in [None, Some(Activation::Silu), Some(Activation::Relu6)] {
        // Few numbers: at the corners of a ReLU6 two right devices may disagree, so none may lie there.
        all.push(Operation::Normalise { channels: 8, side: 5, activation });
        all.push(Operation::Scale { channels: 8, side: 5, activation });
    }
    all.push(Operation::Scale { channels: 96, side: 19, activation: Some(Activation::Silu) });
    all
}

fn without_doubles(all: Vec<Operation>) -> Vec<Operation> {
    let mut once: Vec<Operation> = Vec::with_capacity(all.len());
    for operation in all {
        if !once.contains(&operation) {
            once.push(operation);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_every_convolution_is_among_them() {
        let names: Vec<String> = all().iter().map(ToString::to_string).collect();
        assert!(names.iter().any(|name| name == "convolution 1x1, stride 1"));
        for padding in ["symmetric", "same"] {
            for form in [
                "convolution 3x3, stride 2",
                "depthwise 3x3, stride 1",
                "depthwise 3x3, stride 2",
                "depthwise 5x5, stride 1",
                "depthwise 5x5, stride 2",
            ] {
                let wanted = format!("{form}, {padding}");
                assert!(names.contains(&wanted), "{wanted}");
            }
        }
    }

    #[test]
    fn every_number_of_channels_of_every_variant_is_among_them() {
        let all = all();
        for variant in Variant::ALL {
            let plan = Plan::variant(variant);
            let mut shapes = Vec::new();
            convolutions(&plan.layers(EVEN, 1000), Padding::Same, &mut shapes);
            squeezes(&plan.layers(EVEN, 1000), &mut shapes);
            norms(&plan, EVEN, &mut shapes);
            for wanted in shapes {
                assert!(all.iter().any(|one| same_channels(one, &wanted)), "{variant}: {wanted:?}");
            }
        }
    }

    #[test]
    fn every_kind_of_convolution_of_every_variant_is_among_them() {
        let all: Vec<_> = all().iter().filter_map(kind).collect();
        for variant in Variant::ALL {
            let plan = Plan::variant(variant);
            // Enough sides in a row that each layer meets odd and even ones.
            for (side, padding) in
                (224..256).flat_map(|side| [(side, Padding::Symmetric), (side, Padding::Same)])
            {
                let mut shapes = Vec::new();
                convolutions(&plan.layers(side, 1000), padding, &mut shapes);
                for shape in shapes {
                    assert!(kind(&shape).is_none_or(|kind| all.contains(&kind)), "{variant}: {shape:?}");
                }
            }
        }
    }

    type Walk = (bool, usize, usize, (usize, usize), usize);

    /// All that decides how a convolution walks over the picture: whether it is depthwise, kernel, stride, the rows
    /// padded on each side, and what the stride leaves over. On odd sides both paddings are the same.
    fn kind(operation: &Operation) -> Option<Walk> {
        let Operation::Convolve { side, window: Window { kernel, stride, padding, groups }, .. } = *operation
        else {
            return None;
        };
        Some((groups > 1, kernel, stride, padding.amounts(side, kernel, stride), side % stride))
    }
}
