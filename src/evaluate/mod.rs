//! What a set of predictions is worth: accuracy, loss, each class's precision and recall, the confusion
//! matrix. Pure arithmetic on logits and labels; knows no training.

pub mod labels;

use serde::Serialize;

/// Figures of one set of predictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    pub samples: usize,
    /// Share of samples whose most probable class is theirs.
    pub accuracy: f64,
    /// Share of samples whose class is among the five most probable ones.
    pub top5: f64,
    /// Mean cross-entropy, without smoothing or weights.
    pub loss: f64,
    /// Mean of the classes' F1.
    pub macro_f1: f64,
    pub classes: Vec<ClassScores>,
    /// Rows: the true class; columns: the predicted one.
    pub confusion: Vec<Vec<usize>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScores {
    pub support: usize,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

impl Scores {
    /// `logits` holds one row of `classes` numbers for each label.
    pub fn of(logits: &[f32], labels: &[usize], classes: usize) -> Self {
        let mut confusion = vec![vec![0; classes]; classes];
        let (mut within_five, mut loss) = (0, 0.0);
        for (row, &label) in logits.chunks_exact(classes.max(1)).zip(labels) {
            confusion[label][best(row)] += 1;
            within_five += usize::from(row.iter().filter(|&&v| v > row[label]).count() < 5);
            loss += log_sum_exp(row) - f64::from(row[label]);
        }
        let samples = labels.len();
        let share = |count: usize| count as f64 / samples.max(1) as f64;
        let scores = class_scores(&confusion);
        Self {
            samples,
            accuracy: share((0..classes).map(|c| confusion[c][c]).sum()),
            top5: share(within_five),
            loss: loss / samples.max(1) as f64,
            macro_f1: scores.iter().map(|c| c.f1).sum::<f64>() / classes.max(1) as f64,
            classes: scores,
            confusion,
        }
    }
}

/// Probabilities of one row of logits.
pub fn softmax(row: &[f32], temperature: f64) -> Vec<f64> {
    let scaled: Vec<f64> = row.iter().map(|&v| f64::from(v) / temperature).collect();
    let top = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = scaled.iter().map(|v| (v - top).exp()).collect();
    let sum: f64 = parts.iter().sum();
    parts.into_iter().map(|v| v / sum).collect()
}

/// The index of the largest number; the first of several.
pub fn best(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = i;
        }
    }
    best
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    f64::from(top) + row.iter().map(|&v| f64::from(v - top).exp()).sum::<f64>().ln()
}

fn class_scores(confusion: &[Vec<usize>]) -> Vec<ClassScores> {
    let ratio = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    (0..confusion.len())
        .map(|class| {
            let hits = confusion[class][class];
            let support: usize = confusion[class].iter().sum();
            let predicted: usize = confusion.iter().map(|row| row[class]).sum();
            ClassScores {
                support,
                precision: ratio(hits, predicted),
                recall: ratio(hits, support),
                f1: ratio(2 * hits, support + predicted),
            }
        })
        .collect()
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
    fn softmax_sums_to_one_and_survives_large_logits() {
        let p = softmax(&[1000.0, 998.0], 2.0);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((p[0] - 1.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn no_samples_give_zeros() {
        assert_eq!(Scores::of(&[], &[], 3).accuracy, 0.0);
    }
}
