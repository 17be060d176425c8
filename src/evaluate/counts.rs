//! What follows from counts alone: how often each class was meant, said, and both. Undefined shares are 0, as
//! scikit-learn's `zero_division=0` has it.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    pub support: usize,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// Precision, recall and F1 over all classes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Average {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// The margins and the diagonal of a confusion matrix, a number for each class.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    pub hits: Vec<usize>,
    pub meant: Vec<usize>,
    pub said: Vec<usize>,
}

impl Counts {
    pub fn none(classes: usize) -> Self {
        Self { hits: vec![0; classes], meant: vec![0; classes], said: vec![0; classes] }
    }

    pub fn of(confusion: &[Vec<usize>]) -> Self {
        let classes = 0..confusion.len();
        Self {
            hits: classes.clone().map(|class| confusion[class][class]).collect(),
            meant: confusion.iter().map(|row| row.iter().sum()).collect(),
            said: classes.map(|class| confusion.iter().map(|row| row[class]).sum()).collect(),
        }
    }

    pub fn add(&mut self, label: usize, predicted: usize) {
        self.meant[label] += 1;
        self.said[predicted] += 1;
        self.hits[label] += usize::from(label == predicted);
    }

    pub fn samples(&self) -> usize {
        self.meant.iter().sum()
    }

    pub fn accuracy(&self) -> f64 {
        ratio(self.hits.iter().sum(), self.samples())
    }

    pub fn classes(&self) -> Vec<ClassScores> {
        (0..self.meant.len())
            .map(|class| {
                let (hits, support, said) = (self.hits[class], self.meant[class], self.said[class]);
                ClassScores {
                    support,
                    precision: ratio(hits, said),
                    recall: ratio(hits, support),
                    f1: ratio(2 * hits, support + said),
                }
            })
            .collect()
    }

    /// The mean F1 of all classes.
    pub fn macro_f1(&self) -> f64 {
        let f1 = |class: usize| ratio(2 * self.hits[class], self.meant[class] + self.said[class]);
        let classes = self.meant.len();
        (0..classes).map(f1).sum::<f64>() / classes.max(1) as f64
    }

    /// The mean recall of the classes that there are pictures of.
    pub fn balanced_accuracy(&self) -> f64 {
        let there: Vec<usize> = (0..self.meant.len()).filter(|&class| self.meant[class] > 0).collect();
        let recalls = there.iter().map(|&class| ratio(self.hits[class], self.meant[class]));
        recalls.sum::<f64>() / there.len().max(1) as f64
    }

    /// Cohen's kappa: agreement beyond that of chance. None where chance alone agrees always.
    pub fn kappa(&self) -> Option<f64> {
        let samples = self.samples() as f64;
        let by_chance: f64 =
            self.meant.iter().zip(&self.said).map(|(&meant, &said)| meant as f64 * said as f64).sum();
        let expected = by_chance / (samples * samples);
        (samples > 0.0 && expected < 1.0).then(|| (self.accuracy() - expected) / (1.0 - expected))
    }
}

impl Average {
    /// Every class counts alike.
    pub fn of_classes(classes: &[ClassScores]) -> Self {
        Self::weighted(classes, |_| 1.0)
    }

    /// Every picture counts alike.
    pub fn of_pictures(classes: &[ClassScores]) -> Self {
        Self::weighted(classes, |class| class.support as f64)
    }

    fn weighted(classes: &[ClassScores], weight: impl Fn(&ClassScores) -> f64) -> Self {
        let whole: f64 = classes.iter().map(&weight).sum();
        if whole == 0.0 {
            return Self::default();
        }
        let mean = |figure: fn(&ClassScores) -> f64| {
            classes.iter().map(|class| weight(class) * figure(class)).sum::<f64>() / whole
        };
        Self {
            precision: mean(|class| class.precision),
            recall: mean(|class| class.recall),
            f1: mean(|class| class.f1),
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
