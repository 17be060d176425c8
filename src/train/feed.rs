//! Where a stage's batches come from: pictures through the frozen prefix, or the cache of its outputs.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use burn::tensor::{Device, Tensor, TensorData};

use super::Error;
use super::cache::{Cache, output_shape};
use super::observe::Observer;
use super::run::Session;
use crate::augment::Policy;
use crate::loader::{Item, Loader, Lone, Spec, order};
use crate::model::{Cut, Folded};

/// Inputs and labels of one step.
pub struct Step {
    pub input: Tensor<4>,
    pub labels: Tensor<2>,
    pub classes: Vec<usize>,
    pub samples: Vec<usize>,
}

/// The training batches of one stage.
pub struct Feed {
    cut: Cut,
    prefix: Option<Folded>,
    cache: Option<Cache>,
    /// Where something is frozen the views of a picture repeat, whether or not there is room to cache them: how
    /// much memory is free must not change a run.
    repeats: bool,
    pub cache_note: String,
}

impl Feed {
    pub fn new(session: &Session, prefix: Option<Folded>, cut: Cut) -> Self {
        let (cache, cache_note) = plan_cache(session, prefix.as_ref(), cut);
        let repeats = prefix.is_some() && !mixes(session);
        Self { cut, prefix, cache, repeats, cache_note }
    }

    /// The batches of one epoch, from a given one on.
    pub fn epoch<'a>(
        &'a mut self,
        session: &'a Session,
        view: usize,
        first: usize,
        observer: &mut dyn Observer,
    ) -> Result<Epoch<'a>, Error> {
        let order = order::epoch(session.config.train.seed, view as u64, session.splits.train.len());
        let view = if self.repeats { view % session.config.data.views } else { view };
        if let Some(cache) = &mut self.cache {
            if let (Some(prefix), false) = (&self.prefix, cache.has(view)) {
                let items = session.splits.train.clone();
                let loader = Loader::new(items, caching_spec(session, view), session.decoded.clone());
                let mut progress = |done: usize, total: usize| observer.caching(done, total);
                cache.fill(view, loader, (prefix, self.cut), &session.device, &mut progress)?;
            }
            let batches = order::batches(order.len(), session.config.train.batch, Lone::Joined);
            let batches = batches.into_iter().skip(first).collect();
            let cached = Cached { cache, view, order, batches, items: &session.splits.train };
            return Ok(Epoch { session, prefix: None, source: Source::Cached(cached) });
        }
        let items = order.iter().map(|&sample| session.splits.train[sample].clone()).collect();
        let spec = Spec { first, ..training_spec(session, view) };
        let loader = Loader::new(items, spec, session.decoded.clone());
        let prefix = self.prefix.as_ref().map(|folded| (folded, self.cut));
        Ok(Epoch { session, prefix, source: Source::Pictures(loader) })
    }
}

pub struct Epoch<'a> {
    session: &'a Session<'a>,
    prefix: Option<(&'a Folded, Cut)>,
    source: Source<'a>,
}

enum Source<'a> {
    Pictures(Loader),
    Cached(Cached<'a>),
}

struct Cached<'a> {
    cache: &'a Cache,
    view: usize,
    order: Vec<usize>,
    batches: VecDeque<Range<usize>>,
    items: &'a [Item],
}

impl Epoch<'_> {
    pub fn next(&mut self) -> Option<Result<Step, Error>> {
        let device = &self.session.device;
        match &mut self.source {
            Source::Cached(cached) => cached.next(self.session.classes(), device).map(Ok),
            Source::Pictures(loader) => {
                let batch = match loader.next()? {
                    Ok(batch) => batch,
                    Err(error) => return Some(Err(error.into())),
                };
                let images = batch.images(device);
                let input = match self.prefix {
                    Some((prefix, cut)) => prefix.prefix(images, cut),
                    None => images,
                };
                let labels = batch.targets(device);
                Some(Ok(Step { input, labels, classes: batch.classes, samples: batch.samples }))
            }
        }
    }

    /// How long the steps had to wait for pictures.
    pub fn waited(&self) -> Duration {
        match &self.source {
            Source::Pictures(loader) => loader.waited(),
            Source::Cached(_) => Duration::ZERO,
        }
    }
}

impl Cached<'_> {
    fn next(&mut self, classes: usize, device: &Device) -> Option<Step> {
        let samples: Vec<usize> = self.order[self.batches.pop_front()?].to_vec();
        let hard: Vec<usize> = samples.iter().map(|&sample| self.items[sample].class).collect();
        let mut labels = vec![0.0f32; samples.len() * classes];
        for (row, class) in hard.iter().enumerate() {
            labels[row * classes + class] = 1.0;
        }
        let labels = Tensor::from_data(TensorData::new(labels, [samples.len(), classes]), device);
        Some(Step { input: self.cache.batch(self.view, &samples, device), labels, classes: hard, samples })
    }
}

/// How pictures are loaded for training.
fn training_spec(session: &Session, view: usize) -> Spec {
    Spec {
        policy: Policy::from(&session.config.augment),
        view: view as u64,
        batch: session.config.train.batch,
        lone: Lone::Joined,
        ..session.plain_spec()
    }
}

fn caching_spec(session: &Session, view: usize) -> Spec {
    Spec { lone: Lone::Kept, batch: super::validate::BATCH, ..training_spec(session, view) }
}

fn mixes(session: &Session) -> bool {
    let augment = &session.config.augment;
    augment.mix_probability > 0.0 && (augment.mixup > 0.0 || augment.cutmix > 0.0)
}

fn plan_cache(session: &Session, prefix: Option<&Folded>, cut: Cut) -> (Option<Cache>, String) {
    let Some(prefix) = prefix else {
        return (None, "nothing is frozen, so nothing is cached".into());
    };
    if mixes(session) {
        return (None, "the frozen layers are not cached: mixup and cutmix need whole pictures".into());
    }
    let (samples, views) = (session.splits.train.len(), session.config.data.views);
    let shape = output_shape(prefix, cut, session.input_shape(), &session.device);
    let bytes = Cache::bytes(shape, samples, views);
    let mib = bytes.div_ceil(1 << 20);
    if bytes > session.cache_bytes {
        let room = session.cache_bytes >> 20;
        return (
            None,
            format!("the frozen layers are not cached: that takes {mib} MiB, and {room} MiB are free for it"),
        );
    }
    let views_text = if views == 1 { "one view".into() } else { format!("{views} views") };
    let note = format!(
        "the frozen layers run once per picture ({views_text}, {mib} MiB kept); later epochs reuse that"
    );
    (Some(Cache::new(shape, samples, views)), note)
}
