//! A run read back from its folder, as far as the page shows it. What does not change while it runs is read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use super::kept::{Files, Made, Tested, Validation, Views, lines};
use super::warnings;
use crate::config::Config;
use crate::dataset::{Origin, Record, Split};
use crate::durable;
use crate::evaluate::Figures;

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Training,
    /// It does not go on by itself; in words why.
    Stopped(String),
    Finished,
}

pub struct Run {
    pub folder: PathBuf,
    pub name: String,
    pub state: State,
    pub config: Config,
    /// The configuration as it is written.
    pub toml: String,
    pub classes: Vec<String>,
    pub data: Data,
    pub epochs: Vec<Epoch>,
    pub times: Vec<Time>,
    pub validation: Option<Validation>,
    pub result: Option<RunResult>,
    pub(super) tested: Tested,
    pub made: Vec<Made>,
    pub views: Option<Views>,
}

/// What the page says of the data.
pub struct Data {
    pub origin: String,
    /// What its publisher says; none where nobody told kiln.
    pub licence: Option<String>,
    pub root: String,
    pub fingerprint: String,
    pub drawn: bool,
    /// Train, val, test.
    pub counts: [usize; 3],
    /// Pictures of each class in the training part.
    pub train: Vec<usize>,
    /// Pictures of each class: train, val, test.
    pub classes: Vec<[usize; 3]>,
    /// Why files were set aside, and how many.
    pub set_aside: Vec<(String, usize)>,
    pub warnings: Vec<warnings::Warning>,
}

/// A line of metrics.jsonl.
#[derive(Debug, Clone, Deserialize)]
pub struct Epoch {
    pub stage: usize,
    pub epoch: usize,
    pub step: usize,
    pub learning_rate: f64,
    pub train_loss: f64,
    pub train_accuracy: f64,
    pub val_loss: Option<f64>,
    pub val_accuracy: Option<f64>,
    pub best: bool,
}

/// A line of timing.jsonl.
#[derive(Debug, Clone, Deserialize)]
pub struct Time {
    pub step: usize,
    pub seconds: f64,
    pub pictures_per_second: f64,
    #[serde(default)]
    pub waited_seconds: f64,
}

/// What is read of result.json.
#[derive(Debug, Clone, Deserialize)]
pub struct RunResult {
    pub best: String,
    pub from_scratch: bool,
    stage_epochs: Vec<usize>,
    test: Option<serde_json::Value>,
    /// The figures of the test, unless an older kiln wrote fewer of them.
    #[serde(skip)]
    pub figures: Option<Figures>,
}

impl Run {
    /// Reads a run folder; the state is what its files tell.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let config_path = folder.join("config.toml");
        let config = Config::load(&config_path, &[])?;
        let toml = durable::read_words(&config_path).unwrap_or_default();
        let record = Record::read(&folder.join("dataset.json"))?;
        let files = Files::of(folder);
        let mut run = Self {
            name: folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            folder: folder.to_owned(),
            state: State::Training,
            classes: record.classes.clone(),
            data: Data::of(&record),
            views: files.views(),
            config,
            toml,
            epochs: Vec::new(),
            times: Vec::new(),
            validation: None,
            result: None,
            tested: Tested::default(),
            made: Vec::new(),
        };
        run.refresh();
        let planned = run.config.stages.iter().map(|stage| stage.epochs);
        let is_finished =
            run.result.as_ref().is_some_and(|result| planned.eq(result.stage_epochs.iter().copied()));
        run.state = match is_finished {
            true => State::Finished,
            false => State::Stopped("it is not finished".into()),
        };
        Ok(run)
    }

    /// The same run in another state, with its records read again.
    pub fn now(&mut self, state: State) {
        self.state = state;
        self.refresh();
    }

    fn refresh(&mut self) {
        let files = Files::of(&self.folder);
        self.epochs = lines(&self.folder.join("metrics.jsonl"));
        self.times = lines(&self.folder.join("timing.jsonl"));
        self.validation = files.validation().filter(|found| found.scores.classes.len() == self.classes.len());
        self.result = RunResult::read(&self.folder.join("result.json"));
        self.tested = files.tested();
        self.made = files.made();
    }

    /// The figures of the test, once it is over.
    pub fn figures(&self) -> Option<&Figures> {
        let figures = self.result.as_ref()?.figures.as_ref()?;
        (self.state == State::Finished && figures.scores.classes.len() == self.classes.len())
            .then_some(figures)
    }

    /// The best epoch so far by number, from 1.
    pub fn best_epoch(&self) -> Option<usize> {
        self.epochs.iter().rposition(|epoch| epoch.best).map(|at| at + 1)
    }

    /// Epochs there will be: all planned ones while it trains, those that were once it is finished.
    pub fn planned(&self) -> usize {
        let done = self.epochs.len();
        let stage = self.epochs.last().map_or(1, |epoch| epoch.stage);
        let here = self.epochs.iter().filter(|epoch| epoch.stage == stage).count();
        let ahead: usize = self.config.stages.iter().skip(stage - 1).map(|stage| stage.epochs).sum();
        match self.state {
            State::Finished => done,
            _ => done - here + ahead.max(here),
        }
    }
}

impl RunResult {
    fn read(path: &Path) -> Option<Self> {
        let mut result: Self = serde_json::from_str(&durable::read_words(path).ok()?).ok()?;
        result.figures = result.test.take().and_then(|test| serde_json::from_value(test).ok());
        Some(result)
    }
}

impl Data {
    fn of(record: &Record) -> Self {
        let mut classes = vec![[0; 3]; record.classes.len()];
        for sample in &record.samples {
            let split = match sample.split {
                Split::Train => 0,
                Split::Val => 1,
                Split::Test => 2,
            };
            classes[sample.class][split] += 1;
        }
        let train: Vec<usize> = classes.iter().map(|[train, ..]| *train).collect();
        let mut set_aside = BTreeMap::<&str, usize>::new();
        for file in &record.set_aside {
            *set_aside.entry(&file.reason).or_default() += 1;
        }
        Self {
            origin: warnings::origin(&record.origin),
            licence: match &record.origin {
                Origin::Recipe { licence, .. } => Some(licence.clone()),
                Origin::Folder | Origin::Drawn { .. } => None,
            },
            root: record.root.display().to_string(),
            fingerprint: record.fingerprint.clone(),
            drawn: record.drawn,
            counts: [record.counts.train, record.counts.val, record.counts.test],
            warnings: warnings::of(record, &train),
            train,
            classes,
            set_aside: set_aside.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        }
    }
}
