//! What a network answered to some labelled pictures, and what it said of each. What all of it is worth is worked out
//! in the files beside this one.

use super::softmax::{best, log_sum_exp};
use super::{Figures, Scores, scores, temperature};

/// A row of logits for each picture, and the pictures' classes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answers {
    pub logits: Vec<f32>,
    pub labels: Vec<usize>,
    pub classes: usize,
}

/// What a network said of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    pub label: usize,
    pub predicted: usize,
    /// The probability of what it predicted.
    pub confidence: f64,
    /// The probability of the picture's own class.
    pub probability: f64,
    pub within_five: bool,
}

impl Answers {
    pub fn new(logits: Vec<f32>, labels: Vec<usize>, classes: usize) -> Self {
        Self { logits, labels, classes }
    }

    pub fn rows(&self) -> impl Iterator<Item = (&[f32], usize)> {
        self.logits.chunks_exact(self.classes.max(1)).zip(self.labels.iter().copied())
    }

    /// What every validation takes.
    pub fn scores(&self) -> Scores {
        Scores::of(&self.logits, &self.labels, self.classes)
    }

    /// Everything, with probabilities at a temperature. `seed` is that of the resampling.
    pub fn figures(&self, temperature: f64, seed: u64) -> Figures {
        Figures::of(self, temperature, seed)
    }

    /// The temperature at which the probabilities fit these pictures best; 1 where no such temperature exists.
    pub fn temperature(&self) -> f64 {
        temperature::fitted(self).unwrap_or(1.0)
    }

    pub fn judgements(&self, temperature: f64) -> Vec<Judgement> {
        let judge = |(row, label): (&[f32], usize)| {
            let (predicted, norm) = (best(row), log_sum_exp(row, temperature));
            let probability = |class: usize| (f64::from(row[class]) / temperature - norm).exp();
            Judgement {
                label,
                predicted,
                confidence: probability(predicted),
                probability: probability(label),
                within_five: scores::is_within_five(row, label),
            }
        };
        self.rows().map(judge).collect()
    }
}

impl Judgement {
    pub fn is_right(&self) -> bool {
        self.label == self.predicted
    }
}

/// The mistakes by number, the worst first: those whose own class was given the least.
pub fn worst(judgements: &[Judgement]) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..judgements.len()).filter(|&n| !judgements[n].is_right()).collect();
    wrong.sort_by(|&a, &b| judgements[a].probability.total_cmp(&judgements[b].probability).then(a.cmp(&b)));
    wrong
}
