//! The inference form: every batch normalisation folded into its convolution, no autodiff. Used for
//! prediction, evaluation and frozen prefixes.

use burn::tensor::Tensor;

use super::block::Block;
use super::layer::ConvNorm;
use super::network::{Cut, Dense, Network, edged};
use crate::kernels::{self, Bottleneck, Conv, Piece, Sequence, Window};

#[derive(Debug, Clone)]
pub struct Folded {
    /// The stem, the blocks, the head, the pooling, the classifier.
    layers: Sequence,
    blocks: usize,
    stem_planes: usize,
    /// What the classifier says of features that are all 0.
    bias: Tensor<1>,
    scales: Vec<Scale>,
}

/// A map that the network passes on its way: the last one of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// How much smaller than the picture.
    pub stride: usize,
    pub channels: usize,
    /// The layers up to it, the stem among them.
    pub layers: usize,
}

/// Where detectors take their maps: at strides 8, 16 and 32.
const FINEST_MAP: usize = 8;

impl Folded {
    /// Folds a network; its parameters may sit on an autodiff device.
    pub fn new(network: &Network) -> Self {
        let pieces = pieces(network);
        let bias = inner(network).classifier.bias.val();
        let (scales, stem_planes, blocks) = (scales(&pieces), network.stem_planes(), network.blocks.len());
        Self { layers: Sequence::new(pieces), blocks, stem_planes, bias, scales }
    }

    /// Pictures to logits.
    pub fn infer(&self, images: Tensor<4>) -> Tensor<2> {
        flat(self.layers.run(0..self.pooled() + 1, self.enter(images)))
    }

    /// Pictures to pooled features.
    pub fn features(&self, images: Tensor<4>) -> Tensor<2> {
        flat(self.layers.run(0..self.pooled(), self.enter(images)))
    }

    /// Logits, and for each class what the places of the last map (the head's, behind its activation) add to its logit,
    /// as `[n, classes, height, width]`. The mean over all places is the logit less its bias.
    pub fn explain(&self, images: Tensor<4>) -> (Tensor<2>, Tensor<4>) {
        let (head, pooled) = (self.pooled() - 1, self.pooled());
        let map = self.layers.run(0..head, self.enter(images));
        let logits = flat(self.layers.run(head..pooled + 1, map.clone()));
        // The pooling and the classifier are linear, so the classifier may come first.
        let places = kernels::leave(self.layers.run(pooled..pooled + 1, map));
        (logits, places.sub(self.bias.clone().reshape([1, -1, 1, 1])))
    }

    /// The maps that detectors and the like are built on, `[samples, channels, height, width]`: the last ones at strides 8, 16 and
    /// 32, in this order, as `scales` describes them.
    pub fn maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let (mut x, mut before) = (self.enter(images), 0);
        let map = |scale: &Scale| {
            x = self.layers.run(before..scale.layers, x.clone());
            before = scale.layers;
            kernels::leave(x.clone())
        };
        self.scales.iter().map(map).collect()
    }

    /// What `maps` gives.
    pub fn scales(&self) -> &[Scale] {
        &self.scales
    }

    /// What the layers before the cut give; `[n, features, 1, 1]` where only the classifier is left.
    pub fn prefix(&self, images: Tensor<4>, cut: Cut) -> Tensor<4> {
        if cut > Cut::head_of(self.blocks) {
            let features = self.features(images);
            let [samples, channels] = features.dims();
            return features.reshape([samples, channels, 1, 1]);
        }
        match cut.0 {
            0 => images,
            before => self.layers.run(0..before, self.enter(images)),
        }
    }

    /// What the prefix up to the cut gave to logits.
    pub fn suffix(&self, x: Tensor<4>, cut: Cut) -> Tensor<2> {
        if cut > Cut::head_of(self.blocks) {
            return flat(self.layers.run(self.pooled()..self.pooled() + 1, kernels::enter(x)));
        }
        let x = if cut.0 == 0 { self.enter(x) } else { x };
        flat(self.layers.run(cut.0..self.pooled() + 1, x))
    }

    /// Pictures as the first layer takes them.
    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        kernels::enter(edged(images, self.stem_planes))
    }

    /// The layers up to the pooling.
    fn pooled(&self) -> usize {
        self.blocks + 3
    }
}

/// Without autodiff.
fn inner(network: &Network) -> Network {
    let device = network.stem.conv.weight.device().inner();
    network.clone().frozen(&device)
}

/// The layers of the inference form: the stem, the blocks, the head, the pooling, the classifier.
pub fn pieces(network: &Network) -> Vec<Piece> {
    let network = inner(network);
    let mut pieces = vec![Piece::Convolve(Box::new(conv(&network.stem)))];
    pieces.extend(network.blocks.iter().map(bottleneck).map(Box::new).map(Piece::Bottleneck));
    pieces.extend([Piece::Convolve(Box::new(conv(&network.head))), Piece::Pool]);
    pieces.push(Piece::Convolve(Box::new(classifier(&network.classifier))));
    pieces
}

/// The maps at strides 8, 16 and 32: what the last block of each size gives.
pub fn scales(pieces: &[Piece]) -> Vec<Scale> {
    let (mut scales, mut stride): (Vec<Scale>, _) = (Vec::new(), 1);
    for (index, piece) in pieces.iter().enumerate() {
        let Piece::Bottleneck(block) = piece else {
            if let Piece::Convolve(conv) = piece {
                stride *= conv.window.stride;
            }
            continue;
        };
        stride *= block.depthwise.window.stride;
        scales.retain(|scale| scale.stride != stride);
        scales.push(Scale { stride, channels: block.project.shift.dims()[0], layers: index + 1 });
    }
    scales.retain(|scale| scale.stride >= FINEST_MAP);
    scales
}

/// `[n, channels]` from pictures of one pixel.
fn flat(x: Tensor<4>) -> Tensor<2> {
    let [samples, channels, _, _] = kernels::sizes(&x);
    x.reshape([samples, channels])
}

fn conv(layer: &ConvNorm) -> Conv {
    let (scale, shift) = layer.norm.affine();
    let (weight, window) = (layer.conv.weight.val(), layer.conv.window);
    Conv { weight, scale, shift, window, activation: layer.activation }
}

/// A dense layer is a convolution of one pixel.
fn classifier(dense: &Dense) -> Conv {
    let (weight, shift) = (dense.weight.val(), dense.bias.val());
    let [outputs, inputs] = weight.dims();
    let weight = weight.reshape([outputs, inputs, 1, 1]);
    Conv { weight, scale: shift.ones_like(), shift, window: Window::POINT, activation: None }
}

fn bottleneck(block: &Block) -> Bottleneck {
    Bottleneck {
        expand: block.expand.as_ref().map(conv),
        depthwise: conv(&block.depthwise),
        gate: block.squeeze.as_ref().map(|squeeze| squeeze.gate()),
        project: conv(&block.project),
        adds_input: block.has_skip,
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::{NormSettings, Settings, initial};
    use crate::scaling::{Padding, Plan, Variant};

    #[test]
    fn maps_are_the_last_ones_at_strides_8_16_and_32() {
        let norm = NormSettings { eps: 1e-3, momentum: 0.1 };
        let settings =
            Settings { padding: Padding::Same, norm, classes: 2, dropout: 0.0, stochastic_depth: 0.0 };
        // Channels as timm's `features_only` has them; sides as SAME padding rounds them.
        let check = |variant, channels: [usize; 3]| {
            let network =
                Network::build(&Plan::variant(variant), &settings, &Device::flex(), &mut |name, shape| {
                    initial(1, name, shape)
                });
            let folded = Folded::new(&network);
            let images = Tensor::ones([2, 3, 75, 64], &Device::flex());
            let maps = folded.maps(images.clone());
            let found: Vec<[usize; 4]> = maps.iter().map(Tensor::dims).collect();
            let [eight, sixteen, last] = channels;
            assert_eq!(found, [[2, eight, 10, 8], [2, sixteen, 5, 4], [2, last, 3, 2]], "{variant}");
            let strides: Vec<usize> = folded.scales().iter().map(|scale| scale.stride).collect();
            assert_eq!(strides, [8, 16, 32]);
            // The head goes on from the last of them.
            let head = folded.suffix(kernels::enter(maps[2].clone()), Cut::head_of(network.blocks.len()));
            let same = |x: Tensor<2>| x.into_data().try_into_vec::<f32>().unwrap();
            assert_eq!(same(head), same(folded.infer(images)));
        };
        check(Variant::B0, [40, 112, 320]);
        check(Variant::Lite2, [48, 120, 352]);
    }
}
