//! The operations in plain Burn, for every backend that kiln has no kernels for. Pictures are
//! `[samples, channels, height, width]` here. Pictures of half floats are computed on in 32 bits and handed on as halves:
//! Burn's own convolution adds up in the type of its input, and a weight's gradient is a sum over all dots of all pictures.

use burn::tensor::{Tensor, TensorData, activation, module, ops::ConvOptions, ops::PadMode};

use super::half::{narrowed, widened};
use super::{Normalised, Window};
use crate::scaling::Activation;

/// A convolution. SAME padding may need one more row below and right than above and left.
pub fn convolve(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, window: Window) -> Tensor<4> {
    let float = x.dtype();
    narrowed(convolve_widely(widened(x), weight, bias, window), float)
}

fn convolve_widely(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, window: Window) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let rows = window.padding.amounts(height, window.kernel, window.stride);
    let columns = window.padding.amounts(width, window.kernel, window.stride);
    let stride = [window.stride; 2];
    if rows.0 == rows.1 && columns.0 == columns.1 {
        let options = ConvOptions::new(stride, [rows.0, columns.0], [1, 1], window.groups);
        return module::conv2d(x, weight, bias, options);
    }
    let x = x.pad([rows, columns], PadMode::Constant(0.0));
    module::conv2d(x, weight, bias, ConvOptions::new(stride, [0, 0], [1, 1], window.groups))
}

/// Batch normalisation by the statistics of the batch, which are never halves, then the activation.
pub fn normalise_batch(
    x: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
    activation: Option<Activation>,
) -> Normalised {
    let float = x.dtype();
    let result = module::batch_norm_train(widened(x), weight, bias, eps);
    let output = narrowed(activate(result.output, activation), float);
    Normalised { output, mean: result.mean, variance: result.variance }
}

/// Batch normalisation by stored statistics is one multiply-add per channel; then the activation.
pub fn scale_and_shift(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    activation: Option<Activation>,
) -> Tensor<4> {
    let ([channels], float) = (scale.dims(), x.dtype());
    let x = widened(x).mul(scale.reshape([1, channels, 1, 1])).add(shift.reshape([1, channels, 1, 1]));
    narrowed(activate(x, activation), float)
}

/// The activation, or nothing where there is none.
pub fn activate<const D: usize>(x: Tensor<D>, activation: Option<Activation>) -> Tensor<D> {
    match activation {
        None => x,
        Some(Activation::Silu) => activation::silu(x),
        Some(Activation::Relu6) => x.clamp(0.0, 6.0),
    }
}

/// The mean over height and width: `[n, channels, h, w]` to `[n, channels]`, which are never halves.
pub fn pool(x: Tensor<4>) -> Tensor<2> {
    let [samples, channels, height, width] = x.dims();
    widened(x).reshape([samples, channels, height * width]).mean_dim(2).reshape([samples, channels])
}

/// Squeeze-excite: each channel is weighed by a gate computed from all channels' means (Hu et al. 2018).
/// The weights are 1x1 convolutions in PyTorch's layout.
pub fn squeeze_excite(
    x: Tensor<4>,
    reduce: (Tensor<4>, Tensor<1>),
    expand: (Tensor<4>, Tensor<1>),
) -> Tensor<4> {
    let ([samples, channels, _, _], float) = (x.dims(), x.dtype());
    let x = widened(x);
    let squeezed = activation::silu(dense_1x1(pool(x.clone()), reduce.0, reduce.1));
    let gate = activation::sigmoid(dense_1x1(squeezed, expand.0, expand.1));
    narrowed(x.mul(gate.reshape([samples, channels, 1, 1])), float)
}

/// A branch added to its input, each sample of the branch with its own factor.
pub fn join(x: Tensor<4>, input: Tensor<4>, factors: Vec<f32>) -> Tensor<4> {
    let samples = factors.len();
    let factors: Tensor<4> = Tensor::from_data(TensorData::new(factors, [samples, 1, 1, 1]), &x.device());
    let factors = factors.cast(x.dtype());
    x.mul(factors).add(input)
}

/// A dense layer; the weight is `[out, in]` as PyTorch keeps it.
pub fn dense(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    x.matmul(weight.transpose()).add(bias.unsqueeze())
}

fn dense_1x1(x: Tensor<2>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<2> {
    let [outputs, inputs, _, _] = weight.dims();
    dense(x, weight.reshape([outputs, inputs]), bias)
}
