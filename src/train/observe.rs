//! What training tells whoever watches. Printing is the watcher's business.

use std::path::Path;
use std::time::Duration;

use crate::evaluate::Scores;

pub trait Observer {
    fn stage(&mut self, _: &StageNote) {}
    /// The frozen prefix is being computed: pictures done and to do.
    fn caching(&mut self, _done: usize, _total: usize) {}
    /// Something that is not as planned, and does no harm.
    fn remark(&mut self, _: &str) {}
    fn batch(&mut self, _: &BatchNote) {}
    fn epoch(&mut self, _: &EpochNote) {}
    fn saved(&mut self, _: &Path) {}
}

/// Nobody watches.
impl Observer for () {}

#[derive(Debug, Clone)]
pub struct StageNote {
    /// From 1.
    pub number: usize,
    pub stages: usize,
    pub trains: String,
    pub trainable: usize,
    pub epochs: usize,
    pub batches: usize,
    /// What is cached, or why nothing is.
    pub cache: String,
}

#[derive(Debug, Clone, Copy)]
pub struct BatchNote {
    pub stage: usize,
    pub epoch: usize,
    pub epochs: usize,
    /// Updates made in the whole run.
    pub step: usize,
    pub rate: f64,
    pub batch: usize,
    pub batches: usize,
    /// Batches of this epoch that were done before a resume went on with it.
    pub first: usize,
    /// Pictures since then.
    pub pictures: usize,
    /// What these pictures took; filling the cache is not counted.
    pub time: Duration,
    pub loss: f64,
    pub accuracy: f64,
}

#[derive(Debug, Clone)]
pub struct EpochNote {
    pub stage: usize,
    pub epoch: usize,
    pub epochs: usize,
    /// Epochs of the whole run, this one included.
    pub whole: usize,
    pub step: usize,
    pub rate: f64,
    pub train_loss: f64,
    pub train_accuracy: f64,
    /// Nothing where there are no validation pictures.
    pub validation: Option<Scores>,
    pub is_best: bool,
    pub pictures: usize,
    /// Training pictures of each class that were seen.
    pub classes: Vec<usize>,
    pub time: Duration,
    /// How much of the time went into waiting for pictures.
    pub waited: Duration,
    /// How much of it went into computing the frozen layers for the cache.
    pub filled: Duration,
    /// How long training stood still for checkpoints since the epoch before.
    pub saving: Duration,
    /// Bytes that the device's allocator held at most, so far, where the device tells.
    pub device_memory: Option<u64>,
}
