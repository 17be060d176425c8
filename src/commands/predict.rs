//! `kiln predict`: the classes of pictures. What cannot be read is reported and passed over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::classifier::{BATCH, Classifier};
use super::console::{Bar, print, tell};
use super::failure::{DATA, Failure};
use super::tta::Tta;
use super::{Ended, Place, paths_from_stdin, start};
use crate::dataset::Location;
use crate::devices::choose;
use crate::evaluate::ranked;

#[derive(Args)]
pub struct Predict {
    /// A run folder, an exported file, or imagenet[:VARIANT]
    model: String,
    /// Pictures and folders; `-` reads a list from standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How many classes to show for each picture
    #[arg(long, default_value_t = 1)]
    top: usize,
    /// A line of JSON for each picture
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Comma-separated values
    #[arg(long)]
    csv: bool,
    /// The checkpoint of this step instead of the best one
    #[arg(long)]
    step: Option<usize>,
    /// Look at each picture in several ways, and take the mean
    #[arg(long, value_enum)]
    tta: Option<Tta>,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    path: String,
    drawn: bool,
    from_scratch: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Guess<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Guess<'a> {
    class: &'a str,
    probability: f64,
}

impl Predict {
    pub fn run(self) -> Ended {
        start::threads(self.place.threads)?;
        let device = choose(self.place.choice())?.device;
        let model = Classifier::open(&self.model, self.step, &device)?.looking(self.tta)?;
        super::session::marks(&model.identity);
        let paths = listed(&self.paths)?;
        if self.csv {
            print("path,rank,class,probability,error\n")?;
        }
        let mut bar = Bar::count("predicting");
        let (mut done, mut bad) = (0, 0);
        for batch in paths.chunks(BATCH) {
            let files: Vec<Location> = batch.iter().cloned().map(Location::File).collect();
            for (path, outcome) in batch.iter().zip(model.logits(&files)) {
                if let Err(reason) = &outcome {
                    bad += 1;
                    bar.line(&format!("passed over {}: {reason}", path.display()));
                }
                print(&self.text(&model, path, &outcome))?;
            }
            done += batch.len();
            bar.set(done as u64, paths.len() as u64);
        }
        bar.clear();
        if bad > 0 {
            tell(&format!("{bad} of {} files could not be read", paths.len()));
            return Ok(DATA);
        }
        Ok(0)
    }

    fn text(&self, model: &Classifier, path: &Path, outcome: &Result<Vec<f32>, String>) -> String {
        let name = path.display().to_string();
        let guesses = outcome.as_ref().map(|row| guesses(model, row, self.top)).unwrap_or_default();
        let error = outcome.as_ref().err().map(String::as_str);
        if self.json {
            let (drawn, from_scratch) = (model.identity.drawn, model.identity.start.instead_of_pretrained);
            let line = Line { schema: 1, path: name, drawn, from_scratch, classes: guesses, error };
            return serde_json::to_string(&line).unwrap_or_default() + "\n";
        }
        if self.csv {
            return csv(&name, &guesses, error);
        }
        if error.is_some() {
            return String::new();
        }
        let shown: Vec<String> =
            guesses.iter().map(|g| format!("{} {:.4}", g.class, g.probability)).collect();
        format!("{name}: {}\n", shown.join(", "))
    }
}

fn guesses<'a>(model: &'a Classifier, row: &[f32], top: usize) -> Vec<Guess<'a>> {
    let ranked = ranked(row, model.identity.temperature, top.max(1)).into_iter();
    ranked.map(|(i, probability)| Guess { class: &model.identity.classes[i], probability }).collect()
}

fn csv(path: &str, guesses: &[Guess], error: Option<&str>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let rows = guesses.iter().enumerate().map(|(rank, guess)| {
        let probability = format!("{:.6}", guess.probability);
        [path.to_owned(), (rank + 1).to_string(), guess.class.to_owned(), probability, String::new()]
    });
    let empty = String::new();
    let failed = error.map(|e| [path.to_owned(), empty.clone(), empty.clone(), empty, e.to_owned()]);
    for row in rows.chain(failed) {
        // Writing to memory does not fail.
        let _ = writer.write_record(row);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// The files that some paths mean: pictures in folders are found by their endings, sorted, each once.
pub fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    let typed = paths.iter().flat_map(|path| match path.as_os_str() == "-" {
        true => paths_from_stdin().unwrap_or_default(),
        false => vec![path.clone()],
    });
    for path in typed {
        if path.is_dir() {
            let mut inside = Vec::new();
            walk(&path, &mut inside, 0)?;
            inside.sort();
            files.extend(inside.into_iter().filter(|file| seen.insert(file.clone())));
        } else if !path.exists() && !path.is_symlink() {
            return Err(Failure::Usage(format!("{} does not exist", path.display())).into());
        } else if seen.insert(path.clone()) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Failure::Data("there is no picture under the paths given".into()).into());
    }
    Ok(files)
}

/// Folders deeper than this are a loop of links, or no collection of pictures.
const DEEPEST: usize = 32;

const ENDINGS: [&str; 17] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "webp", "tif", "tiff", "pbm", "pgm", "ppm",
    "pnm", "pam", "qoi",
];

pub fn walk(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Failure::Data(format!("cannot read {}: {error}", folder.display())))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        if path.is_dir() {
            walk(&path, files, depth + 1)?;
        } else if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}
