//! The way back through each operation: what is kept from the forward pass, and the gradients made of it.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Cube};
use burn_cubecl::tensor::CubeTensor;

use super::activation::{Code, code};
use super::extension::{OnGpu, uploaded};
use super::launch::{dims, whole};
use super::norm::{self, Affine};
use super::squeeze::{Gates, Layers, pool};
use super::{convolution, gate};
use crate::kernels::Window;
use crate::scaling::Activation;

type Float = FloatTensor<Autodiff<Cube>>;

#[derive(Debug)]
struct Convolve;
#[derive(Debug)]
struct Normalise;
#[derive(Debug)]
struct Squeeze;
#[derive(Debug)]
struct Pool;
#[derive(Debug)]
struct Join;

impl<C: CheckpointStrategy> OnGpu for Autodiff<Cube, C> {
    fn gpu_convolve(x: Float, weight: Float, window: Window) -> Float {
        let nodes = [x.node(), weight.node()];
        let [x, weight] = [x, weight].map(|part| whole(part.into_primitive()));
        let output = convolution::forward(&x, &weight, window);
        match Convolve.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, weight, window), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn gpu_normalise(
        x: Float,
        weight: Float,
        bias: Float,
        eps: f64,
        activation: Option<Activation>,
    ) -> (Float, Float, Float) {
        let nodes = [x.node(), weight.node(), bias.node()];
        let [x, weight, bias] = [x, weight, bias].map(|part| whole(part.into_primitive()));
        let code = code(activation);
        let (output, affine, variance) = norm::normalise(&x, [&weight, &bias], eps, code);
        let mean = affine.center.clone();
        let output = match Normalise.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, affine, code), output),
            OpsKind::UnTracked(step) => step.finish(output),
        };
        (output, Float::new(mean), Float::new(variance))
    }

    fn gpu_affine(x: Float, scale: Float, shift: Float, activation: Option<Activation>) -> Float {
        let nodes = [x.node(), scale.node(), shift.node()];
        let [x, scale, shift] = [x, scale, shift].map(|part| whole(part.into_primitive()));
        let (affine, code) = (Affine::new(scale, shift), code(activation));
        let output = affine.apply(&x, code);
        match Normalise.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, affine, code), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn gpu_squeeze(x: Float, reduce: Float, reduce_bias: Float, expand: Float, expand_bias: Float) -> Float {
        let nodes = [x.node(), reduce.node(), reduce_bias.node(), expand.node(), expand_bias.node()];
        let x = whole(x.into_primitive());
        let layers = Layers::new([reduce, reduce_bias, expand, expand_bias].map(Float::into_primitive));
        let (output, gates) = layers.forward(&x);
        match Squeeze.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, layers, gates), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn gpu_pool(x: Float) -> Float {
        let node = x.node();
        let x = whole(x.into_primitive());
        let output = pool(&x);
        match Pool.prepare::<C>([node]).compute_bound().stateful() {
            // Of the pictures only their sizes and their type matter; a row of them knows the latter.
            OpsKind::Tracked(step) => step.finish((dims(&x), x.dtype), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn gpu_join(x: Float, input: Float, factors: Vec<f32>) -> Float {
        let nodes = [x.node(), input.node()];
        let [x, input] = [x, input].map(|part| whole(part.into_primitive()));
        let factors = uploaded(factors, &x);
        let output = gate::joined(&x, Some(&input), &factors);
        match Join.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(factors, output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }
}

/// Hands gradients over to those who want them.
fn register<const N: usize>(
    grads: &mut Gradients,
    nodes: [Option<NodeId>; N],
    found: [Option<CubeTensor>; N],
) {
    for (node, found) in nodes.into_iter().zip(found) {
        if let (Some(node), Some(found)) = (node, found) {
            grads.register::<Cube>(node, found);
        }
    }
}

impl Backward<Cube, 2> for Convolve {
    type State = (CubeTensor, CubeTensor, Window);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Cube>(&ops.node));
        let (x, weight, window) = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = convolution::gradients(&x, &weight, window, &gradient, wanted);
        register(grads, ops.parents.map(|node| node.map(|node| node.id)), found);
    }
}

impl Backward<Cube, 3> for Normalise {
    type State = (CubeTensor, Affine, Code);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Cube>(&ops.node));
        let (x, affine, code) = ops.state;
        let [input, scale, shift] = affine.gradients(&x, &gradient, code);
        register(
            grads,
            ops.parents.map(|node| node.map(|node| node.id)),
            [Some(input), Some(scale), Some(shift)],
        );
    }
}

impl Backward<Cube, 5> for Squeeze {
    type State = (CubeTensor, Layers, Gates);

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Cube>(&ops.node));
        let (x, layers, gates) = ops.state;
        let (input, [reduce, reduce_bias, expand, expand_bias]) = layers.gradients(&x, &gates, &gradient);
        let found = [input, reduce, reduce_bias, expand, expand_bias].map(Some);
        register(grads, ops.parents.map(|node| node.map(|node| node.id)), found);
    }
}

impl Backward<Cube, 1> for Pool {
    type State = ([usize; 4], burn::tensor::DType);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Cube>(&ops.node));
        let (sizes, dtype) = ops.state;
        let share = 1.0 / (sizes[1] * sizes[2]) as f32;
        register(
            grads,
            ops.parents.map(|node| node.map(|node| node.id)),
            [Some(gate::spread(&gradient, sizes, share, dtype))],
        );
    }
}

impl Backward<Cube, 2> for Join {
    type State = CubeTensor;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = whole(grads.consume::<Cube>(&ops.node));
        let branch = ops.parents[0].is_some().then(|| gate::joined(&gradient, None, &ops.state));
        register(grads, ops.parents.map(|node| node.map(|node| node.id)), [branch, Some(gradient)]);
    }
}
