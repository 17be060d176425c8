//! Which parameter is updated by which rule and rate; the rules themselves are kernels. Moments are kept by the
//! parameter's name, not by Burn's random ids, so that a checkpoint can bring them back.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use crate::config;
use crate::kernels::{self, Moments, Own, Rule, Step, Update};
use crate::model::{Array, Cut, Network, Role, numbers, role, update};

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

    /// One update of every parameter that has a gradient; the gradients are multiplied by `share` first.
    pub fn step(
        &mut self,
        network: Network,
        gradients: Vec<(String, Tensor<1>)>,
        share: f64,
        rate: f64,
    ) -> Network {
        self.updates += 1;
        let many = gradients.first().is_some_and(|(_, gradient)| kernels::takes_many(&gradient.device()));
        let mut gradients: BTreeMap<_, _> = gradients.into_iter().collect();
        let (rule, weight_decay) = self.rule();
        let mut collected = Vec::new();
        let network = update(network, &mut |name, dims, value| {
            let gradient = gradients.remove(name)?;
            let decays = role(name, dims.len()) == Role::Weight;
            let weight_decay = if decays { weight_decay } else { 0.0 };
            let own = Own { rate: rate * self.layer_share(name), weight_decay };
            let moments = self.moments.remove(name).unwrap_or_default();
            let (value, name) = (value.inner(), name.to_owned());
            if many {
                collected.push((name, Update { value, gradient, moments, own }));
                return None;
            }
            let step = Step { rule, rate: own.rate, weight_decay, share };
            let (new, moments) = kernels::update(value, gradient, moments, step);
            self.moments.insert(name, moments);
            Some(marked(new))
        });
        if collected.is_empty() {
            return network;
        }
        let (names, all): (Vec<_>, Vec<_>) = collected.into_iter().unzip();
        let mut new = BTreeMap::new();
        for (name, (value, moments)) in names.into_iter().zip(kernels::update_all(all, rule, share)) {
            self.moments.insert(name.clone(), moments);
            new.insert(name, value);
        }
        update(network, &mut |name, _, _| new.remove(name).map(marked))
    }

    /// The rule, and the decay of what decays.
    fn rule(&self) -> (Rule, f64) {
        match self.rule {
            config::Optimizer::AdamW { betas, eps, weight_decay } => {
                (Rule::AdamW { betas, eps, updates: self.updates }, weight_decay)
            }
            config::Optimizer::Sgd { momentum, nesterov, weight_decay } => {
                (Rule::Sgd { momentum, nesterov }, weight_decay)
            }
            config::Optimizer::RmsProp { alpha, eps, momentum, weight_decay } => {
                (Rule::RmsProp { alpha, eps, momentum }, weight_decay)
            }
        }
    }

    /// The share of the learning rate that a layer gets: less with each layer further from the classifier.
    fn layer_share(&self, name: &str) -> f64 {
        let distance = self.blocks + 2 - Cut::layer_of(name, self.blocks);
        self.layer_decay.powi(distance as i32)
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

/// A new value, which is to have a gradient.
fn marked(value: Tensor<1>) -> Tensor<1> {
    value.autodiff().require_grad()
}

const FIRST: &str = "first_moment";
const SECOND: &str = "second_moment";
