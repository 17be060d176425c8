//! The way back through normalisations, alone and behind a convolution.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::Window;
use super::buffers;
use super::extension::{narrow, own, scale_of, tensor, values, whole};
use super::gradients::register;
use super::layer::{self, Found};
use super::norm::{self, Affine, Pair, Rows};
use crate::scaling::Activation;

#[derive(Debug)]
pub struct Normalise;
#[derive(Debug)]
pub struct Scale;
#[derive(Debug)]
pub struct ConvolveNormalise;
#[derive(Debug)]
pub struct ConvolveAffine;

/// What a convolution keeps.
#[derive(Debug, Clone)]
pub struct Convolution {
    pub x: FlexTensor,
    pub weight: FlexTensor,
    pub window: Window,
}

/// What a normalisation by the batch's statistics keeps.
#[derive(Debug, Clone)]
pub struct Kept {
    x: FlexTensor,
    bias: FlexTensor,
    mean: Vec<f32>,
    /// The weight over the deviation.
    scale: Vec<f32>,
    /// One over the deviation.
    inverse: Vec<f64>,
    activation: Option<Activation>,
}

/// What an affine map keeps.
#[derive(Debug, Clone)]
pub struct Scaled {
    pub x: FlexTensor,
    pub scale: FlexTensor,
    pub shift: FlexTensor,
    pub activation: Option<Activation>,
}

impl Kept {
    pub fn new(
        x: FlexTensor,
        weight: &FlexTensor,
        bias: FlexTensor,
        [mean, variance]: [&FlexTensor; 2],
        eps: f64,
        activation: Option<Activation>,
    ) -> Self {
        let inverse = values(variance).iter().map(|v| 1.0 / (f64::from(*v) + eps).sqrt()).collect();
        let scale = scale_of(values(weight), values(variance), eps);
        Self { x, bias, mean: values(mean).to_vec(), scale, inverse, activation }
    }

    /// Turns the output's gradient into that of the activation's input.
    fn derive(&self, gradient: &mut FlexTensor) -> Pair {
        let affine = Affine { center: &self.mean, scale: &self.scale, shift: values(&self.bias) };
        norm::derive(values(&self.x), affine, self.activation, gradient.storage_mut())
    }

    /// Of weight and bias.
    fn gradients(&self, (sums, products): &Pair) -> [Option<FlexTensor>; 2] {
        let of_weight = products.iter().zip(&self.inverse).map(|(product, inverse)| product * inverse);
        let of_weight: Vec<f64> = of_weight.collect();
        [&of_weight, sums].map(|found| Some(tensor(narrow(found), &[found.len()])))
    }

    /// What the batch's statistics add to the gradient of the input, for any of its rows.
    fn correction(&self, (sums, products): &Pair) -> impl Fn(usize, Rows) + Sync {
        let channels = self.mean.len();
        let rows = (values(&self.x).len() / channels.max(1)).max(1) as f64;
        let of_channel = |factor: &dyn Fn(usize) -> f64| -> Vec<f32> {
            (0..channels).map(|c| (-f64::from(self.scale[c]) * factor(c) / rows) as f32).collect()
        };
        let slope = of_channel(&|c| self.inverse[c] * self.inverse[c] * products[c]);
        let offset = of_channel(&|c| sums[c]);
        move |first, gradient: Rows| {
            let affine = Affine { center: &self.mean, scale: &self.scale, shift: &offset };
            let x = &values(&self.x)[first..first + gradient.len()];
            norm::correct_here(x, affine, &slope, gradient);
        }
    }
}

impl Scaled {
    /// Turns some rows of the output's gradient into those of the input's.
    fn derive(&self, first: usize, gradient: Rows) -> Pair {
        let zeros = vec![0.0; values(&self.scale).len()];
        let affine = Affine { center: &zeros, scale: values(&self.scale), shift: values(&self.shift) };
        let x = &values(&self.x)[first..first + gradient.len()];
        norm::derive_here::<true>(x, affine, self.activation, gradient)
    }

    /// Of scale and shift.
    fn gradients(&self, found: Found<Pair>) -> [Option<FlexTensor>; 2] {
        let channels = values(&self.scale).len();
        let (sums, products) = norm::total(found.in_order(), channels);
        [&products, &sums].map(|found| Some(tensor(narrow(found), &[channels])))
    }
}

impl Backward<Flex, 3> for Normalise {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let parents = ops.parents.map(|node| node.map(|node| node.id));
        let kept = ops.state;
        let sums = kept.derive(&mut gradient);
        if parents[0].is_some() {
            let correct = kept.correction(&sums);
            norm::in_parts(gradient.storage_mut(), kept.mean.len(), &|first, rows| {
                correct(first, Rows::here(rows));
            });
        }
        let [of_weight, of_bias] = kept.gradients(&sums);
        register(grads, parents, [Some(gradient), of_weight, of_bias]);
        buffers::give_tensor(kept.x);
    }
}

impl Backward<Flex, 3> for Scale {
    type State = Scaled;

    fn backward(self, ops: Ops<Scaled, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let parents = ops.parents.map(|node| node.map(|node| node.id));
        let scaled = ops.state;
        let found = Found::default();
        norm::in_parts(gradient.storage_mut(), values(&scaled.scale).len(), &|first, rows| {
            found.add(first, scaled.derive(first, Rows::here(rows)));
        });
        let [of_scale, of_shift] = scaled.gradients(found);
        register(grads, parents, [Some(gradient), of_scale, of_shift]);
        buffers::give_tensor(scaled.x);
    }
}

impl Backward<Flex, 4> for ConvolveNormalise {
    type State = (Convolution, Kept);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let parents = ops.parents.map(|node| node.map(|node| node.id));
        let (Convolution { x, weight, window }, kept) = ops.state;
        let sums = kept.derive(&mut gradient);
        let [of_gamma, of_beta] = kept.gradients(&sums);
        let wanted = [parents[0].is_some(), parents[1].is_some()];
        let correct = kept.correction(&sums);
        let refine =
            |first: usize, from: &[f32], to: &mut [f32], _: bool| correct(first, Rows::into(from, to));
        let [of_x, of_weight] = layer::gradients(x, &weight, window, gradient, wanted, &refine);
        drop(correct);
        register(grads, parents, [of_x, of_weight, of_gamma, of_beta]);
        buffers::give_tensor(kept.x);
    }
}

impl Backward<Flex, 4> for ConvolveAffine {
    type State = (Convolution, Scaled);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Flex>(&ops.node));
        let parents = ops.parents.map(|node| node.map(|node| node.id));
        let (Convolution { x, weight, window }, scaled) = ops.state;
        let found = Found::default();
        let wanted = [parents[0].is_some(), parents[1].is_some()];
        let refine = |first: usize, from: &[f32], to: &mut [f32], counted: bool| {
            let sums = scaled.derive(first, Rows::into(from, to));
            if counted {
                found.add(first, sums);
            }
        };
        let [of_x, of_weight] = layer::gradients(x, &weight, window, gradient, wanted, &refine);
        let [of_scale, of_shift] = scaled.gradients(found);
        register(grads, parents, [of_x, of_weight, of_scale, of_shift]);
        buffers::give_tensor(scaled.x);
    }
}
