//! `kiln bench --mode data`: how many pictures a second the loader makes ready for training, and what the time goes
//! into. The loader is the one that trains; the shares are taken afterwards, on one thread.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::bench::peak_memory;
use super::listing::walk;
use crate::augment::Policy;
use crate::augment::crop::Crop;
use crate::chance::Key;
use crate::config;
use crate::dataset::{self, Depth, Limits, Need, Part, Picture, Preprocess, probe};
use crate::durable;
use crate::loader::{Decoded, Item, Loader, Lone, Spec};

#[derive(Serialize)]
pub struct Report {
    schema: u32,
    mode: &'static str,
    pictures: usize,
    workers: usize,
    side: usize,
    /// Nothing where it is torchvision's usual augmentation.
    policy: Option<String>,
    /// Of whole passes over the folder.
    ms: Vec<f64>,
    median_ms: f64,
    pictures_per_second: f64,
    shares: Shares,
    /// What pictures decoded at a reduced scale differ by from the same decoded whole, as training and as evaluation see
    /// them; nothing where none is reduced.
    reduced_training: Option<Apart>,
    reduced_evaluation: Option<Apart>,
    peak_rss_mib: f64,
}

/// Milliseconds per picture on one thread.
#[derive(Default, Serialize)]
struct Shares {
    reading_ms: f64,
    decoding_ms: f64,
    resizing_ms: f64,
    augmenting_ms: f64,
    normalising_ms: f64,
}

/// Levels of 255 by which two pictures differ at the network's size.
#[derive(Serialize)]
struct Apart {
    pictures: usize,
    mean: f64,
    most: u8,
}

/// How pictures are loaded.
pub struct Loading {
    pub preprocess: Preprocess,
    /// One of `[augment]`, or torchvision's usual augmentation.
    pub policy: Option<config::Policy>,
    pub workers: usize,
    pub batch: usize,
    /// Passes over all pictures that count.
    pub passes: usize,
    pub decoded: Option<Arc<Decoded>>,
}

/// Times passes over all pictures of a folder; one before them does not count.
pub fn measure(folder: &Path, loading: &Loading) -> Result<Report> {
    let Loading { preprocess, passes, .. } = loading;
    let mut files = Vec::new();
    walk(folder, &mut files, 0)?;
    files.sort();
    anyhow::ensure!(!files.is_empty(), "there is no picture under {}", folder.display());
    let items = items(&files)?;
    let mut ms = Vec::new();
    for view in 0..=*passes as u64 {
        let started = Instant::now();
        pass(&items, loading.spec(view), loading.decoded.clone())?;
        if view > 0 {
            ms.push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    ms.sort_by(f64::total_cmp);
    let median_ms = ms[ms.len() / 2];
    let policy = loading.policy();
    Ok(Report {
        schema: 1,
        mode: "data",
        pictures: files.len(),
        workers: loading.workers,
        side: preprocess.size,
        policy: loading.policy.map(|named| named.to_string()),
        pictures_per_second: files.len() as f64 / median_ms * 1e3,
        median_ms,
        ms,
        shares: shares(&files, preprocess, &policy)?,
        reduced_training: apart(&files, preprocess, &policy)?,
        reduced_evaluation: apart(&files, preprocess, &Policy::none())?,
        peak_rss_mib: peak_memory().unwrap_or(0.0),
    })
}

/// The policy of this name.
pub fn named(name: &str) -> Result<config::Policy, String> {
    use config::Policy::{AugMix, AutoAugment, Light, None, RandAugment, Standard, Strong, TrivialAugment};
    let all = [None, Light, Standard, Strong, RandAugment, TrivialAugment, AutoAugment, AugMix];
    let found = all.into_iter().find(|policy| policy.to_string() == name);
    found.ok_or_else(|| format!("the policies are {}", all.map(|policy| policy.to_string()).join(", ")))
}

impl Loading {
    fn policy(&self) -> Policy {
        self.policy.map_or_else(usual, |named| Policy::from(&named.augment()))
    }

    fn spec(&self, view: u64) -> Spec {
        Spec {
            preprocess: self.preprocess.clone(),
            policy: self.policy(),
            seed: 1,
            view,
            batch: self.batch,
            lone: Lone::Kept,
            first: 0,
            classes: 1,
            channels: 3,
            workers: self.workers,
            as_bytes: false,
            ahead: 2,
        }
    }
}

/// torchvision's usual augmentation: a random resized crop and a flip.
fn usual() -> Policy {
    let crop = Crop { scale: [0.08, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0] };
    Policy { crop: Some(crop), flip: 0.5, ..Policy::none() }
}

/// The files as a scan would give them.
fn items(files: &[PathBuf]) -> Result<Vec<Item>> {
    let item = |(sample, path): (usize, &PathBuf)| {
        let bytes = std::fs::read(path)?;
        let (content, size) = (durable::hash(&bytes), probe(&bytes)?);
        let location = path.clone().into();
        Ok(Item { location, class: 0, sample, weight: 1.0, repeat: 0, content, size })
    };
    files.iter().enumerate().map(item).collect()
}

fn pass(items: &[Item], spec: Spec, decoded: Option<Arc<Decoded>>) -> Result<()> {
    for batch in Loader::new(items.to_vec(), spec, decoded) {
        std::hint::black_box(batch?);
    }
    Ok(())
}

fn shares(files: &[PathBuf], preprocess: &Preprocess, policy: &Policy) -> Result<Shares> {
    let mut spent = [Duration::ZERO; 5];
    let mut pixels = Vec::new();
    for (sample, path) in files.iter().enumerate() {
        let key = Key::new(1).with(1).with(sample as u64);
        let need = |width, height| policy.need(width, height, preprocess, key);
        let mut clock = Instant::now();
        let mut lap = |place: usize| spent[place] += std::mem::replace(&mut clock, Instant::now()).elapsed();
        let bytes = std::fs::read(path)?;
        lap(0);
        let part = Part::decode(&bytes, preprocess.background, &Limits::default(), &need)?;
        lap(1);
        let look = need(part.size().0, part.size().1).look;
        std::hint::black_box(look.map(|look| part.see(&look)).transpose()?);
        lap(2);
        // Resizes once more; that is taken off below.
        let view = policy.views(&part, preprocess, key)?;
        lap(3);
        pixels.clear();
        preprocess.normalise(&view, 3, &mut pixels)?;
        lap(4);
    }
    let each = |place: usize| spent[place].as_secs_f64() * 1e3 / files.len() as f64;
    Ok(Shares {
        reading_ms: each(0),
        decoding_ms: each(1),
        resizing_ms: each(2),
        augmenting_ms: (each(3) - each(2)).max(0.0),
        normalising_ms: each(4),
    })
}

/// How far reduced pictures are from whole ones.
fn apart(files: &[PathBuf], preprocess: &Preprocess, policy: &Policy) -> Result<Option<Apart>> {
    // A hundred tell enough, and whole ones take long.
    const ENOUGH: usize = 100;
    let (mut pictures, mut sum, mut most, mut samples) = (0, 0, 0, 0);
    for (sample, path) in files.iter().enumerate().take(ENOUGH) {
        let bytes = std::fs::read(path)?;
        let key = Key::new(1).with(1).with(sample as u64);
        let need = |width, height| policy.need(width, height, preprocess, key);
        let view = |need: &dyn Fn(u32, u32) -> Need| -> Result<Picture> {
            let part = Part::decode(&bytes, preprocess.background, &Limits::default(), need)?;
            Ok(policy.views(&part, preprocess, key)?)
        };
        let (width, height) = dataset::probe(&bytes)?;
        if need(width, height).factor == 1 {
            continue;
        }
        let whole = view(&|width, height| Need { factor: 1, ..need(width, height) })?;
        let (reduced, whole) = (view(&need)?.into_depth(), whole.into_depth());
        let (Depth::U8(reduced), Depth::U8(whole)) = (reduced, whole) else { continue };
        let steps = || reduced.iter().zip(whole.iter()).map(|(a, b)| a.abs_diff(*b));
        sum += steps().map(u64::from).sum::<u64>();
        most = most.max(steps().max().unwrap_or(0));
        samples += reduced.len();
        pictures += 1;
    }
    Ok((pictures > 0).then(|| Apart { pictures, mean: sum as f64 / samples as f64, most }))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Shares { reading_ms, decoding_ms, resizing_ms, augmenting_ms, normalising_ms } = self.shares;
        write!(
            f,
            "{} pictures with {} workers: {:.0} pictures/s; on one thread reading {reading_ms:.3} ms, decoding \
             {decoding_ms:.3} ms, resizing {resizing_ms:.3} ms, augmenting {augmenting_ms:.3} ms, normalising \
             {normalising_ms:.3} ms each",
            self.pictures, self.workers, self.pictures_per_second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_go_by_the_names_of_the_toml() {
        assert_eq!(named("standard"), Ok(config::Policy::Standard));
        assert_eq!(named("augmix"), Ok(config::Policy::AugMix));
        assert!(named("Standard").unwrap_err().contains("light, standard, strong"));
    }
}
