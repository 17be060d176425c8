//! `kiln data`: fetches a data set, or draws the built-in one.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::console::{print, warn_loudly};
use super::failure::Failure;
use super::prepare::{DRAWN, draw, obtained};
use super::{Ended, at_least_one};
use crate::dataset::Recipe;
use crate::dataset::drawn::Drawing;

#[derive(Args)]
pub struct Data {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Download a data set by its recipe's name, once
    Fetch {
        /// The name of a recipe, such as flowers
        dataset: String,
    },
    /// Draw the built-in flowers into a new folder
    Draw {
        folder: PathBuf,
        /// Pictures of each of the five kinds
        #[arg(long, default_value_t = Drawing::default().per_class, value_parser = at_least_one)]
        per_class: usize,
        #[arg(long, default_value_t = Drawing::default().seed)]
        seed: u64,
    },
}

impl Data {
    pub fn run(self) -> Ended {
        match self.verb {
            Verb::Fetch { dataset } => {
                let recipe = Recipe::named(&dataset, Path::new("datasets"))?;
                let folder = obtained(&recipe)?;
                print(&format!("{}: {} ({})\n", recipe.name, folder.display(), recipe.licence))?;
            }
            Verb::Draw { folder, per_class, seed } => {
                if folder.exists() {
                    let text = format!(
                        "{} is already there and is not replaced; name another folder",
                        folder.display()
                    );
                    return Err(Failure::Usage(text).into());
                }
                draw(&Drawing { seed, per_class, ..Drawing::default() }, &folder)?;
                print(&format!("{}\n", folder.display()))?;
                warn_loudly(DRAWN);
            }
        }
        Ok(0)
    }
}
