//! Everything that is said of a set of predictions when it is measured for good. Owns the form of the JSON.

use serde::{Deserialize, Serialize};

use super::counts::{Average, Counts};
use super::{Answers, Auroc, Calibration, Intervals, Scores};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    #[serde(flatten)]
    pub scores: Scores,
    pub balanced_accuracy: f64,
    /// Cohen's; none where it is not defined.
    pub kappa: Option<f64>,
    pub macro_average: Average,
    pub weighted_average: Average,
    pub auroc: Auroc,
    pub calibration: Calibration,
    pub intervals: Intervals,
}

impl Figures {
    pub(super) fn of(answers: &Answers, temperature: f64, seed: u64) -> Self {
        let scores = answers.scores();
        let counts = Counts::of(&scores.confusion);
        Self {
            balanced_accuracy: counts.balanced_accuracy(),
            kappa: counts.kappa(),
            macro_average: Average::of_classes(&scores.classes),
            weighted_average: Average::of_pictures(&scores.classes),
            auroc: Auroc::of(answers, temperature),
            calibration: Calibration::of(answers, temperature),
            intervals: Intervals::of(answers, &answers.judgements(temperature), temperature, seed),
            scores,
        }
    }
}
