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
mod together;
mod trial;
mod updates;

use burn::backend::{
    BackendTensor, Dispatch, DispatchAutodiffContext, DispatchDevice, DispatchTensor, DispatchTensorKind,
};
use burn::tensor::{DType, Device, Tensor};
use burn_cubecl::tensor::CubeTensor;

use super::{Normalised, Own, Rule, Window};
use crate::scaling::Activation;
use extension::OnGpu;

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

/// Lists of parameters, or of what belongs to them, on one GPU, with no history of them kept.
pub struct Parameters<const N: usize>([Vec<CubeTensor>; N]);

impl<const N: usize> Parameters<N> {
    /// The lists themselves where there is nothing in them, or any tensor lies elsewhere or holds other numbers.
    pub fn of(lists: [Vec<Tensor<1>>; N]) -> Result<Self, [Vec<Tensor<1>>; N]> {
        let device = lists.iter().flatten().next().map(Tensor::device);
        let fits = |x: &Tensor<1>| {
            let is_inner = matches!(x.device().as_dispatch(), DispatchDevice::Cube(_));
            is_inner && x.dtype() == DType::F32 && Some(x.device()) == device
        };
        if device.is_none() || !lists.iter().flatten().all(fits) {
            return Err(lists);
        }
        Ok(Self(lists.map(|list| list.into_iter().filter_map(primitive).collect())))
    }
}

impl Parameters<4> {
    /// One update of values by gradients: they and, where the rule keeps them, both moments.
    pub fn update(self, own: &[Own], rule: Rule, share: f64) -> [Vec<Tensor<1>>; 3] {
        updates::update(self.0, own, rule, share).map(|new| new.into_iter().map(tensor).collect())
    }
}

impl Parameters<2> {
    /// Means that move towards values.
    pub fn follow(self, share: f64) -> Vec<Tensor<1>> {
        updates::follow(self.0, share).into_iter().map(tensor).collect()
    }

    /// A mean and its variance after a batch with those of the second list.
    pub fn blend(self, share: f64, unbiased: f64) -> [Tensor<1>; 2] {
        let [stored, new] = &self.0;
        updates::blend(stored, new, share, unbiased).map(tensor)
    }
}

impl Parameters<1> {
    /// Numbers whose sum is the sum of all squares.
    pub fn squares(self) -> Tensor<1> {
        tensor(updates::squares(&self.0[0]))
    }
}

/// A tensor as it lies on a GPU.
fn primitive(x: Tensor<1>) -> Option<CubeTensor> {
    match x.into_dispatch().kind {
        DispatchTensorKind::Cube(BackendTensor::Float(found)) => Some(launch::whole(found)),
        _ => None,
    }
}

fn tensor(found: CubeTensor) -> Tensor<1> {
    let kind = DispatchTensorKind::Cube(BackendTensor::Float(found));
    Tensor::from_dispatch(DispatchTensor { kind, autodiff: DispatchAutodiffContext::Disabled })
}
