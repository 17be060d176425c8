//! Where a stage's batches come from: pictures through the frozen prefix, or the cache of its outputs.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};

use super::Error;
use super::cache::{Cache, Place, output_shape, rounded};
use super::cache_files::CacheFiles;
use super::loading::training_spec;
use super::observe::Observer;
use super::run::Session;
use super::waiting::lost;
use crate::config::{CachePlace, Precision};
use crate::devices::Reading;
use crate::durable;
use crate::loader::{Item, Loader, Lone, Spec, order};
use crate::model::{Cut, Folded, Network, arrays};

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
    /// The frozen layers before the cut, on each device.
    prefixes: Vec<Folded>,
    cache: Option<Cache>,
    /// Where something is frozen the views of a picture repeat, and its outputs are rounded, whether or not there
    /// is room to cache them: how much memory is free must not change a run.
    repeats: bool,
    pub cache_note: String,
}

impl Feed {
    pub fn new(session: &Session, network: &Network, prefix: Option<Folded>, cut: Cut) -> Self {
        let (cache, cache_note) = match &prefix {
            None => (None, "nothing is frozen, so nothing is cached".into()),
            Some(prefix) => plan_cache(session, network, prefix, cut),
        };
        let repeats = prefix.is_some() && !session.config.augment.mixes();
        let elsewhere = |device: &Device| Folded::new(&network.clone().frozen(device));
        let others = session.others.iter().filter(|_| prefix.is_some()).map(elsewhere);
        let others: Vec<Folded> = others.collect();
        let prefixes = prefix.into_iter().chain(others).collect();
        Self { cut, prefixes, cache, repeats, cache_note }
    }

    /// The batches of one epoch, from a given one on.
    pub fn epoch<'a>(
        &'a mut self,
        session: &'a Session,
        view: usize,
        first: usize,
        observer: &mut dyn Observer,
    ) -> Result<Epoch<'a>, Error> {
        let order = session.order(view);
        let view = if self.repeats { view % session.config.data.views } else { view };
        let filled = self.fill(session, view, observer)?;
        if let Some(cache) = &self.cache {
            let batches = order::batches(order.len(), session.config.train.batch, Lone::Joined);
            let batches = batches.into_iter().skip(first).collect();
            let cached = Cached { cache, view, order, batches, items: &session.splits.train };
            return Ok(Epoch::new(session, first, None, Source::Cached(cached), filled));
        }
        let items = self.items(session, &order);
        let spec = Spec { first, ..training_spec(session.config, view, session.spec()) };
        let loader = Loader::new(items, spec, session.decoded.clone());
        let precision = if self.repeats { session.config.data.cache_precision } else { Precision::F32 };
        let prefixes = (!self.prefixes.is_empty()).then_some((self.prefixes.as_slice(), self.cut, precision));
        Ok(Epoch::new(session, first, prefixes, Source::Pictures(loader), filled))
    }

    /// The pictures in this order. Where something is frozen a picture that comes again is the same, cached or not;
    /// elsewhere it is augmented anew.
    fn items(&self, session: &Session, order: &[usize]) -> Vec<Item> {
        let again = |times: usize| if self.repeats { 0 } else { times };
        let turns = order.iter().zip(order::repeats(order));
        turns
            .map(|(&sample, times)| Item { repeat: again(times), ..session.splits.train[sample].clone() })
            .collect()
    }

    /// Sees to it that the cache has this view.
    fn fill(
        &mut self,
        session: &Session,
        view: usize,
        observer: &mut dyn Observer,
    ) -> Result<Filling, Error> {
        let none = Filling::default();
        let (Some(cache), Some(prefix)) = (&mut self.cache, self.prefixes.first()) else { return Ok(none) };
        if cache.has(view) || cache.find(view) {
            return Ok(none);
        }
        let started = Instant::now();
        let items = session.splits.train.clone();
        let loader = Loader::new(items, caching_spec(session, view), session.decoded.clone());
        let mut progress = |done: usize, total: usize| observer.caching(done, total);
        let mut waited = Duration::ZERO;
        match cache.fill(view, loader, (prefix, self.cut), &session.device, session.stop, &mut progress) {
            Ok(while_filling) => waited = while_filling,
            // A run does not end because there is no room to make it faster.
            Err(Error::File(cause)) => {
                observer.remark(&format!(
                    "the cache cannot be kept, so the frozen layers run each epoch: {cause}"
                ));
                self.cache = None;
            }
            Err(error) => return Err(error),
        }
        Ok(Filling { time: started.elapsed(), waited })
    }
}

/// How long it took to compute the frozen layers for the cache, and how much of that was waiting for pictures.
#[derive(Debug, Clone, Copy, Default)]
struct Filling {
    time: Duration,
    waited: Duration,
}

/// The frozen layers before the cut on each device, and how what they give is rounded.
type Prefixes<'a> = Option<(&'a [Folded], Cut, Precision)>;

pub struct Epoch<'a> {
    session: &'a Session<'a>,
    /// The next batch's number in the epoch.
    number: usize,
    prefixes: Prefixes<'a>,
    source: Source<'a>,
    filled: Filling,
    /// What was prepared before its turn.
    ahead: Option<Result<Step, Error>>,
    waited: Duration,
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

impl<'a> Epoch<'a> {
    fn new(
        session: &'a Session<'a>,
        number: usize,
        prefixes: Prefixes<'a>,
        source: Source<'a>,
        filled: Filling,
    ) -> Self {
        Self { session, number, prefixes, source, filled, ahead: None, waited: Duration::ZERO }
    }

    /// Puts the next batch on the device while that is at work on these numbers; does nothing where it is not.
    pub fn prepare(&mut self, busy: Option<&Reading>) {
        if busy.is_some() && self.ahead.is_none() {
            self.ahead = self.load(busy);
        }
    }

    /// The next batch. The device may still be at work on these numbers.
    pub fn next(&mut self, busy: Option<&Reading>) -> Option<Result<Step, Error>> {
        self.ahead.take().or_else(|| self.load(busy))
    }

    fn load(&mut self, busy: Option<&Reading>) -> Option<Result<Step, Error>> {
        let turn = self.session.turn(self.number);
        let device = turn.map_or(&self.session.device, |other| &self.session.others[other]);
        self.number += 1;
        match &mut self.source {
            Source::Cached(cached) => cached.next(self.session.classes(), device).map(Ok),
            Source::Pictures(loader) => {
                let before = loader.waited();
                let batch = loader.next()?;
                self.waited += lost(loader.waited() - before, busy);
                let batch = match batch {
                    Ok(batch) => batch,
                    Err(error) => return Some(Err(error.into())),
                };
                let images = batch.images(device);
                let input = match self.prefixes {
                    Some((prefixes, cut, precision)) => {
                        rounded(prefixes[turn.map_or(0, |other| other + 1)].prefix(images, cut), precision)
                    }
                    None => images,
                };
                let labels = batch.targets(device);
                Some(Ok(Step { input, labels, classes: batch.classes, samples: batch.samples }))
            }
        }
    }

    /// How long it took to compute the frozen layers for the cache.
    pub fn filled(&self) -> Duration {
        self.filled.time
    }

    /// How long the steps, and the cache, had to wait for pictures with nothing else to do.
    pub fn waited(&self) -> Duration {
        self.filled.waited + self.waited
    }
}

impl Cached<'_> {
    fn next(&mut self, classes: usize, device: &Device) -> Option<Step> {
        let samples: Vec<usize> = self.order[self.batches.pop_front()?].to_vec();
        let hard: Vec<usize> = samples.iter().map(|&sample| self.items[sample].class).collect();
        let mut labels = vec![0.0f32; samples.len() * classes];
        for (row, class) in hard.iter().enumerate() {
            labels[row * classes + class] = self.items[samples[row]].weight;
        }
        let labels = Tensor::from_data(TensorData::new(labels, [samples.len(), classes]), device);
        Some(Step { input: self.cache.batch(self.view, &samples, device), labels, classes: hard, samples })
    }
}

fn caching_spec(session: &Session, view: usize) -> Spec {
    Spec {
        lone: Lone::Kept,
        batch: session.together(),
        ..training_spec(session.config, view, session.spec())
    }
}

fn plan_cache(session: &Session, network: &Network, prefix: &Folded, cut: Cut) -> (Option<Cache>, String) {
    let data = &session.config.data;
    if data.cache == CachePlace::Off {
        return (None, "the frozen layers are not cached: data.cache is \"off\"".into());
    }
    if session.config.augment.mixes() {
        return (None, "the frozen layers are not cached: mixup and cutmix need whole pictures".into());
    }
    let (samples, views, precision) = (session.splits.train.len(), data.views, data.cache_precision);
    let shape = output_shape(prefix, cut, session.input_shape(), &session.device);
    let bytes = Cache::bytes(shape, samples, views, precision);
    let mib = bytes.div_ceil(1 << 20);
    let in_memory = bytes <= session.cache_bytes && data.cache != CachePlace::Disk;
    let on_disk = bytes as u64 <= data.cache_limit && data.cache != CachePlace::Memory;
    let (place, words) = match &session.cache_folder {
        _ if in_memory => (Place::Memory, format!("{mib} MiB of memory")),
        Some(folder) if on_disk => {
            let words = format!("{mib} MiB in {}", folder.display());
            let key = cache_key(session, network, cut);
            (Place::Disk(CacheFiles { folder: folder.clone(), key, limit: data.cache_limit }), words)
        }
        _ => {
            let (room, limit) = (session.cache_bytes >> 20, data.cache_limit >> 20);
            let text = format!(
                "the frozen layers are not cached: that takes {mib} MiB; {room} MiB of memory are free for it, and \
                 data.cache_limit allows {limit} MiB on the disk"
            );
            return (None, text);
        }
    };
    let views_text = if views == 1 { "one view".into() } else { format!("{views} views") };
    let half = if precision == Precision::F16 { ", in 16 bits" } else { "" };
    let note = format!(
        "the frozen layers run once per picture ({views_text}{half}, {words}); later epochs reuse that"
    );
    (Some(Cache::new(shape, samples, views, precision, place)), note)
}

/// A hash of all that a frozen prefix's outputs depend on, but for the view.
fn cache_key(session: &Session, network: &Network, cut: Cut) -> String {
    let identity = &session.identity;
    let mut text = format!(
        "kiln {} on {}\n{:?}\n{:?}\n{:?} {:?} {} {:?}\nseed {} cut {}\ndata {}\n",
        env!("CARGO_PKG_VERSION"),
        session.machine,
        identity.plan,
        session.preprocess,
        identity.padding,
        identity.norm_eps,
        identity.channels,
        session.config.augment,
        session.config.train.seed,
        cut.0,
        session.fingerprints[1],
    );
    text += &format!("{:?} {:?}\n", session.config.data.split, session.config.data.cache_precision);
    text.extend(session.splits.train.iter().map(|item| format!("{} ", item.sample)));
    let blocks = network.blocks.len();
    for array in arrays(network) {
        if Cut::layer_of(&array.name, blocks) < cut.0 {
            let bytes: Vec<u8> = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            text += &format!("\n{} {}", array.name, durable::hash(&bytes));
        }
    }
    durable::hash(text.as_bytes())[..32].to_owned()
}
