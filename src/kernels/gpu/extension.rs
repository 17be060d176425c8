//! The door to Burn: each operation as an extension of Burn's Cube backend. Calling one on another backend panics, so
//! `mod.rs` looks at the device before it calls.

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, backend_extension};
use burn::tensor::TensorData;
use burn_cubecl::tensor::CubeTensor;

use super::launch::whole;
use super::{activation, convolution, gate, norm, squeeze};
use crate::kernels::Window;
use crate::scaling::Activation;

/// The operations; `gradients.rs` has the way back.
#[backend_extension(Cube, Autodiff)]
pub trait OnGpu: Backend {
    fn gpu_convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;

    /// The output, the mean and the biased variance.
    fn gpu_normalise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f64,
        activation: Option<Activation>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn gpu_affine(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        activation: Option<Activation>,
    ) -> FloatTensor<Self>;

    fn gpu_squeeze(
        x: FloatTensor<Self>,
        reduce: FloatTensor<Self>,
        reduce_bias: FloatTensor<Self>,
        expand: FloatTensor<Self>,
        expand_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Means in 32 bits.
    fn gpu_pool(x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn gpu_join(x: FloatTensor<Self>, input: FloatTensor<Self>, factors: Vec<f32>) -> FloatTensor<Self>;
}

impl OnGpu for Cube {
    fn gpu_convolve(x: CubeTensor, weight: CubeTensor, window: Window) -> CubeTensor {
        convolution::forward(&whole(x), &whole(weight), window)
    }

    fn gpu_normalise(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        eps: f64,
        activation: Option<Activation>,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let parameters = [&whole(weight), &whole(bias)];
        let (output, affine, variance) =
            norm::normalise(&whole(x), parameters, eps, activation::code(activation));
        (output, affine.center, variance)
    }

    fn gpu_affine(
        x: CubeTensor,
        scale: CubeTensor,
        shift: CubeTensor,
        activation: Option<Activation>,
    ) -> CubeTensor {
        norm::Affine::new(whole(scale), whole(shift)).apply(&whole(x), activation::code(activation))
    }

    fn gpu_squeeze(
        x: CubeTensor,
        reduce: CubeTensor,
        reduce_bias: CubeTensor,
        expand: CubeTensor,
        expand_bias: CubeTensor,
    ) -> CubeTensor {
        squeeze::Layers::new([reduce, reduce_bias, expand, expand_bias]).forward(&whole(x)).0
    }

    fn gpu_pool(x: CubeTensor) -> CubeTensor {
        squeeze::pool(&whole(x))
    }

    fn gpu_join(x: CubeTensor, input: CubeTensor, factors: Vec<f32>) -> CubeTensor {
        let factors = uploaded(factors, &x);
        gate::joined(&whole(x), Some(&whole(input)), &factors)
    }
}

/// Numbers on the device of a tensor.
pub fn uploaded(values: Vec<f32>, like: &CubeTensor) -> CubeTensor {
    let count = values.len();
    Cube::float_from_data(TensorData::new(values, [count]), &like.device)
}
