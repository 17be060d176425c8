//! `kiln verify`: whether every checkpoint of a run is whole and belongs to it; and, with --resume, whether a run that is
//! stopped and resumed on this machine ends with the same bytes as one that is not.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::console::{Bar, print, tell};
use super::failure::{Failure, RUN_FOLDER};
use super::session::fingerprint;
use super::{Ended, Format, proof};
use crate::checkpoint::{Checkpoint, Contents, Error, POINTERS, Pointer, Progress, RunFolder};
use crate::config::Config;
use crate::dataset::Record;
use crate::durable;

#[derive(Args)]
pub struct Verify {
    /// The run folder; with --resume, settings that replace those of the file
    #[arg(value_name = "RUN | KEY=VALUE")]
    words: Vec<String>,
    /// Prove on this machine that a run of this TOML can be resumed bit for bit: a few steps of every stage, in a
    /// temporary folder
    #[arg(long, value_name = "CONFIG")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    run: String,
    whole: bool,
    checkpoints: Vec<Row>,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// Where the run stood, where that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<[usize; 3]>,
    bytes: u64,
    pointers: Vec<&'static str>,
    fault: Option<String>,
    #[serde(skip)]
    maker: Option<Maker>,
}

/// What a checkpoint says of the run that made it.
#[derive(Debug)]
struct Maker {
    configuration: String,
    classes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct File {
    name: &'static str,
    fault: Option<String>,
    /// It is whole, and not the one that the checkpoints were made with.
    foreign: bool,
}

impl File {
    fn new(name: &'static str, fault: Option<String>) -> Self {
        Self { name, fault, foreign: false }
    }
}

impl Verify {
    pub fn run(self) -> Ended {
        match (&self.resume, &self.words[..]) {
            (Some(config), overrides) => proof::prove(config, overrides, self.format.json),
            (None, [run]) => self.check(Path::new(run)),
            (None, _) => {
                Err(Failure::Usage("say which run: kiln verify checkpoints/NAME, or --resume CONFIG".into())
                    .into())
            }
        }
    }

    fn check(&self, run: &Path) -> Ended {
        let folder = RunFolder::open(run)?;
        let report = examine(&folder);
        if self.format.json {
            print(&(serde_json::to_string(&report)? + "\n"))?;
        } else {
            print(&words(&report))?;
        }
        if report.whole {
            return Ok(0);
        }
        tell("nothing was changed; kiln resume takes the newest checkpoint that is whole");
        if report.files.iter().any(|file| file.foreign) {
            tell(
                "it refuses a run whose files are not those that its checkpoints were made with; put them back",
            );
        }
        Ok(RUN_FOLDER)
    }
}

fn examine(folder: &RunFolder) -> Report {
    let steps = folder.steps();
    let mut bar = Bar::count("checking checkpoints");
    let checked = steps.iter().enumerate().map(|(done, path)| {
        bar.set(done as u64, steps.len() as u64);
        row(folder, path)
    });
    let checkpoints: Vec<Row> = checked.collect();
    bar.clear();
    let newest = folder.newest().ok().and_then(|found| found.checkpoint.progress().ok());
    let files = files(folder, newest.as_ref(), &checkpoints);
    let whole = checkpoints.iter().all(|row| row.fault.is_none())
        && !checkpoints.is_empty()
        && files.iter().all(|file| file.fault.is_none());
    Report { schema: 1, run: folder.path().display().to_string(), whole, checkpoints, files }
}

/// Every file is read: its size and checksum, then its content.
fn row(folder: &RunFolder, path: &Path) -> Row {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let pointers = POINTERS.into_iter().filter(|one| folder.pointer(one) == Pointer::To(name.clone()));
    let pointers = pointers.collect();
    let opened = Checkpoint::open(path);
    let bytes = opened.as_ref().map_or(0, |one| one.manifest.files.values().map(|entry| entry.bytes).sum());
    let read = opened.and_then(|checkpoint| Ok((checkpoint.contents()?, checkpoint.manifest.configuration)));
    let (place, fault, maker) = match read {
        Ok((Contents { progress: at, identity, .. }, configuration)) => {
            let maker = Maker { configuration, classes: identity.classes };
            (Some([at.stage + 1, at.epoch, at.step]), None, Some(maker))
        }
        Err(error) => (None, Some(error.to_string()), None),
    };
    Row { name, place, bytes, pointers, fault, maker }
}

/// The files beside the checkpoints.
fn files(folder: &RunFolder, newest: Option<&Progress>, checkpoints: &[Row]) -> Vec<File> {
    let config = Config::load(&folder.config_path(), &[]).map_err(|error| error.to_string());
    let dataset = Record::read(&folder.dataset_path()).map_err(|error| error.to_string());
    let classes = durable::read_words(&folder.file("classes.json"))
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_str::<Vec<String>>(&text).map_err(|error| error.to_string()));
    let config = config.map(|config| fingerprint(&config));
    let dataset = dataset.map(|record| record.classes);
    let mut files = vec![
        held_against(checkpoints, "config.toml", config, |maker| &maker.configuration),
        held_against(checkpoints, "classes.json", classes, |maker| &maker.classes),
        held_against(checkpoints, "dataset.json", dataset, |maker| &maker.classes),
    ];
    for name in POINTERS {
        let fault = match folder.pointer(name) {
            Pointer::To(_) => None,
            Pointer::Absent => Some("it is not there".into()),
            Pointer::Damaged(reason) => Some(reason),
        };
        files.push(File::new(name, fault));
    }
    if let Some(progress) = newest {
        let records = [("metrics.jsonl", progress.metrics_bytes), ("metrics.csv", progress.csv_bytes)];
        files.extend(records.map(|(name, bytes)| File::new(name, shortened(&folder.file(name), bytes))));
    }
    files
}

/// A file of the run, of which each checkpoint knows what it should hold.
fn held_against<T: PartialEq>(
    checkpoints: &[Row],
    name: &'static str,
    found: Result<T, String>,
    known: impl Fn(&Maker) -> &T,
) -> File {
    let found = match found {
        Ok(found) => found,
        Err(fault) => return File::new(name, Some(fault)),
    };
    let differs = |row: &&Row| row.maker.as_ref().is_some_and(|maker| *known(maker) != found);
    let others: Vec<&str> = checkpoints.iter().filter(differs).map(|row| row.name.as_str()).collect();
    let fault = (!others.is_empty()).then(|| {
        let cause = match name {
            "config.toml" => {
                "; it was changed, they are from another run, or this kiln has other defaults than theirs"
            }
            _ => "; its classes are not theirs",
        };
        format!("it does not belong to {}{cause}", others.join(", "))
    });
    File { name, foreign: fault.is_some(), fault }
}

/// A record may have grown since the newest checkpoint, and never be shorter.
fn shortened(path: &Path, bytes: u64) -> Option<String> {
    match std::fs::metadata(path) {
        Ok(data) if data.len() >= bytes => None,
        Ok(data) => Some(format!("it has {} bytes, and the newest checkpoint counts {bytes}", data.len())),
        Err(error) => Some(error.to_string()),
    }
}

fn words(report: &Report) -> String {
    let mut text = format!("{}\n", report.run);
    for row in &report.checkpoints {
        text += &match (&row.fault, row.place) {
            (Some(fault), _) => format!("  {:10} DAMAGED: {fault}\n", row.name),
            (None, Some([stage, epoch, _])) => {
                let pointers = match row.pointers.is_empty() {
                    true => String::new(),
                    false => format!("  <- {}", row.pointers.join(", ")),
                };
                let mib = row.bytes as f64 / f64::from(1 << 20);
                format!(
                    "  {:10} whole   stage {stage}, {epoch} epochs done  {mib:8.1} MiB{pointers}\n",
                    row.name
                )
            }
            (None, None) => String::new(),
        };
    }
    for file in &report.files {
        text += &match &file.fault {
            None => format!("  {:15} whole\n", file.name),
            Some(fault) if file.foreign => format!("  {:15} WRONG: {fault}\n", file.name),
            Some(fault) => format!("  {:15} DAMAGED: {fault}\n", file.name),
        };
    }
    text + &verdict(report) + "\n"
}

fn verdict(report: &Report) -> String {
    let others = report.files.iter().filter(|file| file.foreign).count();
    let damaged = report.checkpoints.iter().filter(|row| row.fault.is_some()).count()
        + report.files.iter().filter(|file| file.fault.is_some() && !file.foreign).count();
    let damage = match damaged {
        1 => "1 is damaged".to_owned(),
        damaged => format!("{damaged} are damaged"),
    };
    let wrong = match others {
        1 => "1 does not belong to the checkpoints".to_owned(),
        others => format!("{others} do not belong to the checkpoints"),
    };
    match (damaged, others, report.checkpoints.len()) {
        (.., 0) => {
            Error::NoCheckpoint { path: report.run.clone().into(), passed_over: Vec::new() }.to_string()
        }
        (0, 0, count) => format!("all {count} checkpoints are whole"),
        (_, 0, _) => damage,
        (0, ..) => wrong,
        _ => format!("{damage}, {wrong}"),
    }
}
