//! Whether probabilities mean what they say: of pictures said with 80 % confidence, 80 % should be right.

use serde::{Deserialize, Serialize};

use super::{Answers, Judgement};

/// Bins of equal width, as in Guo et al. 2017, "On Calibration of Modern Neural Networks".
pub const BINS: usize = 15;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The logits were divided by it.
    pub temperature: f64,
    /// Expected calibration error: how far confidence and accuracy are apart, on average over the pictures.
    pub error: f64,
    /// Mean negative logarithm of the probability of the true class.
    pub loss: f64,
    /// Both of them without the temperature.
    pub error_before: f64,
    pub loss_before: f64,
    pub bins: Vec<Bin>,
}

/// The pictures whose confidence lies above `from` and not above `to`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    pub samples: usize,
    /// Means; 0 where there are no samples.
    pub confidence: f64,
    pub accuracy: f64,
}

impl Calibration {
    pub fn of(answers: &Answers, temperature: f64) -> Self {
        let (before, after) = (answers.judgements(1.0), answers.judgements(temperature));
        let bins = bins(&after);
        Self {
            temperature,
            error: error(&bins),
            loss: loss(&after),
            error_before: error(&self::bins(&before)),
            loss_before: loss(&before),
            bins,
        }
    }
}

pub fn bin_of(confidence: f64) -> usize {
    ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1
}

fn bins(judgements: &[Judgement]) -> Vec<Bin> {
    let edge = |index: usize| index as f64 / BINS as f64;
    let mut bins: Vec<Bin> = (0..BINS)
        .map(|i| Bin { from: edge(i), to: edge(i + 1), samples: 0, confidence: 0.0, accuracy: 0.0 })
        .collect();
    for judgement in judgements {
        let bin = &mut bins[bin_of(judgement.confidence)];
        bin.samples += 1;
        bin.confidence += judgement.confidence;
        bin.accuracy += f64::from(u8::from(judgement.is_right()));
    }
    for bin in bins.iter_mut().filter(|bin| bin.samples > 0) {
        bin.confidence /= bin.samples as f64;
        bin.accuracy /= bin.samples as f64;
    }
    bins
}

fn error(bins: &[Bin]) -> f64 {
    let samples: usize = bins.iter().map(|bin| bin.samples).sum();
    let gap = |bin: &Bin| (bin.accuracy - bin.confidence).abs() * bin.samples as f64;
    bins.iter().map(gap).sum::<f64>() / samples.max(1) as f64
}

fn loss(judgements: &[Judgement]) -> f64 {
    // What is too improbable for a number still has a finite loss.
    let loss = |judgement: &Judgement| -judgement.probability.max(f64::MIN_POSITIVE).ln();
    judgements.iter().map(loss).sum::<f64>() / judgements.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_holds_its_upper_edge() {
        let check = |confidence, expected| assert_eq!(bin_of(confidence), expected, "{confidence}");
        check(0.0, 0);
        check(0.01, 0);
        check(0.2, 2);
        check(0.2000001, 3);
        check(1.0, 14);
        check(f64::NAN, 0);
    }
}
