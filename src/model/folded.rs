//! The inference form: every batch normalisation folded into its convolution, no autodiff. Used for
//! prediction, evaluation and frozen prefixes.

use burn::tensor::Tensor;

use super::block::Block;
use super::layer::ConvNorm;
use super::network::{Cut, Network};
use super::squeeze::SqueezeExcite;
use crate::kernels::{self, Window};
use crate::scaling::Activation;

#[derive(Debug, Clone)]
pub struct Folded {
    stem: FoldedConv,
    blocks: Vec<FoldedBlock>,
    head: FoldedConv,
    classifier: (Tensor<2>, Tensor<1>),
}

#[derive(Debug, Clone)]
struct FoldedConv {
    weight: Tensor<4>,
    bias: Tensor<1>,
    window: Window,
    activation: Option<Activation>,
}

#[derive(Debug, Clone)]
struct FoldedBlock {
    expand: Option<FoldedConv>,
    depthwise: FoldedConv,
    squeeze: Option<SqueezeExcite>,
    project: FoldedConv,
    has_skip: bool,
}

impl Folded {
    /// Folds a network; its parameters may sit on an autodiff device.
    pub fn new(network: &Network) -> Self {
        let device = network.stem.conv.weight.device().inner();
        let network = network.clone().frozen(&device);
        Self {
            stem: FoldedConv::new(&network.stem),
            blocks: network.blocks.iter().map(FoldedBlock::new).collect(),
            head: FoldedConv::new(&network.head),
            classifier: (network.classifier.weight.val(), network.classifier.bias.val()),
        }
    }

    /// Pictures to logits.
    pub fn infer(&self, images: Tensor<4>) -> Tensor<2> {
        self.classify(self.features(images))
    }

    /// Pictures to pooled features.
    pub fn features(&self, images: Tensor<4>) -> Tensor<2> {
        let features = self.prefix(images, Cut::classifier_of(self.blocks.len()));
        let [samples, channels, ..] = features.dims();
        features.reshape([samples, channels])
    }

    /// Pooled features to logits.
    pub fn classify(&self, features: Tensor<2>) -> Tensor<2> {
        kernels::dense(features, self.classifier.0.clone(), self.classifier.1.clone())
    }

    /// What the layers before the cut give; `[n, features, 1, 1]` where only the classifier is left.
    pub fn prefix(&self, images: Tensor<4>, cut: Cut) -> Tensor<4> {
        let mut x = images;
        if cut.0 > 0 {
            x = self.stem.forward(kernels::enter(x), None);
        }
        for block in self.blocks.iter().take(cut.0.saturating_sub(1)) {
            x = block.forward(x);
        }
        if cut > Cut::head_of(self.blocks.len()) {
            let pooled = kernels::pool(self.head.forward(x, None));
            let [samples, channels] = pooled.dims();
            x = pooled.reshape([samples, channels, 1, 1]);
        }
        x
    }

    /// What the prefix up to the cut gave to logits.
    pub fn suffix(&self, mut x: Tensor<4>, cut: Cut) -> Tensor<2> {
        let count = self.blocks.len();
        if cut > Cut::head_of(count) {
            let [samples, features, ..] = x.dims();
            return self.classify(x.reshape([samples, features]));
        }
        if cut.0 == 0 {
            x = self.stem.forward(kernels::enter(x), None);
        }
        for block in self.blocks.iter().skip(cut.0.saturating_sub(1)) {
            x = block.forward(x);
        }
        self.classify(kernels::pool(self.head.forward(x, None)))
    }
}

impl FoldedConv {
    fn new(layer: &ConvNorm) -> Self {
        let (weight, bias) = layer.folded();
        Self { weight, bias, window: layer.conv.window, activation: layer.activation }
    }

    fn forward(&self, x: Tensor<4>, residual: Option<Tensor<4>>) -> Tensor<4> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        kernels::convolve_folded(x, weight, bias, self.window, self.activation, residual)
    }
}

impl FoldedBlock {
    fn new(block: &Block) -> Self {
        Self {
            expand: block.expand.as_ref().map(FoldedConv::new),
            depthwise: FoldedConv::new(&block.depthwise),
            squeeze: block.squeeze.clone(),
            project: FoldedConv::new(&block.project),
            has_skip: block.has_skip,
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let residual = self.has_skip.then(|| input.clone());
        let mut x = input;
        if let Some(expand) = &self.expand {
            x = expand.forward(x, None);
        }
        x = self.depthwise.forward(x, None);
        if let Some(squeeze) = &self.squeeze {
            x = squeeze.forward(x);
        }
        self.project.forward(x, residual)
    }
}
