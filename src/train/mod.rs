//! Training: one step, the loss, the schedule, averaged weights, stages, the cached prefix and the loop.
//! Knows no foreign formats; what it reports goes to an observer.

mod average;
mod balance;
mod cache;
mod cache_files;
mod divergence;
mod epoch;
mod feed;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod half;
mod late;
mod loading;
mod loss;
mod norm;
mod observe;
mod optimizer;
mod outcome;
mod pass;
mod record;
mod replicas;
mod retry;
mod rewind;
mod room;
mod run;
mod saver;
mod schedule;
mod stage;
mod validate;
mod waiting;

pub use balance::{balance, words as words_of_balance};
pub use divergence::{Divergence, Symptom};
pub use epoch::added;
pub use loading::{plain_spec, training_spec};
pub use loss::Loss;
pub use observe::{BatchNote, EpochNote, Observer, StageNote};
pub use optimizer::Optimizer;
pub use outcome::{Outcome, Test};
pub use room::{NoRoom, expect_room};
pub use run::{Session, Splits, run};
pub use schedule::{Place, share};
pub use stage::cut_of;
pub use validate::{BATCH as TOGETHER, Validator, predict_items};

use crate::{checkpoint, durable, loader};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Diverged(Box<Divergence>),
    /// Asked to stop in the midst of something that is done again on a resume. It ends a run, and never leaves it.
    #[error("asked to stop")]
    Stopped,
    #[error(transparent)]
    Loader(#[from] loader::LoaderError),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    File(#[from] durable::Error),
}
