//! How a run's pictures are loaded: plainly for inference, augmented for training. Also used to show them beforehand.

use crate::augment::Policy;
use crate::config::Config;
use crate::dataset::Preprocess;
use crate::loader::{Lone, Spec};

/// How pictures are loaded for inference.
pub fn plain_spec(
    config: &Config,
    preprocess: &Preprocess,
    classes: usize,
    channels: usize,
    workers: usize,
) -> Spec {
    Spec {
        preprocess: preprocess.clone(),
        policy: Policy::none(),
        seed: config.train.seed,
        view: 0,
        batch: super::validate::BATCH,
        lone: Lone::Kept,
        first: 0,
        classes,
        channels,
        workers,
        ahead: 2,
    }
}

/// How they are loaded for training: as the plain way has it, but augmented, in batches of the run.
pub fn training_spec(config: &Config, view: usize, plain: Spec) -> Spec {
    Spec {
        policy: Policy::from(&config.augment),
        view: view as u64,
        batch: config.train.batch,
        lone: Lone::Joined,
        ..plain
    }
}
