//! A run folder: where its files lie, which checkpoint is newest and which is best, and which may go.

use std::path::{Path, PathBuf};

use super::known::Known;
use super::manifest::Manifest;
use super::saved::{self, Checkpoint, Contents};
use super::{Error, Progress};
use crate::durable;

#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    known: Known,
}

/// The newest checkpoint that is whole, and what was passed over on the way to it.
#[derive(Debug, Clone)]
pub struct Found {
    pub checkpoint: Checkpoint,
    pub passed_over: Vec<String>,
}

/// Which checkpoints stay besides the best one.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// So many of the newest.
    pub newest: usize,
    /// Those from before the first update.
    pub first: bool,
}

/// What a pointer file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pointer {
    Absent,
    To(String),
    Damaged(String),
}

/// The pointer files of a run.
pub const POINTERS: [&str; 2] = ["latest", "best"];

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
        Ok(Self { path: path.to_owned(), known: Known::default() })
    }

    /// Opens an existing run folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        for missing in [CONFIG, CLASSES, DATASET] {
            if !path.join(missing).is_file() {
                return Err(Error::NoRun { path: path.to_owned(), missing });
            }
        }
        Ok(Self { path: path.to_owned(), known: Known::default() })
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

    /// Removes what a killed process left half written, here and in the folders of this one.
    pub fn sweep(&self) -> Result<(), Error> {
        durable::sweep(&self.path)?;
        for folder in durable::folders(&self.path)? {
            durable::sweep(&folder)?;
        }
        Ok(())
    }

    /// Commits a checkpoint, points at it, then lets old ones go.
    pub fn save(&self, contents: &Contents, manifest: Manifest, keep: usize) -> Result<PathBuf, Error> {
        let saved = self.write(contents, manifest)?;
        self.point_at(&saved, &contents.progress)?;
        self.prune(&saved, Keep { newest: keep, first: false })?;
        Ok(saved)
    }

    /// Commits a checkpoint; nothing points at it yet.
    pub fn write(&self, contents: &Contents, manifest: Manifest) -> Result<PathBuf, Error> {
        self.expect_there()?;
        durable::create_folders(&self.path.join(STEPS))?;
        let folder = self.free_name(contents.progress.step);
        saved::write(&folder, contents, manifest)?;
        self.known.note(&folder, true);
        Ok(folder)
    }

    fn expect_there(&self) -> Result<(), Error> {
        if self.config_path().is_file() { Ok(()) } else { Err(Error::Vanished { path: self.path.clone() }) }
    }

    /// Points `latest` at a new checkpoint, and `best` where it is the best.
    pub fn point_at(&self, saved: &Path, progress: &Progress) -> Result<(), Error> {
        self.expect_there()?;
        let name = name_of(saved);
        self.point("latest", &name)?;
        match progress.best {
            Some(best) if best.step == progress.step => self.point("best", &name),
            _ => Ok(()),
        }
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

    /// Whether a pointer is there, whole, and names a checkpoint that is.
    pub fn pointer(&self, pointer: &str) -> Pointer {
        if !self.path.join(pointer).exists() {
            return Pointer::Absent;
        }
        match self.pointed(pointer) {
            None => Pointer::Damaged("its checksum is wrong".into()),
            Some(name) if self.path.join(STEPS).join(&name).is_dir() => Pointer::To(name),
            Some(name) => Pointer::Damaged(format!("it names {name}, which is not there")),
        }
    }

    /// What a pointer names, unless it is absent or damaged.
    fn pointed(&self, pointer: &str) -> Option<String> {
        let text = durable::read_words(&self.path.join(pointer)).ok()?;
        let (name, hash) = text.strip_suffix('\n')?.split_once(' ')?;
        // A path would lead out of the run.
        let is_step = !name.contains(['/', '\\']) && order_of(Path::new(name)).is_some();
        (is_step && durable::hash(name.as_bytes()) == hash).then(|| name.to_owned())
    }

    /// All checkpoints, newest first, whole or not. A run that has gone back goes on from there: what it saves then is newer
    /// than what it left behind, whatever their steps.
    pub fn steps(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path.join(STEPS)) else { return Vec::new() };
        let mut steps: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        steps.retain(|path| order_of(path).is_some());
        steps.sort_by_cached_key(|path| std::cmp::Reverse((saved::rewinds(path), order_of(path))));
        steps
    }

    /// Opens a checkpoint, and remembers whether it was whole.
    fn open_step(&self, folder: &Path) -> Result<Checkpoint, Error> {
        let opened = Checkpoint::open(folder);
        self.known.note(folder, opened.is_ok());
        opened
    }

    /// The newest checkpoint that verifies.
    pub fn newest(&self) -> Result<Found, Error> {
        let mut passed_over = Vec::new();
        for folder in self.steps() {
            match self.open_step(&folder) {
                Ok(checkpoint) => return Ok(Found { checkpoint, passed_over }),
                Err(error @ Error::Format { .. }) => return Err(error),
                Err(error) => passed_over.push(format!("{}: {error}", folder.display())),
            }
        }
        Err(Error::NoCheckpoint { path: self.path.clone(), passed_over })
    }

    /// The newest whole checkpoint whose state is as wanted; where none is, the oldest that is whole.
    pub fn newest_where(&self, wanted: impl Fn(&Progress) -> bool) -> Result<Checkpoint, Error> {
        let steps = self.steps();
        let is_wanted = |folder: &&PathBuf| saved::progress(folder).is_ok_and(|progress| wanted(&progress));
        let mut in_question = steps.iter().filter(is_wanted).chain(steps.iter().rev());
        let found = in_question.find_map(|folder| self.open_step(folder).ok());
        found.ok_or_else(|| Error::NoCheckpoint { path: self.path.clone(), passed_over: Vec::new() })
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

    /// Removes what is older than the one that was saved now and the newest before it, as far as it is known to be whole. What is
    /// damaged is not counted and stays, and so does what is newer by its number: the run has passed it over or left it behind.
    pub fn prune(&self, saved: &Path, keep: Keep) -> Result<(), Error> {
        let best = self.pointed("best");
        if best.is_none() && self.path.join("best").exists() {
            // Nobody knows which one it is.
            return Ok(());
        }
        let steps = self.steps();
        let older = steps.iter().skip_while(|folder| name_of(folder) != name_of(saved)).skip(1);
        let others = keep.newest.max(1) - 1;
        if older.clone().count() <= others {
            return Ok(());
        }
        for old in older.filter(|old| self.known.is_whole(old)).skip(others) {
            let is_first = order_of(old).is_some_and(|(step, _)| step == 0);
            if Some(name_of(old)) != best && !(keep.first && is_first) {
                durable::remove_folder(old)?;
                self.known.forget(old);
            }
        }
        Ok(())
    }

    /// The state of the newest whole checkpoint, where there is one.
    pub fn progress(&self) -> Option<Progress> {
        self.newest().ok()?.checkpoint.progress().ok()
    }
}

pub(super) fn name_of(folder: &Path) -> String {
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
