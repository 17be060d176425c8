//! The loop's settings and the checkpoints'.

use toml::Spanned;

use crate::config::checked::{
    BatchNorm, Checkpoint, ClassWeights, DeviceChoice, Every, Monitor, OnDivergence, Train,
};
use crate::config::faults::Faults;
use crate::config::raw::{self, Key};
use crate::config::rules::{BATCH, BELOW_ONE, COUNT, INSIDE, POSITIVE, SEED, THREADS};

pub(super) fn train(raw: &raw::Train, faults: &mut Faults<'_>) -> Train {
    Train {
        batch: faults.value(&raw.batch, 32, &BATCH),
        seed: faults.value(&raw.seed, 0, &SEED),
        device: faults.choice(&raw.device, DeviceChoice::Auto),
        force_device: raw.force_device.as_ref().is_some_and(|given| *given.get_ref()),
        threads: faults.auto(&raw.threads, &THREADS),
        clip_norm: faults.unless_off(&raw.clip_norm, &POSITIVE),
        accumulate: faults.value(&raw.accumulate, 1, &BATCH),
        ema: faults.unless_off(&raw.ema, &INSIDE),
        label_smoothing: faults.value(&raw.label_smoothing, 0.1, &BELOW_ONE),
        class_weights: class_weights(&raw.class_weights, faults),
        batch_norm: faults.choice(&raw.batch_norm, BatchNorm::Batch),
        monitor: faults.choice(&raw.monitor, Monitor::Accuracy),
        early_stopping: faults.unless_off(&raw.early_stopping, &COUNT),
        on_divergence: faults.choice(&raw.on_divergence, OnDivergence::Stop),
    }
}

fn class_weights(key: &Key<raw::ClassWeights>, faults: &mut Faults<'_>) -> ClassWeights {
    let Some(given) = key else { return ClassWeights::None };
    match given.get_ref() {
        raw::ClassWeights::Word(word) => match word.as_str() {
            "none" => ClassWeights::None,
            "balanced" => ClassWeights::Balanced,
            word => {
                let reason = format!(
                    "{word:?} is not known; say \"none\", \"balanced\", or one weight for each class"
                );
                faults.refuse(given.span(), reason);
                ClassWeights::None
            }
        },
        raw::ClassWeights::List(weights) => {
            if weights.is_empty() || !weights.iter().all(POSITIVE.holds) {
                faults.refuse(given.span(), "must hold one number above 0 for each class");
            }
            ClassWeights::List(weights.clone())
        }
    }
}

pub(super) fn checkpoint(raw: &raw::Checkpoint, faults: &mut Faults<'_>) -> Checkpoint {
    Checkpoint { every: every(&raw.every, faults), keep: faults.value(&raw.keep, 3, &COUNT) }
}

fn every(key: &Key<raw::Every>, faults: &mut Faults<'_>) -> Every {
    let Some(given) = key else { return Every::Epoch };
    let every = match given.get_ref() {
        raw::Every::Steps(steps) => Every::Steps(*steps),
        raw::Every::Text(text) => faults.parsed(&Spanned::new(given.span(), text.clone()), Every::Epoch),
    };
    let count = match every {
        Every::Epoch => 1,
        Every::Steps(steps) => steps,
        Every::Seconds(seconds) => seconds.try_into().unwrap_or(usize::MAX),
    };
    faults.value(&Some(Spanned::new(given.span(), count)), 1, &COUNT);
    every
}
