//! `kiln data check`: every fault of a data set, before anything is trained on it. Changes nothing of the user's.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use super::classifier::Classifier;
use super::console::{Bar, print, tell};
use super::data::{fetched_folder, folder_of};
use super::doubts::check_labels;
use super::failure::{DATA, Failure};
use super::prepare::labels_of;
use super::{Ended, Format, Place, at_least_one, start};
use crate::config::Config;
use crate::dataset::audit::{self, ALIKE, Depth, Finding, Kind, LabelCheck, Options, Report, Step};
use crate::dataset::{Labels, Limits, Pictures, Recipe, Window};
use crate::devices::choose;
use crate::durable;

#[derive(Args)]
pub struct Check {
    /// A folder, table or shards of pictures, a data set's name such as flowers, or a TOML file that names any of these
    what: String,
    /// Training pictures that a class should have at least
    #[arg(long, default_value_t = 10, value_parser = at_least_one)]
    minimum: usize,
    /// How many folder names make a class
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    depth: usize,
    /// Look at headers and hashes alone: nothing is decoded, near duplicates are not found
    #[arg(long)]
    quick: bool,
    /// How alike two pictures have to be to count as nearly the same, from 0 to 1
    #[arg(long, default_value_t = ALIKE, value_name = "LIKENESS")]
    alike: f32,
    /// Write what to mend to a new file, a line per file: name, faults, suggestions, with tabs between them
    #[arg(long, value_name = "FILE")]
    fix_list: Option<PathBuf>,
    /// Write a page with pictures of what was found to a new file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also find labels that a model contradicts: a run folder, an exported file, or imagenet[:VARIANT]. Its classes
    /// need not be those of the pictures
    #[arg(long, value_name = "MODEL", conflicts_with = "quick")]
    model: Option<String>,
    /// The checkpoint of this step instead of the best one
    #[arg(long, requires = "model")]
    step: Option<usize>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

impl Check {
    pub fn run(self) -> Ended {
        start::threads(self.place.threads)?;
        for file in self.fix_list.iter().chain(&self.html) {
            refuse_existing(file)?;
        }
        let model = self.model()?;
        let (found, window) = self.find()?;
        let report = self.check(&found, window, model.as_ref())?;
        if let Some(file) = &self.fix_list {
            durable::write_new(file, audit::fixes(&report).as_bytes())?;
        }
        if let Some(file) = &self.html {
            durable::write_new(file, audit::page(&report, &found).as_bytes())?;
        }
        match self.format.json {
            true => print(&(serde_json::to_string_pretty(&report)? + "\n"))?,
            false => print(&words(&report))?,
        }
        Ok(if report.has_to_be_mended() { DATA } else { 0 })
    }

    /// A TOML's own pictures, labels and window; else what lies there, or a recipe's name.
    fn find(&self) -> Result<(audit::Found, Option<Window>)> {
        let path = Path::new(&self.what);
        if path.is_file() && path.extension().is_some_and(|ending| ending == "toml") {
            let config = Config::load(path, &[])?;
            let found = audit::find(&folder_of(&config)?.pictures, &labels_of(&config))?;
            return Ok((found, config.data.window.map(Into::into)));
        }
        let is_name = !path.exists() && !self.what.contains(['/', '\\', '.', '*']);
        let pictures = match is_name {
            true => fetched_folder(&Recipe::named(&self.what, Path::new("datasets"))?)?,
            false => path.to_owned(),
        };
        let labels = Labels { depth: self.depth, ..Labels::default() };
        Ok((audit::find(&Pictures::At(pictures), &labels)?, None))
    }

    /// What was typed for the model, and the model.
    fn model(&self) -> Result<Option<(&str, Classifier)>> {
        let Some(name) = &self.model else { return Ok(None) };
        let device = choose(self.place.choice())?.device;
        Ok(Some((name, Classifier::open(name, self.step, &device)?)))
    }

    fn check(
        &self,
        found: &audit::Found,
        window: Option<Window>,
        model: Option<&(&str, Classifier)>,
    ) -> Result<Report> {
        let options = Options {
            depth: if self.quick { Depth::Header } else { Depth::Pixels },
            limits: Limits::default(),
            window,
            minimum: self.minimum,
            alike: self.alike,
        };
        let seen = look(found, &options);
        let mut report = seen.report(found, &options);
        if let Some((name, model)) = model {
            report.add_labels(check_labels(name, model, found, &seen.labelled(found))?);
        }
        Ok(report)
    }
}

/// Looks at every file, with a bar.
fn look(found: &audit::Found, options: &Options) -> audit::Seen {
    let start = Instant::now();
    let bars = Mutex::new((Step::Looking, Bar::count("looking"), start));
    let seen = audit::look(found, options, &|step, done, all| {
        let Ok(mut bars) = bars.lock() else { return };
        if bars.0 != step {
            bars.1.clear();
            *bars = (step, Bar::count("comparing"), Instant::now());
        }
        bars.1.set(done as u64, all as u64);
    });
    if let Ok((step, bar, since)) = bars.into_inner() {
        bar.clear();
        let looked = since.duration_since(start).as_secs_f64();
        let rest = since.elapsed().as_secs_f64();
        let (files, spent) = (found.entries.len(), seen.spent());
        tell(&match step {
            Step::Looking => format!("looked at {files} files in {rest:.1} s"),
            Step::Comparing => format!(
                "looked at {files} files in {looked:.1} s (all threads together: {:.1} s decoding, {:.1} s perceptual hashes), found near \
                 duplicates in {rest:.1} s",
                spent.decoding.as_secs_f64(),
                spent.reducing.as_secs_f64()
            ),
        });
    }
    seen
}

/// Said before the work is done, not after it.
fn refuse_existing(file: &Path) -> Result<(), Failure> {
    if !file.exists() {
        return Ok(());
    }
    Err(Failure::Usage(format!("{} is already there and is not replaced; name another file", file.display())))
}

/// How many of each kind are named on the console.
const NAMED: usize = 5;
/// And how many labels that are in doubt.
const NAMED_IN_DOUBT: usize = 10;

fn words(report: &Report) -> String {
    let mut out = format!(
        "{}: {} files found, {} usable pictures of {} classes\n",
        report.root,
        report.found,
        report.usable(),
        report.classes.len()
    );
    let counts = report.files.iter().map(|(kind, count)| format!("{count} {kind}"));
    out += &format!("  {}\n", counts.collect::<Vec<_>>().join(", "));
    if let Some(sizes) = &report.sizes {
        let size = |[width, height]: [u32; 2]| format!("{width}x{height}");
        let least = format!("{} ({})", size(sizes.smallest), sizes.smallest_file);
        let most = format!("{} ({})", size(sizes.largest), sizes.largest_file);
        out += &format!("  sizes from {least} over {} to {most}\n", size(sizes.median));
        let modes = report.modes.iter().map(|(mode, count)| format!("{mode} {count}"));
        out += &format!("  {}\n", modes.collect::<Vec<_>>().join(", "));
    }
    for (heading, mend) in [("to mend", true), ("good to know", false)] {
        // Labels have a part of their own.
        let shown = |finding: &&Finding| finding.mend == mend && finding.kind != Kind::ContradictedLabel;
        let findings: Vec<_> = report.findings.iter().filter(shown).collect();
        if !findings.is_empty() {
            out += &format!("\n{heading}\n");
            findings.into_iter().for_each(|finding| out += &described(finding));
        }
    }
    out += &report.labels.as_ref().map_or(String::new(), words_of_labels);
    if !report.has_to_be_mended() {
        out += "\nnothing has to be mended\n";
    }
    out
}

fn words_of_labels(check: &LabelCheck) -> String {
    let LabelCheck { model, features, folds, pictures, agreement, contradicted, .. } = check;
    let mut out = format!(
        "\nlabels, most in doubt first, by the {features} features of {model}\n  {contradicted} of {pictures} labels contradicted; {agreement:.4} are as \
         predicted by classifiers that had not seen the picture ({folds} folds)\n"
    );
    for one in check.ranking.iter().take(NAMED_IN_DOUBT) {
        let mark = if one.contradicted { " (contradicted)" } else { "" };
        out += &format!("    {}: {}{mark}\n", one.name, one.words());
    }
    for confusion in check.confusions.iter().take(NAMED) {
        out +=
            &format!("    {} that look like {}: {}\n", confusion.given, confusion.suggested, confusion.count);
    }
    if !check.left_out.is_empty() {
        out += &format!("  left out, fewer than {folds} different pictures: {}\n", check.left_out.join(", "));
    }
    if let Some(first) = check.not_seen.first() {
        let count = check.not_seen.len();
        out += &format!("  not shown to the model: {count}, such as {}: {}\n", first.name, first.detail);
    }
    out
}

fn described(finding: &Finding) -> String {
    let mut out = format!("  {}: {} ({})\n", finding.kind.title(), finding.count, finding.kind.advice());
    for item in finding.items.iter().take(NAMED) {
        let gap = if item.detail.is_empty() { "" } else { ": " };
        out += &format!("    {}{gap}{}\n", item.name, item.detail);
    }
    if finding.items.len() > NAMED {
        out += &format!("    and {} more\n", finding.items.len() - NAMED);
    }
    out
}
