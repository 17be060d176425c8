//! What others are told of a run while it trains: TensorBoard by event files in the run folder, MLflow by HTTP. Whoever
//! cannot be told is named once, and never stops a run or slows it.

mod events;
mod framing;
mod mlflow;
mod protocol;
mod server;

use std::path::Path;

use events::{EventFile, Kind, Place, STEP, TEST};
use mlflow::Mlflow;
use protocol::Value;
pub use server::Description;

use crate::canvas;
use crate::config::Config;
use crate::durable;
use crate::evaluate::Figures;
use crate::train::{BatchNote, EpochNote, Observer, StageNote};

/// Figures by name.
type Named = Vec<(String, f64)>;

/// How a run ended, for those who are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Finished,
    /// By a signal; it may go on.
    Stopped,
    Failed,
}

/// Those who are told.
pub struct Tracker {
    tensorboard: Option<EventFile>,
    mlflow: Option<Mlflow>,
    classes: Vec<String>,
    troubles: Vec<String>,
}

/// Tells what an observer sees, and passes it on.
pub struct Tracked<'a> {
    inner: &'a mut dyn Observer,
    tracker: &'a mut Tracker,
}

impl Tracker {
    /// Whoever the configuration names; `about` is asked only where somebody is.
    pub fn open(
        config: &Config,
        run: &Path,
        classes: &[String],
        about: impl FnOnce() -> Description,
    ) -> Self {
        let mut tracker =
            Self { tensorboard: None, mlflow: None, classes: classes.to_vec(), troubles: Vec::new() };
        if !config.track.tensorboard && config.track.mlflow.is_none() {
            return tracker;
        }
        let about = &about();
        if config.track.tensorboard {
            let opened = EventFile::open(run).and_then(|mut file| describe(&mut file, about).map(|()| file));
            tracker.tensorboard = tracker.kept(opened);
        }
        tracker.mlflow =
            config.track.mlflow.as_ref().map(|address| Mlflow::open(address, run, about.clone()));
        tracker
    }

    /// What went wrong since this was last asked; each thing once.
    pub fn troubles(&mut self) -> Vec<String> {
        let told = self.mlflow.as_ref().map(Mlflow::troubles).unwrap_or_default();
        self.troubles.drain(..).chain(told).collect()
    }

    /// The figures of the test, after so many updates.
    pub fn tested(&mut self, step: usize, figures: &Figures) {
        let named = of_test(figures);
        let matrix = self.confusion("test_confusion", &figures.scores.confusion);
        self.put(step, Kind::Test, numbers(&named).chain(matrix).collect());
        self.tell(step, true, named);
    }

    /// Says how it ended, and gives those who are slow a moment.
    pub fn close(&mut self, end: End) {
        if let Some(file) = &self.tensorboard {
            let synced = file.sync();
            self.kept(synced);
        }
        if let Some(mlflow) = self.mlflow.take() {
            self.troubles.extend(mlflow.close(end));
        }
    }

    fn batch(&mut self, note: &BatchNote) {
        let figures =
            [("learning_rate", note.rate), ("train_loss", note.loss), ("train_accuracy", note.accuracy)];
        let values = figures.iter().map(|(name, value)| Value::number(&format!("{STEP}{name}"), *value));
        self.put(note.step, Kind::Batch, values.collect());
    }

    fn epoch(&mut self, note: &EpochNote) {
        let named = of_epoch(note);
        let matrix =
            note.validation.as_ref().and_then(|scores| self.confusion("val_confusion", &scores.confusion));
        self.put(note.step, Kind::Epoch, numbers(&named).chain(matrix).collect());
        if let Some(file) = &self.tensorboard {
            let synced = file.sync();
            self.kept(synced);
        }
        self.tell(note.step, false, named);
    }

    /// An event; the first that cannot be written is the last that is tried.
    fn put(&mut self, step: usize, kind: Kind, values: Vec<Value>) {
        let Some(file) = &mut self.tensorboard else { return };
        let put = file.put(Place { step: step as u64, kind }, values);
        if self.kept(put).is_none() {
            self.tensorboard = None;
        }
    }

    fn tell(&self, step: usize, is_test: bool, named: Named) {
        if let Some(mlflow) = &self.mlflow {
            mlflow.tell(step as u64, is_test, named);
        }
    }

    fn kept<T>(&mut self, result: Result<T, durable::Error>) -> Option<T> {
        let said = |error| format!("WARNING: TensorBoard's events are not written any more: {error}");
        result.map_err(|error| self.troubles.push(said(error))).ok()
    }

    fn confusion(&self, tag: &str, rows: &[Vec<usize>]) -> Option<Value> {
        self.tensorboard.as_ref()?;
        let image = canvas::matrix(&self.classes, rows);
        Some(Value::image(tag, image.dimensions(), canvas::png(&image)?))
    }
}

/// A new file begins with how the run is made.
fn describe(file: &mut EventFile, about: &Description) -> Result<(), durable::Error> {
    if !file.is_new() {
        return Ok(());
    }
    let head = Place { step: 0, kind: Kind::Head };
    file.put(head, vec![Value::text("configuration", &about.markdown())])
}

fn numbers(named: &Named) -> impl Iterator<Item = Value> {
    named.iter().map(|(name, value)| Value::number(name, *value))
}

/// As metrics.jsonl calls them.
fn of_epoch(note: &EpochNote) -> Named {
    let validation = note.validation.as_ref();
    let rate = note.pictures as f64 / note.time.as_secs_f64().max(1e-9);
    let figures = [
        ("learning_rate", Some(note.rate)),
        ("train_loss", Some(note.train_loss)),
        ("train_accuracy", Some(note.train_accuracy)),
        ("val_loss", validation.map(|scores| scores.loss)),
        ("val_accuracy", validation.map(|scores| scores.accuracy)),
        ("pictures_per_second", Some(rate)),
    ];
    figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn of_test(figures: &Figures) -> Named {
    let Figures { scores, balanced_accuracy, calibration, .. } = figures;
    let figures = [
        ("accuracy", scores.accuracy),
        ("loss", scores.loss),
        ("macro_f1", scores.macro_f1),
        ("balanced_accuracy", *balanced_accuracy),
        ("calibration_error", calibration.error),
    ];
    figures.iter().map(|(name, value)| (format!("{TEST}{name}"), *value)).collect()
}

impl<'a> Tracked<'a> {
    pub fn new(inner: &'a mut dyn Observer, tracker: &'a mut Tracker) -> Self {
        Self { inner, tracker }
    }
}

impl Observer for Tracked<'_> {
    fn stage(&mut self, note: &StageNote) {
        self.inner.stage(note);
    }

    fn caching(&mut self, done: usize, total: usize) {
        self.inner.caching(done, total);
    }

    fn remark(&mut self, text: &str) {
        self.inner.remark(text);
    }

    fn batch(&mut self, note: &BatchNote) {
        self.inner.batch(note);
        self.tracker.batch(note);
    }

    fn epoch(&mut self, note: &EpochNote) {
        self.inner.epoch(note);
        self.tracker.epoch(note);
        self.tracker.troubles().iter().for_each(|trouble| self.inner.remark(trouble));
    }

    fn saved(&mut self, path: &Path) {
        self.inner.saved(path);
    }
}
