//! AdamW, SGD and RMSprop as PyTorch defines them, one parameter at a time. Their moments are kept by the
//! parameter's name, not by Burn's random ids, so that a checkpoint can bring them back.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use crate::config;
use crate::model::{Array, Cut, Network, Role, numbers, role, update};

/// The moments of one parameter. Which are used depends on the optimizer.
#[derive(Debug, Clone, Default)]
struct Moments {
    /// Mean of the gradients, or the momentum buffer.
    first: Option<Tensor<1>>,
    /// Mean of their squares.
    second: Option<Tensor<1>>,
}

/// The optimizer of one stage.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: config::Optimizer,
    layer_decay: f64,
    blocks: usize,
    moments: BTreeMap<String, Moments>,
    /// Updates made so far; Adam's bias correction needs it.
    updates: i32,
}

impl Optimizer {
    pub fn new(rule: config::Optimizer, layer_decay: f64, blocks: usize) -> Self {
        Self { rule, layer_decay, blocks, moments: BTreeMap::new(), updates: 0 }
    }

    pub fn set_layer_decay(&mut self, layer_decay: f64) {
        self.layer_decay = layer_decay;
    }

    /// One update of every parameter that has a gradient.
    pub fn step(&mut self, network: Network, gradients: Vec<(String, Tensor<1>)>, rate: f64) -> Network {
        self.updates += 1;
        let mut gradients: BTreeMap<_, _> = gradients.into_iter().collect();
        update(network, &mut |name, dims, value| {
            let gradient = gradients.remove(name)?;
            let decays = role(name, dims.len()) == Role::Weight;
            let new = self.updated(name, value.inner(), gradient, rate * self.layer_share(name), decays);
            Some(new.autodiff().require_grad())
        })
    }

    /// The share of the learning rate that a layer gets: less with each layer further from the classifier.
    fn layer_share(&self, name: &str) -> f64 {
        let distance = self.blocks + 2 - Cut::layer_of(name, self.blocks);
        self.layer_decay.powi(distance as i32)
    }

    fn updated(
        &mut self,
        name: &str,
        value: Tensor<1>,
        gradient: Tensor<1>,
        rate: f64,
        decays: bool,
    ) -> Tensor<1> {
        let moments = self.moments.entry(name.to_owned()).or_default();
        let decay = |weight_decay: f64| if decays { weight_decay } else { 0.0 };
        match self.rule {
            config::Optimizer::AdamW { betas, eps, weight_decay } => {
                adam_w(moments, value, gradient, rate, betas, eps, decay(weight_decay), self.updates)
            }
            config::Optimizer::Sgd { momentum, nesterov, weight_decay } => {
                sgd(moments, value, gradient, rate, momentum, nesterov, decay(weight_decay))
            }
            config::Optimizer::RmsProp { alpha, eps, momentum, weight_decay } => {
                rms_prop(moments, value, gradient, rate, [alpha, momentum], eps, decay(weight_decay))
            }
        }
    }

    /// Everything that must come back on a resume: the moments by name, and the number of updates.
    pub fn state(&self) -> (Vec<Array>, i32) {
        let mut arrays = Vec::new();
        for (name, moments) in &self.moments {
            for (kind, tensor) in [(FIRST, &moments.first), (SECOND, &moments.second)] {
                if let Some(tensor) = tensor {
                    let values = numbers(tensor.clone());
                    arrays.push(Array { name: format!("{name}.{kind}"), shape: vec![values.len()], values });
                }
            }
        }
        (arrays, self.updates)
    }

    /// Puts a saved state back.
    pub fn restore(&mut self, arrays: Vec<Array>, updates: i32, device: &Device) {
        self.updates = updates;
        self.moments.clear();
        for array in arrays {
            let tensor = Tensor::from_floats(array.values.as_slice(), device);
            if let Some(name) = array.name.strip_suffix(&format!(".{FIRST}")) {
                self.moments.entry(name.to_owned()).or_default().first = Some(tensor);
            } else if let Some(name) = array.name.strip_suffix(&format!(".{SECOND}")) {
                self.moments.entry(name.to_owned()).or_default().second = Some(tensor);
            }
        }
    }
}

const FIRST: &str = "first_moment";
const SECOND: &str = "second_moment";

#[allow(clippy::too_many_arguments)]
fn adam_w(
    moments: &mut Moments,
    value: Tensor<1>,
    gradient: Tensor<1>,
    rate: f64,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
    updates: i32,
) -> Tensor<1> {
    let first = follow(moments.first.take(), gradient.clone(), betas[0]);
    let second = follow(moments.second.take(), gradient.square(), betas[1]);
    let corrected = [1.0 - betas[0].powi(updates), 1.0 - betas[1].powi(updates)];
    let deviation = second.clone().sqrt().div_scalar(corrected[1].sqrt()).add_scalar(eps);
    let change = first.clone().div(deviation).mul_scalar(rate / corrected[0]);
    *moments = Moments { first: Some(first), second: Some(second) };
    value.mul_scalar(1.0 - rate * weight_decay).sub(change)
}

fn sgd(
    moments: &mut Moments,
    value: Tensor<1>,
    gradient: Tensor<1>,
    rate: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
) -> Tensor<1> {
    let gradient = gradient.add(value.clone().mul_scalar(weight_decay));
    if momentum == 0.0 {
        return value.sub(gradient.mul_scalar(rate));
    }
    let buffer = push(moments.first.take(), gradient.clone(), momentum);
    let change = if nesterov { gradient.add(buffer.clone().mul_scalar(momentum)) } else { buffer.clone() };
    moments.first = Some(buffer);
    value.sub(change.mul_scalar(rate))
}

fn rms_prop(
    moments: &mut Moments,
    value: Tensor<1>,
    gradient: Tensor<1>,
    rate: f64,
    [alpha, momentum]: [f64; 2],
    eps: f64,
    weight_decay: f64,
) -> Tensor<1> {
    let gradient = gradient.add(value.clone().mul_scalar(weight_decay));
    let second = follow(moments.second.take(), gradient.clone().square(), alpha);
    let mut change = gradient.div(second.clone().sqrt().add_scalar(eps));
    moments.second = Some(second);
    if momentum > 0.0 {
        change = push(moments.first.take(), change, momentum);
        moments.first = Some(change.clone());
    }
    value.sub(change.mul_scalar(rate))
}

/// A moving mean that starts at zero.
fn follow(mean: Option<Tensor<1>>, new: Tensor<1>, keep: f64) -> Tensor<1> {
    let new = new.mul_scalar(1.0 - keep);
    match mean {
        Some(mean) => mean.mul_scalar(keep).add(new),
        None => new,
    }
}

/// A momentum buffer: the sum of what came, fading.
fn push(buffer: Option<Tensor<1>>, new: Tensor<1>, momentum: f64) -> Tensor<1> {
    match buffer {
        Some(buffer) => buffer.mul_scalar(momentum).add(new),
        None => new,
    }
}
