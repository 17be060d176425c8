//! The norm over lists of tensors, and whether there is one.

use burn::tensor::Tensor;

use super::epoch::Named;
use crate::kernels;
use crate::model::{Network, numbers, update};

/// Whether every weight and statistic is a number. A norm too large for one counts as none.
pub fn has_finite_numbers(network: &Network) -> bool {
    let mut all = Vec::new();
    update(network.clone(), &mut |_, _, value| {
        all.push(value.inner());
        None
    });
    found(&all).is_finite()
}

/// The Euclidean norm over all of them, summed in model order.
pub fn global_norm(all: &Named) -> f64 {
    found(&tensors(all))
}

/// Numbers whose sum is the sum of all squares, still on the device; none of nothing.
pub fn squares(all: &Named) -> Option<Tensor<1>> {
    kernels::squares(&tensors(all))
}

fn tensors(all: &Named) -> Vec<Tensor<1>> {
    all.iter().map(|(_, tensor)| tensor.clone()).collect()
}

fn found(all: &[Tensor<1>]) -> f64 {
    kernels::squares(all).map_or(0.0, |squares| norm(&numbers(squares)))
}

/// The norm that sums of squares make.
pub fn norm(squares: &[f32]) -> f64 {
    squares.iter().copied().map(f64::from).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::{Cut, NormSettings, Settings, initial};
    use crate::scaling::{Family, Padding, Plan};

    #[test]
    fn one_number_that_is_none_is_found_wherever_it_stands() {
        let device = Device::flex();
        let check = |place: &str, number: f32, expected: bool| {
            let plan = Plan::custom(Family::Lite, 0.1, 0.1, 32).unwrap();
            let settings = Settings {
                padding: Padding::Symmetric,
                norm: NormSettings { eps: 1e-5, momentum: 0.1 },
                classes: 3,
                dropout: 0.0,
                stochastic_depth: 0.0,
            };
            let network = Network::build(&plan, &settings, &device, &mut |name, shape| {
                let mut values = initial(1, name, shape);
                if name.ends_with(place) {
                    values[0] = number;
                }
                values
            });
            let network = network.trainable_from(Cut::last_of(1, plan.blocks.len()), &device);
            assert_eq!(has_finite_numbers(&network), expected, "{number} in {place}");
        };
        for place in ["classifier.weight", "running_var", "blocks.0.depthwise.conv.weight"] {
            check(place, 1e6, true);
            check(place, f32::NAN, false);
            check(place, f32::NEG_INFINITY, false);
        }
    }
}
