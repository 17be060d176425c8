//! What training in half precision takes beside the casts: in fp16 the loss is scaled, an update whose gradients
//! overflowed is left out, and the scale finds its own size. bf16 has the range of 32-bit floats and needs none of it.

use burn::tensor::Tensor;

use super::divergence::Symptom;
use super::observe::Observer;
use super::run::{Run, Session};
use super::{Error, checkpoint};
use crate::checkpoint::{LossScale, Progress};
use crate::scaling::Float;

impl Session<'_> {
    /// What pictures are made of while training.
    pub fn float(&self) -> Float {
        self.config.train.precision.unwrap_or_default()
    }

    /// The loss scale of a state is that of a run in fp16; a new run's is set.
    pub(super) fn expect_loss_scale(&self, progress: &mut Progress, is_new: bool) -> Result<(), Error> {
        let float = self.float();
        if is_new && float == Float::Fp16 {
            progress.loss_scale = Some(LossScale::START);
        }
        let reason = match (float, progress.loss_scale) {
            (Float::Fp16, None) => "its state has no loss_scale, and the run trains in fp16".to_owned(),
            (Float::Fp32 | Float::Bf16, Some(_)) => {
                format!("its state has a loss_scale, and the run trains in {float}")
            }
            (Float::Fp16, Some(_)) | (Float::Fp32 | Float::Bf16, None) => return Ok(()),
        };
        Err(checkpoint::Error::Damaged { path: self.folder.path().to_owned(), reason }.into())
    }
}

impl Run<'_> {
    /// What gradients are too large by.
    pub(super) fn loss_scale(&self) -> f64 {
        self.progress.loss_scale.map_or(1.0, |state| state.scale)
    }

    /// The loss that the way back starts from.
    pub(super) fn scaled(&self, loss: Tensor<1>) -> Tensor<1> {
        match self.progress.loss_scale {
            None => loss,
            Some(state) => loss.mul_scalar(state.scale),
        }
    }

    /// Leaves an update out whose gradients have no finite norm. Without a loss scale, or with none left to try, they
    /// have diverged.
    pub(super) fn leave_out(
        &mut self,
        norm: f64,
        samples: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let update = self.progress.step + 1;
        let symptom = match &mut self.progress.loss_scale {
            None => Symptom::Gradient(norm),
            Some(state) => match overflowed(*state) {
                None => Symptom::Scale,
                Some(next) => {
                    *state = next;
                    observer.remark(&format!(
                        "update {update} is left out: its gradients overflowed in fp16; the loss is scaled by {} from here on \
                         ({} left out so far)",
                        next.scale, next.skipped
                    ));
                    return Ok(());
                }
            },
        };
        Err(self.diverged(symptom, samples, &[]))
    }
}

/// After an update that was made.
pub(super) fn went_well(state: LossScale) -> LossScale {
    match state.good + 1 {
        LossScale::PATIENCE => {
            LossScale { scale: (state.scale * 2.0).min(LossScale::MOST), good: 0, ..state }
        }
        good => LossScale { good, ..state },
    }
}

/// After an update that was left out; nothing where the scale would fall under 1.
fn overflowed(state: LossScale) -> Option<LossScale> {
    let next = LossScale { scale: state.scale / 2.0, good: 0, skipped: state.skipped + 1 };
    (next.scale >= 1.0).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: LossScale, good: u32) -> LossScale {
        (0..good).fold(start, |state, _| went_well(state))
    }

    #[test]
    fn a_scale_doubles_after_two_thousand_good_updates_and_no_sooner() {
        let start = LossScale::START;
        assert_eq!(start, LossScale { scale: 65536.0, good: 0, skipped: 0 });
        assert_eq!(after(start, 1999), LossScale { scale: 65536.0, good: 1999, skipped: 0 });
        assert_eq!(after(start, 2000), LossScale { scale: 131_072.0, good: 0, skipped: 0 });
        assert_eq!(after(start, 4001), LossScale { scale: 262_144.0, good: 1, skipped: 0 });
        assert_eq!(after(start, 2000 * 20), LossScale { scale: 16_777_216.0, good: 0, skipped: 0 });
    }

    #[test]
    fn an_overflow_halves_the_scale_and_starts_the_count_again() {
        let once = overflowed(after(LossScale::START, 1999));
        assert_eq!(once, Some(LossScale { scale: 32768.0, good: 0, skipped: 1 }));
        assert_eq!(
            once.map(|state| after(state, 1999)),
            Some(LossScale { scale: 32768.0, good: 1999, skipped: 1 })
        );
        let all: Vec<_> = std::iter::successors(Some(LossScale::START), |state| overflowed(*state)).collect();
        let last = LossScale { scale: 1.0, good: 0, skipped: 16 };
        assert_eq!((all.len(), all.last()), (17, Some(&last)));
        assert_eq!(overflowed(last), None);
    }
}
