//! Squeeze-excite: the parameters of the gate. The arithmetic is in kernels/.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::parameters::Source;
use crate::kernels;

/// A 1x1 convolution on a single pixel, with bias.
#[derive(Module, Debug)]
pub struct Gate {
    pub weight: Param<Tensor<4>>,
    pub bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
pub struct SqueezeExcite {
    pub reduce: Gate,
    pub expand: Gate,
}

impl SqueezeExcite {
    pub fn build(source: &mut Source, channels: usize, reduced: usize) -> Self {
        Self {
            reduce: Gate::build(&mut source.scope("reduce"), channels, reduced),
            expand: Gate::build(&mut source.scope("expand"), reduced, channels),
        }
    }

    /// As the inference form takes it.
    pub fn gate(&self) -> kernels::Gate {
        kernels::Gate { reduce: self.reduce.values(), expand: self.expand.values() }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        kernels::squeeze_excite(x, self.reduce.values(), self.expand.values())
    }
}

impl Gate {
    fn build(source: &mut Source, input: usize, output: usize) -> Self {
        Self {
            weight: source.parameter("weight", [output, input, 1, 1]),
            bias: source.parameter("bias", [output]),
        }
    }

    fn values(&self) -> (Tensor<4>, Tensor<1>) {
        (self.weight.val(), self.bias.val())
    }
}
