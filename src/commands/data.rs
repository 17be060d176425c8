//! `kiln data`: fetches a data set, draws the built-in one, has one checked (check.rs), or shows one (data_show.rs). The
//! way from a configuration to the folder of its pictures is the same, and lies here too.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::check::Check;
use super::console::{Bar, print, tell, warn_loudly};
use super::data_show::Show;
use super::failure::Failure;
use super::prepare::DRAWN;
use super::{Ended, at_least_one};
use crate::config::{Config, DataOffline, Source};
use crate::dataset::drawn::{Drawing, Kind, VERSION};
use crate::dataset::recipe::Step;
use crate::dataset::{self, Dataset, Origin, Pictures, Recipe, Shares, download, scan};

#[derive(Args)]
pub struct Data {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Look for every fault of a data set
    Check(Check),
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
    /// Show pictures beside what training will see of them
    Show(Show),
}

impl Data {
    pub fn run(self) -> Ended {
        match self.verb {
            Verb::Check(check) => return check.run(),
            Verb::Fetch { dataset } => {
                let recipe = Recipe::named(&dataset, Path::new("datasets"))?;
                let folder = obtained(&recipe)?;
                warn_of_differences(&recipe, &listed(&recipe, &folder)?);
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
            Verb::Show(show) => return show.run(),
        }
        Ok(0)
    }
}

/// Where pictures lie, and whose they are.
pub struct Found {
    pub pictures: Pictures,
    pub origin: Origin,
    /// What says how many there have to be, where they were fetched.
    pub recipe: Option<Recipe>,
}

/// A configuration's pictures: its own, a fetched one, or drawings where that is allowed.
pub fn folder_of(config: &Config) -> Result<Found> {
    let name = match &config.data.source {
        Source::Path(path) => return Ok(own(Pictures::At(path.clone()))),
        Source::Files(files) => return Ok(own(Pictures::Matching(files.clone()))),
        Source::Dataset(name) => name,
    };
    let recipe = Recipe::named(name, Path::new("datasets"))?;
    match obtained(&recipe) {
        Ok(folder) => Ok(fetched(recipe, folder)),
        Err(error) if config.data.offline == DataOffline::Drawn && error.is_unreachable() => {
            tell(&format!("{error}"));
            drawn(Drawing::default())
        }
        Err(error) => Err(error).context("set data.offline = \"drawn\" to go on with drawn flowers"),
    }
}

/// The folder of the pictures that a run began with. What stood in for what then is not asked again: drawings stay
/// drawings though the photographs may be within reach now, and photographs are never replaced.
pub fn folder_again(config: &Config, began_with: &Origin) -> Result<Found> {
    match (&config.data.source, began_with) {
        (Source::Path(path), _) => Ok(own(Pictures::At(path.clone()))),
        (Source::Files(files), _) => Ok(own(Pictures::Matching(files.clone()))),
        (Source::Dataset(_), &Origin::Drawn { seed, pictures }) => {
            drawn(Drawing { seed, per_class: pictures / Kind::ALL.len(), ..Drawing::default() })
        }
        (Source::Dataset(name), _) => {
            let recipe = Recipe::named(name, Path::new("datasets"))?;
            let folder =
                obtained(&recipe).context("the run began with these pictures and needs them again")?;
            Ok(fetched(recipe, folder))
        }
    }
}

fn own(pictures: Pictures) -> Found {
    Found { pictures, origin: Origin::Folder, recipe: None }
}

fn fetched(recipe: Recipe, folder: PathBuf) -> Found {
    Found { pictures: Pictures::At(folder), origin: recipe.origin(), recipe: Some(recipe) }
}

/// The folder of a recipe's pictures, fetched where it has to be.
pub fn fetched_folder(recipe: &Recipe) -> Result<PathBuf> {
    Ok(obtained(recipe)?)
}

/// Fetches a recipe's pictures, unless they are there.
fn obtained(recipe: &Recipe) -> Result<PathBuf, dataset::Error> {
    let cache = download::cache_folder().ok_or(dataset::Error::NoCache)?;
    let mut bar = Bar::bytes(&format!("fetching {}", recipe.name));
    let folder = recipe.obtain(&cache, &mut |step| match step {
        Step::Download { bytes, total } => bar.set(bytes, total.unwrap_or(bytes)),
        Step::Unpack { files } => bar.say(&format!("unpacking: {files} files")),
    });
    bar.clear();
    folder
}

/// What was unpacked, found but not decoded: training does that.
fn listed(recipe: &Recipe, folder: &Path) -> Result<Dataset, dataset::Error> {
    let options = scan::Options {
        shares: Shares { val: 0.0, test: 0.0 },
        seed: 0,
        bad: scan::Bad::SetAside,
        leakage: scan::Leakage::SetAside,
        keep_alike: false,
        origin: recipe.origin(),
        check: &|_, _| Ok((1, 1).into()),
        progress: &|_, _| {},
    };
    dataset::open(folder, &options)
}

/// Says so where there are other pictures than a recipe promises.
pub fn warn_of_differences(recipe: &Recipe, dataset: &Dataset) {
    let differences = recipe.differences(dataset);
    if !differences.is_empty() {
        let (name, root) = (&recipe.name, dataset.root.display());
        let list = differences.join("\n!!   ");
        warn_loudly(&format!("NOT WHAT THE RECIPE {name} PROMISES: in {root} are\n!!   {list}"));
    }
}

/// The drawn flowers, drawn now or before.
fn drawn(drawing: Drawing) -> Result<Found> {
    let cache = download::cache_folder().ok_or(dataset::Error::NoCache)?;
    let name = format!("drawn-v{VERSION}-{}-{}", drawing.seed, drawing.per_class);
    let folder = cache.join("datasets").join(name);
    if !folder.is_dir() {
        draw(&drawing, &folder)?;
    }
    Ok(Found { pictures: Pictures::At(folder), origin: drawing.origin(), recipe: None })
}

/// Draws the built-in data set into a new folder.
fn draw(drawing: &Drawing, folder: &Path) -> Result<()> {
    if let Some(parent) = folder.parent() {
        crate::durable::create_folders(parent)?;
    }
    let bar = std::sync::Mutex::new(Bar::count("drawing flowers"));
    drawing.write(folder, &|done, total| {
        if let Ok(mut bar) = bar.lock() {
            bar.set(done as u64, total as u64);
        }
    })?;
    Ok(())
}
