//! Where a run stands: everything besides tensors that a resume needs. No generator state: draws are
//! functions of seed, view and sample.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The stage that runs, from 0; the number of stages once all are done.
    pub stage: usize,
    /// The epoch within the stage, from 0.
    pub epoch: usize,
    /// Batches of this epoch that are done.
    pub batch: usize,
    /// Updates of this stage, those that were left out among them.
    pub stage_step: usize,
    /// Updates the optimizer has counted, for its bias correction.
    pub updates: i32,
    /// Updates of the whole run, likewise.
    pub step: usize,
    /// Epochs begun before this one in the whole run: the view that draws depend on.
    pub view: usize,
    pub best: Option<Best>,
    /// Epochs of this stage since the last gain.
    pub stale: usize,
    /// What this epoch has added up so far.
    pub tally: Tally,
    /// Bytes of the metrics files that belong to this state; what follows was written later.
    pub metrics_bytes: u64,
    pub csv_bytes: u64,
    /// How often the run has gone back to a checkpoint because it had diverged; each time the learning rate is halved.
    #[serde(default)]
    pub rewinds: u32,
    /// What it went back for last, until that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Of a run in fp16; no other has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScale>,
}

impl Progress {
    /// What cannot be in a run of so many stages, and epochs of so many batches.
    pub fn fault(&self, stages: usize, batches: usize) -> Option<String> {
        /// Far beyond what any run reaches, and far from where counting ends.
        const MOST: usize = 1 << 48;
        let beyond = |name: &str, value: usize, most: usize| {
            (value > most).then(|| format!("its {name} is {value}, which is more than {most}"))
        };
        beyond("stage", self.stage, stages)
            .or_else(|| beyond("batch", self.batch, batches))
            .or_else(|| beyond("epoch", self.epoch, MOST))
            .or_else(|| beyond("stage_step", self.stage_step, MOST))
            .or_else(|| beyond("step", self.step, MOST))
            .or_else(|| beyond("view", self.view, MOST))
            .or_else(|| beyond("stale", self.stale, MOST))
            .or_else(|| self.trouble.and_then(|trouble| beyond("trouble", trouble.at.max(trouble.to), MOST)))
            .or_else(|| (self.updates < 0).then(|| format!("its updates are {}", self.updates)))
            .or_else(|| self.loss_scale.and_then(|scale| scale.fault(self.step)))
    }
}

/// What a loss is multiplied by, so that small gradients do not vanish in fp16, and how that went so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScale {
    /// A power of two, so that dividing by it again changes no bit.
    pub scale: f64,
    /// Updates since the scale last changed; each had finite gradients.
    pub good: u32,
    /// Updates of the whole run that were left out because a gradient was not finite.
    pub skipped: u64,
}

impl LossScale {
    pub const START: Self = Self { scale: 65536.0, good: 0, skipped: 0 };
    /// After so many good updates a scale is doubled.
    pub const PATIENCE: u32 = 2000;
    /// Beyond this nothing is gained: what would still vanish is below the smallest 32-bit weights' last bits.
    pub const MOST: f64 = 16_777_216.0;

    /// What no run in so many steps can have arrived at.
    fn fault(&self, steps: usize) -> Option<String> {
        let Self { scale, good, skipped } = *self;
        // What is no number is not in these bounds either; only powers of two have an empty mantissa.
        if !(1.0..=Self::MOST).contains(&scale) || scale.to_bits() << 12 != 0 {
            return Some(format!(
                "its loss_scale is {scale}, which is no power of two from 1 to {}",
                Self::MOST
            ));
        }
        if good >= Self::PATIENCE {
            return Some(format!(
                "its loss_scale counts {good} good updates, which is more than {}",
                Self::PATIENCE - 1
            ));
        }
        let all = u64::from(good).saturating_add(skipped);
        (all > steps as u64).then(|| format!("its loss_scale counts {all} updates, and its step is {steps}"))
    }
}

/// Where a run has diverged, and where it went back to. It is over once an epoch that ends there or later is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// The farthest step that it came to.
    pub at: usize,
    pub to: usize,
}

/// The best validation result so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub step: usize,
    pub accuracy: f64,
    pub loss: f64,
}

/// Sums over the samples of an epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    pub samples: usize,
    pub correct: usize,
    pub loss: f64,
    /// Samples of each class that were seen; of classes beyond the end none.
    #[serde(default)]
    pub classes: Vec<usize>,
}

impl Tally {
    /// Adds a batch of samples of these classes.
    pub fn add(&mut self, classes: &[usize], correct: usize, mean_loss: f64) {
        let samples = classes.len();
        for &class in classes {
            if self.classes.len() <= class {
                self.classes.resize(class + 1, 0);
            }
            self.classes[class] += 1;
        }
        self.samples += samples;
        self.correct += correct;
        self.loss += mean_loss * samples as f64;
    }

    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples.max(1) as f64
    }

    pub fn mean_loss(&self) -> f64 {
        self.loss / self.samples.max(1) as f64
    }

    /// The mean loss of what was added to an earlier state of the same epoch.
    pub fn mean_loss_since(&self, earlier: &Self) -> f64 {
        let samples = self.samples.saturating_sub(earlier.samples);
        (self.loss - earlier.loss) / samples.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_run_can_have_reached_is_a_fault() {
        let check = |progress: Progress, expected: Option<&str>| {
            let fault = progress.fault(2, 10);
            let names = |part| fault.as_ref().is_some_and(|fault| fault.contains(part));
            assert!(expected.map_or(fault.is_none(), names), "{fault:?}");
        };
        let some = || Progress { stage: 1, batch: 10, step: 1 << 40, ..Progress::default() };
        check(some(), None);
        check(Progress { stage: 3, ..some() }, Some("stage is 3, which is more than 2"));
        check(Progress { batch: 11, ..some() }, Some("batch is 11"));
        check(Progress { view: usize::MAX, ..some() }, Some("view"));
        check(Progress { updates: -1, ..some() }, Some("updates are -1"));
        check(Progress { trouble: Some(Trouble { at: 9, to: 4 }), ..some() }, None);
        check(Progress { trouble: Some(Trouble { at: 9, to: usize::MAX }), ..some() }, Some("trouble"));
    }

    #[test]
    fn a_loss_scale_that_no_run_has_is_a_fault() {
        let check = |text: &str, expected: Option<&str>| {
            let scale: LossScale = match serde_json::from_str(text) {
                Ok(scale) => scale,
                Err(error) => return assert!(expected == Some("unreadable"), "{text}: {error}"),
            };
            let progress = Progress { stage: 1, step: 5000, loss_scale: Some(scale), ..Progress::default() };
            let fault = progress.fault(2, 10);
            let names = |part| fault.as_ref().is_some_and(|fault| fault.contains(part));
            assert!(expected.map_or(fault.is_none(), names), "{text}: {fault:?}");
        };
        let of = |scale: &str| format!("{{\"scale\":{scale},\"good\":7,\"skipped\":3}}");
        for good in ["1.0", "2", "65536.0", "16777216.0"] {
            check(&of(good), None);
        }
        for lie in ["0", "-0.0", "0.5", "-65536", "3", "1.5", "33554432", "1e300", "1e-300"] {
            check(&of(lie), Some("no power of two"));
        }
        for lie in ["NaN", "null", "\"65536\"", "1e999"] {
            check(&of(lie), Some("unreadable"));
        }
        check("{\"scale\":8,\"good\":1999,\"skipped\":0}", None);
        check("{\"scale\":8,\"good\":2000,\"skipped\":0}", Some("2000 good updates"));
        check("{\"scale\":8,\"good\":1,\"skipped\":4999}", None);
        check("{\"scale\":8,\"good\":1,\"skipped\":5000}", Some("counts 5001 updates, and its step is 5000"));
        check("{\"scale\":8,\"good\":1,\"skipped\":18446744073709551615}", Some("counts"));
        check("{\"scale\":8,\"good\":-1,\"skipped\":0}", Some("unreadable"));
        check("{\"scale\":8,\"good\":1,\"skipped\":0,\"more\":0}", Some("unreadable"));
    }

    #[test]
    fn a_run_in_32_bits_says_nothing_of_a_loss_scale() {
        let text = serde_json::to_string(&Progress::default()).unwrap();
        assert!(!text.contains("loss_scale"), "{text}");
        assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), Progress::default());
    }

    #[test]
    fn a_run_that_never_went_back_says_nothing_of_trouble() {
        let text = serde_json::to_string(&Progress::default()).unwrap();
        assert!(!text.contains("trouble"), "{text}");
        let some = Progress { trouble: Some(Trouble { at: 9, to: 4 }), ..Progress::default() };
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), some);
    }

    #[test]
    fn a_tally_adds_up_samples_not_batches() {
        let mut tally = Tally::default();
        assert_eq!((tally.accuracy(), tally.mean_loss()), (0.0, 0.0));
        tally.add(&[2, 0, 2], 2, 1.5);
        tally.add(&[1], 1, 0.5);
        let expected = Tally { samples: 4, correct: 3, loss: 5.0, classes: vec![1, 1, 2] };
        assert_eq!(tally, expected);
        assert_eq!((tally.accuracy(), tally.mean_loss()), (0.75, 1.25));
        let earlier = tally.clone();
        assert_eq!(tally.mean_loss_since(&earlier), 0.0);
        tally.add(&[0, 1], 0, 8.0);
        assert_eq!(tally.mean_loss_since(&earlier), 8.0);
    }
}
