//! Proves on the user's own machine that a stop and a resume change nothing: a few updates of every stage straight
//! through, and again with a stop after each update; then every byte is compared. It leaves nothing behind.

#[cfg(test)]
mod shared;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use burn::tensor::Device;
use serde::Serialize;

use super::console::{Bar, answer, print, tell};
use super::failure::RUN_FOLDER;
use super::prepare::{Beginning, beginning, pictures, plan_of, splits};
use super::resume::network_of;
use super::session::{Parts, devices_ready, others, session};
use super::{Ended, start};
use crate::checkpoint::RunFolder;
use crate::config::Config;
use crate::dataset::{Dataset, Record};
use crate::devices::Chosen;
use crate::loader::Item;
use crate::train::{self, BatchNote, Observer, Outcome, Splits};

/// Updates of each stage. With fewer, no stop would fall between two that belong to one epoch.
const UPDATES: usize = 3;

#[derive(Serialize)]
struct Verdict {
    schema: u32,
    same: bool,
    stops: usize,
    device: String,
    files: Vec<Compared>,
    seconds: f64,
}

#[derive(Serialize)]
struct Compared {
    name: String,
    bytes: usize,
    same: bool,
}

/// What both runs start from.
struct Both<'a> {
    begun: &'a Beginning,
    config: &'a Config,
    dataset: &'a Dataset,
    device: &'a Chosen,
    others: &'a [Device],
}

/// A run in a folder of its own, and how often it was stopped.
struct Ran {
    folder: RunFolder,
    stops: usize,
}

pub fn prove(config: &Path, overrides: &[String], json: bool) -> Ended {
    let started = Instant::now();
    let config = Config::load(config, overrides)?;
    start::threads(config.train.threads)?;
    let (device, config) = devices_ready(config)?;
    let others = others(&device, &config)?;
    let dataset = pictures(&config)?;
    let begun = beginning(&config, plan_of(&config, dataset.classes.len())?)?;
    let config = shortened(&begun.config);
    let both = Both { begun: &begun, config: &config, dataset: &dataset, device: &device, others: &others };
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    tell(&format!("{UPDATES} updates of each of {} stages, straight through", config.stages.len()));
    let straight = both.train(&scratch.path().join("straight"), None)?;
    tell("the same with a stop and a resume after each update");
    let mut bar = Bar::count("  stops");
    let stopped = both.train(&scratch.path().join("stopped"), Some(&mut bar))?;
    bar.clear();
    let files = compared(&straight.folder, &stopped.folder)?;
    let verdict = Verdict {
        schema: 1,
        same: files.iter().all(|file| file.same),
        stops: stopped.stops,
        device: device.machine(),
        files,
        seconds: started.elapsed().as_secs_f64(),
    };
    answer(&words(&verdict), json)?;
    if json {
        print(&(serde_json::to_string(&verdict)? + "\n"))?;
    }
    Ok(if verdict.same { 0 } else { RUN_FOLDER })
}

/// One epoch of each stage, one checkpoint kept.
fn shortened(config: &Config) -> Config {
    let mut config = config.clone();
    config.stages.iter_mut().for_each(|stage| stage.epochs = 1);
    config.checkpoint.keep = 1;
    config
}

impl Both<'_> {
    /// Trains to the end; with a bar, it is stopped after each update.
    fn train(&self, path: &Path, mut stops: Option<&mut Bar>) -> Result<Ran> {
        let record = path.with_extension("json");
        Record::of(self.dataset).write(&record)?;
        let (toml, classes) = (self.config.to_toml(), &self.dataset.classes);
        let folder = RunFolder::create(path, &toml, classes, &std::fs::read(&record)?)?;
        let mut count = 0;
        loop {
            let saved = match count {
                0 => None,
                _ => Some(folder.newest()?.checkpoint.contents()?),
            };
            let network = match &saved {
                None => self.begun.network(classes.len(), &self.device.device),
                Some(saved) => network_of(saved, self.config, &self.device.device),
            };
            let stop = AtomicBool::new(false);
            let mut session = session(self.parts(&folder), &stop);
            (session.cache_folder, session.decoded) = (None, None);
            let outcome = match &mut stops {
                None => train::run(&session, network, saved, &mut ())?,
                Some(_) => train::run(&session, network, saved, &mut StopAfterOne(&stop))?,
            };
            if let Outcome::Finished { .. } = outcome {
                return Ok(Ran { folder, stops: count });
            }
            count += 1;
            if let Some(bar) = &mut stops {
                bar.set(count as u64, (UPDATES * self.config.stages.len()) as u64);
            }
        }
    }

    fn parts<'a>(&'a self, folder: &'a RunFolder) -> Parts<'a> {
        let splits = self.few();
        let mut counts = vec![0; self.dataset.classes.len()];
        splits.train.iter().for_each(|item| counts[item.class] += 1);
        Parts {
            config: self.config,
            balance: train::balance(self.config, &self.dataset.classes, &counts),
            splits,
            preprocess: self.begun.preprocess.clone(),
            identity: self.begun.identity(self.dataset),
            device: self.device.clone(),
            others: self.others.to_vec(),
            folder,
            data: self.dataset.fingerprint(),
            tried: false,
            tui: false,
            json: false,
        }
    }

    /// As many pictures as the updates take.
    fn few(&self) -> Splits {
        let all = splits(self.dataset);
        let train = &self.config.train;
        let batch = train.batch;
        Splits {
            train: spread(all.train, UPDATES * batch * train.accumulate),
            val: spread(all.val, batch),
            test: Vec::new(),
        }
    }
}

/// Some of many, from all over the list.
fn spread(items: Vec<Item>, wanted: usize) -> Vec<Item> {
    let (all, wanted) = (items.len(), wanted.min(items.len()));
    let chosen = |index: &usize| (index * wanted) % all < wanted;
    items.into_iter().enumerate().filter(|(index, _)| chosen(index)).map(|(_, item)| item).collect()
}

struct StopAfterOne<'a>(&'a AtomicBool);

impl Observer for StopAfterOne<'_> {
    fn batch(&mut self, _: &BatchNote) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The newest checkpoints and the records, byte by byte.
fn compared(straight: &RunFolder, stopped: &RunFolder) -> Result<Vec<Compared>> {
    let checkpoints = [straight.newest()?.checkpoint, stopped.newest()?.checkpoint];
    let mut files = Vec::new();
    for name in checkpoints[0].manifest.files.keys() {
        files.push(compare(name, checkpoints.each_ref().map(|one| one.folder.join(name)))?);
    }
    for name in ["metrics.jsonl", "metrics.csv"] {
        files.push(compare(name, [straight.file(name), stopped.file(name)])?);
    }
    Ok(files)
}

fn compare(name: &str, paths: [std::path::PathBuf; 2]) -> Result<Compared> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let (one, other) = (read(&paths[0])?, read(&paths[1])?);
    Ok(Compared { name: name.to_owned(), bytes: one.len(), same: one == other })
}

fn words(verdict: &Verdict) -> String {
    let mut text = String::new();
    for file in &verdict.files {
        let same = if file.same { "the same" } else { "DIFFERENT" };
        text += &format!("  {:24} {:>12} bytes  {same}\n", file.name, file.bytes);
    }
    text += &match verdict.same {
        true => format!(
            "resuming is exact here: {} stops on {} changed no byte ({:.1} s)\n",
            verdict.stops, verdict.device, verdict.seconds
        ),
        false => format!(
            "resuming is NOT exact on {}: a resumed run goes on well, but ends with slightly different numbers\n",
            verdict.device
        ),
    };
    text
}
