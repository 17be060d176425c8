//! The way back through each operation: what is kept from the forward pass, and the gradients made of it.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn_flex::FlexTensor;

use super::Window;
use super::buffers;
use super::convolution;
use super::extension::{Trained, dims, layers, normalised, own, picture, squeeze, tensor, values, whole};
use super::join::{Past, join};
use super::layer;
use super::matrix::{Finish, Packed, product};
use super::matrix_gradient::dense_gradient;
use super::norm_gradients::{Convolution, ConvolveAffine, ConvolveNormalise, Kept, Normalise, Scale, Scaled};
use super::squeeze::Gates;
use super::updates_rows;
use crate::scaling::Activation;

type Float = FloatTensor<Autodiff<Flex>>;

#[derive(Debug)]
struct Convolve;
#[derive(Debug)]
struct Dense;
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
                step.finish(Kept::new(x, &weight, bias, [&mean, &variance], eps, activation), output)
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
            OpsKind::Tracked(step) => step.finish(Scaled { x, scale, shift, activation }, output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn kiln_convolve_normalise(
        x: Float,
        weight: Float,
        gamma: Float,
        beta: Float,
        window: Window,
        eps: f64,
        activation: Option<Activation>,
    ) -> (Float, Float, Float) {
        let nodes = [x.node(), weight.node(), gamma.node(), beta.node()];
        let [x, weight, gamma, beta] = [x, weight, gamma, beta].map(|part| whole(part.into_primitive()));
        let (raw, statistics) = layer::with_statistics(&x, &weight, window);
        let [output, mean, variance] = normalised(&raw, statistics, [&gamma, &beta], eps, activation);
        let output = match ConvolveNormalise.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                let kept = Kept::new(raw, &gamma, beta, [&mean, &variance], eps, activation);
                step.finish((Convolution { x, weight, window }, kept), output)
            }
            OpsKind::UnTracked(step) => {
                buffers::give_tensor(raw);
                step.finish(output)
            }
        };
        (output, Float::new(mean), Float::new(variance))
    }

    fn kiln_convolve_affine(
        x: Float,
        weight: Float,
        scale: Float,
        shift: Float,
        window: Window,
        activation: Option<Activation>,
    ) -> Float {
        let nodes = [x.node(), weight.node(), scale.node(), shift.node()];
        let [x, weight, scale, shift] = [x, weight, scale, shift].map(|part| whole(part.into_primitive()));
        let affine = [values(&scale), values(&shift)];
        let [raw, output] = layer::with_affine(&x, &weight, window, affine, activation);
        match ConvolveAffine.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                let scaled = Scaled { x: raw, scale, shift, activation };
                step.finish((Convolution { x, weight, window }, scaled), output)
            }
            OpsKind::UnTracked(step) => {
                buffers::give_tensor(raw);
                step.finish(output)
            }
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

/// Hands gradients over to those who want them.
pub fn register<const N: usize>(
    grads: &mut Gradients,
    nodes: [Option<NodeId>; N],
    found: [Option<FlexTensor>; N],
) {
    for (node, found) in nodes.into_iter().zip(found) {
        if let (Some(node), Some(found)) = (node, found) {
            grads.register::<Flex>(node, found);
        }
    }
}

impl Backward<Flex, 2> for Convolve {
    type State = (FlexTensor, FlexTensor, Window);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Flex>(&ops.node));
        let (x, weight, window) = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = convolution::gradients(x, &weight, window, &gradient, wanted);
        register(grads, ops.parents.map(|node| node.map(|node| node.id)), found);
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
            let found = dense_gradient(values(&x), values(&gradient), [outputs, inputs]);
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
            register(
                grads,
                [node.map(|node| node.id)],
                [Some(tensor(values, &parameter.layout().shape().to_vec()))],
            );
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
