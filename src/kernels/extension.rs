//! The door to Burn: each operation as an extension of Burn's Flex backend, on Flex's own tensors. Calling
//! one on another backend panics, so `mod.rs` chooses before it calls.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, backend_extension};
use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};

use super::Window;
use super::buffers;
use super::convolution;
use super::join::{Past, join};
use super::layer;
use super::matrix::{Finish, Packed, product};
use super::norm::{self, Affine, Pair};
use super::order::in_order;
use super::program::Program;
use super::squeeze::{self, Layers};
use super::updates::Step;
use super::updates_rows;
use crate::scaling::Activation;

/// The operations that can be trained through; `gradients.rs` has the way back.
#[backend_extension(Flex, Autodiff)]
pub trait Trained: Backend {
    fn kiln_convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;

    fn kiln_dense(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;

    fn kiln_normalise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f64,
        activation: Option<Activation>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn kiln_affine(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        activation: Option<Activation>,
    ) -> FloatTensor<Self>;

    /// A convolution, normalised by its own statistics.
    fn kiln_convolve_normalise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        window: Window,
        eps: f64,
        activation: Option<Activation>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// A convolution, then one multiply-add per channel.
    fn kiln_convolve_affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        window: Window,
        activation: Option<Activation>,
    ) -> FloatTensor<Self>;

    fn kiln_squeeze(
        x: FloatTensor<Self>,
        reduce: FloatTensor<Self>,
        reduce_bias: FloatTensor<Self>,
        expand: FloatTensor<Self>,
        expand_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn kiln_pool(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The input as the branch sees it; `kiln_join` ends the branch.
    fn kiln_fork(input: FloatTensor<Self>, past: Past) -> FloatTensor<Self>;

    /// The branch with its factors, and the input added. The input's gradient goes to the fork, past the graph.
    fn kiln_join(
        x: FloatTensor<Self>,
        input: FloatTensor<Self>,
        factors: Vec<f32>,
        past: Past,
    ) -> FloatTensor<Self>;
}

/// The operations that no gradient goes through: the inference form and the optimizers.
#[backend_extension(Flex)]
pub trait Inferred: Backend {
    fn kiln_convolve_all(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self>;

    fn kiln_run(x: FloatTensor<Self>, program: Arc<Program>, steps: Range<usize>) -> FloatTensor<Self>;

    fn kiln_update(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: Step,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn kiln_follow(mean: FloatTensor<Self>, value: FloatTensor<Self>, share: f64) -> FloatTensor<Self>;

    fn kiln_sum(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self>;

    fn kiln_squares(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Trained for Flex {
    fn kiln_convolve(x: FlexTensor, weight: FlexTensor, window: Window) -> FlexTensor {
        convolution::forward(&whole(x), &whole(weight), window, Finish::default(), None)
    }

    fn kiln_dense(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        let (x, weight) = (whole(x), whole(weight));
        let ([samples, inputs], [outputs, _]) = (dims(&x), dims(&weight));
        let mut output = vec![0.0; samples * outputs];
        let packed = Packed::by_output(values(&weight), outputs, inputs);
        product(values(&x), &packed, Finish::default(), &mut output);
        tensor(output, &[samples, outputs])
    }

    fn kiln_normalise(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        eps: f64,
        activation: Option<Activation>,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, weight, bias) = (whole(x), whole(weight), whole(bias));
        let [channels] = dims(&weight);
        let statistics = norm::statistics(values(&x), channels);
        normalised(&x, statistics, [&weight, &bias], eps, activation).into()
    }

    fn kiln_affine(
        x: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        activation: Option<Activation>,
    ) -> FlexTensor {
        let (x, scale, shift) = (whole(x), whole(scale), whole(shift));
        let zeros = vec![0.0; values(&scale).len()];
        let affine = Affine { center: &zeros, scale: values(&scale), shift: values(&shift) };
        let mut output = buffers::take(values(&x).len());
        norm::apply(values(&x), affine, activation, &mut output);
        tensor(output, &x.layout().shape().to_vec())
    }

    fn kiln_convolve_normalise(
        x: FlexTensor,
        weight: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        window: Window,
        eps: f64,
        activation: Option<Activation>,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (raw, statistics) = layer::with_statistics(&whole(x), &whole(weight), window);
        let found = normalised(&raw, statistics, [&whole(gamma), &whole(beta)], eps, activation);
        buffers::give_tensor(raw);
        found.into()
    }

    fn kiln_convolve_affine(
        x: FlexTensor,
        weight: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        window: Window,
        activation: Option<Activation>,
    ) -> FlexTensor {
        let (scale, shift) = (whole(scale), whole(shift));
        let [raw, output] = layer::with_affine(
            &whole(x),
            &whole(weight),
            window,
            [values(&scale), values(&shift)],
            activation,
        );
        buffers::give_tensor(raw);
        output
    }

    fn kiln_squeeze(
        x: FlexTensor,
        reduce: FlexTensor,
        reduce_bias: FlexTensor,
        expand: FlexTensor,
        expand_bias: FlexTensor,
    ) -> FlexTensor {
        let x = whole(x);
        let output = squeeze(&x, [reduce, reduce_bias, expand, expand_bias].map(whole).each_ref()).0;
        buffers::give_tensor(x);
        output
    }

    fn kiln_pool(x: FlexTensor) -> FlexTensor {
        let x = whole(x);
        let shape = picture(&x);
        let means = shape.means(values(&x));
        buffers::give_tensor(x);
        tensor(means, &[shape.samples, shape.channels])
    }

    fn kiln_fork(input: FlexTensor, _: Past) -> FlexTensor {
        input
    }

    fn kiln_join(x: FlexTensor, input: FlexTensor, factors: Vec<f32>, _: Past) -> FlexTensor {
        let (x, input) = (whole(x), whole(input));
        let mut output = buffers::take(values(&x).len());
        join(values(&x), Some(values(&input)), &factors, &mut output);
        let output = tensor(output, &x.layout().shape().to_vec());
        buffers::give_tensor(x);
        buffers::give_tensor(input);
        output
    }
}

impl Inferred for Flex {
    fn kiln_convolve_all(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, window: Window) -> FlexTensor {
        let bias = whole(bias);
        let finish = Finish { bias: values(&bias), ..Finish::default() };
        convolution::forward(&whole(x), &whole(weight), window, finish, None)
    }

    fn kiln_run(x: FlexTensor, program: Arc<Program>, steps: Range<usize>) -> FlexTensor {
        program.run(steps, x)
    }

    fn kiln_update(
        value: FlexTensor,
        gradient: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        step: Step,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [mut value, mut first, mut second] = [value, first, second].map(own);
        let gradient = whole(gradient);
        let numbers = [&mut value, &mut first, &mut second].map(|x| x.storage_mut::<f32>());
        let [v, f, s] = numbers;
        updates_rows::update(v, values(&gradient), f, s, step);
        (value, first, second)
    }

    fn kiln_follow(mean: FlexTensor, value: FlexTensor, share: f64) -> FlexTensor {
        let mut mean = own(mean);
        updates_rows::follow(mean.storage_mut(), values(&whole(value)), share);
        mean
    }

    fn kiln_sum(left: FlexTensor, right: FlexTensor) -> FlexTensor {
        let mut left = own(left);
        updates_rows::add(left.storage_mut(), values(&whole(right)));
        left
    }

    fn kiln_squares(x: FlexTensor) -> FlexTensor {
        tensor(vec![updates_rows::squares(values(&whole(x))) as f32], &[1])
    }
}

/// The gated pictures, and what the gradients need.
pub fn squeeze(x: &FlexTensor, parameters: [&FlexTensor; 4]) -> (FlexTensor, squeeze::Gates) {
    let shape = picture(x);
    let mut output = buffers::take(values(x).len());
    // Into the pool of threads once, instead of with each of the small steps.
    let gates = rayon::scope(|_| shape.squeeze(values(x), layers(parameters), &mut output));
    (tensor(output, &x.layout().shape().to_vec()), gates)
}

pub fn layers([reduce, reduce_bias, expand, expand_bias]: [&FlexTensor; 4]) -> Layers<'_> {
    Layers { reduce: (values(reduce), values(reduce_bias)), expand: (values(expand), values(expand_bias)) }
}

/// `[samples, height, width, channels]` seen as positions of channels.
pub fn picture(x: &FlexTensor) -> squeeze::Shape {
    let [samples, height, width, channels] = dims(x);
    squeeze::Shape { samples, positions: height * width, channels }
}

/// The normalised output, then mean and variance.
pub fn normalised(
    x: &FlexTensor,
    statistics: Pair,
    [weight, bias]: [&FlexTensor; 2],
    eps: f64,
    activation: Option<Activation>,
) -> [FlexTensor; 3] {
    let (mean, variance) = (narrow(&statistics.0), narrow(&statistics.1));
    let channels = mean.len();
    let scale = scale_of(values(weight), &variance, eps);
    let affine = Affine { center: &mean, scale: &scale, shift: values(bias) };
    let mut output = buffers::take(values(x).len());
    norm::apply(values(x), affine, activation, &mut output);
    let output = tensor(output, &x.layout().shape().to_vec());
    [output, tensor(mean, &[channels]), tensor(variance, &[channels])]
}

/// A batch normalisation's factor.
pub fn scale_of(weight: &[f32], variance: &[f32], eps: f64) -> Vec<f32> {
    let scale = |(weight, variance): (&f32, &f32)| f64::from(*weight) / (f64::from(*variance) + eps).sqrt();
    weight.iter().zip(variance).map(|pair| scale(pair) as f32).collect()
}

/// The tensor in the order of its numbers.
pub fn whole(x: FlexTensor) -> FlexTensor {
    if x.as_slice::<f32>().is_some() { x } else { in_order(&x) }
}

/// As `whole`, and nothing else lies in its storage: `storage_mut` then gives its numbers.
pub fn own(x: FlexTensor) -> FlexTensor {
    let all = x.bytes().len() == x.layout().num_elements() * size_of::<f32>();
    if all && x.as_slice::<f32>().is_some() { x } else { in_order(&x) }
}

/// Its numbers; `whole` has seen to their order.
pub fn values(x: &FlexTensor) -> &[f32] {
    x.as_slice::<f32>().unwrap_or_default()
}

pub fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::from(shape.to_vec())), DType::F32)
}

/// The sizes; those that are missing count as 1.
pub fn dims<const D: usize>(x: &FlexTensor) -> [usize; D] {
    let mut dims = [1; D];
    dims.iter_mut().zip(x.layout().shape().iter()).for_each(|(dim, size)| *dim = *size);
    dims
}

pub fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}
