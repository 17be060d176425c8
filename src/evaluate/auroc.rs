//! The area under the receiver operating characteristic, each class against all others: how probable it is that a
//! picture of the class is given a higher probability of it than another picture. Ties count half.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Answers;
use super::softmax::log_sum_exp;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Auroc {
    /// None where there are no pictures of the class, or no others.
    pub classes: Vec<Option<f64>>,
    /// The mean over the classes that have one.
    #[serde(rename = "macro")]
    pub of_classes: Option<f64>,
    /// The same, weighted by the classes' pictures.
    #[serde(rename = "weighted")]
    pub of_pictures: Option<f64>,
}

/// The pictures in the order of a class's probability: where each group of equal ones ends, and which are of the class.
pub struct Ranking {
    order: Vec<u32>,
    /// The last of a group of equal probabilities.
    ends: Vec<bool>,
    class: usize,
}

impl Auroc {
    pub fn of(answers: &Answers, temperature: f64) -> Self {
        let norms = norms(answers, temperature);
        let area = |class| Ranking::of(answers, &norms, class, temperature).area(&answers.labels, |_| 1);
        let classes: Vec<Option<f64>> = (0..answers.classes).into_par_iter().map(area).collect();
        let mut support = vec![0; answers.classes];
        answers.labels.iter().for_each(|&label| support[label] += 1);
        Self {
            of_classes: mean(classes.iter().flatten().map(|&area| (area, 1.0))),
            of_pictures: mean(
                classes.iter().zip(&support).filter_map(|(area, &n)| Some(((*area)?, f64::from(n)))),
            ),
            classes,
        }
    }
}

/// The mean of some values with weights, where there are any.
pub fn mean(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, whole) =
        values.fold((0.0, 0.0), |(sum, whole), (value, weight)| (sum + value * weight, whole + weight));
    (whole > 0.0).then(|| sum / whole)
}

pub fn norms(answers: &Answers, temperature: f64) -> Vec<f64> {
    answers.rows().map(|(row, _)| log_sum_exp(row, temperature)).collect()
}

impl Ranking {
    pub fn of(answers: &Answers, norms: &[f64], class: usize, temperature: f64) -> Self {
        // The logarithm keeps apart what would be 1 as a probability.
        let logit = |sample: usize| f64::from(answers.logits[sample * answers.classes + class]);
        let values: Vec<f64> =
            norms.iter().enumerate().map(|(sample, norm)| logit(sample) / temperature - norm).collect();
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        let value = |sample: u32| values[sample as usize];
        order.sort_by(|&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
        let mut ends: Vec<bool> = order.windows(2).map(|pair| value(pair[0]) != value(pair[1])).collect();
        ends.push(true);
        Self { order, ends, class }
    }

    /// The area where a picture counts so many times.
    pub fn area(&self, labels: &[usize], times: impl Fn(usize) -> u32) -> Option<f64> {
        let (mut others, mut own, mut below) = (0_u64, 0_u64, 0.0);
        let (mut others_here, mut own_here) = (0_u64, 0_u64);
        for (&sample, &is_end) in self.order.iter().zip(&self.ends) {
            let sample = sample as usize;
            let count = u64::from(times(sample));
            match labels[sample] == self.class {
                true => own_here += count,
                false => others_here += count,
            }
            if is_end {
                below += own_here as f64 * (others as f64 + others_here as f64 / 2.0);
                (own, others) = (own + own_here, others + others_here);
                (own_here, others_here) = (0, 0);
            }
        }
        (own > 0 && others > 0).then(|| below / (own as f64 * others as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: scikit-learn's roc_auc_score.
    #[test]
    fn ties_count_half_and_what_is_undefined_is_none() {
        let check = |scores: &[f32], labels: &[usize], expected: Option<f64>| {
            let logits = scores.iter().flat_map(|&score| [0.0, score]).collect();
            let area = Auroc::of(&Answers::new(logits, labels.to_vec(), 2), 1.0).classes[1];
            assert_eq!(area, expected, "{scores:?}");
        };
        check(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], Some(0.75));
        check(&[0.5, 0.5, 0.5, 0.8], &[0, 1, 0, 1], Some(0.75));
        check(&[0.5, 0.5], &[0, 1], Some(0.5));
        check(&[0.1, 0.9], &[1, 1], None);
        check(&[], &[], None);
    }
}
