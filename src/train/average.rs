//! The moving average of weights and statistics (EMA), kept apart from the network that trains.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use crate::kernels;
use crate::model::{Array, Network, update};

/// Averages by name. What never trains averages to itself.
#[derive(Debug, Clone)]
pub struct Average {
    keep: f64,
    values: BTreeMap<String, Tensor<1>>,
}

impl Average {
    /// Starts at the network as it is.
    pub fn new(network: &Network, keep: f64) -> Self {
        let mut values = BTreeMap::new();
        visit(network, &mut |name, value| {
            values.insert(name.to_owned(), value);
        });
        Self { keep, values }
    }

    /// Moves towards the network.
    pub fn follow(&mut self, network: &Network) {
        let (mut names, [mut averages, mut values]) = (Vec::new(), [const { Vec::new() }; 2]);
        visit(network, &mut |name, value| {
            if let Some(average) = self.values.remove(name) {
                names.push(name.to_owned());
                averages.push(average);
                values.push(value);
            }
        });
        self.values.extend(names.into_iter().zip(kernels::follow_all(averages, values, 1.0 - self.keep)));
    }

    /// A frozen copy of the network that holds the averages.
    pub fn applied_to(&self, network: &Network, device: &Device) -> Network {
        let frozen = network.clone().frozen(device);
        update(frozen, &mut |name, _, _| self.values.get(name).cloned())
    }

    pub fn restore(&mut self, arrays: Vec<Array>, device: &Device) {
        for array in arrays {
            self.values.insert(array.name, Tensor::from_floats(array.values.as_slice(), device));
        }
    }
}

/// Shows every parameter and statistic as a flat vector without autodiff.
fn visit(network: &Network, see: &mut dyn FnMut(&str, Tensor<1>)) {
    update(network.clone(), &mut |name, _, value| {
        see(name, value.inner());
        None
    });
}
