//! The door to Burn: each operation as an extension of Burn's Cube backend. Calling one on another backend panics, so
//! `mod.rs` looks at the device before it calls.

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, backend_extension};
use burn::tensor::TensorData;
use burn_cubecl::tensor::CubeTensor;

use super::launch::whole;
use super::{activation, convolution, gate, norm, squeeze, updates};
use crate::kernels::{Step, Window};
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

/// What no gradient goes through: the optimizers.
#[backend_extension(Cube)]
pub trait Updated: Backend {
    fn gpu_update(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: Step,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn gpu_squares(x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn gpu_follow(mean: FloatTensor<Self>, value: FloatTensor<Self>, share: f64) -> FloatTensor<Self>;

    fn gpu_blend(
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        new_mean: FloatTensor<Self>,
        new_variance: FloatTensor<Self>,
        share: f64,
        unbiased: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl Updated for Cube {
    fn gpu_update(
        value: CubeTensor,
        gradient: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        step: Step,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        updates::update(&whole(value), &whole(gradient), [first, second].map(whole), step)
    }

    fn gpu_squares(x: CubeTensor) -> CubeTensor {
        updates::squares(&whole(x))
    }

    fn gpu_follow(mean: CubeTensor, value: CubeTensor, share: f64) -> CubeTensor {
        updates::follow(&whole(mean), &whole(value), share)
    }

    fn gpu_blend(
        mean: CubeTensor,
        variance: CubeTensor,
        new_mean: CubeTensor,
        new_variance: CubeTensor,
        share: f64,
        unbiased: f64,
    ) -> (CubeTensor, CubeTensor) {
        let [mean, variance, new_mean, new_variance] = [mean, variance, new_mean, new_variance].map(whole);
        updates::blend([&mean, &variance], [&new_mean, &new_variance], share, unbiased)
    }
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
