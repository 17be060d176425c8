//! The loop's settings and the checkpoints'.

use toml::Spanned;

use crate::config::checked::{
    BatchNorm, Checkpoint, ClassWeights, DeviceChoice, Every, Loss, Monitor, OnDivergence, Train, Tune,
};
use crate::config::faults::Faults;
use crate::config::raw::{self, Key};
use crate::config::rules::{
    AUTO_BATCH, BATCH as COUNTED, BELOW_ONE, COUNT, GPUS, INSIDE, NOT_NEGATIVE, POSITIVE, SEED, THREADS,
};
use crate::config::words::{LossKind, PrecisionKind};

/// Pictures of a step where nothing is said.
const BATCH: usize = 32;
/// Lin et al. found it best on COCO.
const FOCAL_GAMMA: f64 = 2.0;
/// The middle of the values that Cui et al. tried.
const EFFECTIVE_BETA: f64 = 0.999;

pub(super) fn train(raw: &raw::Train, faults: &mut Faults<'_>) -> Train {
    let pictures = pictures(raw, faults);
    let gpus = gpus(raw, &pictures, faults);
    let Pictures { batch, auto_batch, accumulate } = pictures;
    Train {
        batch,
        auto_batch,
        seed: faults.value(&raw.seed, 0, &SEED),
        device: faults.choice(&raw.device, DeviceChoice::Auto),
        force_device: raw.force_device.as_ref().is_some_and(|given| *given.get_ref()),
        gpus,
        tune: faults.choice(&raw.tune, Tune::Auto),
        precision: faults.choice(&raw.precision, PrecisionKind::Fp32).into(),
        threads: faults.auto(&raw.threads, &THREADS),
        clip_norm: faults.unless_off(&raw.clip_norm, &POSITIVE),
        accumulate,
        ema: faults.unless_off(&raw.ema, &INSIDE),
        label_smoothing: faults.value(&raw.label_smoothing, 0.1, &BELOW_ONE),
        loss: loss(raw, faults),
        class_weights: class_weights(raw, faults),
        batch_norm: faults.choice(&raw.batch_norm, BatchNorm::Batch),
        monitor: faults.choice(&raw.monitor, Monitor::Accuracy),
        early_stopping: faults.unless_off(&raw.early_stopping, &COUNT),
        on_divergence: faults.choice(&raw.on_divergence, OnDivergence::Stop),
    }
}

/// The pictures of a step.
struct Pictures {
    batch: usize,
    auto_batch: bool,
    accumulate: usize,
}

/// A batch and how many of them make a step, or the step and what it is made of.
fn pictures(raw: &raw::Train, faults: &mut Faults<'_>) -> Pictures {
    let accumulate = faults.value(&raw.accumulate, 1, &COUNTED);
    let given = raw.effective_batch.is_some();
    let effective = faults.value(&raw.effective_batch, BATCH, &COUNTED);
    if given && let Some(other) = &raw.accumulate {
        faults.refuse(
            other.span(),
            "and effective_batch both say how many pictures make a step; keep one of them",
        );
    }
    let number = raw.batch.as_ref().and_then(|key| match key.get_ref() {
        raw::Batch::Auto => None,
        raw::Batch::Pictures(count) => Some(Spanned::new(key.span(), *count)),
    });
    if raw.batch.is_some() && number.is_none() {
        if let (Some(other), false) = (&raw.accumulate, given) {
            faults.refuse(
                other.span(),
                "is found where batch = \"auto\"; say the pictures of a step as effective_batch",
            );
        }
        return Pictures { batch: effective, auto_batch: true, accumulate: 1 };
    }
    let batch = faults.value(&number, BATCH, &AUTO_BATCH);
    let (Some(key), false) = (&raw.effective_batch, batch == 0) else {
        return Pictures { batch, auto_batch: false, accumulate };
    };
    if !effective.is_multiple_of(batch) {
        faults.refuse(key.span(), format!("is {effective}, must be a multiple of batch, which is {batch}"));
    }
    Pictures { batch, auto_batch: false, accumulate: effective / batch }
}

/// How many GPUs share the batches of an update: as many batches for each of them.
fn gpus(raw: &raw::Train, pictures: &Pictures, faults: &mut Faults<'_>) -> usize {
    let gpus = faults.value(&raw.gpus, 1, &GPUS);
    let shared = if pictures.auto_batch { pictures.batch } else { pictures.accumulate };
    if let Some(given) = &raw.gpus
        && gpus > 0
        && !shared.is_multiple_of(gpus)
    {
        let wanted = match pictures.auto_batch {
            true => format!("effective_batch, which is {shared}, must be a multiple of it"),
            false => format!("accumulate, which is {shared}, must be a multiple of it"),
        };
        faults.refuse(given.span(), format!("is {gpus}: GPUs share the batches of an update, so {wanted}"));
    }
    gpus
}

fn loss(raw: &raw::Train, faults: &mut Faults<'_>) -> Loss {
    let gamma = faults.value(&raw.focal_gamma, FOCAL_GAMMA, &NOT_NEGATIVE);
    match faults.choice(&raw.loss, LossKind::CrossEntropy) {
        LossKind::Focal => Loss::Focal { gamma },
        LossKind::CrossEntropy => {
            if let Some(given) = &raw.focal_gamma {
                faults.refuse(given.span(), "is for loss = \"focal\"; say that too, or take it out");
            }
            Loss::CrossEntropy
        }
    }
}

fn class_weights(raw: &raw::Train, faults: &mut Faults<'_>) -> ClassWeights {
    let beta = faults.value(&raw.class_weights_beta, EFFECTIVE_BETA, &INSIDE);
    let weights = class_weights_of(&raw.class_weights, beta, faults);
    if let (Some(given), false) = (&raw.class_weights_beta, matches!(weights, ClassWeights::Effective { .. }))
    {
        faults.refuse(given.span(), "is for class_weights = \"effective\"; say that too, or take it out");
    }
    weights
}

fn class_weights_of(key: &Key<raw::ClassWeights>, beta: f64, faults: &mut Faults<'_>) -> ClassWeights {
    let Some(given) = key else { return ClassWeights::None };
    match given.get_ref() {
        raw::ClassWeights::Word(word) => match word.as_str() {
            "none" => ClassWeights::None,
            "balanced" | "inverse" => ClassWeights::Balanced,
            "effective" => ClassWeights::Effective { beta },
            word => {
                let reason = format!(
                    "{word:?} is not known; say \"none\", \"balanced\", \"effective\", or one weight for each class"
                );
                faults.refuse(given.span(), reason);
                ClassWeights::None
            }
        },
        raw::ClassWeights::Table(weights) => {
            if !weights.values().all(POSITIVE.holds) {
                faults.refuse(given.span(), "must hold numbers above 0 by the names of classes");
            }
            ClassWeights::Table(weights.clone())
        }
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
