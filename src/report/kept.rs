//! The files in a run's `report/`: what the run's own records do not say and the page shows. Written whole or not at all;
//! one that is damaged or absent only leaves its part of the page out.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{machine, time};
use crate::durable;
use crate::evaluate::{Scores, Source};

/// The folder of these files in a run folder.
#[derive(Debug, Clone)]
pub struct Files {
    run: PathBuf,
}

/// A process that worked on the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// Seconds since 1970.
    pub at: u64,
    pub command: Vec<String>,
    pub kiln: String,
    /// Burn's version. An older kiln did not note it, nor what stands last here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn: Option<String>,
    /// What computed, in words.
    pub device: String,
    pub system: String,
    pub processors: usize,
    /// The processor's name, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// All memory of the machine in bytes, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

/// The Burn that kiln is built on, as Cargo.toml has it.
const BURN: &str = "0.22.1";

/// Some training pictures as they are and as training sees them, in rows of one picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Views {
    pub columns: usize,
    /// The class of each row's picture.
    pub rows: Vec<String>,
    /// All of them in one picture, side by side and beneath each other, as a data URI.
    pub sheet: String,
}

/// The validation of the best epoch so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Of the whole run, from 1.
    pub epoch: usize,
    pub scores: Scores,
}

/// A test picture that was taken for something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    pub name: String,
    pub class: usize,
    pub predicted: usize,
    pub confidence: f64,
    pub probability: f64,
    /// A data URI, where there is a picture.
    pub picture: Option<String>,
    /// The same with what spoke for the class that was predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heat: Option<String>,
}

/// What is kept of the test beside its figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tested {
    pub sources: Vec<Source>,
    pub mistakes: Vec<Mistake>,
}

const MADE: &str = "made.jsonl";
const VIEWS: &str = "views.json";
const VALIDATION: &str = "validation.json";
const TESTED: &str = "test.json";

impl Files {
    pub fn of(run: &Path) -> Self {
        Self { run: run.to_owned() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.run.join("report").join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), durable::Error> {
        self.make_folder()?;
        durable::write(&self.path(name), bytes)
    }

    /// A run folder that is gone is not made again.
    fn make_folder(&self) -> Result<(), durable::Error> {
        match self.run.is_dir() {
            true => durable::create_folders(&self.run.join("report")),
            false => Ok(()),
        }
    }

    fn put(&self, name: &str, value: &impl Serialize) -> Result<(), durable::Error> {
        self.write(name, &serde_json::to_vec(value).unwrap_or_default())
    }

    fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&durable::read_list(&self.path(name)).ok()?).ok()
    }

    pub fn add_made(&self, made: &Made) -> Result<(), durable::Error> {
        self.make_folder()?;
        durable::Appender::open(&self.path(MADE))?.line(&serde_json::to_string(made).unwrap_or_default())
    }

    pub fn made(&self) -> Vec<Made> {
        lines(&self.path(MADE))
    }

    pub fn put_views(&self, views: &Views) -> Result<(), durable::Error> {
        self.put(VIEWS, views)
    }

    pub fn has_views(&self) -> bool {
        self.path(VIEWS).is_file()
    }

    pub fn views(&self) -> Option<Views> {
        self.get(VIEWS)
    }

    pub fn put_validation(&self, validation: &Validation) -> Result<(), durable::Error> {
        self.put(VALIDATION, validation)
    }

    pub fn validation(&self) -> Option<Validation> {
        self.get(VALIDATION)
    }

    /// What the page shows of the test, and sources.csv.
    pub fn put_tested(&self, sources: Vec<Source>, mistakes: Vec<Mistake>) -> Result<(), durable::Error> {
        self.put_sources(&sources)?;
        self.put(TESTED, &Tested { sources, mistakes })
    }

    pub(super) fn tested(&self) -> Tested {
        self.get(TESTED).unwrap_or_default()
    }
}

impl Made {
    /// This process, at this moment.
    pub fn here(device: String, processors: usize) -> Self {
        Self {
            at: time::now(),
            command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            kiln: env!("CARGO_PKG_VERSION").into(),
            burn: Some(BURN.into()),
            device,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processors,
            processor: machine::processor(),
            memory: machine::memory(),
        }
    }
}

/// The lines of a file that can be read; a last one may be half written.
pub fn lines<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let text =
        durable::read_list(path).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_burn_is_the_one_that_is_built_in() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"burn\"\nversion = \"{BURN}\"\n")));
    }

    #[test]
    fn sources_are_written_where_there_are_any() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(folder.path());
        files.put_tested(Vec::new(), Vec::new()).unwrap();
        assert!(!files.path("sources.csv").exists());
        let source = Source { name: "a".into(), samples: 2, accuracy: 0.5, interval: Some([0.0, 1.0]) };
        files.put_tested(vec![source.clone()], Vec::new()).unwrap();
        assert_eq!(files.tested().sources, [source]);
        assert!(files.path("sources.csv").is_file());
        // As an older kiln left it.
        let old = r#"{"sources":[{"name":"a","samples":2,"accuracy":0.5}],"mistakes":[]}"#;
        std::fs::write(files.path(TESTED), old).unwrap();
        assert_eq!(files.tested().sources[0].interval, None);
    }

    #[test]
    fn what_an_older_kiln_noted_is_read_and_says_less() {
        let old =
            r#"{"at":1,"command":["kiln"],"kiln":"0.1.0","device":"cpu","system":"linux","processors":2}"#;
        let made: Made = serde_json::from_str(old).unwrap();
        assert_eq!((&made.burn, &made.processor, made.memory), (&None, &None, None));
        assert_eq!(serde_json::to_string(&made).unwrap(), old);
        let here = Made::here("cpu".into(), 2);
        assert_eq!(here.burn.as_deref(), Some(BURN));
        let again: Made = serde_json::from_str(&serde_json::to_string(&here).unwrap()).unwrap();
        assert_eq!(again, here);
    }
}
