//! What a threshold on the confidence does: how many pictures it leaves an answer for, and how many of those are right.
//! Chow 1970, "On optimum recognition error and reject tradeoff".

use serde::Serialize;

use super::Judgement;

/// The thresholds that are shown.
const SHOWN: [f64; 7] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// Pictures whose best class is less probable are called unknown.
    pub threshold: f64,
    /// The share of pictures that is not.
    pub answered: f64,
    /// The share of those that is right; none where there are none.
    pub accuracy: Option<f64>,
}

/// What each threshold would do to these pictures.
pub fn coverages(judgements: &[Judgement]) -> Vec<Coverage> {
    SHOWN.iter().map(|&threshold| Coverage::at(threshold, judgements)).collect()
}

impl Coverage {
    fn at(threshold: f64, judgements: &[Judgement]) -> Self {
        let answered: Vec<&Judgement> =
            judgements.iter().filter(|judgement| judgement.confidence >= threshold).collect();
        let right = answered.iter().filter(|judgement| judgement.is_right()).count();
        Self {
            threshold,
            answered: answered.len() as f64 / judgements.len().max(1) as f64,
            accuracy: (!answered.is_empty()).then(|| right as f64 / answered.len() as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_trades_answers_for_right_ones() {
        let judgement = |confidence, is_right: bool| Judgement {
            label: 0,
            predicted: usize::from(!is_right),
            confidence,
            probability: 0.0,
            within_five: true,
        };
        let judgements =
            [(0.55, false), (0.8, true), (0.85, false), (0.97, true)].map(|(c, r)| judgement(c, r));
        let check = |threshold: f64, answered: f64, accuracy: Option<f64>| {
            let all = coverages(&judgements);
            let found = all.iter().find(|one| one.threshold == threshold).unwrap();
            assert_eq!((found.answered, found.accuracy), (answered, accuracy), "{threshold}");
        };
        check(0.5, 1.0, Some(0.5));
        check(0.8, 0.75, Some(2.0 / 3.0));
        check(0.95, 0.25, Some(1.0));
        check(0.99, 0.0, None);
        assert_eq!(coverages(&[])[0].accuracy, None);
    }
}
