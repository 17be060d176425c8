//! What one stage trains, in the network's own terms.

use crate::config::{Stage, Trains};
use crate::model::{Cut, Network, Role, parameter_list, role};

/// The first layer that trains.
pub fn cut_of(trains: Trains, blocks: usize) -> Cut {
    match trains {
        Trains::All => Cut::ALL,
        Trains::Last(count) => Cut::last_of(count, blocks),
        Trains::Head => Cut::classifier_of(blocks),
    }
}

/// How many numbers train from a cut on.
pub fn trainable(network: &Network, cut: Cut) -> usize {
    let blocks = network.blocks.len();
    parameter_list(network)
        .iter()
        .filter(|(name, shape)| {
            Cut::layer_of(name, blocks) >= cut.0 && role(name, shape.len()) != Role::Statistic
        })
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum()
}

/// How many numbers there are in all, statistics counted.
pub fn numbers(network: &Network) -> usize {
    parameter_list(network).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
}

/// The stage in words.
pub fn words(stage: &Stage) -> String {
    match stage.trains {
        Trains::All => "all layers".into(),
        Trains::Last(1) => "the last block and the head".into(),
        Trains::Last(count) => format!("the last {count} blocks and the head"),
        Trains::Head => "the classifier".into(),
    }
}
