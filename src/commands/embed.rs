//! `kiln embed`: what the layers before the classifier make of pictures, as a file of numbers for searching, clustering and
//! other classifiers.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::classifier::{BATCH, Classifier};
use super::console::{Bar, print, tell};
use super::failure::DATA;
use super::listing::listed;
use super::start::Signals;
use super::{Ended, Format, Place, start};
use crate::dataset::Location;
use crate::devices::choose;
use crate::results::{FeatureForm, Features};

#[derive(Args)]
pub struct Embed {
    /// A run folder, an exported file, or imagenet[:VARIANT]
    model: String,
    /// Pictures and folders; `-` reads a list from standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// A new file: .npy (names of the pictures in .names.csv beside it), .csv or .parquet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The form of the file, where its name does not tell
    #[arg(long = "format", value_enum)]
    form: Option<Kind>,
    /// The checkpoint of this step instead of the best one
    #[arg(long)]
    step: Option<usize>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Npy,
    Csv,
    Parquet,
}

impl Embed {
    pub fn run(self) -> Ended {
        start::threads(self.place.threads)?;
        let form = self.form()?;
        let device = choose(self.place.choice())?.device;
        let model = Classifier::open(&self.model, self.step, &device)?;
        super::session::marks(&model.identity);
        let paths = listed(&self.paths)?;
        let mut file = Features::begin(&self.out, form, model.width())?;
        let names = file.names().map(|path| path.display().to_string());
        let signals = Signals::catch()?;
        let mut bar = Bar::count("embedding");
        let (mut done, mut rows) = (0, 0);
        for batch in paths.chunks(BATCH) {
            if signals.is_asked() {
                break;
            }
            rows += add(&model, batch, &mut file, &bar)?;
            done += batch.len();
            bar.set(done as u64, paths.len() as u64);
        }
        bar.clear();
        file.finish()?;
        let width = model.width();
        let report = serde_json::json!({
            "schema": 1, "file": self.out.display().to_string(), "names": names,
            "rows": rows, "width": width, "unreadable": done - rows,
        });
        print(&match self.format.json {
            true => serde_json::to_string_pretty(&report)? + "\n",
            false => format!("{rows} rows of {width} numbers in {}\n", self.out.display()),
        })?;
        if done < paths.len() {
            tell(&format!("stopped after {done} of {} files; what is written is whole", paths.len()));
            return Ok(signals.exit_code());
        }
        if rows < done {
            tell(&format!("{} of {done} files could not be read", done - rows));
            return Ok(DATA);
        }
        Ok(0)
    }

    fn form(&self) -> Result<FeatureForm> {
        Ok(match self.form {
            Some(Kind::Npy) => FeatureForm::Npy,
            Some(Kind::Csv) => FeatureForm::Csv,
            Some(Kind::Parquet) => FeatureForm::Parquet,
            None => FeatureForm::of(&self.out)?,
        })
    }
}

/// Adds the rows of some pictures, and says how many there were.
fn add(model: &Classifier, batch: &[PathBuf], file: &mut Features, bar: &Bar) -> Result<usize> {
    let files: Vec<Location> = batch.iter().cloned().map(Location::File).collect();
    let mut rows = 0;
    for (path, outcome) in batch.iter().zip(model.features(&files)) {
        match outcome {
            Ok(row) => {
                file.add(&path.display().to_string(), &row)?;
                rows += 1;
            }
            Err(reason) => bar.line(&format!("passed over {}: {reason}", path.display())),
        }
    }
    Ok(rows)
}
