//! The inference form of a network: pieces one after the other, batch norms folded in, no autodiff. Weights are
//! brought into the order that the device wants once, not with every picture.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};

use super::extension::Inferred;
use super::program::Program;
use super::{
    Window, activate, convolve, convolve_affine, enter, is_cpu, is_gpu, is_plain, pool, squeeze_excite,
};
use crate::scaling::Activation;

/// A convolution with a factor and a term for each output, then the activation.
#[derive(Debug, Clone)]
pub struct Conv {
    pub weight: Tensor<4>,
    pub scale: Tensor<1>,
    pub shift: Tensor<1>,
    pub window: Window,
    pub activation: Option<Activation>,
}

/// Squeeze-excite's two layers as 1x1 convolutions: weight and bias.
#[derive(Debug, Clone)]
pub struct Gate {
    pub reduce: (Tensor<4>, Tensor<1>),
    pub expand: (Tensor<4>, Tensor<1>),
}

/// The inverted bottleneck: more channels, each filtered by itself and weighed, then fewer channels.
#[derive(Debug, Clone)]
pub struct Bottleneck {
    pub expand: Option<Conv>,
    pub depthwise: Conv,
    pub gate: Option<Gate>,
    pub project: Conv,
    pub adds_input: bool,
}

#[derive(Debug, Clone)]
pub enum Piece {
    Convolve(Box<Conv>),
    Bottleneck(Box<Bottleneck>),
    /// The mean over height and width, which become 1.
    Pool,
}

#[derive(Debug, Clone)]
pub struct Sequence(Form);

#[derive(Debug, Clone)]
enum Form {
    Native(Arc<Program>),
    /// Factors multiplied into the weights.
    Folded(Vec<Piece>),
    /// Factors and terms come after each convolution, with the activation.
    Apart(Vec<Piece>),
}

impl Sequence {
    pub fn new(pieces: Vec<Piece>) -> Self {
        let device = pieces.iter().find_map(Piece::device);
        if device.as_ref().is_some_and(is_gpu) {
            return Self(Form::Apart(pieces));
        }
        let native = device.filter(|device| is_cpu(device) && is_plain([device]));
        match native.and_then(|_| Program::new(&pieces)) {
            Some(program) => Self(Form::Native(Arc::new(program))),
            None => Self(Form::Folded(pieces.into_iter().map(Piece::folded).collect())),
        }
    }

    /// Runs some of the pieces on what the ones before them gave, in the layout of the device.
    pub fn run(&self, pieces: Range<usize>, x: Tensor<4>) -> Tensor<4> {
        match &self.0 {
            Form::Native(program) => {
                let x = if is_plain([&x.device()]) { x } else { x.inner() };
                let program = Arc::clone(program);
                Tensor::from_dispatch(Dispatch::kiln_run(x.into_dispatch(), program, pieces))
            }
            Form::Folded(all) => all[pieces].iter().fold(x, |x, piece| piece.run(x, true)),
            Form::Apart(all) => all[pieces].iter().fold(x, |x, piece| piece.run(x, false)),
        }
    }
}

impl Piece {
    fn device(&self) -> Option<Device> {
        match self {
            Self::Convolve(conv) => Some(conv.weight.device()),
            Self::Bottleneck(bottleneck) => Some(bottleneck.project.weight.device()),
            Self::Pool => None,
        }
    }

    /// With the factors multiplied into the weights, as everybody but kiln's own kernels wants them.
    pub fn folded(self) -> Self {
        match self {
            Self::Convolve(conv) => Self::Convolve(Box::new(conv.folded())),
            Self::Bottleneck(bottleneck) => Self::Bottleneck(Box::new(bottleneck.folded())),
            Self::Pool => Self::Pool,
        }
    }

    fn run(&self, x: Tensor<4>, folded: bool) -> Tensor<4> {
        match self {
            Self::Convolve(conv) => conv.run(x, folded),
            Self::Bottleneck(bottleneck) => bottleneck.run(x, folded),
            Self::Pool => {
                let means = pool(x);
                let [samples, channels] = means.dims();
                enter(means.reshape([samples, channels, 1, 1]))
            }
        }
    }
}

impl Conv {
    fn folded(self) -> Self {
        let [outputs] = self.scale.dims();
        let weight = self.weight.mul(self.scale.clone().reshape([outputs, 1, 1, 1]));
        Self { weight, ..self }
    }

    fn run(&self, x: Tensor<4>, folded: bool) -> Tensor<4> {
        let (weight, scale, shift) = (self.weight.clone(), self.scale.clone(), self.shift.clone());
        if folded {
            return activate(convolve(x, weight, Some(shift), self.window), self.activation);
        }
        convolve_affine(x, weight, self.window, (scale, shift), self.activation)
    }
}

impl Bottleneck {
    fn folded(self) -> Self {
        Self {
            expand: self.expand.map(Conv::folded),
            depthwise: self.depthwise.folded(),
            project: self.project.folded(),
            ..self
        }
    }

    fn run(&self, input: Tensor<4>, folded: bool) -> Tensor<4> {
        let mut x = match &self.expand {
            Some(expand) => expand.run(input.clone(), folded),
            None => input.clone(),
        };
        x = self.depthwise.run(x, folded);
        if let Some(gate) = &self.gate {
            x = squeeze_excite(x, gate.reduce.clone(), gate.expand.clone());
        }
        x = self.project.run(x, folded);
        if self.adds_input { x.add(input) } else { x }
    }
}
