//! What a set of predictions is worth: accuracy, each class's figures, the confusion matrix, ranking, calibration and
//! how sure all of that is. Pure arithmetic on logits and labels; knows no training and no pictures.

mod answers;
mod auroc;
mod bootstrap;
mod calibration;
mod counts;
mod coverage;
mod explain;
mod figures;
#[cfg(test)]
mod golden;
pub mod labels;
mod scores;
mod softmax;
mod sources;
mod temperature;

pub use answers::{Answers, Judgement, worst};
pub use auroc::Auroc;
pub use bootstrap::{Interval, Intervals, RESAMPLES, SEED};
pub use calibration::{BINS, Bin, Calibration};
pub use counts::{Average, ClassScores};
pub use coverage::{Coverage, coverages};
pub use explain::{Evidence, HeatMap};
pub use figures::Figures;
pub use scores::{Scores, confusions};
pub use softmax::{best, ranked, softmax};
pub use sources::{Provenance, Source, sources};
