//! Scoring a network on a list of pictures in its inference form. Batches are always cut the same way.

use burn::tensor::Tensor;

use super::Error;
use super::cache::{Cache, Place, output_shape};
use super::run::Session;
use crate::config::Precision;
use crate::evaluate::Scores;
use crate::loader::{Item, Loader, Lone, Spec};
use crate::model::{Cut, Folded, numbers};

/// Pictures per batch in inference; it has no influence on results.
pub const BATCH: usize = 32;

/// A list of pictures, perhaps with the frozen prefix's outputs kept.
pub struct Validator {
    items: Vec<Item>,
    prefix: Option<(Folded, Cut, Cache)>,
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
        Self { items, prefix }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The network's scores on these pictures.
    pub fn scores(&mut self, session: &Session, network: &Folded) -> Result<Scores, Error> {
        let classes = session.classes();
        let device = &session.device;
        let hard: Vec<usize> = self.items.iter().map(|item| item.class).collect();
        let Some((prefix, cut, cache)) = &mut self.prefix else {
            let mut logits = Vec::new();
            predict_items(session, network, self.items.clone(), &mut |_, rows| logits.extend(rows))?;
            return Ok(Scores::of(&logits, &hard, classes));
        };
        if !cache.has(0) {
            let loader = Loader::new(self.items.clone(), spec(session), session.decoded.clone());
            cache.fill(0, loader, (prefix, *cut), device, session.stop, &mut |_, _| {})?;
        }
        let mut logits = Vec::new();
        let samples: Vec<usize> = (0..self.items.len()).collect();
        for batch in samples.chunks(BATCH) {
            session.go_on()?;
            let output: Tensor<2> = network.suffix(cache.batch(0, batch, device), *cut);
            logits.extend(numbers(output));
        }
        Ok(Scores::of(&logits, &hard, classes))
    }
}

/// Logits of pictures in order, batch by batch: the samples' numbers and their rows.
pub fn predict_items(
    session: &Session,
    network: &Folded,
    items: Vec<Item>,
    take: &mut dyn FnMut(&[usize], Vec<f32>),
) -> Result<(), Error> {
    for batch in Loader::new(items, spec(session), session.decoded.clone()) {
        session.go_on()?;
        let batch = batch?;
        take(&batch.samples, numbers(network.infer(batch.images(&session.device))));
    }
    Ok(())
}

fn spec(session: &Session) -> Spec {
    Spec { batch: BATCH, lone: Lone::Kept, ..session.plain_spec() }
}
