//! `kiln weights`: the catalogue, fetching, and a look into a file.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::classifier::imagenet_entries;
use super::console::print;
use super::prepare::fetch;
use super::{Ended, Format};
use crate::scaling::grouped;
use crate::weights::{Entry, Inspection, inspect};

#[derive(Args)]
pub struct Weights {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Every set of pretrained weights that kiln knows
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Bring weights into the cache
    Fetch {
        /// A variant (b0) or an entry of the list
        which: String,
    },
    /// What a file holds: layout, variant, shapes
    Inspect {
        file: PathBuf,
        #[command(flatten)]
        format: Format,
    },
}

impl Weights {
    pub fn run(self) -> Ended {
        match self.verb {
            Verb::List { format } => list(format.json)?,
            Verb::Fetch { which } => {
                let found = fetch(&imagenet_entries(&which)?)?;
                print(&format!("{}: {}\n", found.entry.id, found.path.display()))?;
            }
            Verb::Inspect { file, format } => {
                let inspection = inspect(&file)?;
                print(&if format.json { as_json(&inspection)? } else { as_text(&inspection) })?;
            }
        }
        Ok(0)
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        let entries: Vec<_> = Entry::all().map(described).collect();
        return print(
            &(serde_json::to_string_pretty(&serde_json::json!({ "schema": 1, "weights": entries }))? + "\n"),
        );
    }
    let mut text =
        format!("{:45} {:7} {:>6} {:>5} {:10} licence\n", "entry", "network", "top-1", "size", "padding");
    for entry in Entry::all() {
        text += &format!(
            "{:45} {:7} {:6.2} {:5} {:10} {}\n",
            entry.id,
            entry.variant.name(),
            entry.top1.percent,
            entry.preprocess().size,
            format!("{:?}", entry.padding).to_lowercase(),
            entry.licence
        );
    }
    print(&text)
}

fn described(entry: &Entry) -> serde_json::Value {
    serde_json::json!({
        "id": entry.id,
        "variant": entry.variant.name(),
        "source": format!("{:?}", entry.source),
        "licence": entry.licence,
        "top1_percent": entry.top1.percent,
        "top1_size": entry.top1.size,
        "padding": entry.padding,
        "norm_eps": entry.norm.eps,
        "norm_momentum": entry.norm.momentum,
        "preprocess": entry.preprocess(),
    })
}

fn as_json(found: &Inspection) -> Result<String> {
    let report = found.report.as_ref();
    let value = serde_json::json!({
        "schema": 1,
        "format": found.format.to_string(),
        "layout": found.layout.map(|layout| layout.to_string()),
        "variant": found.guess.map(|guess| guess.variant.name()),
        "classes": found.classes,
        "numbers": found.count,
        "entries": found.entries,
        "beside": found.beside,
        "missing": report.map(|report| &report.missing),
        "unused": report.map(|report| &report.unused),
        "kiln": found.kiln.as_ref().and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok()),
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn as_text(found: &Inspection) -> String {
    let unknown = || "unknown".to_owned();
    let mut text = format!(
        "format   {}\nlayout   {}\nvariant  {}\nclasses  {}\nnumbers  {}\n",
        found.format,
        found.layout.map_or_else(unknown, |layout| layout.to_string()),
        found.guess.map_or_else(unknown, |guess| guess.variant.to_string()),
        found.classes.map_or_else(unknown, |count| count.to_string()),
        grouped(found.count as u64)
    );
    if let Some(report) = &found.report {
        text +=
            &format!("fits     {}\n", if report.fits() { "every array has its place" } else { "not wholly" });
        for (what, names) in [("missing", &report.missing), ("unused", &report.unused)] {
            names.iter().for_each(|name| text += &format!("{what}  {name}\n"));
        }
    }
    for (name, shape) in &found.entries {
        text += &format!("  {name} {shape:?}\n");
    }
    text
}
