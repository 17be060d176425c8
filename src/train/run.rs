//! A whole run: its stages one after the other, from nothing or from a checkpoint, then the test. The loop
//! over epochs is here; one epoch is in `epoch`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::Device;

use super::average::Average;
use super::feed::Feed;
use super::late::Late;
use super::loss::Loss;
use super::observe::{Observer, StageNote};
use super::optimizer::Optimizer;
use super::outcome::{Outcome, Test};
use super::record::Record;
use super::replicas::Replicas;
use super::saver::Saver;
use super::validate::Validator;
use super::{Error, stage};
use crate::checkpoint::{self, Contents, Identity, Manifest, Progress, RunFolder, Tally, read_model};
use crate::config::{self, BatchNorm, Config, Sampler};
use crate::dataset::{Balance, Preprocess};
use crate::devices::held;
use crate::loader::{Decoded, Item, Lone, order};
use crate::model::{Array, Cut, Folded, Network, NormForm, arrays, update};

/// Everything a run is given and does not change.
pub struct Session<'a> {
    pub config: &'a Config,
    pub splits: Splits,
    pub balance: Balance,
    pub preprocess: Preprocess,
    pub identity: Identity,
    pub device: Device,
    /// Others of its kind, which share the batches of an update.
    pub others: Vec<Device>,
    /// What computes, in words: numbers computed by something else are not quite the same.
    pub machine: String,
    pub folder: &'a RunFolder,
    /// Fingerprints of configuration and data, for the manifests.
    pub fingerprints: [String; 2],
    /// Threads that prepare pictures.
    pub workers: usize,
    /// Processors that this process may use.
    pub processors: usize,
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

/// The temperature of weights that were not validated.
pub(super) const UNFITTED: f64 = 1.0;

/// What moves while a run goes on.
pub(super) struct Run<'a> {
    pub session: &'a Session<'a>,
    pub network: Network,
    pub optimizer: Optimizer,
    pub average: Option<Average>,
    pub progress: Progress,
    pub record: Record,
    pub loss: Loss,
    /// At which the probabilities of the network as it is fit the validation pictures.
    pub temperature: f64,
    /// The run has been told what to do about waiting for pictures, and that their cache does not take all.
    pub advised: bool,
    pub troubled: bool,
    /// Bytes that the device held at most, where it tells.
    pub device_memory: Option<u64>,
    pub late: Late,
    pub replicas: Replicas,
    pub saver: Saver,
    /// The state that was saved last, and when.
    saved: Option<Progress>,
    /// What of this epoch went into the last checkpoint.
    pub tally_saved: Tally,
    pub saved_at: Instant,
    /// How long this epoch has stood still for checkpoints.
    pub saving: Duration,
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
    if run.may_rewind() && run.progress.step == 0 {
        // So that there is something to go back to.
        run.save(observer)?;
    }
    while run.progress.stage < stages.len() {
        match run.stage(observer) {
            Ok(Some(saved)) => return Ok(Outcome::Stopped { saved }),
            Ok(None) => {}
            Err(Error::Diverged(cause)) if run.may_rewind() => {
                run = run.rewound(&cause, observer)?;
                continue;
            }
            Err(error) => return Err(error),
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
    run.finish(observer)
}

impl<'a> Run<'a> {
    pub(super) fn start(
        session: &'a Session<'a>,
        network: Network,
        from: Option<Contents>,
    ) -> Result<Self, Error> {
        let device = &session.device;
        let temperature = from.as_ref().map_or(UNFITTED, |saved| saved.identity.temperature);
        let is_new = from.is_none();
        let (network, moments, mut progress, averaged) = match from {
            None => (network, Vec::new(), Progress::default(), None),
            Some(saved) => {
                let fault = saved.progress.fault(session.config.stages.len(), session.batches());
                if let Some(reason) = fault {
                    let path = session.folder.path().to_owned();
                    return Err(checkpoint::Error::Damaged { path, reason }.into());
                }
                let averaged = saved.raw.is_some().then(|| saved.model.clone());
                let network = with_values(network, saved.raw.unwrap_or(saved.model), device);
                (network, saved.moments, saved.progress, averaged)
            }
        };
        session.expect_loss_scale(&mut progress, is_new)?;
        let mut average = session.config.train.ema.map(|keep| Average::new(&network, keep));
        if let (Some(average), Some(arrays)) = (&mut average, averaged) {
            average.restore(arrays, device);
        }
        let mut optimizer = Optimizer::new(session.config.optimizer, 1.0, network.blocks.len());
        optimizer.restore(moments, progress.updates, device);
        let samples = session.config.data.sampler != Sampler::Shuffle;
        let record = Record::open(session.folder, &mut progress)?;
        let record = record.marked(&session.identity).counting_classes(samples);
        let (loss, tally_saved) = (session.loss(), progress.tally.clone());
        Ok(Self {
            session,
            network,
            optimizer,
            average,
            progress,
            record,
            loss,
            temperature,
            advised: false,
            troubled: false,
            device_memory: None,
            late: Late::on(device),
            replicas: Replicas::on(&session.others),
            saver: Saver::new(session.folder),
            saved: None,
            tally_saved,
            saved_at: Instant::now(),
            saving: Duration::ZERO,
        })
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
            match self.epoch(cut, &mut feed, &mut validator, observer) {
                Err(Error::Stopped) => {}
                result => result?,
            }
            if self.asked_to_stop() {
                self.save_at_stop(observer)?;
                return self.newest_saved(observer).map(Some);
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

    /// Hands a checkpoint of everything to be written while training goes on, unless the last one holds just this.
    pub(super) fn save(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let (session, started) = (self.session, Instant::now());
        let (moments, updates) = self.optimizer.state();
        self.progress.updates = updates;
        if self.saved.as_ref() == Some(&self.progress) {
            return Ok(());
        }
        let raw = arrays(&self.network);
        let (model, raw) = match &self.average {
            None => (raw, None),
            Some(average) => (arrays(&average.applied_to(&self.network, &session.device)), Some(raw)),
        };
        let identity = Identity { temperature: self.temperature, ..session.identity.clone() };
        let contents = Contents { model, raw, moments, identity, progress: self.progress.clone() };
        let manifest = Manifest::new(&session.fingerprints[0], &session.fingerprints[1]);
        self.saver.begin(contents, manifest, self.keep(), observer)?;
        self.saved = Some(self.progress.clone());
        self.tally_saved = self.progress.tally.clone();
        self.saved_at = Instant::now();
        self.saving += started.elapsed();
        Ok(())
    }

    /// The checkpoint to go on from, once it is on the disk.
    fn newest_saved(&mut self, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
        match self.saver.settle(observer)? {
            Some(saved) => Ok(saved.to_owned()),
            // The run was read from it.
            None => Ok(self.session.folder.newest()?.checkpoint.folder),
        }
    }

    /// Hears how the checkpoint on its way is doing.
    pub(super) fn look_after_saving(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        Ok(self.saver.look(observer)?)
    }

    /// The network that is validated, saved as best, tested and exported.
    pub(super) fn judged(&self) -> Folded {
        match &self.average {
            None => Folded::new(&self.network),
            Some(average) => Folded::new(&average.applied_to(&self.network, &self.session.device)),
        }
    }

    /// The test pictures are looked at once, with the best checkpoint.
    fn finish(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        let saved = self.newest_saved(observer)?;
        let session = self.session;
        let steps = self.progress.step;
        let best = session.folder.best()?;
        let (model, Identity { temperature, .. }) = read_model(&best.model_path())?;
        let network = with_values(self.network.frozen(&session.device), model, &session.device);
        let mut validator = Validator::new(session, session.splits.test.clone(), None, Cut::ALL);
        let test = match validator.is_empty() {
            true => None,
            false => match validator.answers(session, &Folded::new(&network)) {
                Err(Error::Stopped) => return Ok(Outcome::Stopped { saved }),
                answers => Some(Test { answers: answers?, temperature }),
            },
        };
        let skipped = self.progress.loss_scale.map(|scale| scale.skipped);
        let (best, device_memory) = (best.folder, self.device_memory);
        Ok(Outcome::Finished { test, best, steps, device_memory, skipped })
    }

    pub(super) fn look_at_memory(&mut self) {
        self.device_memory = self.device_memory.max(held(&self.session.device));
    }

    pub(super) fn asked_to_stop(&self) -> bool {
        self.session.go_on().is_err()
    }
}

impl Session<'_> {
    pub fn classes(&self) -> usize {
        self.identity.classes.len()
    }

    /// An error once the run is asked to stop.
    pub(super) fn go_on(&self) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Channels, height and width of what the network sees.
    pub fn input_shape(&self) -> [usize; 3] {
        [self.identity.channels, self.preprocess.size, self.preprocess.size]
    }

    /// Whose statistics the layers that train normalise by.
    pub(super) fn form(&self) -> NormForm {
        match self.config.train.batch_norm {
            BatchNorm::Batch => NormForm::Batch,
            BatchNorm::Stored => NormForm::Stored,
        }
    }

    /// Which of the others computes this batch of an epoch; none where it is the first's turn.
    pub(super) fn turn(&self, batch: usize) -> Option<usize> {
        (batch % (self.others.len() + 1)).checked_sub(1)
    }

    /// Batches of an epoch.
    pub fn batches(&self) -> usize {
        order::batches(self.splits.train.len(), self.config.train.batch, Lone::Joined).len()
    }

    fn loss(&self) -> Loss {
        let gamma = match self.config.train.loss {
            config::Loss::CrossEntropy => 0.0,
            config::Loss::Focal { gamma } => gamma,
        };
        let weights = self.balance.weights.as_ref();
        let weights = weights.map(|weights| weights.iter().map(|&weight| weight as f32).collect());
        Loss { smoothing: self.config.train.label_smoothing, weights, gamma }
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
