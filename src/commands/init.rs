//! `kiln init`: a commented TOML for the user's own folder.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::console::{print, tell};
use super::dry_run::{expected_seconds, rate_of};
use super::failure::Failure;
use super::fits;
use super::kinds::readable;
use super::{Ended, at_least_one};
use crate::config::init::{InitFacts, suggested_stages, template};
use crate::dataset::{self, Dataset, Labels, Origin, Pictures, Shares, Split, scan};
use crate::durable;
use crate::scaling::{Plan, Trains, Variant, grouped};

#[derive(Args)]
pub struct Init {
    /// The folder of pictures: a folder for each class, perhaps under train/, val/ and test/; or a table (.csv, .tsv,
    /// .jsonl, .ndjson), or .tar shards
    folder: PathBuf,
    /// How many folder names make a class
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    depth: usize,
    /// Where to write the TOML; configs/FOLDER.toml, or FOLDER.toml where there is no configs/
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Init {
    pub fn run(self) -> Ended {
        let dataset = self.scanned()?;
        let file = self.out.clone().unwrap_or_else(|| self.file());
        if file.exists() {
            let text = format!(
                "{} is already there and is not replaced; name another file with --out",
                file.display()
            );
            return Err(Failure::Usage(text).into());
        }
        let facts = self.facts(&file, &dataset)?;
        if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            durable::create_folders(parent)?;
        }
        durable::write_new(&file, template(&facts).as_bytes())?;
        tell(&format!("{} pictures of {} classes", dataset.samples.len(), dataset.classes.len()));
        tell(&facts.reason);
        print(&format!("{}\n", file.display()))?;
        tell(&format!("look at it, then: kiln train {}", file.display()));
        Ok(0)
    }

    fn file(&self) -> PathBuf {
        let name = format!("{}.toml", name_of(&self.pictures()));
        if Path::new("configs").is_dir() { Path::new("configs").join(name) } else { name.into() }
    }

    /// The absolute path, links resolved where there is one; a pattern is no path of its own.
    fn pictures(&self) -> PathBuf {
        let absolute = || std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        std::fs::canonicalize(&self.folder).unwrap_or_else(|_| absolute())
    }

    fn scanned(&self) -> Result<Dataset> {
        let options = scan::Options {
            shares: Shares { val: 0.0, test: 0.0 },
            seed: 0,
            bad: scan::Bad::SetAside,
            leakage: scan::Leakage::SetAside,
            keep_alike: false,
            origin: Origin::Folder,
            check: &readable,
            progress: &|_, _| {},
        };
        let labels = Labels { depth: self.depth, ..Labels::default() };
        Ok(dataset::open_labelled(&Pictures::At(self.folder.clone()), &labels, &options)?)
    }

    fn facts(&self, file: &Path, dataset: &Dataset) -> Result<InitFacts> {
        let counts = dataset.counts(Split::Train);
        let classes: Vec<_> = dataset.classes.iter().cloned().zip(counts).collect();
        let pictures: usize = classes.iter().map(|(_, count)| count).sum();
        let stages = suggested_stages(pictures);
        let median_width = median(dataset, |sample| sample.width);
        let median_height = median(dataset, |sample| sample.height);
        let shorter = median_width.min(median_height);
        let variant = fitting(pictures, shorter);
        let plan = Plan::variant(variant);
        let (batch, side) = (32, plan.resolution);
        let hardest = stages.iter().map(|stage| stage.trains).max_by_key(|trains| match trains {
            Trains::Head => 0,
            Trains::Last(count) => *count,
            Trains::All => usize::MAX,
        });
        let hardest = hardest.unwrap_or(Trains::Head);
        let memory_bytes = plan.training_memory(batch, side, classes.len(), hardest, fits::shared());
        let seconds =
            expected_seconds(&plan, side, &stages, pictures, 0, rate_of(&burn::tensor::Device::flex()));
        Ok(InitFacts {
            file: file.to_owned(),
            folder: self.pictures(),
            depth: self.depth,
            has_val: dataset.samples(Split::Val).next().is_some(),
            has_test: dataset.samples(Split::Test).next().is_some(),
            median_width,
            median_height,
            classes,
            variant,
            reason: reason(variant, pictures, shorter),
            image_size: side,
            batch,
            stages,
            minutes: seconds / 60.0,
            memory_bytes,
        })
    }
}

/// The name of the folder, the table or the shard; of a pattern, that of its folder.
fn name_of(pictures: &Path) -> String {
    let folders = pictures.ancestors().find(|path| path.exists()).filter(|path| path.file_name().is_some());
    let name = folders.map(|path| if path.is_dir() { path.file_name() } else { path.file_stem() });
    name.flatten().map_or("pictures".into(), |name| name.to_string_lossy().into_owned())
}

/// The networks that are proposed, and the pictures that each asks for: few would be learned by heart by a larger
/// one, which also needs a GPU or patience. Pictures should fill its input. The numbers are a judgement, not measured.
const PROPOSED: [(Variant, usize); 4] =
    [(Variant::B2, 20_000), (Variant::Lite2, 5_000), (Variant::Lite1, 1_000), (Variant::Lite0, 0)];

/// The largest network that so many pictures with so long a shorter side are enough for.
fn fitting(pictures: usize, side: usize) -> Variant {
    let fits = |(variant, least): &(Variant, usize)| {
        pictures >= *least && side >= Plan::variant(*variant).resolution
    };
    // The smallest has a fair accuracy, and what it needs, a laptop's processor has.
    PROPOSED.into_iter().find(fits).map_or(Variant::Lite0, |(variant, _)| variant)
}

/// Why this network, and what a larger one would ask for.
fn reason(variant: Variant, pictures: usize, side: usize) -> String {
    let pictures = grouped(pictures as u64);
    let mut text = format!("{variant} fits {pictures} pictures of {side} pixels along the shorter side");
    let place = PROPOSED.iter().position(|(proposed, _)| *proposed == variant);
    if let Some((larger, least)) = place.and_then(|place| place.checked_sub(1)).map(|place| PROPOSED[place]) {
        let side = Plan::variant(larger).resolution;
        text += &format!("; {larger} would ask for {} of {side}", grouped(least as u64));
    }
    text
}

fn median(dataset: &Dataset, side: impl Fn(&dataset::Sample) -> u32) -> usize {
    let mut sides: Vec<u32> = dataset.samples.iter().map(side).collect();
    sides.sort_unstable();
    sides.get(sides.len() / 2).copied().unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_and_larger_pictures_get_a_larger_network() {
        let check = |pictures, side, expected| {
            assert_eq!(fitting(pictures, side), expected, "{pictures} pictures of {side}");
        };
        check(0, 0, Variant::Lite0);
        check(999, 4000, Variant::Lite0);
        check(1_000, 240, Variant::Lite1);
        check(5_000, 375, Variant::Lite2);
        check(20_000, 375, Variant::B2);
        // Small pictures hold nothing that a larger input would show.
        check(1_000_000, 32, Variant::Lite0);
        check(1_000_000, 259, Variant::Lite1);
    }

    #[test]
    fn the_reason_names_what_a_larger_one_asks_for() {
        let expected = "lite1 fits 1,200 pictures of 375 pixels along the shorter side; lite2 would ask for 5,000 of 260";
        assert_eq!(reason(Variant::Lite1, 1_200, 375), expected);
        assert!(!reason(Variant::B2, 30_000, 400).contains("would ask"));
    }
}
