//! The network layer by layer, with the parameters and multiply-adds of each. All counts are sums over this list.

use super::{Block, Plan};
use serde::{Deserialize, Serialize};

/// What a layer does. Convolutions of the main path count with their batch norm and activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Stem,
    Expand,
    Depthwise,
    /// The mean over the picture, and its reduction.
    Squeeze,
    /// The way back, and the product with what was squeezed.
    Excite,
    Project,
    Head,
    /// The mean over the picture, and the classifier.
    Dense,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub kind: Kind,
    /// The block that it belongs to, from 0.
    pub block: Option<usize>,
    /// Channels in and out.
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Side of the picture in and out.
    pub side_in: usize,
    pub side_out: usize,
    pub parameters: u64,
    pub macs: u64,
}

impl Plan {
    /// Every layer for square pictures of this side.
    pub fn layers(&self, side: usize, classes: usize) -> Vec<Layer> {
        let mut layers = vec![convolution(Kind::Stem, None, (self.stem_planes(), self.stem), (3, 2), side)];
        let mut side = side.div_ceil(2);
        for (index, block) in self.blocks.iter().enumerate() {
            layers.extend(block_layers(index, block, side));
            side = side.div_ceil(block.stride.max(1));
        }
        let last = self.blocks.last().map_or(self.stem, |block| block.output);
        layers.push(convolution(Kind::Head, None, (last, self.features), (1, 1), side));
        layers.push(dense(Kind::Dense, None, (self.features, classes), (side, 1)));
        layers
    }

    /// Everything that is learned; the running statistics of batch norms are not.
    pub fn parameters(&self, classes: usize) -> u64 {
        sum(&self.layers(self.resolution, classes), |layer| layer.parameters)
    }

    /// Multiply-adds of the convolutions and the classifier for one square picture.
    pub fn macs(&self, side: usize, classes: usize) -> u64 {
        sum(&self.layers(side, classes), |layer| layer.macs)
    }
}

fn block_layers(index: usize, block: &Block, side: usize) -> Vec<Layer> {
    let (at, hidden) = (Some(index), block.hidden());
    let mut layers = Vec::with_capacity(5);
    if block.has_expansion() {
        layers.push(convolution(Kind::Expand, at, (block.input, hidden), (1, 1), side));
    }
    layers.push(convolution(Kind::Depthwise, at, (hidden, hidden), (block.kernel, block.stride), side));
    let side = side.div_ceil(block.stride.max(1));
    if let Some(reduced) = block.squeeze {
        layers.push(dense(Kind::Squeeze, at, (hidden, reduced), (side, 1)));
        layers.push(dense(Kind::Excite, at, (reduced, hidden), (1, side)));
    }
    layers.push(convolution(Kind::Project, at, (hidden, block.output), (1, 1), side));
    layers
}

/// Without a bias, followed by a batch norm with scale and shift.
fn convolution(
    kind: Kind,
    block: Option<usize>,
    (input, output): (usize, usize),
    (kernel, stride): (usize, usize),
    side_in: usize,
) -> Layer {
    let side_out = side_in.div_ceil(stride.max(1));
    let inputs_read = if kind == Kind::Depthwise { 1 } else { input };
    let weights = product([kernel, kernel, inputs_read, output]);
    let parameters = weights.saturating_add(product([2, output]));
    let macs = weights.saturating_mul(product([side_out, side_out]));
    Layer { kind, block, input, output, kernel, stride, side_in, side_out, parameters, macs }
}

/// With a bias, on one position.
fn dense(
    kind: Kind,
    block: Option<usize>,
    (input, output): (usize, usize),
    (side_in, side_out): (usize, usize),
) -> Layer {
    let macs = product([input, output]);
    let parameters = macs.saturating_add(output as u64);
    Layer { kind, block, input, output, kernel: 1, stride: 1, side_in, side_out, parameters, macs }
}

/// Absurd sizes give the largest number, not a wrapped one.
pub(super) fn product<const N: usize>(factors: [usize; N]) -> u64 {
    factors.into_iter().fold(1, |product: u64, factor| product.saturating_mul(factor as u64))
}

pub(super) fn sum(layers: &[Layer], count: impl Fn(&Layer) -> u64) -> u64 {
    layers.iter().map(count).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::{Family, Variant};

    /// Variant, parameters, GMACs at its resolution, features, parameters at 102 classes. Published, or counted by
    /// an independent program that gives the published counts.
    const PUBLISHED: [(Variant, u64, &str, usize, u64); 13] = [
        (Variant::B0, 5_288_548, "0.386", 1280, 4_138_210),
        (Variant::B1, 7_794_184, "0.687", 1280, 6_643_846),
        (Variant::B2, 9_109_994, "0.994", 1408, 7_844_712),
        (Variant::B3, 12_233_232, "1.827", 1536, 10_853_006),
        (Variant::B4, 19_341_616, "4.394", 1792, 17_731_502),
        (Variant::B5, 30_389_784, "10.266", 2048, 28_549_782),
        (Variant::B6, 43_040_704, "19.068", 2304, 40_970_814),
        (Variant::B7, 66_347_960, "37.746", 2560, 64_048_182),
        (Variant::Lite0, 4_652_008, "0.385", 1280, 3_501_670),
        (Variant::Lite1, 5_416_680, "0.600", 1280, 4_266_342),
        (Variant::Lite2, 6_092_072, "0.860", 1280, 4_941_734),
        (Variant::Lite3, 8_197_096, "1.383", 1280, 7_046_758),
        (Variant::Lite4, 13_006_568, "2.553", 1280, 11_856_230),
    ];

    #[test]
    fn all_thirteen_count_as_published() {
        for (variant, parameters, gmacs, features, at_102) in PUBLISHED {
            let plan = Plan::variant(variant);
            assert_eq!(plan.parameters(1000), parameters, "{variant}");
            assert_eq!(plan.parameters(102), at_102, "{variant}");
            assert_eq!(plan.features, features, "{variant}");
            let macs = plan.macs(plan.resolution, 1000);
            assert_eq!(format!("{:.3}", macs as f64 * 1e-9), gmacs, "{variant}");
        }
    }

    #[test]
    fn layers_follow_each_other() {
        let plan = Plan::variant(Variant::B0);
        let layers = plan.layers(75, 5);
        for pair in layers.windows(2) {
            assert_eq!(pair[0].output, pair[1].input);
            assert_eq!(pair[0].side_out, pair[1].side_in);
        }
        let sides: Vec<_> = layers.iter().filter(|l| l.stride == 2).map(|l| l.side_out).collect();
        assert_eq!(sides, [38, 19, 10, 5, 3]);
        assert_eq!(layers.last().map(|l| (l.kind, l.output)), Some((Kind::Dense, 5)));
    }

    #[test]
    fn a_picture_of_one_channel_costs_two_thirds_less_in_the_stem() {
        let mut plan = Plan::variant(Variant::B0);
        plan.channels = 1;
        assert_eq!(plan.parameters(1000), 5_288_548 - 2 * 9 * 32);
        plan.marks_edge = true;
        assert_eq!(plan.parameters(1000), 5_288_548 - 9 * 32);
    }

    #[test]
    fn absurd_sizes_do_not_overflow() {
        let plan = Plan::custom(Family::B, 64.0, 64.0, 8192).unwrap();
        assert_eq!(plan.macs(usize::MAX, usize::MAX), u64::MAX);
        assert_eq!(plan.parameters(usize::MAX), u64::MAX);
    }
}
