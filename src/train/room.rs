//! How many bytes a run's checkpoints take, and whether the disk has room for them.

use std::path::{Path, PathBuf};

use super::stage;
use crate::config::{Config, OnDivergence, Optimizer};
use crate::durable;
use crate::model::Network;

/// The disk cannot hold a single checkpoint.
#[derive(Debug, thiserror::Error)]
#[error(
    "no space for a checkpoint in {}: one takes about {} MiB, and {} MiB are free; make room before training, since \
     nothing could be saved",
    path.display(),
    mib(*wanted),
    mib(*free)
)]
pub struct NoRoom {
    pub path: PathBuf,
    pub wanted: u64,
    pub free: u64,
}

/// Refuses a folder whose file system has no room for one checkpoint; gives a warning where it has room for one but
/// not for all that will lie there at a time.
pub fn expect_room(folder: &Path, config: &Config, network: &Network) -> Result<Option<String>, NoRoom> {
    let existing = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    match durable::free_space(existing) {
        Some(free) => {
            // A run that may go back keeps what it began with.
            let more = u64::from(config.train.on_divergence == OnDivergence::Rewind);
            judge(folder, checkpoint_bytes(config, network), config.checkpoint.keep, more, free)
        }
        None => Ok(None),
    }
}

fn judge(folder: &Path, bytes: u64, keep: usize, more: u64, free: u64) -> Result<Option<String>, NoRoom> {
    if free < bytes {
        return Err(NoRoom { path: folder.to_owned(), wanted: bytes, free });
    }
    // The newest ones, the best one, and the next one before the oldest is removed.
    let all = bytes.saturating_mul(keep as u64 + 2 + more);
    Ok((free < all).then(|| {
        format!(
            "{} has {} MiB free; the run's checkpoints may take {} MiB (checkpoint.keep = {keep})",
            folder.display(),
            mib(free),
            mib(all)
        )
    }))
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// The largest checkpoint of a run: its weights, twice where they are averaged, and the optimizer's moments.
fn checkpoint_bytes(config: &Config, network: &Network) -> u64 {
    /// Names, shapes and what the run says of itself.
    const WORDS: u64 = 64 << 10;
    let blocks = network.blocks.len();
    let all = stage::numbers(network) as u64;
    let widest = config.stages.iter().map(|one| stage::trainable(network, stage::cut_of(one.trains, blocks)));
    let moments = match config.optimizer {
        Optimizer::AdamW { .. } => 2,
        Optimizer::Sgd { momentum, .. } => u64::from(momentum > 0.0),
        Optimizer::RmsProp { momentum, .. } => 1 + u64::from(momentum > 0.0),
    };
    let weights = all * if config.train.ema.is_some() { 2 } else { 1 };
    4 * (weights + moments * widest.max().unwrap_or(0) as u64) + WORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_one_is_needed_and_room_for_all_is_wished() {
        let check = |free: u64, expected: Result<bool, ()>| {
            let judged = judge(Path::new("checkpoints/x"), 10 << 20, 3, 0, free << 20);
            assert_eq!(judged.map(|warning| warning.is_some()).map_err(|_| ()), expected, "{free}");
        };
        check(9, Err(()));
        check(10, Ok(true));
        check(49, Ok(true));
        check(50, Ok(false));
        assert!(judge(Path::new("checkpoints/x"), 10 << 20, 3, 1, 50 << 20).unwrap().is_some());
        let text = judge(Path::new("checkpoints/x"), 10 << 20, 3, 0, 5 << 20).unwrap_err().to_string();
        assert!(text.contains("checkpoints/x: one takes about 10.0 MiB, and 5.0 MiB are free"), "{text}");
    }
}
