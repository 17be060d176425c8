//! The loader: batches in order, prepared ahead of the training step. Their content does not depend on the
//! number of workers, on what was cached, or on where in the epoch the loader began.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crew::Crew;
use super::order::{Lone, batches};
use super::prepare::{Decode, Prepared, Work};
use super::{Batch, Decoded, Item, LoaderError};
use crate::augment::Policy;
use crate::dataset::{Part, Preprocess};

/// What is made of the items, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub preprocess: Preprocess,
    pub policy: Policy,
    pub seed: u64,
    /// The epoch, or its remainder where views are cached.
    pub view: u64,
    pub batch: usize,
    /// What becomes of a last batch of one picture.
    pub lone: Lone,
    /// The first batch to yield: a resumed epoch goes on in its middle.
    pub first: usize,
    pub classes: usize,
    pub channels: usize,
    /// Whether pictures of 8 bits stay bytes until they are on their device, which normalises and mixes them.
    pub as_bytes: bool,
    /// Threads that prepare pictures; with 0 the caller's own does it.
    pub workers: usize,
    /// Batches that may be prepared beyond the one that is asked for. All workers share them, picture by
    /// picture, so 2 keep any number of workers busy without holding much memory.
    pub ahead: usize,
}

/// An iterator over the batches of one pass. After an error it goes on with the next batch, if asked.
pub struct Loader {
    work: Arc<Work>,
    batches: Vec<Range<usize>>,
    next: usize,
    crew: Option<Crew>,
    waited: Duration,
}

impl Loader {
    /// Loads the items in the order given.
    pub fn new(items: Vec<Item>, spec: Spec, decoded: Option<Arc<Decoded>>) -> Self {
        Self::with_decoder(items, spec, decoded, Part::decode)
    }

    pub(super) fn with_decoder(
        items: Vec<Item>,
        spec: Spec,
        decoded: Option<Arc<Decoded>>,
        decode: Decode,
    ) -> Self {
        let batches = batches(items.len(), spec.batch, spec.lone);
        let next = spec.first.min(batches.len());
        let first = batches.get(next).map_or(items.len(), |range| range.start);
        let workers = spec.workers;
        let work = Arc::new(Work { items, spec, decoded, decode });
        let crew = Crew::start(&work, first, workers);
        let loader = Self { work, batches, next, crew, waited: Duration::ZERO };
        loader.allow_ahead();
        loader
    }

    /// How long `next` has kept its caller, all calls together.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    fn allow_ahead(&self) {
        let last = self.next.saturating_add(self.work.spec.ahead).min(self.batches.len().saturating_sub(1));
        if let (Some(crew), Some(range)) = (&self.crew, self.batches.get(last)) {
            crew.allow(range.end);
        }
    }

    fn load(&mut self, number: usize) -> Result<Batch, LoaderError> {
        // All of the batch is taken before an error is told, so that the next one starts in step.
        let outcomes: Vec<_> = self.batches[number].clone().map(|position| self.picture(position)).collect();
        self.allow_ahead();
        let pictures: Vec<_> = outcomes.into_iter().collect::<Result<_, _>>()?;
        Batch::assemble(number, &pictures, &self.work)
    }

    fn picture(&mut self, position: usize) -> Result<Prepared, LoaderError> {
        match &mut self.crew {
            Some(crew) => crew.receive(position),
            None => self.work.prepare(position),
        }
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, LoaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.batches.len() {
            return None;
        }
        let started = Instant::now();
        self.next += 1;
        let batch = self.load(self.next - 1);
        self.waited += started.elapsed();
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batches.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Loader {}

impl Drop for Loader {
    fn drop(&mut self) {
        // The threads end first: what they decode last is kept too.
        self.crew = None;
        if let Some(decoded) = &self.work.decoded {
            decoded.settle();
        }
    }
}
