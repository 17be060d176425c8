//! A whole run: its stages one after the other, from nothing or from a checkpoint, then the test. The loop
//! over epochs is here; one epoch is in `epoch`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;

use super::average::Average;
use super::feed::Feed;
use super::loss::{Loss, balanced_weights};
use super::observe::{Observer, StageNote};
use super::optimizer::Optimizer;
use super::record::Record;
use super::validate::Validator;
use super::{Error, loading, stage};
use crate::checkpoint::{Contents, Identity, Manifest, Progress, RunFolder, read_model};
use crate::config::{ClassWeights, Config};
use crate::dataset::Preprocess;
use crate::evaluate::Scores;
use crate::loader::{Decoded, Item, Lone, Spec};
use crate::model::{Array, Cut, Folded, Network, arrays, update};

/// Everything a run is given and does not change.
pub struct Session<'a> {
    pub config: &'a Config,
    pub splits: Splits,
    pub preprocess: Preprocess,
    pub identity: Identity,
    pub device: Device,
    /// What computes, in words: numbers computed by something else are not quite the same.
    pub machine: String,
    pub folder: &'a RunFolder,
    /// Fingerprints of configuration and data, for the manifests.
    pub fingerprints: [String; 2],
    /// Threads that prepare pictures.
    pub workers: usize,
    /// Bytes of memory that cached prefixes may take.
    pub cache_bytes: usize,
    /// Where prefixes are cached on the disk.
    pub cache_folder: Option<PathBuf>,
    pub decoded: Option<Arc<Decoded>>,
    /// Set when the run is to save and stop.
    pub stop: &'a AtomicBool,
}

/// The pictures of a run by what they are for.
pub struct Splits {
    pub train: Vec<Item>,
    pub val: Vec<Item>,
    pub test: Vec<Item>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// All stages are done; the scores of the best checkpoint on the test pictures, where there are such, and
    /// the updates made in all.
    Finished { test: Option<Scores>, best: PathBuf, steps: usize },
    /// It was asked to stop and has saved.
    Stopped { saved: PathBuf },
}

/// What moves while a run goes on.
pub(super) struct Run<'a> {
    pub session: &'a Session<'a>,
    pub network: Network,
    pub optimizer: Optimizer,
    pub average: Option<Average>,
    pub progress: Progress,
    pub record: Record,
    pub loss: Loss,
    saved: Option<(Progress, PathBuf)>,
}

/// Trains from the network as it is, or goes on from a checkpoint.
pub fn run(
    session: &Session,
    network: Network,
    from: Option<Contents>,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let mut run = Run::start(session, network, from)?;
    let stages = &session.config.stages;
    while run.progress.stage < stages.len() {
        if let Some(saved) = run.stage(observer)? {
            return Ok(Outcome::Stopped { saved });
        }
        run.progress = Progress {
            stage: run.progress.stage + 1,
            epoch: 0,
            batch: 0,
            stage_step: 0,
            updates: 0,
            stale: 0,
            ..run.progress
        };
    }
    run.finish()
}

impl<'a> Run<'a> {
    fn start(session: &'a Session<'a>, network: Network, from: Option<Contents>) -> Result<Self, Error> {
        let device = &session.device;
        let (network, moments, mut progress, averaged) = match from {
            None => (network, Vec::new(), Progress::default(), None),
            Some(saved) => {
                let averaged = saved.raw.is_some().then(|| saved.model.clone());
                let network = with_values(network, saved.raw.unwrap_or(saved.model), device);
                (network, saved.moments, saved.progress, averaged)
            }
        };
        let mut average = session.config.train.ema.map(|keep| Average::new(&network, keep));
        if let (Some(average), Some(arrays)) = (&mut average, averaged) {
            average.restore(arrays, device);
        }
        let mut optimizer = Optimizer::new(session.config.optimizer, 1.0, network.blocks.len());
        optimizer.restore(moments, progress.updates, device);
        let record = Record::open(session.folder, &mut progress)?.marked(&session.identity);
        let loss = Loss { smoothing: session.config.train.label_smoothing, weights: session.class_weights() };
        Ok(Self { session, network, optimizer, average, progress, record, loss, saved: None })
    }

    /// One stage to its end. Gives the saved checkpoint where it was asked to stop.
    fn stage(&mut self, observer: &mut dyn Observer) -> Result<Option<PathBuf>, Error> {
        let session = self.session;
        let config = &session.config.stages[self.progress.stage];
        let cut = stage::cut_of(config.trains, self.network.blocks.len());
        let prefix = (cut != Cut::ALL).then(|| Folded::new(&self.network));
        self.network = self.network.clone().trainable_from(cut, &session.device);
        if self.progress.stage_step == 0 {
            self.optimizer = Optimizer::new(session.config.optimizer, 1.0, self.network.blocks.len());
        }
        self.optimizer.set_layer_decay(config.layer_decay);
        let mut feed = Feed::new(session, &self.network, prefix.clone(), cut);
        let mut validator = Validator::new(session, session.splits.val.clone(), prefix, cut);
        observer.stage(&self.note(cut, &feed));
        while self.progress.epoch < config.epochs && !self.has_stalled() {
            self.epoch(cut, &mut feed, &mut validator, observer)?;
            if self.asked_to_stop() {
                return Ok(Some(self.save(observer)?));
            }
        }
        Ok(None)
    }

    fn has_stalled(&self) -> bool {
        self.session.config.train.early_stopping.is_some_and(|patience| self.progress.stale >= patience)
    }

    fn note(&self, cut: Cut, feed: &Feed) -> StageNote {
        let session = self.session;
        let config = &session.config.stages[self.progress.stage];
        StageNote {
            number: self.progress.stage + 1,
            stages: session.config.stages.len(),
            trains: stage::words(config),
            trainable: stage::trainable(&self.network, cut),
            epochs: config.epochs,
            batches: session.batches(),
            cache: feed.cache_note.clone(),
        }
    }

    /// Writes a checkpoint of everything, unless the last one holds just this.
    pub(super) fn save(&mut self, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
        let session = self.session;
        let (moments, updates) = self.optimizer.state();
        self.progress.updates = updates;
        if let Some((_, path)) = self.saved.take_if(|(progress, _)| *progress == self.progress) {
            self.saved = Some((self.progress.clone(), path.clone()));
            return Ok(path);
        }
        let raw = arrays(&self.network);
        let (model, raw) = match &self.average {
            None => (raw, None),
            Some(average) => (arrays(&average.applied_to(&self.network, &session.device)), Some(raw)),
        };
        let identity = session.identity.clone();
        let contents = Contents { model, raw, moments, identity, progress: self.progress.clone() };
        let manifest = Manifest::new(&session.fingerprints[0], &session.fingerprints[1]);
        let saved = session.folder.save(&contents, manifest, session.config.checkpoint.keep)?;
        observer.saved(&saved);
        self.saved = Some((self.progress.clone(), saved.clone()));
        Ok(saved)
    }

    /// The network that is validated, saved as best, tested and exported.
    pub(super) fn judged(&self) -> Folded {
        match &self.average {
            None => Folded::new(&self.network),
            Some(average) => Folded::new(&average.applied_to(&self.network, &self.session.device)),
        }
    }

    /// The test pictures are looked at once, with the best checkpoint.
    fn finish(self) -> Result<Outcome, Error> {
        let session = self.session;
        let steps = self.progress.step;
        let best = session.folder.best()?;
        let (model, _) = read_model(&best.model_path())?;
        let network = with_values(self.network.frozen(&session.device), model, &session.device);
        let mut validator = Validator::new(session, session.splits.test.clone(), None, Cut::ALL);
        let test = match validator.is_empty() {
            true => None,
            false => Some(validator.scores(session, &Folded::new(&network))?),
        };
        Ok(Outcome::Finished { test, best: best.folder, steps })
    }

    pub(super) fn asked_to_stop(&self) -> bool {
        self.session.stop.load(Ordering::Relaxed)
    }
}

impl Session<'_> {
    pub fn classes(&self) -> usize {
        self.identity.classes.len()
    }

    /// Channels, height and width of what the network sees.
    pub fn input_shape(&self) -> [usize; 3] {
        [self.identity.channels, self.preprocess.size, self.preprocess.size]
    }

    /// Batches of an epoch.
    pub fn batches(&self) -> usize {
        crate::loader::order::batches(self.splits.train.len(), self.config.train.batch, Lone::Joined).len()
    }

    /// How pictures are loaded for inference; training changes some of it.
    pub fn plain_spec(&self) -> Spec {
        loading::plain_spec(
            self.config,
            &self.preprocess,
            self.classes(),
            self.identity.channels,
            self.workers,
        )
    }

    fn class_weights(&self) -> Option<Vec<f32>> {
        match &self.config.train.class_weights {
            ClassWeights::None => None,
            ClassWeights::List(list) => Some(list.iter().map(|&weight| weight as f32).collect()),
            ClassWeights::Balanced => {
                let mut counts = vec![0; self.classes()];
                self.splits.train.iter().for_each(|item| counts[item.class] += 1);
                Some(balanced_weights(&counts))
            }
        }
    }
}

/// The network with other numbers, by name.
fn with_values(network: Network, values: Vec<Array>, device: &Device) -> Network {
    let mut values: std::collections::BTreeMap<_, _> =
        values.into_iter().map(|array| (array.name, array.values)).collect();
    update(network.frozen(device), &mut |name, _, _| {
        values.remove(name).map(|values| burn::tensor::Tensor::from_floats(values.as_slice(), device))
    })
}
