//! Going back after a divergence, and what keeps a way back open: weights that look lost are not saved between the updates of
//! an epoch, and what was there before them is not removed.

use super::Error;
use super::divergence::{Divergence, Symptom, far_from_guessing};
use super::norm::has_finite_numbers;
use super::observe::Observer;
use super::retry::{PAUSES, until_done};
use super::run::Run;
use crate::checkpoint::{Keep, Progress, Trouble};
use crate::config::{Every, OnDivergence};

/// A run that diverges again and again will not be saved by yet a lower learning rate.
const MOST_REWINDS: u32 = 5;

impl Run<'_> {
    pub(super) fn may_rewind(&self) -> bool {
        self.rewinds() && self.progress.rewinds < MOST_REWINDS
    }

    fn rewinds(&self) -> bool {
        self.session.config.train.on_divergence == OnDivergence::Rewind
    }

    /// The run as an earlier checkpoint has it, with half the learning rate from there on. That is the newest one, and where
    /// it has led into the same trouble, one from before it: its weights may have been lost already.
    pub(super) fn rewound(mut self, cause: &Divergence, observer: &mut dyn Observer) -> Result<Self, Error> {
        self.saver.settle(observer)?;
        let (session, rewinds, before) = (self.session, self.progress.rewinds + 1, self.progress.trouble);
        let found = session.folder.newest_where(|progress| {
            is_regular(session.config.checkpoint.every, progress)
                && before.is_none_or(|trouble| progress.step < trouble.to)
        })?;
        observer.remark(&format!(
            "WARNING: {}; going back to {} with the learning rate halved ({rewinds} of at most {MOST_REWINDS} times)",
            cause.what(),
            found.folder.display()
        ));
        let mut contents = found.contents()?;
        let at = before.map_or(cause.step, |trouble| trouble.at.max(cause.step));
        contents.progress.trouble = Some(Trouble { at, to: contents.progress.step });
        contents.progress.rewinds = rewinds;
        // The best one so far may be among those that are left behind.
        until_done(&PAUSES, &mut |line| observer.remark(line), || session.folder.point_as(&found))?;
        Self::start(session, self.network, Some(contents))
    }

    /// Saves between two updates of an epoch. A run that looks lost is not saved until it looks better: either it comes back, or
    /// the divergence is told once there were enough updates to say so.
    pub(super) fn save_midway(
        &mut self,
        samples: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        if self.looks_lost() {
            return Ok(());
        }
        self.expect_finite(samples)?;
        self.save(observer)
    }

    /// Saves before a stop. A run that goes back has something to go on from always, and a run that looks lost would go back
    /// elsewhere for having been stopped.
    pub(super) fn save_at_stop(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.expect_finite(&[])?;
        match self.rewinds() && self.looks_lost() {
            true => Ok(()),
            false => self.save(observer),
        }
    }

    /// Which checkpoints stay when this state is saved.
    pub(super) fn keep(&self) -> Keep {
        let config = self.session.config;
        // Nothing goes for what the run may not be able to go on from, nor for what it would not go back to.
        let is_beside = self.rewinds() && !is_regular(config.checkpoint.every, &self.progress);
        let newest = if is_beside || self.looks_lost() { usize::MAX } else { config.checkpoint.keep };
        Keep { newest, first: self.rewinds() }
    }

    fn expect_finite(&self, samples: &[usize]) -> Result<(), Error> {
        match has_finite_numbers(&self.network) {
            true => Ok(()),
            false => Err(self.diverged(Symptom::Weights, samples, &[])),
        }
    }

    /// Whether this epoch, or what of it came after the last checkpoint, is far worse than guessing.
    fn looks_lost(&self) -> bool {
        let (tally, classes) = (&self.progress.tally, self.session.classes());
        let losses = [tally.mean_loss(), tally.mean_loss_since(&self.tally_saved)];
        losses.into_iter().any(|loss| far_from_guessing(loss, usize::MAX, classes).is_some())
    }
}

/// Whether a state is saved by every run of these settings. A stop saves others: a run that was stopped shall go back to where
/// one goes that was not.
fn is_regular(every: Every, progress: &Progress) -> bool {
    match every {
        _ if progress.batch == 0 => true,
        Every::Epoch => false,
        Every::Steps(steps) => progress.step.is_multiple_of(steps),
        Every::Seconds(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_stopped_goes_back_to_where_one_goes_that_was_not() {
        let check = |every: Every, batch: usize, step: usize, expected: bool| {
            let progress = Progress { batch, step, ..Progress::default() };
            assert_eq!(is_regular(every, &progress), expected, "{every:?} {batch} {step}");
        };
        check(Every::Epoch, 0, 12, true);
        check(Every::Epoch, 3, 15, false);
        check(Every::Steps(5), 3, 15, true);
        check(Every::Steps(5), 2, 14, false);
        check(Every::Steps(5), 0, 12, true);
        check(Every::Seconds(60), 2, 14, true);
    }
}
