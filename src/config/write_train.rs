//! The table `[train]` of the resolved file.

use super::checked::{ClassWeights, Loss, Train};
use super::raw;
use super::words::{LossKind, PrecisionKind};
use super::write::{auto, key, unless_off, word};

pub(super) fn train(train: &Train) -> raw::Train {
    raw::Train {
        seed: key(train.seed),
        device: word(train.device),
        force_device: key(train.force_device),
        tune: word(train.tune),
        gpus: key(train.gpus),
        precision: word(PrecisionKind::from(train.precision)),
        threads: auto(train.threads),
        clip_norm: unless_off(train.clip_norm),
        ema: unless_off(train.ema),
        label_smoothing: key(train.label_smoothing),
        batch_norm: word(train.batch_norm),
        monitor: word(train.monitor),
        early_stopping: unless_off(train.early_stopping),
        on_divergence: word(train.on_divergence),
        ..objective(train)
    }
}

/// The pictures of a step: those that go through at once and how often, or only how many there are in all.
fn pictures(train: &Train) -> raw::Train {
    let none = raw::Train::default();
    match train.auto_batch {
        true => raw::Train { batch: key(raw::Batch::Auto), effective_batch: key(train.batch), ..none },
        false => {
            let batch = key(raw::Batch::Pictures(train.batch));
            raw::Train { batch, accumulate: key(train.accumulate), ..none }
        }
    }
}

/// What training makes smaller, and how the classes weigh in it.
fn objective(train: &Train) -> raw::Train {
    let (loss, gamma) = match train.loss {
        Loss::CrossEntropy => (LossKind::CrossEntropy, None),
        Loss::Focal { gamma } => (LossKind::Focal, key(gamma)),
    };
    let word_of = |text: &str| raw::ClassWeights::Word(text.to_string());
    let (weights, beta) = match &train.class_weights {
        ClassWeights::None => (word_of("none"), None),
        ClassWeights::Balanced => (word_of("balanced"), None),
        ClassWeights::Effective { beta } => (word_of("effective"), key(*beta)),
        ClassWeights::List(weights) => (raw::ClassWeights::List(weights.clone()), None),
        ClassWeights::Table(weights) => (raw::ClassWeights::Table(weights.clone()), None),
    };
    raw::Train {
        loss: word(loss),
        focal_gamma: gamma,
        class_weights: key(weights),
        class_weights_beta: beta,
        ..pictures(train)
    }
}
