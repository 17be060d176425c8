//! The one number that makes probabilities fit: all logits are divided by it, which changes no prediction. Guo et al.
//! 2017. The loss is convex in its inverse, so there is one best value, and it is found to the last digits.

use rayon::prelude::*;

use super::Answers;
use super::softmax::best;

/// Rows that are summed up together. Fixed, so that the number of threads changes no digit.
const ROWS: usize = 1024;
/// Beyond this a temperature says that the logits are of no use.
const FARTHEST: f64 = 100.0;
const STEPS: usize = 100;

/// None where no finite temperature above 0 is best: without a mistake any lower one is better, and where the logits
/// are worse than none any higher one.
pub fn fitted(answers: &Answers) -> Option<f64> {
    let is_right = |(row, label): (&[f32], usize)| best(row) == label;
    if answers.labels.is_empty() || answers.rows().all(is_right) {
        return None;
    }
    let (mut low, mut high) = (1.0 / FARTHEST, FARTHEST);
    if slope(answers, low).0 >= 0.0 || slope(answers, high).0 <= 0.0 {
        return None;
    }
    let mut inverse = 1.0;
    for _ in 0..STEPS {
        let (slope, bend) = slope(answers, inverse);
        match slope > 0.0 {
            true => high = inverse,
            false => low = inverse,
        }
        // Newton's step where it stays inside, else the middle of what is left.
        let step = inverse - slope / bend;
        let next = if step > low && step < high { step } else { f64::midpoint(low, high) };
        if (next - inverse).abs() <= 1e-12 * inverse {
            break;
        }
        inverse = next;
    }
    Some(1.0 / inverse)
}

/// First and second derivative of the summed loss by the inverse temperature.
fn slope(answers: &Answers, inverse: f64) -> (f64, f64) {
    let classes = answers.classes;
    let chunks = answers.logits.par_chunks(ROWS * classes).zip(answers.labels.par_chunks(ROWS));
    let sums: Vec<(f64, f64)> = chunks
        .map(|(logits, labels)| {
            let rows = logits.chunks_exact(classes).zip(labels);
            rows.map(|(row, &label)| slope_of(row, label, inverse)).fold((0.0, 0.0), plus)
        })
        .collect();
    sums.into_iter().fold((0.0, 0.0), plus)
}

fn plus(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 + b.0, a.1 + b.1)
}

/// The mean logit less that of the label, and the logits' variance, both under the probabilities.
fn slope_of(row: &[f32], label: usize, inverse: f64) -> (f64, f64) {
    let top = row[best(row)];
    let (mut whole, mut first, mut second) = (0.0, 0.0, 0.0);
    for &logit in row {
        let logit = f64::from(logit) - f64::from(top);
        let weight = (inverse * logit).exp();
        whole += weight;
        first += weight * logit;
        second += weight * logit * logit;
    }
    let mean = first / whole;
    (mean - (f64::from(row[label]) - f64::from(top)), second / whole - mean * mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_temperature_where_there_is_a_best_one() {
        let check = |logits: &[f32], labels: &[usize], expected: Option<f64>| {
            let found = fitted(&Answers::new(logits.to_vec(), labels.to_vec(), 2));
            let is_close = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => found == expected,
            };
            assert!(is_close, "{found:?} {expected:?}");
        };
        // Three of four right: a difference of 2 should be worth ln 3.
        check(&[2., 0., 2., 0., 2., 0., 2., 0.], &[0, 0, 0, 1], Some(2.0 / 3.0_f64.ln()));
        check(&[2., 0., 0., 2.], &[0, 1], None);
        check(&[2., 0., 2., 0.], &[1, 1], None);
        check(&[0., 0., 0., 0.], &[0, 1], None);
        check(&[], &[], None);
    }
}
