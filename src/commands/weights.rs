//! `kiln weights`: the catalogue, fetching, and a look into a file.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::classifier::imagenet_entries;
use super::console::print;
use super::prepare::fetch;
use super::{Ended, Format};
use crate::weights::{Entry, inspect};

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
                let text = match format.json {
                    true => serde_json::to_string_pretty(&inspection)? + "\n",
                    false => format!("{}: {inspection}", file.display()),
                };
                print(&text)?;
            }
        }
        Ok(0)
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        let entries: Vec<_> = Entry::all().map(described).collect();
        return print(&(serde_json::to_string_pretty(&serde_json::json!({ "schema": 1, "weights": entries }))? + "\n"));
    }
    let mut text = format!("{:45} {:7} {:>6} {:>5} {:10} licence\n", "entry", "network", "top-1", "size", "padding");
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
