//! `kiln init`: a commented TOML for the user's own folder.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::Ended;
use super::console::{print, tell};
use super::dry_run::{expected_seconds, rate_of};
use super::failure::Failure;
use super::prepare::readable;
use crate::config::init::{InitFacts, suggested_stages, template};
use crate::dataset::{self, Dataset, Origin, Shares, Split, scan};
use crate::durable;
use crate::scaling::{Plan, Trains, Variant};

#[derive(Args)]
pub struct Init {
    /// The folder of pictures: a folder for each class, perhaps under train/, val/ and test/
    folder: PathBuf,
    /// Where to write the TOML; configs/FOLDER.toml, or FOLDER.toml where there is no configs/
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Init {
    pub fn run(self) -> Ended {
        let dataset = scanned(&self.folder)?;
        let file = self.out.clone().unwrap_or_else(|| self.file());
        if file.exists() {
            let text = format!(
                "{} is already there and is not replaced; name another file with --out",
                file.display()
            );
            return Err(Failure::Usage(text).into());
        }
        let facts = facts(&self.folder, &file, &dataset)?;
        if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            durable::create_folders(parent)?;
        }
        durable::write_new(&file, template(&facts).as_bytes())?;
        tell(&format!("{} pictures of {} classes", dataset.samples.len(), dataset.classes.len()));
        print(&format!("{}\n", file.display()))?;
        tell(&format!("look at it, then: kiln train {}", file.display()));
        Ok(0)
    }

    fn file(&self) -> PathBuf {
        let folder = std::fs::canonicalize(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let name = folder.file_name().map_or("pictures".into(), |name| name.to_string_lossy().into_owned());
        let name = format!("{name}.toml");
        if Path::new("configs").is_dir() { Path::new("configs").join(name) } else { name.into() }
    }
}

fn scanned(folder: &Path) -> Result<Dataset> {
    let options = scan::Options {
        shares: Shares { val: 0.0, test: 0.0 },
        seed: 0,
        bad: scan::Bad::SetAside,
        origin: Origin::Folder,
        check: &readable,
        progress: &|_, _| {},
    };
    Ok(dataset::open(folder, &options)?)
}

fn facts(folder: &Path, file: &Path, dataset: &Dataset) -> Result<InitFacts> {
    let counts = dataset.counts(Split::Train);
    let classes: Vec<_> = dataset.classes.iter().cloned().zip(counts).collect();
    let pictures: usize = classes.iter().map(|(_, count)| count).sum();
    let stages = suggested_stages(pictures);
    // The smallest network with a fair accuracy: what a laptop's processor trains in minutes.
    let variant = Variant::Lite0;
    let plan = Plan::variant(variant);
    let (batch, side) = (32, plan.resolution);
    let hardest = stages.iter().map(|stage| stage.trains).max_by_key(|trains| match trains {
        Trains::Head => 0,
        Trains::Last(count) => *count,
        Trains::All => usize::MAX,
    });
    let memory_bytes = plan.training_memory(batch, side, classes.len(), hardest.unwrap_or(Trains::Head));
    let seconds = expected_seconds(&plan, side, &stages, pictures, 0, rate_of(&burn::tensor::Device::flex()));
    Ok(InitFacts {
        file: file.to_owned(),
        folder: std::fs::canonicalize(folder)?,
        has_val: dataset.samples(Split::Val).next().is_some(),
        has_test: dataset.samples(Split::Test).next().is_some(),
        median_width: median(dataset, |sample| sample.width),
        median_height: median(dataset, |sample| sample.height),
        classes,
        variant,
        image_size: side,
        batch,
        stages,
        minutes: seconds / 60.0,
        memory_bytes,
    })
}

fn median(dataset: &Dataset, side: impl Fn(&dataset::Sample) -> u32) -> usize {
    let mut sides: Vec<u32> = dataset.samples.iter().map(side).collect();
    sides.sort_unstable();
    sides.get(sides.len() / 2).copied().unwrap_or(0) as usize
}
