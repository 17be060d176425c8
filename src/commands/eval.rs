//! `kiln eval`: what a model is worth on labelled pictures.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::classifier::{BATCH, Classifier};
use super::console::{Bar, print, tell, warn_loudly};
use super::failure::{DATA, Failure};
use super::figures::{summary, table, words_of_confusions, words_of_coverages, words_of_sources};
use super::kinds::{Kinds, size};
use super::prepare::{DRAWN, pictures_again};
use super::session::marks;
use super::tta::Tta;
use super::{Ended, Format, Place, at_least_one, start};
use crate::checkpoint::{Identity, RunFolder};
use crate::config::{Columns, Config};
use crate::dataset::{
    self, Dataset, Labels, Location, Origin, Pictures, Purpose, Record, Sample, Shares, Split, Window, scan,
};
use crate::devices::choose;
use crate::evaluate::{
    Answers, Coverage, Figures, Judgement, Provenance, SEED, Source, coverages, sources, worst,
};

#[derive(Args)]
pub struct Eval {
    /// A run folder, an exported file, or imagenet[:VARIANT]
    model: String,
    /// A folder with a folder of pictures for each class, perhaps under train/, val/ and test/; or a table (.csv,
    /// .tsv, .jsonl, .ndjson), or .tar shards
    #[arg(long)]
    data: Option<PathBuf>,
    /// How many folder names make a class; as many as the model's classes have
    #[arg(long, requires = "data", value_parser = at_least_one)]
    depth: Option<usize>,
    /// Which part: train, val or test
    #[arg(long, default_value = "test")]
    split: String,
    /// The checkpoint of this step instead of the best one
    #[arg(long)]
    step: Option<usize>,
    /// Look at each picture in several ways, and take the mean
    #[arg(long, value_enum)]
    tta: Option<Tta>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    model: &'a str,
    drawn: bool,
    from_scratch: bool,
    unreadable: usize,
    class_names: &'a [String],
    #[serde(flatten)]
    figures: &'a Figures,
    sources: Vec<Source>,
    thresholds: Vec<Coverage>,
    mistakes: Vec<Mistake<'a>>,
}

/// A picture that was taken for something else.
#[derive(Serialize)]
struct Mistake<'a> {
    path: &'a str,
    class: &'a str,
    predicted: &'a str,
    confidence: f64,
    probability: f64,
}

/// What came of it.
struct Measured {
    answers: Answers,
    /// The pictures' paths, and what is known of them.
    pictures: Vec<(String, Sample)>,
    unreadable: usize,
    drawn: bool,
}

/// How many of the worst mistakes are named on the console.
const NAMED: usize = 5;

/// Pictures whose classes are known.
struct Labelled {
    /// With the model's own class numbers.
    pictures: Vec<(Location, usize, Sample)>,
    /// How many are not in the figures.
    set_aside: usize,
    drawn: bool,
}

impl Eval {
    pub fn run(self) -> Ended {
        start::threads(self.place.threads)?;
        let device = choose(self.place.choice())?.device;
        let model = Classifier::open(&self.model, self.step, &device)?.looking(self.tta)?;
        let labelled = self.pictures(&model.identity)?;
        let measured = measure(&model, labelled);
        self.show(&model, &measured)?;
        Ok(if measured.unreadable > 0 { DATA } else { 0 })
    }

    fn show(&self, model: &Classifier, measured: &Measured) -> Result<()> {
        let identity = &model.identity;
        let classes = &identity.classes;
        let Measured { answers, pictures, unreadable, drawn } = measured;
        let figures = answers.figures(identity.temperature, SEED);
        let judgements = answers.judgements(identity.temperature);
        let from: Vec<Provenance> = pictures.iter().map(|(_, sample)| provenance(sample)).collect();
        let sources = sources(&from, &judgements);
        let thresholds = coverages(&judgements);
        let mistakes = mistakes(classes, pictures, &judgements);
        if self.format.json {
            let report = Report {
                schema: 1,
                model: &self.model,
                drawn: identity.drawn || *drawn,
                from_scratch: identity.start.instead_of_pretrained,
                unreadable: *unreadable,
                class_names: classes,
                figures: &figures,
                sources,
                thresholds,
                mistakes,
            };
            return print(&(serde_json::to_string_pretty(&report)? + "\n"));
        }
        print(&table(classes, &figures))?;
        print(&words_of_sources(&sources))?;
        print(&words_of_confusions(classes, &figures))?;
        print(&words_of_mistakes(&mistakes))?;
        print(&words_of_coverages(&thresholds))?;
        print(&format!("\n{}", summary(&figures)))?;
        if *unreadable > 0 {
            tell(&format!("{unreadable} pictures were set aside and are not in these figures"));
        }
        marks(identity);
        if *drawn && !identity.drawn {
            warn_loudly(DRAWN);
        }
        Ok(())
    }

    fn pictures(&self, identity: &Identity) -> Result<Labelled> {
        let classes = &identity.classes;
        let split = match self.split.as_str() {
            "train" => Split::Train,
            "val" => Split::Val,
            "test" => Split::Test,
            other => {
                return Err(
                    Failure::Usage(format!("--split is {other:?}; it may be train, val or test")).into()
                );
            }
        };
        let dataset = match &self.data {
            Some(path) => self.labelled(path, classes, identity.preprocess.window)?,
            None => self.own_data()?,
        };
        let chosen = match self.data.is_some() && dataset.samples(split).next().is_none() {
            // A folder of classes without split folders: all of it.
            true => dataset.samples.iter().collect::<Vec<_>>(),
            false => dataset.samples(split).collect(),
        };
        let number = |class: usize| {
            let name = &dataset.classes[class];
            classes.iter().position(|known| known == name).ok_or_else(|| {
                Failure::Data(format!(
                    "the model knows no class {name:?}; its classes are {}",
                    classes.join(", ")
                ))
            })
        };
        let pictures: Result<Vec<_>, Failure> = chosen
            .iter()
            .map(|&sample| Ok((dataset.location(sample), number(sample.class)?, sample.clone())))
            .collect();
        let pictures = pictures?;
        if pictures.is_empty() {
            return Err(Failure::Data(format!("there are no {} pictures", self.split)).into());
        }
        Ok(Labelled { pictures, set_aside: dataset.set_aside.len(), drawn: dataset.origin.is_drawn() })
    }

    /// The pictures that a run was made with, split as they were then.
    fn own_data(&self) -> Result<Dataset> {
        let path = Path::new(&self.model);
        if !RunFolder::is_one(path) {
            return Err(Failure::Usage(format!(
                "{} has no data of its own; name a folder with --data",
                self.model
            ))
            .into());
        }
        let run = RunFolder::open(path)?;
        let config = Config::load(&run.config_path(), &[])?;
        let record = Record::read(&run.dataset_path())?;
        let mut dataset = pictures_again(&config, &record.origin)?;
        if let Some(change) = record.changes(&dataset).first() {
            tell(&format!("the data has changed since the run began: {change}"));
            record.keep_splits(&mut dataset);
        }
        Ok(dataset)
    }

    /// Other pictures than the run's own, whose classes are called as the model calls them or numbered as it does.
    fn labelled(&self, path: &Path, classes: &[String], window: Option<Window>) -> Result<Dataset> {
        let run = Path::new(&self.model);
        let columns = match RunFolder::is_one(run) {
            true => Config::load(&RunFolder::open(run)?.config_path(), &[])?.data.columns,
            false => Columns::default(),
        };
        let labels = Labels {
            classes: classes.to_vec(),
            depth: self.depth.unwrap_or_else(|| depth_of(classes)),
            columns,
            purpose: Purpose::Measuring,
        };
        let kinds = Kinds::new(window);
        let options = scan::Options {
            shares: Shares { val: 0.0, test: 0.0 },
            seed: 0,
            bad: scan::Bad::SetAside,
            leakage: scan::Leakage::SetAside,
            keep_alike: false,
            origin: Origin::Folder,
            check: &|path, bytes| kinds.check(path, bytes).map(|picture| size(&picture)),
            progress: &|_, _| {},
        };
        let dataset = dataset::open_labelled(&Pictures::At(path.into()), &labels, &options)?;
        kinds.remarks().iter().for_each(|remark| tell(remark));
        for aside in &dataset.set_aside {
            tell(&format!("passed over {}: {}", aside.relative, aside.reason));
        }
        Ok(dataset)
    }
}

fn measure(model: &Classifier, labelled: Labelled) -> Measured {
    let Labelled { pictures, set_aside: mut unreadable, drawn } = labelled;
    let mut bar = Bar::count("evaluating");
    let (mut logits, mut labels, mut measured) = (Vec::new(), Vec::new(), Vec::new());
    for (number, batch) in pictures.chunks(BATCH).enumerate() {
        let places: Vec<Location> = batch.iter().map(|(place, ..)| place.clone()).collect();
        for ((place, class, sample), outcome) in batch.iter().zip(model.logits(&places)) {
            match outcome {
                Ok(row) => {
                    logits.extend(row);
                    labels.push(*class);
                    measured.push((place.to_string(), sample.clone()));
                }
                Err(reason) => {
                    unreadable += 1;
                    bar.line(&format!("passed over {place}: {reason}"));
                }
            }
        }
        bar.set((number * BATCH + batch.len()) as u64, pictures.len() as u64);
    }
    bar.clear();
    let answers = Answers::new(logits, labels, model.identity.classes.len());
    Measured { answers, pictures: measured, unreadable, drawn }
}

/// What tells where a picture is from.
pub fn provenance(sample: &Sample) -> Provenance<'_> {
    Provenance { name: &sample.relative, told: sample.source.as_deref() }
}

/// The worst first: those whose own class was given the least.
fn mistakes<'a>(
    classes: &'a [String],
    pictures: &'a [(String, Sample)],
    judgements: &[Judgement],
) -> Vec<Mistake<'a>> {
    let of = |number: usize| {
        let Judgement { label, predicted, confidence, probability, .. } = judgements[number];
        let (class, predicted) = (&classes[label], &classes[predicted]);
        Mistake { path: &pictures[number].0, class, predicted, confidence, probability }
    };
    worst(judgements).into_iter().map(of).collect()
}

fn words_of_mistakes(mistakes: &[Mistake]) -> String {
    let line = |one: &Mistake| {
        let Mistake { path, class, predicted, confidence, probability } = one;
        format!("  {path}: {predicted} {confidence:.4}, is {class} {probability:.4}\n")
    };
    match mistakes.len() {
        0 => String::new(),
        count => {
            let shown: String = mistakes.iter().take(NAMED).map(line).collect();
            format!("\nworst of {count} mistakes\n{shown}")
        }
    }
}

/// How many folder names a model's classes were made of.
fn depth_of(classes: &[String]) -> usize {
    let mut depths = classes.iter().map(|class| class.split('/').count());
    let first = depths.next().unwrap_or(1);
    if depths.all(|depth| depth == first) { first } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_shows_in_the_classes() {
        let check = |classes: &[&str], expected| {
            let classes: Vec<String> = classes.iter().map(|class| (*class).to_string()).collect();
            assert_eq!(depth_of(&classes), expected, "{classes:?}");
        };
        check(&["cat", "dog"], 1);
        check(&["cat/tabby", "dog/pug"], 2);
        check(&["cat/tabby", "AC/DC/live"], 1);
        check(&[], 1);
    }
}
