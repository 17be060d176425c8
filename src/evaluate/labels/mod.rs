//! Which labels a model contradicts: every sample is predicted by a classifier that has not seen it, and the confident
//! joint tells which labels are in doubt. Knows numbers only; what the samples are is the caller's business.

mod confident;
mod folds;
mod logistic;
mod minimise;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::softmax;
use confident::Joint;
use logistic::Logistic;

/// Parts that are predicted by what the others have taught. A class needs that many samples that are no copies.
pub const FOLDS: usize = 5;

/// Penalties on the weights, from the strongest on, that are tried until predictions get worse.
const PENALTIES: [f64; 9] = [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6];

/// How exactly a classifier is fitted to rows of about length 1. Ten times as exactly takes several times as long.
const TOLERANCE: f64 = 1e-4;

/// What is judged.
pub struct Samples<'a> {
    /// A row of numbers for each label.
    pub features: Vec<f32>,
    pub labels: &'a [usize],
    /// Equal for samples that belong together, such as copies.
    pub groups: &'a [usize],
    pub classes: usize,
}

#[derive(Debug, PartialEq)]
pub struct Judgement {
    /// Classes with too few samples, which took no part.
    pub left_out: Vec<usize>,
    /// Share of the samples whose most probable class is their label.
    pub agreement: f64,
    /// Of the classifier whose predictions were best.
    pub penalty: f64,
    /// Label, other class, and how many samples with that label are confidently of the other one; the most first.
    pub confusions: Vec<(usize, usize, usize)>,
    /// All samples that took part, the label most in doubt first.
    pub doubts: Vec<Doubt>,
}

/// What the predictions say of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubt {
    pub sample: usize,
    /// The class that it is confidently of, or else the most probable one.
    pub suggested: usize,
    /// How probable its label is: the less, the more it is in doubt.
    pub of_label: f64,
    pub of_suggested: f64,
    /// Whether it is confidently of another class than its label says.
    pub contradicted: bool,
}

/// Fewer than two classes have enough samples to learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "labels can be checked where at least two classes have {FOLDS} pictures that are not copies of each other; {classes} of them have"
)]
pub struct TooFew {
    pub classes: usize,
}

/// Called with the number of classifiers that were fitted, and how many there may be.
pub type Progress<'a> = dyn FnMut(usize, usize) + 'a;

/// The number of threads changes nothing but the time.
pub fn judge(samples: Samples, progress: &mut Progress) -> Result<Judgement, TooFew> {
    let groups = folds::groups_of_classes(samples.labels, samples.groups, samples.classes);
    let (kept, left): (Vec<usize>, Vec<usize>) =
        (0..samples.classes).partition(|&class| groups[class] >= FOLDS);
    if kept.len() < 2 {
        return Err(TooFew { classes: kept.len() });
    }
    // A class without a single sample is no class that took no part.
    let left_out = left.into_iter().filter(|&class| groups[class] > 0).collect();
    let part = Part::of(samples, &kept);
    let (penalty, probabilities) = part.best_predictions(progress);
    let joint = Joint::of(&probabilities, &part.labels, kept.len());
    let agreeing =
        probabilities.iter().zip(&part.labels).filter(|(row, label)| largest(row) == **label).count();
    let confusions = joint.confusions(&part.labels).into_iter();
    Ok(Judgement {
        left_out,
        agreement: agreeing as f64 / part.labels.len() as f64,
        penalty,
        confusions: confusions.map(|(label, class, count)| (kept[label], kept[class], count)).collect(),
        doubts: ranked(&part, &joint, &probabilities, &kept),
    })
}

/// The samples of the classes that take part, with these numbered anew.
struct Part {
    samples: Vec<usize>,
    rows: Vec<f32>,
    labels: Vec<usize>,
    folds: Vec<usize>,
    classes: usize,
}

impl Part {
    fn of(all: Samples, kept: &[usize]) -> Self {
        let width = all.features.len() / all.labels.len().max(1);
        let numbers: BTreeMap<usize, usize> = kept.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        let samples: Vec<usize> =
            (0..all.labels.len()).filter(|&sample| numbers.contains_key(&all.labels[sample])).collect();
        let labels: Vec<usize> = samples.iter().map(|&sample| numbers[&all.labels[sample]]).collect();
        let groups: Vec<usize> = samples.iter().map(|&sample| all.groups[sample]).collect();
        let mut rows = all.features;
        if samples.len() < all.labels.len() {
            rows = samples
                .iter()
                .flat_map(|&sample| &rows[sample * width..(sample + 1) * width])
                .copied()
                .collect();
        }
        standardise(&mut rows, width);
        let folds = folds::folds(&labels, &groups, kept.len(), FOLDS);
        Self { samples, rows, labels, folds, classes: kept.len() }
    }

    /// Predictions of every sample by a classifier that has not seen its fold, with the penalty that predicts the labels
    /// best. One number chosen by all labels tells nothing of a single one.
    fn best_predictions(&self, progress: &mut Progress) -> (f64, Vec<Vec<f64>>) {
        let mut guesses: Vec<Vec<f64>> = vec![Vec::new(); FOLDS];
        let mut best: Option<(f64, f64, Vec<Vec<f64>>)> = None;
        for (tried, penalty) in PENALTIES.into_iter().enumerate() {
            progress(tried * FOLDS, PENALTIES.len() * FOLDS);
            let predictions = self.predictions(penalty, &mut guesses);
            let loss = self.loss(&predictions);
            if best.as_ref().is_some_and(|(least, ..)| *least <= loss) {
                break;
            }
            best = Some((loss, penalty, predictions));
        }
        best.map(|(_, penalty, predictions)| (penalty, predictions)).unwrap_or_default()
    }

    /// Each fold begins with what the last penalty gave for it.
    fn predictions(&self, penalty: f64, guesses: &mut [Vec<f64>]) -> Vec<Vec<f64>> {
        let Self { rows, labels, classes, .. } = self;
        let logistic = Logistic { rows, labels, classes: *classes, penalty, tolerance: TOLERANCE };
        let of_fold = |(fold, guess): (usize, &mut Vec<f64>)| {
            guess.resize(logistic.parameters(), 0.0);
            *guess = logistic.fit(&|sample| self.folds[sample] != fold, std::mem::take(guess));
            let logits = logistic.logits(guess);
            let rows =
                logits.chunks_exact(*classes).enumerate().filter(|(sample, _)| self.folds[*sample] == fold);
            rows.map(|(sample, row)| (sample, softmax(row, 1.0))).collect::<Vec<_>>()
        };
        let found: Vec<_> = guesses.par_iter_mut().enumerate().map(of_fold).collect();
        let mut predictions = vec![Vec::new(); labels.len()];
        found.into_iter().flatten().for_each(|(sample, row)| predictions[sample] = row);
        predictions
    }

    fn loss(&self, predictions: &[Vec<f64>]) -> f64 {
        let of = |(row, &label): (&Vec<f64>, &usize)| -row[label].max(f64::MIN_POSITIVE).ln();
        predictions.iter().zip(&self.labels).map(of).sum()
    }
}

/// Every column gets mean 0 and deviation 1, and then rows a length of about 1, so that a penalty means the same for
/// all networks. Labels play no part in it.
fn standardise(rows: &mut [f32], width: usize) {
    let count = (rows.len() / width.max(1)) as f64;
    let mut means = vec![0.0_f64; width];
    let mut squares = vec![0.0_f64; width];
    for row in rows.chunks_exact(width.max(1)) {
        means.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value) / count);
    }
    for row in rows.chunks_exact(width.max(1)) {
        for ((sum, value), mean) in squares.iter_mut().zip(row).zip(&means) {
            *sum += (f64::from(*value) - mean).powi(2) / count;
        }
    }
    // What never changes tells nothing.
    let scale = |square: &f64| if *square > 1e-12 { 1.0 / (square * width as f64).sqrt() } else { 0.0 };
    let scales: Vec<f64> = squares.iter().map(scale).collect();
    for row in rows.chunks_exact_mut(width.max(1)) {
        for ((value, mean), scale) in row.iter_mut().zip(&means).zip(&scales) {
            *value = ((f64::from(*value) - mean) * scale) as f32;
        }
    }
}

/// By the probability that the label is right.
fn ranked(part: &Part, joint: &Joint, probabilities: &[Vec<f64>], kept: &[usize]) -> Vec<Doubt> {
    let doubt = |sample: usize| {
        let (row, label) = (&probabilities[sample], part.labels[sample]);
        let suggested = joint.confident[sample].unwrap_or_else(|| largest(row));
        Doubt {
            sample: part.samples[sample],
            suggested: kept[suggested],
            of_label: row[label],
            of_suggested: row[suggested],
            contradicted: joint.confident[sample].is_some_and(|class| class != label),
        }
    };
    let mut doubts: Vec<Doubt> = (0..part.labels.len()).map(doubt).collect();
    doubts.sort_by(|a, b| a.of_label.total_cmp(&b.of_label).then(a.sample.cmp(&b.sample)));
    doubts
}

fn largest(row: &[f64]) -> usize {
    (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or_default()
}
