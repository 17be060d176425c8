//! The figures that every validation takes: cheap, and enough to follow a training by.

use serde::{Deserialize, Serialize};

use super::counts::{ClassScores, Counts};
use super::softmax::{best, log_sum_exp};

/// Figures of one set of predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    pub samples: usize,
    /// Share of samples whose most probable class is theirs.
    pub accuracy: f64,
    /// Share of samples whose class is among the five most probable ones.
    pub top5: f64,
    /// Mean cross-entropy of the logits as they are, without smoothing, weights or temperature.
    pub loss: f64,
    /// Mean of the classes' F1.
    pub macro_f1: f64,
    pub classes: Vec<ClassScores>,
    /// Rows: the true class; columns: the predicted one.
    pub confusion: Vec<Vec<usize>>,
}

impl Scores {
    /// `logits` holds one row of `classes` numbers for each label.
    pub fn of(logits: &[f32], labels: &[usize], classes: usize) -> Self {
        let mut confusion = vec![vec![0; classes]; classes];
        let (mut within_five, mut loss) = (0_u32, 0.0);
        for (row, &label) in logits.chunks_exact(classes.max(1)).zip(labels) {
            confusion[label][best(row)] += 1;
            within_five += u32::from(is_within_five(row, label));
            loss += log_sum_exp(row, 1.0) - f64::from(row[label]);
        }
        let counts = Counts::of(&confusion);
        let samples = labels.len();
        Self {
            samples,
            accuracy: counts.accuracy(),
            top5: f64::from(within_five) / samples.max(1) as f64,
            loss: loss / samples.max(1) as f64,
            macro_f1: counts.macro_f1(),
            classes: counts.classes(),
            confusion,
        }
    }
}

/// Fewer than five classes are more probable.
pub fn is_within_five(row: &[f32], label: usize) -> bool {
    row.iter().filter(|&&logit| logit > row[label]).count() < 5
}

/// Which classes are taken for which others, the most often first: true, predicted, how often.
pub fn confusions(confusion: &[Vec<usize>]) -> Vec<(usize, usize, usize)> {
    let cells = confusion.iter().enumerate().flat_map(|(label, row)| {
        row.iter().enumerate().map(move |(predicted, &count)| (label, predicted, count))
    });
    let mut found: Vec<_> =
        cells.filter(|(label, predicted, count)| label != predicted && *count > 0).collect();
    found.sort_by_key(|&(label, predicted, count)| (std::cmp::Reverse(count), label, predicted));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: scikit-learn's classification_report for y_true = [0, 0, 1, 1, 2],
    /// y_pred = [0, 1, 1, 1, 0].
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let logits = [2., 0., 0., 0., 2., 0., 0., 2., 0., 0., 2., 0., 2., 0., 0.];
        let scores = Scores::of(&logits, &[0, 0, 1, 1, 2], 3);
        assert!((scores.accuracy - 0.6).abs() < 1e-12);
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-6, "{got} {expected}");
        close(scores.classes[0].precision, 0.5);
        close(scores.classes[0].recall, 0.5);
        close(scores.classes[1].precision, 0.666_667);
        close(scores.classes[1].recall, 1.0);
        close(scores.classes[1].f1, 0.8);
        close(scores.classes[2].f1, 0.0);
        close(scores.macro_f1, 0.433_333);
        assert_eq!(scores.confusion, [[1, 1, 0], [0, 2, 0], [1, 0, 0]]);
        assert!((scores.top5 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn no_samples_give_zeros() {
        assert_eq!(Scores::of(&[], &[], 3).accuracy, 0.0);
    }
}
