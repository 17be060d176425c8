//! Convolution, batch normalisation and activation: the layer that everything else is made of.
//! Knows nothing of what it is a layer of.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::parameters::Source;
use crate::kernels::{self, Normalised, Window};
use crate::scaling::Activation;

/// Whose statistics a batch normalisation uses while it trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormForm {
    /// Those of the batch; the stored ones follow them.
    Batch,
    /// The stored ones, which stay as they are.
    Stored,
}

/// Batch normalisation's two numbers, which belong to the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormSettings {
    pub eps: f64,
    /// The share of the new value in the running statistics.
    pub momentum: f64,
}

#[derive(Module, Debug)]
pub struct Conv {
    pub weight: Param<Tensor<4>>,
    #[module(skip)]
    pub window: Window,
}

#[derive(Module, Debug)]
pub struct Norm {
    pub weight: Param<Tensor<1>>,
    pub bias: Param<Tensor<1>>,
    pub running_mean: Param<Tensor<1>>,
    pub running_var: Param<Tensor<1>>,
    #[module(skip)]
    pub settings: NormSettings,
}

/// A convolution without bias, its batch normalisation, and perhaps an activation.
#[derive(Module, Debug)]
pub struct ConvNorm {
    pub conv: Conv,
    pub norm: Norm,
    #[module(skip)]
    pub activation: Option<Activation>,
}

impl ConvNorm {
    pub fn build(
        source: &mut Source,
        channels: (usize, usize),
        window: Window,
        settings: NormSettings,
        activation: Option<Activation>,
    ) -> Self {
        let (input, output) = channels;
        let weight = [output, input / window.groups, window.kernel, window.kernel];
        Self {
            conv: Conv { weight: source.scope("conv").parameter("weight", weight), window },
            norm: Norm::build(&mut source.scope("norm"), output, settings),
            activation,
        }
    }

    /// The form that trains.
    pub fn forward_train(&mut self, x: Tensor<4>, form: NormForm) -> Tensor<4> {
        let (weight, window, norm) = (self.conv.weight.val(), self.conv.window, &mut self.norm);
        match form {
            NormForm::Batch => {
                let parameters = (norm.weight.val(), norm.bias.val());
                let eps = norm.settings.eps;
                let result = kernels::convolve_normalise(x, weight, window, parameters, eps, self.activation);
                norm.follow(&result);
                result.output
            }
            NormForm::Stored => kernels::convolve_affine(x, weight, window, norm.affine(), self.activation),
        }
    }

    /// The form that predicts, unfolded.
    pub fn infer(&self, x: Tensor<4>) -> Tensor<4> {
        let x = kernels::convolve(x, self.conv.weight.val(), None, self.conv.window);
        let (scale, shift) = self.norm.affine();
        kernels::scale_and_shift(x, scale, shift, self.activation)
    }
}

impl Norm {
    fn build(source: &mut Source, channels: usize, settings: NormSettings) -> Self {
        Self {
            weight: source.parameter("weight", [channels]),
            bias: source.parameter("bias", [channels]),
            running_mean: source.statistic("running_mean", [channels]),
            running_var: source.statistic("running_var", [channels]),
            settings,
        }
    }

    /// The factor and the term that the stored statistics make.
    pub fn affine(&self) -> (Tensor<1>, Tensor<1>) {
        let deviation = self.running_var.val().add_scalar(self.settings.eps).sqrt();
        let scale = self.weight.val().div(deviation);
        let shift = self.bias.val().sub(self.running_mean.val().mul(scale.clone()));
        (scale, shift)
    }

    /// Moves the stored statistics towards those of a batch.
    fn follow(&mut self, batch: &Normalised) {
        let [samples, _, height, width] = kernels::sizes(&batch.output);
        // PyTorch stores the unbiased variance. A single value has none; its biased one is 0.
        let count = (samples * height * width) as f64;
        let unbiased = count / (count - 1.0).max(1.0);
        let stored = [&self.running_mean, &self.running_var].map(|statistic| statistic.val().inner());
        let new = [&batch.mean, &batch.variance].map(|statistic| statistic.clone().inner());
        let [mean, variance] = kernels::blend(stored, new, self.settings.momentum, unbiased);
        self.running_mean = self.running_mean.clone().map(|_| mean);
        self.running_var = self.running_var.clone().map(|_| variance);
    }
}
