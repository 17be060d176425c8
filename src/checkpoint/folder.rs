//! A run folder: where its files lie, which checkpoint is newest and which is best, and which may go.

use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::saved::{self, Checkpoint, Contents};
use super::{Error, Progress};
use crate::durable;

#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

/// The newest checkpoint that is whole, and what was passed over on the way to it.
#[derive(Debug, Clone)]
pub struct Found {
    pub checkpoint: Checkpoint,
    pub passed_over: Vec<String>,
}

const CONFIG: &str = "config.toml";
const CLASSES: &str = "classes.json";
const DATASET: &str = "dataset.json";
const STEPS: &str = "steps";

impl RunFolder {
    /// Makes a new run folder with everything that does not change while it runs. Refuses an existing one.
    pub fn create(path: &Path, config: &str, classes: &[String], dataset: &[u8]) -> Result<Self, Error> {
        if let Some(parent) = path.parent() {
            durable::create_folders(parent)?;
        }
        let new = durable::NewFolder::begin(path)?;
        new.write(CONFIG, config.as_bytes())?;
        new.write(CLASSES, &serde_json::to_vec_pretty(classes).unwrap_or_default())?;
        new.write(DATASET, dataset)?;
        new.commit()?;
        durable::create_folders(&path.join(STEPS))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Opens an existing run folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        for missing in [CONFIG, CLASSES, DATASET] {
            if !path.join(missing).is_file() {
                return Err(Error::NoRun { path: path.to_owned(), missing });
            }
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Whether a path looks like a run folder.
    pub fn is_one(path: &Path) -> bool {
        path.join(CONFIG).is_file() && path.join(DATASET).is_file()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn config_path(&self) -> PathBuf {
        self.file(CONFIG)
    }

    pub fn dataset_path(&self) -> PathBuf {
        self.file(DATASET)
    }

    pub fn lock(&self) -> Result<durable::Lock, Error> {
        Ok(durable::Lock::acquire(&self.path)?)
    }

    /// Removes what a killed process left half written.
    pub fn sweep(&self) -> Result<(), Error> {
        durable::sweep(&self.path)?;
        let steps = self.path.join(STEPS);
        if steps.is_dir() {
            durable::sweep(&steps)?;
        }
        Ok(())
    }

    /// Commits a checkpoint, points `latest` at it (and `best`, where it is the best), then lets old ones go.
    pub fn save(&self, contents: &Contents, manifest: Manifest, keep: usize) -> Result<PathBuf, Error> {
        let steps = self.path.join(STEPS);
        durable::create_folders(&steps)?;
        let step = contents.progress.step;
        let folder = self.free_name(step);
        saved::write(&folder, contents, manifest)?;
        let name = name_of(&folder);
        self.point("latest", &name)?;
        if contents.progress.best.is_some_and(|best| best.step == step) {
            self.point("best", &name)?;
        }
        self.prune(keep)?;
        Ok(folder)
    }

    /// Where a step is saved: its number, with a letter's worth of room where it was saved before.
    fn free_name(&self, step: usize) -> PathBuf {
        let steps = self.path.join(STEPS);
        let plain = steps.join(format!("{step:06}"));
        if !plain.exists() {
            return plain;
        }
        (1..).map(|n| steps.join(format!("{step:06}-{n}"))).find(|path| !path.exists()).unwrap_or(plain)
    }

    fn point(&self, pointer: &str, name: &str) -> Result<(), Error> {
        let text = format!("{name} {}\n", durable::hash(name.as_bytes()));
        Ok(durable::write(&self.path.join(pointer), text.as_bytes())?)
    }

    /// Points `latest` and `best` where the newest checkpoint that is whole says: a process may have been killed
    /// between writing it and pointing at it, or what they point at is damaged.
    pub fn point_as(&self, newest: &Checkpoint) -> Result<(), Error> {
        self.point("latest", &name_of(&newest.folder))?;
        let best = newest.progress()?.best.and_then(|best| self.at_step(best.step).ok());
        best.map_or(Ok(()), |best| self.point("best", &name_of(&best.folder)))
    }

    /// What a pointer names, unless it is absent or damaged.
    fn pointed(&self, pointer: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.path.join(pointer)).ok()?;
        let (name, hash) = text.strip_suffix('\n')?.split_once(' ')?;
        (durable::hash(name.as_bytes()) == hash).then(|| name.to_owned())
    }

    /// All checkpoints, newest first, whole or not.
    pub fn steps(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path.join(STEPS)) else { return Vec::new() };
        let mut steps: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        steps.retain(|path| order_of(path).is_some());
        steps.sort_by_key(|path| std::cmp::Reverse(order_of(path)));
        steps
    }

    /// The newest checkpoint that verifies.
    pub fn newest(&self) -> Result<Found, Error> {
        let mut passed_over = Vec::new();
        for folder in self.steps() {
            match Checkpoint::open(&folder) {
                Ok(checkpoint) => return Ok(Found { checkpoint, passed_over }),
                Err(error @ Error::Format { .. }) => return Err(error),
                Err(error) => passed_over.push(format!("{}: {error}", folder.display())),
            }
        }
        Err(Error::NoCheckpoint { path: self.path.clone(), passed_over })
    }

    /// The best checkpoint: what `best` points at, or what the newest state names.
    pub fn best(&self) -> Result<Checkpoint, Error> {
        if let Some(name) = self.pointed("best") {
            return Checkpoint::open(&self.path.join(STEPS).join(name));
        }
        let newest = self.newest()?.checkpoint;
        match newest.progress()?.best {
            Some(best) => self.at_step(best.step),
            None => Ok(newest),
        }
    }

    /// The checkpoint of a certain step.
    pub fn at_step(&self, step: usize) -> Result<Checkpoint, Error> {
        let none = Error::NoStep { path: self.path.clone(), step, names: self.names() };
        let mut found = Err(none);
        for folder in self.steps() {
            if found.is_err() && order_of(&folder).is_some_and(|(other, _)| other == step) {
                found = Checkpoint::open(&folder);
            }
        }
        found
    }

    fn names(&self) -> String {
        self.steps().iter().map(|path| name_of(path)).collect::<Vec<_>>().join(", ")
    }

    /// Removes all but the newest `keep` and the best.
    fn prune(&self, keep: usize) -> Result<(), Error> {
        let best = self.pointed("best");
        for old in self.steps().into_iter().skip(keep.max(1)) {
            if Some(name_of(&old)) != best {
                durable::remove_folder(&old)?;
            }
        }
        Ok(())
    }

    /// The state of the newest whole checkpoint, where there is one.
    pub fn progress(&self) -> Option<Progress> {
        self.newest().ok()?.checkpoint.progress().ok()
    }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Step and repetition from a folder's name: `000480` is (480, 0), `000480-1` is (480, 1).
fn order_of(folder: &Path) -> Option<(usize, usize)> {
    let name = name_of(folder);
    match name.split_once('-') {
        Some((step, again)) => Some((step.parse().ok()?, again.parse().ok()?)),
        None => Some((name.parse().ok()?, 0)),
    }
}
