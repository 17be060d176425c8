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
}

impl Folded {
    /// Folds a network; its parameters may sit on an autodiff device.
    pub fn new(network: &Network) -> Self {
        let device = network.stem.conv.weight.device().inner();
        let network = network.clone().frozen(&device);
        let mut pieces = vec![Piece::Convolve(Box::new(conv(&network.stem)))];
        pieces.extend(network.blocks.iter().map(bottleneck).map(Box::new).map(Piece::Bottleneck));
        pieces.extend([Piece::Convolve(Box::new(conv(&network.head))), Piece::Pool]);
        pieces.push(Piece::Convolve(Box::new(classifier(&network.classifier))));
        let (stem_planes, bias) = (network.stem_planes(), network.classifier.bias.val());
        Self { layers: Sequence::new(pieces), blocks: network.blocks.len(), stem_planes, bias }
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
