//! How a run's pictures are loaded: plainly for inference, augmented for training. Also used to show them beforehand.

use super::run::Session;
use super::validate::BATCH;
use crate::augment::Policy;
use crate::config::{Config, Sampler};
use crate::dataset::Preprocess;
use crate::devices::is_processor;
use crate::loader::{Lone, Spec, order};

impl Session<'_> {
    /// How pictures are loaded for this device's inference; training changes some of it.
    pub(super) fn spec(&self) -> Spec {
        Spec { as_bytes: !is_processor(&self.device), batch: self.together(), ..self.plain_spec() }
    }

    /// Pictures that are inferred at once: on a GPU no more than are trained at once, which is known to fit.
    pub fn together(&self) -> usize {
        if is_processor(&self.device) { BATCH } else { BATCH.min(self.config.train.batch) }
    }

    /// How pictures are loaded to be looked at.
    pub fn plain_spec(&self) -> Spec {
        plain_spec(self.config, &self.preprocess, self.classes(), self.identity.channels, self.workers)
    }

    /// The training pictures that an epoch shows, in order.
    pub fn order(&self, epoch: usize) -> Vec<usize> {
        let (seed, epoch) = (self.config.train.seed, epoch as u64);
        match self.config.data.sampler {
            Sampler::Shuffle => order::epoch(seed, epoch, self.splits.train.len()),
            Sampler::Power(_) => {
                let classes: Vec<usize> = self.splits.train.iter().map(|item| item.class).collect();
                order::drawn(seed, epoch, &classes, &self.balance.per_epoch)
            }
        }
    }
}

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
        batch: BATCH,
        lone: Lone::Kept,
        first: 0,
        classes,
        channels,
        as_bytes: false,
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
