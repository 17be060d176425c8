//! The optimizer and the learning rate's course. A key of another kind is refused rather than ignored.

use super::{given, refuse_foreign};
use crate::config::checked::{Course, Optimizer, Schedule, Stage};
use crate::config::faults::Faults;
use crate::config::raw::{self, Key};
use crate::config::rules::{BELOW_ONE, FACTOR, NOT_NEGATIVE, POSITIVE, SHARE};
use crate::config::words::{Choice, CourseKind, OptimizerKind};

pub(super) fn optimizer(raw: &raw::Optimizer, faults: &mut Faults<'_>) -> Optimizer {
    let kind: OptimizerKind = faults.choice(&raw.kind, OptimizerKind::AdamW);
    let owners: [(_, &[&str]); 5] = [
        (given("betas", &raw.betas), &["adamw"]),
        (given("alpha", &raw.alpha), &["rmsprop"]),
        (given("eps", &raw.eps), &["adamw", "rmsprop"]),
        (given("momentum", &raw.momentum), &["sgd", "rmsprop"]),
        (given("nesterov", &raw.nesterov), &["sgd"]),
    ];
    refuse_foreign("kind", &owners, kind.word(), faults);
    match kind {
        OptimizerKind::AdamW => Optimizer::AdamW {
            betas: betas(&raw.betas, faults),
            eps: faults.value(&raw.eps, 1e-8, &POSITIVE),
            weight_decay: faults.value(&raw.weight_decay, 0.01, &NOT_NEGATIVE),
        },
        OptimizerKind::Sgd => sgd(raw, faults),
        // The paper's: decay 0.9, momentum 0.9, weight decay 1e-5; eps from its released code.
        OptimizerKind::RmsProp => Optimizer::RmsProp {
            alpha: faults.value(&raw.alpha, 0.9, &BELOW_ONE),
            eps: faults.value(&raw.eps, 1e-3, &POSITIVE),
            momentum: faults.value(&raw.momentum, 0.9, &BELOW_ONE),
            weight_decay: faults.value(&raw.weight_decay, 1e-5, &NOT_NEGATIVE),
        },
    }
}

fn betas(key: &Key<[f64; 2]>, faults: &mut Faults<'_>) -> [f64; 2] {
    let Some(given) = key else { return [0.9, 0.999] };
    let values = *given.get_ref();
    if !values.iter().all(BELOW_ONE.holds) {
        faults.refuse(given.span(), format!("is {values:?}, each must be {}", BELOW_ONE.must));
    }
    values
}

fn sgd(raw: &raw::Optimizer, faults: &mut Faults<'_>) -> Optimizer {
    let momentum = faults.value(&raw.momentum, 0.9, &BELOW_ONE);
    let nesterov = raw.nesterov.as_ref().map_or(momentum > 0.0, |given| *given.get_ref());
    if let Some(given) = &raw.nesterov
        && nesterov
        && momentum == 0.0
    {
        faults.refuse(given.span(), "needs a momentum above 0");
    }
    Optimizer::Sgd { momentum, nesterov, weight_decay: faults.value(&raw.weight_decay, 1e-4, &NOT_NEGATIVE) }
}

pub(super) fn schedule(raw: &raw::Schedule, stages: &[Stage], faults: &mut Faults<'_>) -> Schedule {
    let kind: CourseKind = faults.choice(&raw.kind, CourseKind::Cosine);
    let owners: [(_, &[&str]); 3] = [
        (given("min", &raw.min), &["cosine"]),
        (given("every_epochs", &raw.every_epochs), &["step"]),
        (given("factor", &raw.factor), &["step"]),
    ];
    refuse_foreign("kind", &owners, kind.word(), faults);
    let kind = match kind {
        CourseKind::Cosine => Course::Cosine { min: faults.value(&raw.min, 0.0, &SHARE) },
        // The paper's: 0.97 every 2.4 epochs.
        CourseKind::Step => Course::Step {
            every_epochs: faults.value(&raw.every_epochs, 2.4, &POSITIVE),
            factor: faults.value(&raw.factor, 0.97, &FACTOR),
        },
        CourseKind::Constant => Course::Constant,
    };
    Schedule { kind, warmup_epochs: warmup(&raw.warmup, stages, faults) }
}

fn warmup(key: &Key<f64>, stages: &[Stage], faults: &mut Faults<'_>) -> f64 {
    let epochs = faults.value(key, 0.5, &NOT_NEGATIVE);
    let shortest = stages.iter().map(|stage| stage.epochs).min().unwrap_or(usize::MAX);
    if let Some(given) = key
        && epochs > shortest as f64
    {
        let reason = format!("is {epochs} epochs, longer than the shortest stage, which has {shortest}");
        faults.refuse(given.span(), reason);
    }
    epochs
}
