//! What `gpu` is in a build that reaches no GPU: there are no such pictures.

use std::convert::Infallible;

use burn::tensor::{Device, Tensor};

use super::{Measured, Normalised, Own, Product, Rule, Window};
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

pub struct Parameters<const N: usize>(Infallible);

impl<const N: usize> Parameters<N> {
    pub fn of(lists: [Vec<Tensor<1>>; N]) -> Result<Self, [Vec<Tensor<1>>; N]> {
        Err(lists)
    }

    pub fn update(self, _: &[Own], _: Rule, _: f64) -> [Vec<Tensor<1>>; 3] {
        match self.0 {}
    }

    pub fn follow(self, _: f64) -> Vec<Tensor<1>> {
        match self.0 {}
    }

    pub fn blend(self, _: f64, _: f64) -> [Tensor<1>; 2] {
        match self.0 {}
    }

    pub fn squares(self) -> Tensor<1> {
        match self.0 {}
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

    pub fn works(&self) -> Result<(), String> {
        match *self {}
    }
}
