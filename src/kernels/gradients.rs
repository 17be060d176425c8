//! The way back through each operation: what is kept from the forward pass, and the gradients made of it.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn_flex::FlexTensor;

use super::Window;
use super::buffers;
use super::convolution::{input_gradient, weight_gradient_of};
use super::extension::{
    Trained, dims, layers, narrow, own, picture, scale_of, squeeze, tensor, values, whole,
};
use super::join::{Past, join};
use super::matrix::{Finish, Packed, product};
use super::matrix_gradient::{Ready, weight_gradient};
use super::norm::{self, Affine};
use super::squeeze::Gates;
use super::updates_rows;
use crate::scaling::Activation;

type Float = FloatTensor<Autodiff<Flex>>;

#[derive(Debug)]
struct Convolve;
#[derive(Debug)]
struct Dense;
#[derive(Debug)]
struct Normalise;
#[derive(Debug)]
struct Scale;
#[derive(Debug)]
struct Squeeze;
#[derive(Debug)]
struct Pool;
#[derive(Debug)]
struct Fork;
#[derive(Debug)]
struct Join;

impl<C: CheckpointStrategy> Trained for Autodiff<Flex, C> {
    fn kiln_convolve(x: Float, weight: Float, window: Window) -> Float {
        let nodes = [x.node(), weight.node()];
        let (x, weight) = (whole(x.into_primitive()), whole(weight.into_primitive()));
        let output = Flex::kiln_convolve(x.clone(), weight.clone(), window);
        match Convolve.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, weight, window), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn kiln_dense(x: Float, weight: Float) -> Float {
        let nodes = [x.node(), weight.node()];
        let (x, weight) = (whole(x.into_primitive()), whole(weight.into_primitive()));
        let output = Flex::kiln_dense(x.clone(), weight.clone());
        match Dense.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, weight), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn kiln_normalise(
        x: Float,
        weight: Float,
        bias: Float,
        eps: f64,
        activation: Option<Activation>,
    ) -> (Float, Float, Float) {
        let nodes = [x.node(), weight.node(), bias.node()];
        let x = whole(x.into_primitive());
        let (weight, bias) = (whole(weight.into_primitive()), whole(bias.into_primitive()));
        let (output, mean, variance) =
            Flex::kiln_normalise(x.clone(), weight.clone(), bias.clone(), eps, activation);
        let output = match Normalise.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                let inverse = values(&variance).iter().map(|v| 1.0 / (f64::from(*v) + eps).sqrt()).collect();
                let scale = scale_of(values(&weight), values(&variance), eps);
                let kept = Kept { x, bias, mean: values(&mean).to_vec(), scale, inverse, activation };
                step.finish(kept, output)
            }
            OpsKind::UnTracked(step) => step.finish(output),
        };
        (output, Float::new(mean), Float::new(variance))
    }

    fn kiln_affine(x: Float, scale: Float, shift: Float, activation: Option<Activation>) -> Float {
        let nodes = [x.node(), scale.node(), shift.node()];
        let x = whole(x.into_primitive());
        let (scale, shift) = (whole(scale.into_primitive()), whole(shift.into_primitive()));
        let output = Flex::kiln_affine(x.clone(), scale.clone(), shift.clone(), activation);
        match Scale.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, scale, shift, activation), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn kiln_squeeze(x: Float, reduce: Float, reduce_bias: Float, expand: Float, expand_bias: Float) -> Float {
        let nodes = [x.node(), reduce.node(), reduce_bias.node(), expand.node(), expand_bias.node()];
        let x = whole(x.into_primitive());
        let parameters =
            [reduce, reduce_bias, expand, expand_bias].map(|parameter| whole(parameter.into_primitive()));
        let (output, gates) = squeeze(&x, parameters.each_ref());
        match Squeeze.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, parameters, gates), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn kiln_pool(x: Float) -> Float {
        let node = x.node();
        let x = x.into_primitive();
        let sizes = dims::<4>(&x);
        let output = Flex::kiln_pool(x);
        match Pool.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(sizes, output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn kiln_fork(input: Float, past: Past) -> Float {
        let node = input.node();
        let output = input.into_primitive();
        match Fork.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(past, output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn kiln_join(x: Float, input: Float, factors: Vec<f32>, past: Past) -> Float {
        let node = x.node();
        let none = Past::default();
        let output = Flex::kiln_join(x.into_primitive(), input.into_primitive(), factors.clone(), none);
        match Join.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((factors, past), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }
}

impl Backward<Flex, 2> for Convolve {
    type State = (FlexTensor, FlexTensor, Window);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Flex>(&ops.node));
        let (x, weight, window) = ops.state;
        let [x_node, weight_node] = ops.parents;
        if let Some(node) = weight_node {
            let found = weight_gradient_of(&x, dims(&weight), &gradient, window);
            grads.register::<Flex>(node.id, found);
        }
        if let Some(node) = x_node {
            let sizes = dims(&x);
            buffers::give_tensor(x);
            grads.register::<Flex>(node.id, input_gradient(sizes, &weight, &gradient, window));
        }
        buffers::give_tensor(gradient);
    }
}

impl Backward<Flex, 2> for Dense {
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Flex>(&ops.node));
        let (x, weight) = ops.state;
        let ([samples, inputs], [outputs, _]) = (dims(&x), dims(&weight));
        let [x_node, weight_node] = ops.parents;
        if let Some(node) = weight_node {
            let source = Ready { values: values(&x), width: inputs };
            let found = weight_gradient(&source, inputs, values(&gradient), outputs);
            grads.register::<Flex>(node.id, tensor(found, &[outputs, inputs]));
        }
        if let Some(node) = x_node {
            let mut found = vec![0.0; samples * inputs];
            let packed = Packed::by_input(values(&weight), outputs, inputs);
            product(values(&gradient), &packed, Finish::default(), &mut found);
            grads.register::<Flex>(node.id, tensor(found, &[samples, inputs]));
        }
    }
}

/// What a batch normalisation keeps.
#[derive(Debug, Clone)]
struct Kept {
    x: FlexTensor,
    bias: FlexTensor,
    mean: Vec<f32>,
    /// The weight over the deviation.
    scale: Vec<f32>,
    /// One over the deviation.
    inverse: Vec<f64>,
    activation: Option<Activation>,
}

impl Backward<Flex, 3> for Normalise {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let Kept { x, bias, mean, scale, inverse, activation } = ops.state;
        let channels = mean.len();
        let rows = (values(&x).len() / channels.max(1)).max(1) as f64;
        let affine = Affine { center: &mean, scale: &scale, shift: values(&bias) };
        let numbers = gradient.storage_mut::<f32>();
        let (sums, products) = norm::derive(values(&x), affine, activation, false, numbers);
        let [x_node, weight_node, bias_node] = ops.parents;
        if let Some(node) = x_node {
            let mean_of = |sum: f64| sum / rows;
            let slope: Vec<f64> = (0..channels)
                .map(|c| -f64::from(scale[c]) * inverse[c] * inverse[c] * mean_of(products[c]))
                .collect();
            let offset: Vec<f64> = (0..channels).map(|c| -f64::from(scale[c]) * mean_of(sums[c])).collect();
            let offset = narrow(&offset);
            let affine = Affine { center: &mean, scale: &scale, shift: &offset };
            norm::correct(values(&x), affine, &narrow(&slope), numbers);
            grads.register::<Flex>(node.id, gradient);
        }
        if let Some(node) = weight_node {
            let found = (0..channels).map(|c| (products[c] * inverse[c]) as f32).collect();
            grads.register::<Flex>(node.id, tensor(found, &[channels]));
        }
        if let Some(node) = bias_node {
            grads.register::<Flex>(node.id, tensor(narrow(&sums), &[channels]));
        }
        buffers::give_tensor(x);
    }
}

impl Backward<Flex, 3> for Scale {
    type State = (FlexTensor, FlexTensor, FlexTensor, Option<Activation>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let (x, scale, shift, activation) = ops.state;
        let channels = values(&scale).len();
        let zeros = vec![0.0; channels];
        let affine = Affine { center: &zeros, scale: values(&scale), shift: values(&shift) };
        let numbers = gradient.storage_mut::<f32>();
        let (sums, products) = norm::derive(values(&x), affine, activation, true, numbers);
        let [x_node, scale_node, shift_node] = ops.parents;
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, gradient);
        }
        if let Some(node) = scale_node {
            grads.register::<Flex>(node.id, tensor(narrow(&products), &[channels]));
        }
        if let Some(node) = shift_node {
            grads.register::<Flex>(node.id, tensor(narrow(&sums), &[channels]));
        }
        buffers::give_tensor(x);
    }
}

impl Backward<Flex, 5> for Squeeze {
    type State = (FlexTensor, [FlexTensor; 4], Gates);

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let (x, parameters, gates) = ops.state;
        let numbers = gradient.storage_mut::<f32>();
        let found = rayon::scope(|_| {
            picture(&x).gradients(values(&x), layers(parameters.each_ref()), &gates, numbers)
        });
        buffers::give_tensor(x);
        let [x_node, nodes @ ..] = ops.parents;
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, gradient);
        }
        let all = [found.reduce.0, found.reduce.1, found.expand.0, found.expand.1];
        for ((node, values), parameter) in nodes.into_iter().zip(all).zip(parameters) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, tensor(values, &parameter.layout().shape().to_vec()));
            }
        }
    }
}

impl Backward<Flex, 1> for Pool {
    type State = [usize; 4];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Flex>(&ops.node));
        let [samples, height, width, channels] = ops.state;
        let shape = super::squeeze::Shape { samples, positions: height * width, channels };
        let mut found = buffers::take(ops.state.iter().product());
        shape.spread(values(&gradient), &mut found);
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, tensor(found, &ops.state));
        }
    }
}

impl Backward<Flex, 1> for Fork {
    type State = Past;

    fn backward(self, ops: Ops<Past, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        if let Some(past) = ops.state.take() {
            let past = whole(past);
            updates_rows::add(gradient.storage_mut(), values(&past));
            buffers::give_tensor(past);
        }
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

impl Backward<Flex, 1> for Join {
    type State = (Vec<f32>, Past);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Flex>(&ops.node));
        let (factors, past) = ops.state;
        if let [Some(node)] = ops.parents {
            let mut found = buffers::take(values(&gradient).len());
            join(values(&gradient), None, &factors, &mut found);
            grads.register::<Flex>(node.id, tensor(found, &gradient.layout().shape().to_vec()));
        }
        past.leave(gradient);
    }
}
