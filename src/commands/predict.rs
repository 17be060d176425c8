//! `kiln predict`: the classes of pictures, on standard output or in a file, and the pictures in folders of their classes. What
//! cannot be read is reported and passed over; an interruption leaves whole lines.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::classifier::{BATCH, Classifier};
use super::console::{Bar, tell};
use super::failure::{DATA, Failure};
use super::listing::listed;
use super::outcome::{Output, Shape};
use super::start::Signals;
use super::tta::Tta;
use super::{Ended, Place, at_least_one, start};
use crate::dataset::Location;
use crate::devices::choose;
use crate::evaluate::ranked;
use crate::results::sorted::{How, Sorter};
use crate::results::{Form, Guess, Row, UNKNOWN};

#[derive(Args)]
pub struct Predict {
    /// A run folder, an exported file, or imagenet[:VARIANT]
    model: String,
    /// Pictures and folders; `-` reads a list from standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How many classes to show for each picture
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    top: usize,
    /// Call a picture `unknown` whose best class is less probable than this, such as 0.8
    #[arg(long, value_name = "PROBABILITY", value_parser = probability)]
    threshold: Option<f64>,
    /// A line of JSON for each picture; with --out, JSON of what was found
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Comma-separated values
    #[arg(long, conflicts_with = "out")]
    csv: bool,
    /// A new file for the predictions: .csv, .jsonl or .parquet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The form of the file, where its name does not tell
    #[arg(long, value_enum, requires = "out")]
    format: Option<Kind>,
    /// Put the pictures into folders of their classes, below this one
    #[arg(long, value_name = "DIR", requires = "by")]
    sort_into: Option<PathBuf>,
    /// How they get there: DIR/sorted.csv tells `kiln unsort` how to take it back
    #[arg(long, value_enum, requires = "sort_into")]
    by: Option<By>,
    /// The checkpoint of this step instead of the best one
    #[arg(long)]
    step: Option<usize>,
    /// Look at each picture in several ways, and take the mean
    #[arg(long, value_enum)]
    tta: Option<Tta>,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Csv,
    Jsonl,
    Parquet,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// Moved, across file systems too
    Move,
    /// A symbolic link to each
    Link,
    /// A copy of each
    Copy,
}

/// A share above 0, and up to all.
fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("must be a number above 0 and up to 1".into()),
    }
}

impl Predict {
    pub fn run(self) -> Ended {
        start::threads(self.place.threads)?;
        let form = self.form()?;
        let device = choose(self.place.choice())?.device;
        let model = Classifier::open(&self.model, self.step, &device)?.looking(self.tta)?;
        super::session::marks(&model.identity);
        self.speak_of_the_threshold(&model);
        let paths = listed(&self.paths)?;
        let mut sorter = self.sorter(&model)?;
        let mut output = Output::begin(self.shape(form), &model.identity, self.threshold.is_some())?;
        let signals = Signals::catch()?;
        let mut bar = Bar::count("predicting");
        let mut done = 0;
        for batch in paths.chunks(BATCH) {
            if signals.is_asked() {
                break;
            }
            self.take(&model, batch, &mut output, sorter.as_mut(), &bar)?;
            done += batch.len();
            bar.set(done as u64, paths.len() as u64);
        }
        bar.clear();
        let tally = output.finish()?;
        if let Some(sorter) = &sorter {
            tell_of_sorting(sorter);
        }
        if tally.unreadable > 0 {
            tell(&format!("{} of {done} files could not be read", tally.unreadable));
        }
        if done < paths.len() {
            tell(&format!("stopped after {done} of {} files; what is written is whole", paths.len()));
            return Ok(signals.exit_code());
        }
        let left = sorter.map_or(0, |sorter| sorter.tally().left);
        Ok(if tally.unreadable + left > 0 { DATA } else { 0 })
    }

    /// Some pictures, from their files to the output.
    fn take(
        &self,
        model: &Classifier,
        batch: &[PathBuf],
        output: &mut Output,
        sorter: Option<&mut Sorter>,
        bar: &Bar,
    ) -> Result<()> {
        let files: Vec<Location> = batch.iter().cloned().map(Location::File).collect();
        let outcomes = model.logits(&files);
        let names: Vec<String> = batch.iter().map(|path| path.display().to_string()).collect();
        let rows: Vec<Row> =
            names.iter().zip(&outcomes).map(|(name, outcome)| self.row(model, name, outcome)).collect();
        for row in &rows {
            if let Some(reason) = row.error {
                bar.line(&format!("passed over {}: {reason}", row.path));
            }
        }
        output.add(&rows)?;
        if let Some(sorter) = sorter {
            let answers = rows.iter().map(|row| row.answer.or(row.guesses.first().map(|best| best.class)));
            let files: Vec<(&Path, &str)> = batch
                .iter()
                .zip(answers)
                .filter_map(|(path, class)| Some((path.as_path(), class?)))
                .collect();
            for remark in sorter.put(&files)? {
                bar.line(&remark);
            }
        }
        Ok(())
    }

    fn row<'a>(
        &self,
        model: &'a Classifier,
        path: &'a str,
        outcome: &'a Result<Vec<f32>, String>,
    ) -> Row<'a> {
        let row = match outcome {
            Ok(row) => row,
            Err(reason) => return Row { path, guesses: Vec::new(), answer: None, error: Some(reason) },
        };
        let guesses = guesses(model, row, self.top);
        let answer = self.threshold.and_then(|least| {
            guesses.first().map(|best| if best.probability >= least { best.class } else { UNKNOWN })
        });
        Row { path, guesses, answer, error: None }
    }

    fn form(&self) -> Result<Option<Form>> {
        let form = match (&self.out, self.format) {
            (None, _) => return Ok(None),
            (Some(_), Some(Kind::Csv)) => Form::Csv,
            (Some(_), Some(Kind::Jsonl)) => Form::JsonLines,
            (Some(_), Some(Kind::Parquet)) => Form::Parquet,
            (Some(path), None) => Form::of(path)?,
        };
        Ok(Some(form))
    }

    fn shape(&self, form: Option<Form>) -> Shape<'_> {
        match (&self.out, form) {
            (Some(path), Some(form)) => Shape::File { path, form, json: self.json },
            _ if self.json => Shape::Json,
            _ if self.csv => Shape::Csv,
            _ => Shape::Words,
        }
    }

    fn sorter(&self, model: &Classifier) -> Result<Option<Sorter>> {
        let (Some(folder), Some(by)) = (&self.sort_into, self.by) else { return Ok(None) };
        let how = match by {
            By::Move => How::Move,
            By::Link => How::Link,
            By::Copy => How::Copy,
        };
        if folder.exists() && !folder.is_dir() {
            return Err(Failure::Usage(format!("--sort-into: {} is not a folder", folder.display())).into());
        }
        Ok(Some(Sorter::open(folder, how, model.identity.classes.iter().map(String::as_str))?))
    }

    fn speak_of_the_threshold(&self, model: &Classifier) {
        if self.threshold.is_some() && model.identity.temperature == 1.0 {
            tell(
                "this model has no fitted temperature, so its probabilities may be too sure of themselves; `kiln eval MODEL` shows                  what a threshold does",
            );
        }
    }
}

fn tell_of_sorting(sorter: &Sorter) {
    let tally = sorter.tally();
    let there = match tally.there {
        0 => String::new(),
        count => format!(", {count} were there already"),
    };
    let left = match tally.left {
        0 => String::new(),
        count => format!(", {count} were left where they are"),
    };
    let journal = sorter.journal().display();
    tell(&format!("{} files sorted{there}{left}; `kiln unsort {journal}` takes it back", tally.sorted));
}

fn guesses<'a>(model: &'a Classifier, row: &[f32], top: usize) -> Vec<Guess<'a>> {
    let ranked = ranked(row, model.identity.temperature, top.max(1)).into_iter();
    ranked.map(|(i, probability)| Guess { class: &model.identity.classes[i], probability }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_probability() {
        let check =
            |text: &str, expected: Option<f64>| assert_eq!(probability(text).ok(), expected, "{text}");
        check("0.8", Some(0.8));
        check("1", Some(1.0));
        for text in ["0", "-0.1", "1.01", "NaN", "80%", ""] {
            check(text, None);
        }
    }
}
