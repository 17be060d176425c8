//! Against scikit-learn and cleanlab (tests/golden/make_labels.py), and on labels that were turned on purpose.

use serde_json::Value;

use super::confident::Joint;
use super::logistic::Logistic;
use super::*;
use crate::chance::Key;

fn golden(what: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../tests/golden/labels.json")).unwrap();
    all[what].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<usize> {
    serde_json::from_value(value.clone()).unwrap()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn probabilities_are_those_of_scikit_learn() {
    for case in golden("regressions") {
        let (labels, expected) = (numbers(&case["labels"]), rows(&case["probabilities"]));
        let learnt: Vec<bool> = serde_json::from_value(case["learnt"].clone()).unwrap();
        let features: Vec<f32> = rows(&case["rows"]).concat().into_iter().map(|value| value as f32).collect();
        let (classes, penalty) = (expected[0].len(), case["penalty"].as_f64().unwrap());
        let logistic = Logistic { rows: &features, labels: &labels, classes, penalty, tolerance: 1e-6 };
        let fitted = logistic.fit(&|sample| learnt[sample], vec![0.0; logistic.parameters()]);
        for (row, expected) in logistic.logits(&fitted).chunks_exact(classes).zip(expected) {
            for (got, expected) in softmax(row, 1.0).into_iter().zip(expected) {
                assert!((got - expected).abs() < 2e-4, "{got}, should be {expected}");
            }
        }
    }
}

#[test]
fn the_joint_is_that_of_cleanlab() {
    for case in golden("joints") {
        let (labels, probabilities) = (numbers(&case["labels"]), rows(&case["probabilities"]));
        let counts: Vec<Vec<usize>> = serde_json::from_value(case["joint"].clone()).unwrap();
        let joint = Joint::of(&probabilities, &labels, counts.len());
        let expected: Vec<f64> = serde_json::from_value(case["thresholds"].clone()).unwrap();
        assert!(joint.thresholds.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9));
        let contradicted =
            |&sample: &usize| joint.confident[sample].is_some_and(|class| class != labels[sample]);
        let found: Vec<usize> = (0..labels.len()).filter(contradicted).collect();
        assert_eq!(found, numbers(&case["contradicted"]));
        let confusions = joint.confusions(&labels);
        assert!(confusions.windows(2).all(|pair| pair[0].2 >= pair[1].2));
        let off = counts
            .iter()
            .enumerate()
            .flat_map(|(label, row)| row.iter().enumerate().map(move |(c, n)| (label, c, *n)));
        let mut expected: Vec<_> = off.filter(|(label, class, count)| label != class && *count > 0).collect();
        expected.sort_by_key(|(_, _, count)| usize::MAX - count);
        assert_eq!(confusions, expected);
        assert_eq!(order(&probabilities, &labels), numbers(&case["order"]));
    }
}

/// The order of `ranked`.
fn order(probabilities: &[Vec<f64>], labels: &[usize]) -> Vec<usize> {
    let classes = probabilities[0].len();
    let part = Part {
        samples: (0..labels.len()).collect(),
        rows: Vec::new(),
        labels: labels.to_vec(),
        folds: Vec::new(),
        classes,
    };
    let kept: Vec<usize> = (0..classes).collect();
    let joint = Joint::of(probabilities, labels, classes);
    ranked(&part, &joint, probabilities, &kept).into_iter().map(|doubt| doubt.sample).collect()
}

/// Three clouds of points, of which every `turned`th has the label of the next cloud.
fn clouds(count: usize, turned: usize, apart: f64) -> (Vec<f32>, Vec<usize>) {
    let mut draws = Key::new(4).named("clouds").draws();
    let width = 6;
    let centres: Vec<f64> = (0..3 * width).map(|_| apart * draws.normal()).collect();
    let of = |sample: usize| sample % 3;
    let features = (0..count)
        .flat_map(|sample| (0..width).map(move |at| of(sample) * width + at))
        .map(|at| (centres[at] + draws.normal()) as f32);
    let features = features.collect();
    let labels = (0..count).map(|sample| (of(sample) + usize::from(sample % turned == 0)) % 3).collect();
    (features, labels)
}

fn judged(features: &[f32], labels: &[usize], groups: &[usize], classes: usize) -> Result<Judgement, TooFew> {
    judge(Samples { features: features.to_vec(), labels, groups, classes }, &mut |_, _| {})
}

fn apart(count: usize) -> Vec<usize> {
    (0..count).collect()
}

#[test]
fn turned_labels_come_first_and_their_own_class_is_suggested() {
    let (features, labels) = clouds(300, 20, 3.0);
    let judgement = judged(&features, &labels, &apart(300), 3).unwrap();
    assert_eq!((judgement.doubts.len(), judgement.left_out.len()), (300, 0));
    let turned: Vec<&Doubt> = judgement.doubts[..30].iter().filter(|doubt| doubt.sample % 20 == 0).collect();
    assert_eq!(turned.len(), 15, "all that were turned are in the first tenth");
    let sure: Vec<&&Doubt> = turned.iter().filter(|doubt| doubt.contradicted).collect();
    assert!(sure.len() >= 8, "{turned:?}");
    assert!(sure.iter().all(|doubt| doubt.suggested == doubt.sample % 3), "{sure:?}");
    let contradicted = judgement.doubts.iter().filter(|doubt| doubt.contradicted).count();
    assert_eq!(contradicted, judgement.confusions.iter().map(|(_, _, count)| count).sum::<usize>());
    assert!(judgement.agreement > 0.9 && judgement.agreement <= 0.95, "{}", judgement.agreement);
}

#[test]
fn a_copy_does_not_vouch_for_its_label() {
    let (mut features, mut labels) = clouds(90, 1000, 2.0);
    let (picture, wrong) = (features[6..12].to_vec(), (labels[1] + 1) % 3);
    for _ in 0..6 {
        features.extend(&picture);
        labels.push(wrong);
    }
    let mut groups = apart(96);
    groups[90..].fill(90);
    let first = |groups: &[usize]| judged(&features, &labels, groups, 3).unwrap().doubts;
    assert!(first(&groups)[..6].iter().all(|doubt| doubt.sample >= 90 && doubt.contradicted));
    // Where nobody knows that they are copies, they look right to each other.
    let sure = |doubts: Vec<Doubt>| {
        doubts.iter().filter(|doubt| doubt.sample >= 90).map(|d| d.of_label).sum::<f64>()
    };
    assert!(sure(first(&apart(96))) > 2.0 * sure(first(&groups)));
}

#[test]
fn classes_with_too_few_samples_are_left_out_and_named() {
    let (features, mut labels) = clouds(60, 1000, 2.0);
    (labels[0], labels[1], labels[2], labels[3]) = (5, 5, 5, 5);
    let judgement = judged(&features, &labels, &apart(60), 7).unwrap();
    assert_eq!(judgement.left_out, [5]);
    assert_eq!(judgement.doubts.len(), 56);
    assert!(judgement.doubts.iter().all(|doubt| doubt.sample > 3 && doubt.suggested < 3));
    let all_one = vec![1; 60];
    assert_eq!(judged(&features, &all_one, &apart(60), 3), Err(TooFew { classes: 1 }));
    assert_eq!(judged(&[], &[], &[], 3), Err(TooFew { classes: 0 }));
}

#[test]
fn threads_and_strange_features_change_nothing_else() {
    let (mut features, labels) = clouds(200, 9, 2.0);
    // A column that never changes.
    features.chunks_exact_mut(6).for_each(|row| row[3] = 7.0);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| judged(&features, &labels, &apart(200), 3).unwrap())
    };
    let one = with(1);
    assert_eq!(one, with(3));
    assert!(one.doubts.iter().all(|doubt| doubt.of_label.is_finite()));
}
