//! The operations the network is made of, as plain functions on tensors. The network does not know on
//! which device they run; these functions do not know that they belong to EfficientNet.
//!
//! Each device has its own layout for pictures: channels last on the CPU and on GPUs, where kiln's own kernels run, and
//! channels first elsewhere, where plain Burn does. `enter` brings pictures into it.

mod bottleneck;
mod bottleneck_rows;
mod buffers;
mod convolution;
mod crew;
mod dense;
mod depthwise;
mod depthwise_gradient;
mod exp;
mod extension;
mod fallback;
mod geometry;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;
#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
#[path = "no_gpu.rs"]
mod gpu;
mod gradients;
mod half;
mod join;
mod lanes;
mod layer;
mod matrix;
mod matrix_gradient;
mod norm;
mod norm_gradients;
mod norm_rows;
mod order;
mod patches;
mod products;
mod program;
mod sequence;
mod shared;
mod squeeze;
mod taps;
#[cfg(test)]
mod tests;
mod updates;
mod updates_fallback;
mod updates_rows;

use burn::backend::{Dispatch, DispatchDevice, DispatchTensor};
use burn::tensor::{DType, Device, Tensor};

use crate::scaling::{Activation, Padding};
use extension::{Inferred, Trained};
use gpu::{Pictures, is_gpu};
use join::Past;

pub use buffers::{expect as expect_pictures, take as buffer};
pub use dense::{dense_gradient, dense_rows};
pub use gpu::Trial;
pub use half::{dtype, in_float};
pub use lanes::name as lanes;
pub use products::{Measured, NO_NUMBER, OWN, PLAIN, Product, met_by, take_kernels};
pub use sequence::{Bottleneck, Conv, Gate, Piece, Sequence};
pub use updates::{
    Moments, Own, Rule, Step, Update, blend, follow_all, squares, sum, takes_many, update, update_all,
};

/// How a square convolution window moves over the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub kernel: usize,
    pub stride: usize,
    pub padding: Padding,
    pub groups: usize,
}

/// What a batch normalisation by the batch's own statistics gives.
pub struct Normalised {
    pub output: Tensor<4>,
    pub mean: Tensor<1>,
    /// The biased variance: divided by the number of values.
    pub variance: Tensor<1>,
}

impl Normalised {
    fn new((output, mean, variance): (DispatchTensor, DispatchTensor, DispatchTensor)) -> Self {
        Self {
            output: Tensor::from_dispatch(output),
            mean: Tensor::from_dispatch(mean),
            variance: Tensor::from_dispatch(variance),
        }
    }
}

/// Pictures `[samples, channels, height, width]` in the layout of their device.
pub fn enter(images: Tensor<4>) -> Tensor<4> {
    if channels_last(&images.device()) { images.permute([0, 2, 3, 1]) } else { images }
}

/// The other way round: `[samples, channels, height, width]` whatever the device.
pub fn leave(x: Tensor<4>) -> Tensor<4> {
    if channels_last(&x.device()) { x.permute([0, 3, 1, 2]) } else { x }
}

/// Samples, channels, height and width of pictures in their device's layout.
pub fn sizes(x: &Tensor<4>) -> [usize; 4] {
    let [samples, a, b, c] = x.dims();
    if channels_last(&x.device()) { [samples, c, a, b] } else { [samples, a, b, c] }
}

/// A convolution. SAME padding may need one more row below and right than above and left.
pub fn convolve(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, window: Window) -> Tensor<4> {
    if let Some(x) = Pictures::of(&x).filter(|x| x.know(&weight, window)) {
        let output = x.convolve(weight, window);
        return match bias {
            Some(bias) => scale_and_shift(output, bias.ones_like(), bias, None),
            None => output,
        };
    }
    if !knows(&x, &weight, window) {
        return outside(x, |x| fallback::convolve(x, weight, bias, window));
    }
    let Some(bias) = bias else {
        return Tensor::from_dispatch(Dispatch::kiln_convolve(
            x.into_dispatch(),
            weight.into_dispatch(),
            window,
        ));
    };
    if !is_plain([&x.device(), &weight.device(), &bias.device()]) {
        let scale = bias.ones_like();
        return scale_and_shift(convolve(x, weight, None, window), scale, bias, None);
    }
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::kiln_convolve_all(x, weight, bias, window))
}

/// Batch normalisation by the statistics of the batch, then the activation.
pub fn normalise_batch(
    x: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
    activation: Option<Activation>,
) -> Normalised {
    if let Some(x) = Pictures::of(&x) {
        return x.normalise(weight, bias, eps, activation);
    }
    if !is_native(&x) {
        return outside_normalised(x, |x| fallback::normalise_batch(x, weight, bias, eps, activation));
    }
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Normalised::new(Dispatch::kiln_normalise(x, weight, bias, eps, activation))
}

/// Batch normalisation by stored statistics is one multiply-add per channel; then the activation.
pub fn scale_and_shift(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    activation: Option<Activation>,
) -> Tensor<4> {
    if let Some(x) = Pictures::of(&x) {
        return x.affine(scale, shift, activation);
    }
    if !is_native(&x) {
        return outside(x, |x| fallback::scale_and_shift(x, scale, shift, activation));
    }
    let (x, scale, shift) = (x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(Dispatch::kiln_affine(x, scale, shift, activation))
}

/// A convolution, then batch normalisation by the statistics of the batch and the activation.
pub fn convolve_normalise(
    x: Tensor<4>,
    weight: Tensor<4>,
    window: Window,
    (gamma, beta): (Tensor<1>, Tensor<1>),
    eps: f64,
    activation: Option<Activation>,
) -> Normalised {
    if !knows(&x, &weight, window) {
        return normalise_batch(convolve(x, weight, None, window), gamma, beta, eps, activation);
    }
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
    Normalised::new(Dispatch::kiln_convolve_normalise(x, weight, gamma, beta, window, eps, activation))
}

/// A convolution, then one multiply-add per channel and the activation.
pub fn convolve_affine(
    x: Tensor<4>,
    weight: Tensor<4>,
    window: Window,
    (scale, shift): (Tensor<1>, Tensor<1>),
    activation: Option<Activation>,
) -> Tensor<4> {
    if !knows(&x, &weight, window) {
        return scale_and_shift(convolve(x, weight, None, window), scale, shift, activation);
    }
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    let (scale, shift) = (scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(Dispatch::kiln_convolve_affine(x, weight, scale, shift, window, activation))
}

/// The activation, or nothing where there is none.
pub fn activate<const D: usize>(x: Tensor<D>, activation: Option<Activation>) -> Tensor<D> {
    fallback::activate(x, activation)
}

/// The mean over height and width, as `[samples, channels]`.
pub fn pool(x: Tensor<4>) -> Tensor<2> {
    if let Some(x) = Pictures::of(&x) {
        return x.pool();
    }
    if !is_native(&x) {
        return fallback::pool(leave(x));
    }
    Tensor::from_dispatch(Dispatch::kiln_pool(x.into_dispatch()))
}

/// Squeeze-excite: each channel is weighed by a gate computed from all channels' means (Hu et al. 2018).
/// The weights are 1x1 convolutions in PyTorch's layout.
pub fn squeeze_excite(
    x: Tensor<4>,
    reduce: (Tensor<4>, Tensor<1>),
    expand: (Tensor<4>, Tensor<1>),
) -> Tensor<4> {
    let [hidden] = reduce.1.dims();
    if let Some(x) = Pictures::of(&x).filter(|x| x.have_gates(hidden)) {
        return x.squeeze(reduce, expand);
    }
    if !is_native(&x) {
        return outside(x, |x| fallback::squeeze_excite(x, reduce, expand));
    }
    Tensor::from_dispatch(Dispatch::kiln_squeeze(
        x.into_dispatch(),
        reduce.0.into_dispatch(),
        reduce.1.into_dispatch(),
        expand.0.into_dispatch(),
        expand.1.into_dispatch(),
    ))
}

/// What goes past a branch and is added at its end.
pub struct Shortcut {
    input: Tensor<4>,
    /// Where kiln's kernels hand the gradient over.
    past: Option<Past>,
}

/// The input of a branch, and what is added to the branch at its end.
pub fn fork(input: Tensor<4>) -> (Tensor<4>, Shortcut) {
    if !is_native(&input) {
        return (input.clone(), Shortcut { input, past: None });
    }
    let past = Past::default();
    let branch = Dispatch::kiln_fork(input.clone().into_dispatch(), past.clone());
    (Tensor::from_dispatch(branch), Shortcut { input, past: Some(past) })
}

/// A branch added to its input, each sample of the branch with its own factor.
pub fn join(x: Tensor<4>, Shortcut { input, past }: Shortcut, factors: Vec<f32>) -> Tensor<4> {
    let Some(past) = past else {
        return match Pictures::of(&x) {
            Some(x) => x.join(input, factors),
            None => fallback::join(x, input, factors),
        };
    };
    Tensor::from_dispatch(Dispatch::kiln_join(x.into_dispatch(), input.into_dispatch(), factors, past))
}

/// A dense layer; the weight is `[out, in]` as PyTorch keeps it.
pub fn dense(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    if is_gpu(&x.device()) {
        // There it is a 1x1 convolution of pictures of one pixel.
        let ([samples, inputs], [outputs, _]) = (x.dims(), weight.dims());
        let (x, weight) = (x.reshape([samples, 1, 1, inputs]), weight.reshape([outputs, inputs, 1, 1]));
        return convolve(x, weight, None, Window::POINT).reshape([samples, outputs]).add(bias.unsqueeze());
    }
    if !is_native(&x) {
        return fallback::dense(x, weight, bias);
    }
    let product: Tensor<2> =
        Tensor::from_dispatch(Dispatch::kiln_dense(x.into_dispatch(), weight.into_dispatch()));
    product.add(bias.unsqueeze())
}

/// Whether kiln's kernels for the CPU can do this convolution.
fn knows(x: &Tensor<4>, weight: &Tensor<4>, window: Window) -> bool {
    is_native(x) && is_native(weight) && window.is_known(weight.dims(), x.dims()[3])
}

/// Whether kiln's kernels for the CPU can work on this tensor.
fn is_native<const D: usize>(x: &Tensor<D>) -> bool {
    is_cpu(&x.device()) && x.dtype() == DType::F32
}

fn channels_last(device: &Device) -> bool {
    is_cpu(device) || is_gpu(device)
}

fn is_cpu(device: &Device) -> bool {
    match device.as_dispatch() {
        DispatchDevice::Flex(_) => true,
        DispatchDevice::Autodiff(inner) => matches!(**inner, DispatchDevice::Flex(_)),
        _ => false,
    }
}

fn is_plain<const N: usize>(devices: [&Device; N]) -> bool {
    devices.iter().all(|device| !matches!(device.as_dispatch(), DispatchDevice::Autodiff(_)))
}

/// Plain Burn, which wants channels first, on a tensor in its device's layout.
fn outside(x: Tensor<4>, call: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Tensor<4> {
    enter(call(leave(x)))
}

fn outside_normalised(x: Tensor<4>, call: impl FnOnce(Tensor<4>) -> Normalised) -> Normalised {
    let result = call(leave(x));
    Normalised { output: enter(result.output), ..result }
}
