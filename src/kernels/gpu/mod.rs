//! The operations on GPUs: kernels written once, in CubeCL, for every driver that Burn's Cube backend reaches. Pictures
//! are `[samples, height, width, channels]` in 32 or 16 bits; parameters, statistics and sums are always in 32 bits.
//!
//! No sum's order depends on chance: there are no atomics, and the shapes alone decide who adds what.

mod activation;
mod candidates;
mod columns;
mod convolution;
mod depthwise;
mod extension;
mod gate;
mod gradients;
mod launch;
mod norm;
mod place;
mod product;
mod squeeze;
#[cfg(test)]
pub mod tests;
mod trial;
mod updates;

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::{DType, Device, Tensor};

use super::{Normalised, Step, Window};
use crate::scaling::Activation;
use extension::{OnGpu, Updated};

pub use trial::Trial;

/// Pictures that these kernels work on.
pub struct Pictures(Tensor<4>);

/// Whether a device is one of those.
pub fn is_gpu(device: &Device) -> bool {
    match device.as_dispatch() {
        DispatchDevice::Cube(_) => true,
        DispatchDevice::Autodiff(inner) => matches!(**inner, DispatchDevice::Cube(_)),
        _ => false,
    }
}

impl Pictures {
    /// Nothing where they lie elsewhere or hold other numbers.
    pub fn of(x: &Tensor<4>) -> Option<Self> {
        let known = matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16);
        (known && is_gpu(&x.device())).then(|| Self(x.clone()))
    }

    /// Whether there is a kernel for a convolution of them.
    pub fn know(&self, weight: &Tensor<4>, window: Window) -> bool {
        weight.dtype() == DType::F32 && convolution::is_known(window, weight.dims(), self.0.dims()[3])
    }

    pub fn convolve(self, weight: Tensor<4>, window: Window) -> Tensor<4> {
        Tensor::from_dispatch(Dispatch::gpu_convolve(self.0.into_dispatch(), weight.into_dispatch(), window))
    }

    pub fn normalise(
        self,
        weight: Tensor<1>,
        bias: Tensor<1>,
        eps: f64,
        activation: Option<Activation>,
    ) -> Normalised {
        let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
        Normalised::new(Dispatch::gpu_normalise(self.0.into_dispatch(), weight, bias, eps, activation))
    }

    pub fn affine(self, scale: Tensor<1>, shift: Tensor<1>, activation: Option<Activation>) -> Tensor<4> {
        let (scale, shift) = (scale.into_dispatch(), shift.into_dispatch());
        Tensor::from_dispatch(Dispatch::gpu_affine(self.0.into_dispatch(), scale, shift, activation))
    }

    /// Whether there is a kernel for squeeze-excite with so many channels between its layers.
    pub fn have_gates(&self, hidden: usize) -> bool {
        hidden <= squeeze::HIDDEN
    }

    pub fn squeeze(self, reduce: (Tensor<4>, Tensor<1>), expand: (Tensor<4>, Tensor<1>)) -> Tensor<4> {
        Tensor::from_dispatch(Dispatch::gpu_squeeze(
            self.0.into_dispatch(),
            reduce.0.into_dispatch(),
            reduce.1.into_dispatch(),
            expand.0.into_dispatch(),
            expand.1.into_dispatch(),
        ))
    }

    /// The means, `[samples, channels]` in 32 bits.
    pub fn pool(self) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::gpu_pool(self.0.into_dispatch()))
    }

    pub fn join(self, input: Tensor<4>, factors: Vec<f32>) -> Tensor<4> {
        Tensor::from_dispatch(Dispatch::gpu_join(self.0.into_dispatch(), input.into_dispatch(), factors))
    }
}

/// A parameter, or its gradient, on a GPU, with no history of it kept.
pub struct Parameter(Tensor<1>);

impl Parameter {
    /// Nothing where any of them lies elsewhere, or holds other numbers.
    pub fn of<const N: usize>(x: &Tensor<1>, others: [&Tensor<1>; N]) -> Option<Self> {
        let known = |x: &Tensor<1>| {
            x.dtype() == DType::F32 && matches!(x.device().as_dispatch(), DispatchDevice::Cube(_))
        };
        (known(x) && others.into_iter().all(known)).then(|| Self(x.clone()))
    }

    /// One update: the value and both moments.
    pub fn update(
        self,
        gradient: Tensor<1>,
        [first, second]: [Tensor<1>; 2],
        step: Step,
    ) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
        let (first, second) = (first.into_dispatch(), second.into_dispatch());
        let found =
            Dispatch::gpu_update(self.0.into_dispatch(), gradient.into_dispatch(), first, second, step);
        (Tensor::from_dispatch(found.0), Tensor::from_dispatch(found.1), Tensor::from_dispatch(found.2))
    }

    pub fn follow(self, value: Tensor<1>, share: f64) -> Tensor<1> {
        Tensor::from_dispatch(Dispatch::gpu_follow(self.0.into_dispatch(), value.into_dispatch(), share))
    }

    /// This mean and its variance after a batch with `new` ones.
    pub fn blend(
        self,
        variance: Tensor<1>,
        new: [Tensor<1>; 2],
        share: f64,
        unbiased: f64,
    ) -> [Tensor<1>; 2] {
        let [mean, of_batch] = new.map(Tensor::into_dispatch);
        let (stored, variance) = (self.0.into_dispatch(), variance.into_dispatch());
        let found = Dispatch::gpu_blend(stored, variance, mean, of_batch, share, unbiased);
        [found.0, found.1].map(Tensor::from_dispatch)
    }

    /// The sum of the squares.
    pub fn squares(self) -> Tensor<1> {
        Tensor::from_dispatch(Dispatch::gpu_squares(self.0.into_dispatch()))
    }
}
