//! The figures against scikit-learn's and SciPy's: tests/golden/evaluation.json, by make_evaluation.py.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{Answers, ClassScores, Figures, Intervals};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    temperature: f64,
    labels: Vec<usize>,
    logits: Vec<f32>,
    /// Single figures by name.
    figures: BTreeMap<String, Option<f64>>,
    per_class: Vec<Row>,
    confusion: Vec<Vec<usize>>,
    /// Of the bins with pictures: share of right ones, mean confidence.
    bins: Vec<[f64; 2]>,
    intervals: BTreeMap<String, [f64; 2]>,
    fitted_temperature: Option<f64>,
}

#[derive(Deserialize)]
struct Row {
    precision: f64,
    recall: f64,
    f1: f64,
    support: usize,
    auroc: Option<f64>,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/evaluation.json");
    serde_json::from_slice::<Golden>(&std::fs::read(path).unwrap()).unwrap().cases
}

#[track_caller]
fn close(name: &str, what: &str, found: Option<f64>, expected: Option<f64>, tolerance: f64) {
    let is_close = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= tolerance,
        (found, expected) => found == expected,
    };
    assert!(is_close, "{name}: {what} is {found:?}, should be {expected:?}");
}

fn single(figures: &Figures, name: &str) -> Option<f64> {
    let Figures { scores, macro_average, weighted_average, auroc, calibration, .. } = figures;
    Some(match name {
        "accuracy" => scores.accuracy,
        "top5" => scores.top5,
        "loss" => scores.loss,
        "balanced_accuracy" => figures.balanced_accuracy,
        "kappa" => return figures.kappa,
        "macro_precision" => macro_average.precision,
        "macro_recall" => macro_average.recall,
        "macro_f1" => macro_average.f1,
        "weighted_precision" => weighted_average.precision,
        "weighted_recall" => weighted_average.recall,
        "weighted_f1" => weighted_average.f1,
        "auroc_macro" => return auroc.of_classes,
        "auroc_weighted" => return auroc.of_pictures,
        "calibration_error" => calibration.error,
        "calibrated_loss" => calibration.loss,
        other => panic!("{other} is not known"),
    })
}

#[test]
fn figures_are_those_of_scikit_learn() {
    for case in cases() {
        let answers = Answers::new(case.logits.clone(), case.labels.clone(), case.classes);
        let figures = answers.figures(case.temperature, 0);
        for (name, expected) in &case.figures {
            close(&case.name, name, single(&figures, name), *expected, 1e-9);
        }
        assert_eq!(figures.scores.confusion, case.confusion, "{}", case.name);
        for (class, row) in case.per_class.iter().enumerate() {
            let ClassScores { support, precision, recall, f1 } = figures.scores.classes[class];
            assert_eq!(support, row.support, "{}", case.name);
            close(&case.name, "precision", Some(precision), Some(row.precision), 1e-12);
            close(&case.name, "recall", Some(recall), Some(row.recall), 1e-12);
            close(&case.name, "f1", Some(f1), Some(row.f1), 1e-12);
            close(&case.name, "auroc", figures.auroc.classes[class], row.auroc, 1e-12);
        }
        let filled = figures.calibration.bins.iter().filter(|bin| bin.samples > 0);
        let bins: Vec<[f64; 2]> = filled.map(|bin| [bin.accuracy, bin.confidence]).collect();
        assert_eq!(bins.len(), case.bins.len(), "{}", case.name);
        for (found, expected) in bins.iter().flatten().zip(case.bins.iter().flatten()) {
            close(&case.name, "a bin", Some(*found), Some(*expected), 1e-9);
        }
    }
}

#[test]
fn the_fitted_temperature_is_that_of_scipys_minimiser() {
    for case in cases() {
        let answers = Answers::new(case.logits, case.labels, case.classes);
        close(&case.name, "temperature", super::temperature::fitted(&answers), case.fitted_temperature, 1e-5);
    }
}

/// How many bootstraps are averaged: the ends of a single one are off by up to 6 % of the width by chance.
const SEEDS: u64 = 12;

#[test]
fn intervals_are_those_of_scipys_bootstrap() {
    for case in cases() {
        let answers = Answers::new(case.logits, case.labels, case.classes);
        let all: Vec<_> = (0..SEEDS).map(|seed| answers.figures(case.temperature, seed).intervals).collect();
        for (name, expected) in &case.intervals {
            let of = |found: &Intervals| match name.as_str() {
                "accuracy" => found.accuracy,
                "balanced_accuracy" => found.balanced_accuracy,
                "macro_f1" => found.macro_f1,
                "kappa" => found.kappa,
                "auroc_macro" => found.auroc,
                other => panic!("{other} is not known"),
            };
            for (end, expected_end) in expected.iter().enumerate() {
                let ends = all.iter().map(|found| of(found).expect("there is an interval")[end]);
                let found = ends.sum::<f64>() / SEEDS as f64;
                let width = expected[1] - expected[0];
                close(&case.name, name, Some(found), Some(*expected_end), 0.03 * width);
            }
        }
    }
}
