//! What lies in kiln's cache folder: kinds, sizes and ages, and which entries kiln wrote itself. Only those are ever
//! removed; whatever else lies there is named and left alone.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::ValueEnum;
use serde::Serialize;

use super::session::{FEATURES, PICTURES};
use crate::dataset::drawn;
use crate::devices;
use crate::durable::{self, Lock};
use crate::weights;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Archives on their way
    Downloads,
    /// Fetched and drawn pictures
    Datasets,
    /// Pretrained weights (those of the Hugging Face Hub lie in its own cache)
    Weights,
    /// Outputs of frozen layers
    Features,
    /// Decoded pictures
    Pictures,
    /// Which devices have passed the self-check
    Devices,
}

/// Something that kiln wrote.
#[derive(Debug)]
pub struct Entry {
    pub path: PathBuf,
    pub bytes: u64,
    /// When it was last written or used.
    pub used: SystemTime,
}

/// What a kind's folder holds.
#[derive(Debug, Default)]
pub struct Shelf {
    pub own: Vec<Entry>,
    /// What something else put there.
    pub foreign: Vec<PathBuf>,
}

impl Kind {
    pub const ALL: [Kind; 6] =
        [Kind::Downloads, Kind::Datasets, Kind::Weights, Kind::Features, Kind::Pictures, Kind::Devices];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Downloads => "downloads",
            Kind::Datasets => "datasets",
            Kind::Weights => "weights",
            Kind::Features => "features",
            Kind::Pictures => "pictures",
            Kind::Devices => "devices",
        }
    }

    pub fn folder(self, cache: &Path) -> PathBuf {
        cache.join(match self {
            Kind::Features => FEATURES,
            Kind::Pictures => PICTURES,
            other => other.name(),
        })
    }

    /// What its folder holds, by name. A folder that is not there holds nothing.
    pub fn look(self, cache: &Path) -> Shelf {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.folder(cache)).into_iter().flatten().flatten().map(|e| e.path()).collect();
        paths.sort();
        let mut shelf = Shelf::default();
        for path in paths {
            if is_lock(&path) {
                continue;
            }
            match Entry::of(&path).filter(|_| self.wrote(&path)) {
                Some(entry) => shelf.own.push(entry),
                None => shelf.foreign.push(path),
            }
        }
        shelf
    }

    /// Whether kiln put this there: by its name, its kind of file and what lies beside it or in it.
    fn wrote(self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(OsStr::to_str) else { return false };
        let Ok(data) = fs::symlink_metadata(path) else { return false };
        let (is_file, is_folder) = (data.is_file(), data.is_dir());
        match self {
            // Whoever fetches holds a lock beside what is fetched.
            Kind::Downloads => is_file && is_lock(&lock_of(path)),
            Kind::Datasets => is_folder && (is_lock(&lock_of(path)) || drawn::origin_of(path).is_some()),
            Kind::Weights => is_file && weights::fetch::is_own(without_stage(name)),
            Kind::Features => is_file && is_hash(name, 32, ".rows"),
            Kind::Pictures => is_file && is_hash(name, 32, ".pictures"),
            Kind::Devices => {
                let hash = name.split_once('-').filter(|(kind, _)| is_device(kind));
                is_file && hash.is_some_and(|(_, hash)| is_hash(hash, 16, ".json"))
            }
        }
    }
}

impl Entry {
    fn of(path: &Path) -> Option<Self> {
        let data = fs::symlink_metadata(path).ok()?;
        Some(Self { path: path.to_owned(), bytes: size(path), used: data.modified().ok()? })
    }

    /// Removes it, unless another process is at work on it.
    pub fn remove(&self) -> Result<(), durable::Error> {
        let lock = lock_of(&self.path);
        let _held = if is_lock(&lock) { Some(Lock::acquire(&lock)?) } else { None };
        if self.path.is_dir() {
            return durable::remove_folder(&self.path);
        }
        fs::remove_file(&self.path).map_err(|cause| durable::Error::Io {
            action: "remove",
            path: self.path.clone(),
            cause,
        })
    }
}

/// The folder that processes lock which fetch something; it stays for good.
fn lock_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{}.lock", without_stage(&name)))
}

fn is_lock(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "lock") && path.join("lock").is_file()
}

/// `a.pth.part` and `a.pth.wrong` belong to `a.pth`.
fn without_stage(name: &str) -> &str {
    name.strip_suffix(".part").or_else(|| name.strip_suffix(".wrong")).unwrap_or(name)
}

fn is_device(name: &str) -> bool {
    devices::Kind::ALL.into_iter().any(|kind| kind.name() == name)
}

/// So many hexadecimal digits, perhaps a view's number, and an ending.
fn is_hash(name: &str, digits: usize, ending: &str) -> bool {
    let Some(stem) = name.strip_suffix(ending) else { return false };
    let (hash, view) = stem.split_once('-').unwrap_or((stem, "0"));
    let is_hash = hash.len() == digits && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash && view.parse::<usize>().is_ok()
}

/// Bytes of a file, or of all files in a folder; links are not followed.
fn size(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => {
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size(&entry.path())).sum()
        }
        Ok(data) => data.len(),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    fn put(cache: &Path, relative: &str) {
        let path = cache.join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "12345").unwrap();
    }

    fn names(paths: impl Iterator<Item = PathBuf>) -> Vec<String> {
        paths.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    fn check(kind: Kind, files: &[&str], own: &[&str], foreign: &[&str]) {
        let cache = tempfile::tempdir().unwrap();
        files.iter().for_each(|file| put(&kind.folder(cache.path()), file));
        let shelf = kind.look(cache.path());
        assert_eq!(names(shelf.own.iter().map(|entry| entry.path.clone())), own, "{kind:?}");
        assert_eq!(names(shelf.foreign.into_iter()), foreign, "{kind:?}");
        for entry in &shelf.own {
            entry.remove().unwrap();
        }
        assert!(kind.look(cache.path()).own.is_empty());
    }

    #[test]
    fn only_what_kiln_wrote_is_its_own() {
        let (rows, pictures) = (format!("{HASH}-0.rows"), format!("{HASH}.pictures"));
        check(Kind::Features, &[&rows, "mine.rows", "notes.txt"], &[&rows], &["mine.rows", "notes.txt"]);
        check(Kind::Pictures, &[&pictures, "holiday.pictures"], &[&pictures], &["holiday.pictures"]);
        let note = format!("wgpu-{}.json", &HASH[..16]);
        check(Kind::Devices, &[&note, "wgpu.json", "cpu-1.json"], &[&note], &["cpu-1.json", "wgpu.json"]);
        let files = ["a.tgz", "a.tgz.part", "a.tgz.lock/lock", "b.tgz", "c.lock"];
        check(Kind::Downloads, &files, &["a.tgz", "a.tgz.part"], &["b.tgz", "c.lock"]);
        let files = ["flowers-4c54/x/1.jpg", "flowers-4c54.lock/lock", "pets/cat/1.jpg"];
        check(Kind::Datasets, &files, &["flowers-4c54"], &["pets"]);
        let files = ["efficientnet-lite0-57934424.pth", "mine.pth"];
        check(Kind::Weights, &files, &["efficientnet-lite0-57934424.pth"], &["mine.pth"]);
    }

    #[test]
    fn what_another_process_works_on_stays() {
        let cache = tempfile::tempdir().unwrap();
        put(cache.path(), "downloads/a.tgz.part");
        put(cache.path(), "downloads/a.tgz.lock/lock");
        let held = Lock::acquire(&cache.path().join("downloads/a.tgz.lock")).unwrap();
        let shelf = Kind::Downloads.look(cache.path());
        assert!(shelf.own[0].remove().unwrap_err().is_locked());
        drop(held);
        shelf.own[0].remove().unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn links_are_never_followed() {
        let (cache, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(outside.path(), "mine/1.jpg");
        put(cache.path(), "datasets/x.lock/lock");
        std::os::unix::fs::symlink(outside.path().join("mine"), cache.path().join("datasets/x")).unwrap();
        let shelf = Kind::Datasets.look(cache.path());
        assert_eq!((shelf.own.len(), shelf.foreign.len()), (0, 1));
    }
}
