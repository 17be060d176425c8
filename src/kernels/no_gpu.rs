//! What `gpu` is in a build that reaches no GPU: there are no such pictures.

use burn::tensor::{Device, Tensor};

use super::{Measured, Normalised, Product, Step, Window};
use crate::scaling::Activation;

pub enum Pictures {}

pub fn is_gpu(_: &Device) -> bool {
    false
}

impl Pictures {
    pub fn of(_: &Tensor<4>) -> Option<Self> {
        None
    }

    pub fn know(&self, _: &Tensor<4>, _: Window) -> bool {
        match *self {}
    }

    pub fn convolve(self, _: Tensor<4>, _: Window) -> Tensor<4> {
        match self {}
    }

    pub fn normalise(self, _: Tensor<1>, _: Tensor<1>, _: f64, _: Option<Activation>) -> Normalised {
        match self {}
    }

    pub fn affine(self, _: Tensor<1>, _: Tensor<1>, _: Option<Activation>) -> Tensor<4> {
        match self {}
    }

    pub fn have_gates(&self, _: usize) -> bool {
        match *self {}
    }

    pub fn squeeze(self, _: (Tensor<4>, Tensor<1>), _: (Tensor<4>, Tensor<1>)) -> Tensor<4> {
        match self {}
    }

    pub fn pool(self) -> Tensor<2> {
        match self {}
    }

    pub fn join(self, _: Tensor<4>, _: Vec<f32>) -> Tensor<4> {
        match self {}
    }
}

pub enum Parameter {}

impl Parameter {
    pub fn of<const N: usize>(_: &Tensor<1>, _: [&Tensor<1>; N]) -> Option<Self> {
        None
    }

    pub fn update(self, _: Tensor<1>, _: [Tensor<1>; 2], _: Step) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
        match self {}
    }

    pub fn follow(self, _: Tensor<1>, _: f64) -> Tensor<1> {
        match self {}
    }

    pub fn blend(self, _: Tensor<1>, _: [Tensor<1>; 2], _: f64, _: f64) -> [Tensor<1>; 2] {
        match self {}
    }

    pub fn squares(self) -> Tensor<1> {
        match self {}
    }
}

pub enum Trial {}

impl Trial {
    pub fn new(_: Product, _: &Device) -> Result<Self, String> {
        Err("this kiln was built without GPUs".into())
    }

    pub fn kernels(&self) -> Vec<&'static str> {
        match *self {}
    }

    pub fn measure(&self, _: &str) -> Result<Measured, String> {
        match *self {}
    }
}
