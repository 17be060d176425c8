//! Training: one step, the loss, the schedule, averaged weights, stages, the cached prefix and the loop.
//! Knows no foreign formats; what it reports goes to an observer.

mod average;
mod cache;
mod cache_files;
mod epoch;
mod feed;
mod loading;
mod loss;
mod observe;
mod optimizer;
mod record;
mod run;
mod schedule;
mod stage;
mod validate;

pub use loading::{plain_spec, training_spec};
pub use loss::{Loss, balanced_weights};
pub use observe::{BatchNote, EpochNote, Observer, StageNote};
pub use optimizer::Optimizer;
pub use run::{Outcome, Session, Splits, run};
pub use schedule::{Place, share};
pub use stage::cut_of;
pub use validate::{Validator, predict_items};

use crate::{checkpoint, durable, loader};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the loss is {loss} at step {step} (stage {stage}, epoch {epoch}), so training has diverged; nothing of it \
         was saved as best. Try a lower learning rate (stage.{stage}.lr={lower:.1e}), train.clip_norm=1, or look at \
         the pictures of this step: {samples}"
    )]
    Diverged { step: usize, stage: usize, epoch: usize, loss: f64, lower: f64, samples: String },
    #[error(transparent)]
    Loader(#[from] loader::LoaderError),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    File(#[from] durable::Error),
}
