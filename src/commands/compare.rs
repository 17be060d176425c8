//! `kiln compare`: runs beside each other, as a table and as a page with their curves.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::console::{answer, print, tell};
use super::{Ended, Format};
use crate::checkpoint::RunFolder;
use crate::durable;
use crate::report::{Run, Summary, comparison};

#[derive(Args)]
pub struct Compare {
    /// The run folders
    #[arg(required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
    /// Write a page with the runs' curves over each other
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

impl Compare {
    pub fn run(self) -> Ended {
        let mut runs = Vec::new();
        for path in &self.runs {
            runs.push(Run::read(RunFolder::open(path)?.path())?);
        }
        let summaries: Vec<Summary> = runs.iter().map(Summary::of).collect();
        if summaries.iter().any(|one| one.data != summaries[0].data) {
            tell("WARNING: these runs were not made with the same data, so their figures do not compare");
        }
        if let Some(file) = &self.html {
            durable::write(file, comparison(&runs).as_bytes())?;
        }
        match self.format.json {
            true => print(&format!("{}\n", json!({ "schema": 1, "runs": summaries })))?,
            false => answer(&table(&summaries), false)?,
        }
        Ok(0)
    }
}

fn table(runs: &[Summary]) -> String {
    let width = runs.iter().map(|one| one.run.chars().count()).max().unwrap_or(0).max(3);
    let mut text = format!(
        "{:width$}  epochs  seconds  val loss  val accuracy  test accuracy  95 % interval     macro F1\n",
        "run"
    );
    let figure = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.4}"));
    for one in runs {
        let interval =
            one.test_interval.map_or_else(|| "-".into(), |[from, to]| format!("{from:.4} to {to:.4}"));
        text += &format!(
            "{:width$}  {:6}  {:7.1}  {:>8}  {:>12}  {:>13}  {interval:16}  {:>8}\n",
            one.run,
            one.epochs,
            one.seconds,
            figure(one.val_loss),
            figure(one.val_accuracy),
            figure(one.test_accuracy),
            figure(one.macro_f1)
        );
    }
    text
}
