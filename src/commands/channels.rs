//! How many channels a run's network sees, and what is black and white in its pictures: where the configuration speaks,
//! it goes before the weights.

use super::failure::Failure;
use super::prepare::Beginning;
use crate::weights::to_grey;

/// Fits network, weights and preprocessing to the configuration.
pub fn settle(begun: &mut Beginning) -> Result<(), Failure> {
    if let Some(window) = begun.config.data.window {
        begun.preprocess.window = Some(window.into());
    }
    match (begun.plan.channels, begun.config.model.channels) {
        (found, wanted) if found == wanted => Ok(()),
        (3, 1) => {
            let numbers = begun.numbers.as_mut();
            to_grey(numbers, &mut begun.preprocess, &mut begun.plan)
                .map_err(|error| Failure::Weights(error.to_string()))
        }
        (found, wanted) => Err(Failure::Weights(format!(
            "the starting weights see {found} channel, and model.channels is {wanted}; set it to {found}, or start from weights of {wanted}"
        ))),
    }
}
