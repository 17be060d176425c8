//! The part of `kiln data check` that needs a model: shows it every usable picture once, and has the labels judged by
//! what its layers before the classifier see. The classes need not be the model's own.

use std::time::Instant;

use anyhow::Result;

use super::classifier::{BATCH, Classifier};
use super::console::{Bar, tell};
use super::failure::Failure;
use crate::dataset::Location;
use crate::dataset::audit::{Confusion, Doubt, Found, Item, LabelCheck, Labelled, Ranked};
use crate::evaluate::labels::{self, FOLDS, Judgement, Samples};

/// What the model makes of the labels; `name` is what was typed for it.
pub fn check_labels(
    name: &str,
    model: &Classifier,
    found: &Found,
    labelled: &[Labelled],
) -> Result<LabelCheck> {
    let start = Instant::now();
    let shown = shown(model, found, labelled);
    if shown.features.iter().any(|value| !value.is_finite()) {
        return Err(Failure::Weights(format!("{name} gives what is no number for some pictures")).into());
    }
    let seen = start.elapsed().as_secs_f64();
    let pictures = shown.pictures.len();
    let start = Instant::now();
    let not_seen = shown.not_seen;
    let judgement = judged(shown.features, &shown.pictures, found.classes.len())?;
    tell(&format!(
        "showed {pictures} pictures to {name} in {seen:.1} s, judged their labels in {:.1} s",
        start.elapsed().as_secs_f64()
    ));
    Ok(named(judgement, name, model.width(), found, &shown.pictures, not_seen))
}

struct Shown {
    pictures: Vec<Labelled>,
    /// A row for each of them.
    features: Vec<f32>,
    not_seen: Vec<Item>,
}

fn shown(model: &Classifier, found: &Found, labelled: &[Labelled]) -> Shown {
    let mut bar = Bar::count("showing pictures to the model");
    let mut shown = Shown { pictures: Vec::new(), features: Vec::new(), not_seen: Vec::new() };
    for (number, batch) in labelled.chunks(BATCH).enumerate() {
        let places: Vec<Location> =
            batch.iter().map(|one| found.entries[one.entry].location.clone()).collect();
        for (one, outcome) in batch.iter().zip(model.features(&places)) {
            match outcome {
                Ok(row) => {
                    shown.features.extend(row);
                    shown.pictures.push(*one);
                }
                Err(detail) => {
                    let name = found.entries[one.entry].name.clone();
                    shown.not_seen.push(Item { name, detail, entry: Some(one.entry) });
                }
            }
        }
        bar.set((number * BATCH + batch.len()) as u64, labelled.len() as u64);
    }
    bar.clear();
    shown
}

fn judged(features: Vec<f32>, pictures: &[Labelled], classes: usize) -> Result<Judgement> {
    let of: Vec<usize> = pictures.iter().map(|one| one.class).collect();
    let groups: Vec<usize> = pictures.iter().map(|one| one.group).collect();
    let mut bar = Bar::count("judging labels");
    let samples = Samples { features, labels: &of, groups: &groups, classes };
    let judgement = labels::judge(samples, &mut |done, all| bar.set(done as u64, all as u64));
    bar.clear();
    Ok(judgement.map_err(|error| Failure::Data(error.to_string()))?)
}

fn named(
    judgement: Judgement,
    model: &str,
    features: usize,
    found: &Found,
    pictures: &[Labelled],
    not_seen: Vec<Item>,
) -> LabelCheck {
    let class = |class: usize| found.classes[class].clone();
    let ranked = |doubt: &labels::Doubt| {
        let Labelled { entry, class: given, .. } = pictures[doubt.sample];
        let labels::Doubt { suggested, of_label: of_given, of_suggested, contradicted, .. } = *doubt;
        Ranked::of(&Doubt { entry, given, suggested, of_given, of_suggested, contradicted }, found)
    };
    let confusion = |(given, suggested, count): (usize, usize, usize)| Confusion {
        given: class(given),
        suggested: class(suggested),
        count,
    };
    LabelCheck {
        model: model.to_owned(),
        features,
        folds: FOLDS,
        pictures: judgement.doubts.len(),
        agreement: judgement.agreement,
        contradicted: judgement.doubts.iter().filter(|doubt| doubt.contradicted).count(),
        confusions: judgement.confusions.into_iter().map(confusion).collect(),
        left_out: judgement.left_out.into_iter().map(class).collect(),
        not_seen,
        ranking: judgement.doubts.iter().map(ranked).collect(),
    }
}
