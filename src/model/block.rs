//! MBConv, the inverted bottleneck: expand, filter each channel by itself, weigh the channels, project
//! back, and add the input where the shape allows (Sandler et al. 2018; Tan and Le 2019).

use burn::module::Module;
use burn::tensor::Tensor;

use super::layer::{ConvNorm, NormForm, NormSettings};
use super::parameters::Source;
use super::squeeze::SqueezeExcite;
use crate::chance::Key;
use crate::kernels::{self, Window};
use crate::scaling::{Activation, Block as Shape, Padding};

#[derive(Module, Debug)]
pub struct Block {
    pub expand: Option<ConvNorm>,
    pub depthwise: ConvNorm,
    pub squeeze: Option<SqueezeExcite>,
    pub project: ConvNorm,
    #[module(skip)]
    pub has_skip: bool,
    /// The probability that a sample leaves this block out while training.
    #[module(skip)]
    pub drop_rate: f64,
}

impl Block {
    /// Its convolutions with their norms.
    pub fn layers_mut(&mut self) -> impl Iterator<Item = &mut ConvNorm> {
        self.expand.iter_mut().chain([&mut self.depthwise, &mut self.project])
    }

    pub fn build(
        source: &mut Source,
        shape: &Shape,
        padding: Padding,
        norm: NormSettings,
        activation: Activation,
        drop_rate: f64,
    ) -> Self {
        let hidden = shape.hidden();
        let point = Window { kernel: 1, stride: 1, padding, groups: 1 };
        let depth = Window { kernel: shape.kernel, stride: shape.stride, padding, groups: hidden };
        let act = Some(activation);
        Self {
            expand: shape.has_expansion().then(|| {
                ConvNorm::build(&mut source.scope("expand"), (shape.input, hidden), point, norm, act)
            }),
            depthwise: ConvNorm::build(&mut source.scope("depthwise"), (hidden, hidden), depth, norm, act),
            squeeze: shape
                .squeeze
                .map(|reduced| SqueezeExcite::build(&mut source.scope("squeeze"), hidden, reduced)),
            project: ConvNorm::build(&mut source.scope("project"), (hidden, shape.output), point, norm, None),
            has_skip: shape.has_skip(),
            drop_rate,
        }
    }

    /// The form that trains. `keys` holds one key per sample.
    pub fn forward_train(&mut self, input: Tensor<4>, form: NormForm, keys: &[Key]) -> Tensor<4> {
        if !self.has_skip {
            return self.branch(input, form);
        }
        let (branch, shortcut) = kernels::fork(input);
        let x = self.branch(branch, form);
        let factors = drop_path(x.dims()[0], self.drop_rate, keys);
        kernels::join(x, shortcut, factors)
    }

    fn branch(&mut self, mut x: Tensor<4>, form: NormForm) -> Tensor<4> {
        if let Some(expand) = &mut self.expand {
            x = expand.forward_train(x, form);
        }
        x = self.depthwise.forward_train(x, form);
        if let Some(squeeze) = &self.squeeze {
            x = squeeze.forward(x);
        }
        self.project.forward_train(x, form)
    }

    /// The form that predicts, unfolded.
    pub fn infer(&self, input: Tensor<4>) -> Tensor<4> {
        let mut x = input.clone();
        if let Some(expand) = &self.expand {
            x = expand.infer(x);
        }
        x = self.depthwise.infer(x);
        if let Some(squeeze) = &self.squeeze {
            x = squeeze.forward(x);
        }
        x = self.project.infer(x);
        if self.has_skip { x.add(input) } else { x }
    }
}

/// Stochastic depth (Huang et al. 2016): leaves whole samples out and scales up the others.
fn drop_path(samples: usize, rate: f64, keys: &[Key]) -> Vec<f32> {
    if rate <= 0.0 {
        return vec![1.0; samples];
    }
    let kept = (1.0 / (1.0 - rate)) as f32;
    keys.iter().map(|key| if key.draws().chance(rate) { 0.0 } else { kept }).collect()
}
