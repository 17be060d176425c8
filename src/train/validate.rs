//! What a network answers to a list of pictures in its inference form. Batches are always cut the same way.

use std::time::Duration;

use burn::tensor::Tensor;

use super::Error;
use super::cache::{Cache, Place, output_shape};
use super::pass::pass;
use super::run::Session;
use crate::config::Precision;
use crate::evaluate::Answers;
use crate::loader::{Batch, Item, Loader, Lone, Spec};
use crate::model::{Cut, Folded, numbers};

/// Pictures per batch in inference; it has no influence on results.
pub const BATCH: usize = 32;

/// A list of pictures, perhaps with the frozen prefix's outputs kept.
pub struct Validator {
    items: Vec<Item>,
    prefix: Option<(Folded, Cut, Cache)>,
    waited: Duration,
}

impl Validator {
    /// Keeps the prefix's outputs where there is a prefix and room for them.
    pub fn new(session: &Session, items: Vec<Item>, prefix: Option<Folded>, cut: Cut) -> Self {
        let prefix = prefix.and_then(|folded| {
            let shape = output_shape(&folded, cut, session.input_shape(), &session.device);
            let whole = Precision::F32;
            let fits = Cache::bytes(shape, items.len(), 1, whole) <= session.cache_bytes / 4;
            fits.then(|| (folded, cut, Cache::new(shape, items.len(), 1, whole, Place::Memory)))
        });
        Self { items, prefix, waited: Duration::ZERO }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How long it has waited for pictures since it was asked last.
    pub fn waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    /// What the network answers to these pictures.
    pub fn answers(&mut self, session: &Session, network: &Folded) -> Result<Answers, Error> {
        let classes = session.classes();
        let device = &session.device;
        let labels: Vec<usize> = self.items.iter().map(|item| item.class).collect();
        let Some((prefix, cut, cache)) = &mut self.prefix else {
            let mut logits = Vec::new();
            let take = &mut |_: &[usize], rows: Vec<f32>| logits.extend(rows);
            self.waited += predict_items(session, network, self.items.clone(), take)?;
            return Ok(Answers::new(logits, labels, classes));
        };
        if !cache.has(0) {
            let loader = Loader::new(self.items.clone(), spec(session), session.decoded.clone());
            self.waited += cache.fill(0, loader, (prefix, *cut), device, session.stop, &mut |_, _| {})?;
        }
        let mut logits = Vec::new();
        let samples: Vec<usize> = (0..self.items.len()).collect();
        for batch in samples.chunks(session.together()) {
            session.go_on()?;
            let output: Tensor<2> = network.suffix(cache.batch(0, batch, device), *cut);
            logits.extend(numbers(output));
        }
        Ok(Answers::new(logits, labels, classes))
    }
}

/// Logits of pictures in order, batch by batch: the samples' numbers and their rows. Tells how long it has waited.
pub fn predict_items(
    session: &Session,
    network: &Folded,
    items: Vec<Item>,
    take: &mut dyn FnMut(&[usize], Vec<f32>),
) -> Result<Duration, Error> {
    let loader = Loader::new(items, spec(session), session.decoded.clone());
    let device = &session.device;
    let compute = |batch: &Batch| network.infer(batch.images(device));
    pass(loader, device, session.stop, &compute, &mut |samples, rows| {
        take(samples, rows);
        Ok(())
    })
}

fn spec(session: &Session) -> Spec {
    Spec { lone: Lone::Kept, ..session.spec() }
}
