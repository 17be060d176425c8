//! MODEL on the command line: a run folder, an exported file, or `imagenet[:variant-or-entry]`, ready to
//! name pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::failure::Failure;
use super::prepare::fetch;
use super::tta::{self, Tta};
use crate::checkpoint::{IDENTITY_FORMAT, Identity, RunFolder, Start};
use crate::dataset::{DecodeError, Limits, Location, Need, Part, PictureError};
use crate::evaluate::Evidence;
use crate::export::{self, Model};
use crate::model::{Array, Folded, numbers};
use crate::scaling::{Family, Plan, Variant};
use crate::weights::{self, Entry, Head, ImportOptions};

pub struct Classifier {
    pub identity: Identity,
    network: Folded,
    device: Device,
    tta: Option<Tta>,
}

/// Why the bytes of a file make no input.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    See(#[from] PictureError),
}

/// Pictures per forward pass; it has no influence on results.
pub const BATCH: usize = 32;

impl Classifier {
    /// Opens a model by what was typed.
    pub fn open(model: &str, step: Option<usize>, device: &Device) -> Result<Self> {
        Self::new(read(model, step)?, device).with_context(|| format!("in {model}"))
    }

    /// Builds the network that a model says it is.
    pub fn new(model: Model, device: &Device) -> Result<Self> {
        expect_fit(&model)?;
        let identity = model.identity.clone();
        let network = model.network(device);
        Ok(Self { identity, network: Folded::new(&network), device: device.clone(), tta: None })
    }

    /// The same, looking at each picture in several ways.
    pub fn looking(mut self, tta: Option<Tta>) -> Result<Self, Failure> {
        if let Some(tta) = tta {
            tta.fits(&self.identity.preprocess)?;
        }
        self.tta = tta;
        Ok(self)
    }

    /// Published ImageNet weights, used as they are.
    fn published(which: &str) -> Result<Model> {
        let entries = imagenet_entries(which)?;
        let found = fetch(&entries)?;
        let plan = Plan::variant(found.entry.variant);
        let classes: Vec<String> = weights::imagenet::classes().into_iter().map(str::to_owned).collect();
        let named = weights::read(&found.path)?.named;
        let (named, _) = weights::import(named, &plan, classes.len(), ImportOptions { head: Head::Keep })?;
        let identity = Identity {
            format: IDENTITY_FORMAT,
            kiln: env!("CARGO_PKG_VERSION").into(),
            classes,
            network: plan.name(),
            activation: plan.activation,
            squeeze_excite: plan.family == Family::B,
            padding: found.entry.padding,
            norm_eps: found.entry.norm.eps,
            norm_momentum: found.entry.norm.momentum,
            channels: plan.channels,
            preprocess: found.entry.preprocess(),
            plan,
            temperature: 1.0,
            averaged: false,
            start: Start {
                weights: Some(found.entry.id.into()),
                licence: Some(found.entry.licence.into()),
                instead_of_pretrained: false,
            },
            data: "ImageNet".into(),
            drawn: false,
        };
        let arrays = named
            .entries
            .into_iter()
            .map(|(name, array)| Array { name, shape: array.shape, values: array.values })
            .collect();
        Ok(Model { arrays, identity })
    }

    /// Logits of some pictures, the mean of all ways of looking; a picture that cannot be read has a reason instead.
    pub fn logits(&self, pictures: &[Location]) -> Vec<Result<Vec<f32>, String>> {
        self.shown(pictures, self.identity.classes.len(), |images| self.infer(images))
    }

    /// What the layers before the classifier make of some pictures.
    pub fn features(&self, pictures: &[Location]) -> Vec<Result<Vec<f32>, String>> {
        self.shown(pictures, self.width(), |images| numbers(self.network.features(images)))
    }

    /// How many numbers the features of a picture are.
    pub fn width(&self) -> usize {
        self.identity.plan.features
    }

    /// What the network, or a part of it that gives so many numbers, makes of each picture.
    fn shown(
        &self,
        pictures: &[Location],
        width: usize,
        run: impl Fn(Tensor<4>) -> Vec<f32>,
    ) -> Vec<Result<Vec<f32>, String>> {
        let prepared: Vec<Result<Vec<f32>, String>> =
            pictures.par_iter().map(|picture| self.prepare(picture)).collect();
        let good: Vec<&Vec<f32>> = prepared.iter().flatten().collect();
        let views = self.tta.map_or(1, Tta::views);
        let rows = if good.is_empty() { Vec::new() } else { run(self.images(&good, views)) };
        let mut rows = rows.chunks(views * width).map(|rows| tta::mean(rows, views));
        prepared.into_iter().map(|one| one.map(|_| rows.next().unwrap_or_default())).collect()
    }

    /// Logits of what is a tensor already, row after row.
    pub fn infer(&self, images: Tensor<4>) -> Vec<f32> {
        numbers(self.network.infer(images))
    }

    /// What the places of a picture speak for, from the bytes of its file; seen as it is, whatever the ways of looking.
    pub fn evidence(&self, bytes: &[u8]) -> Result<Evidence, String> {
        let pixels = self.pixels(bytes, None, &Limits::default()).map_err(|error| error.to_string())?;
        Ok(self.evidence_in(pixels))
    }

    /// The same of a picture that is prepared already.
    pub fn evidence_in(&self, pixels: Vec<f32>) -> Evidence {
        let (logits, places) = self.network.explain(self.images(&[pixels], 1));
        let columns = places.dims()[3];
        Evidence::new(numbers(logits), numbers(places), columns)
    }

    /// Pictures that are prepared already, as the network takes them.
    pub fn images(&self, prepared: &[impl AsRef<[f32]>], views: usize) -> Tensor<4> {
        let side = self.identity.preprocess.size;
        let values: Vec<f32> = prepared.iter().flat_map(|pixels| pixels.as_ref().iter().copied()).collect();
        let shape = [prepared.len() * views, self.identity.channels, side, side];
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    fn prepare(&self, picture: &Location) -> Result<Vec<f32>, String> {
        let bytes = picture.read().map_err(|error| error.to_string())?;
        self.pixels(&bytes, self.tta, &Limits::default()).map_err(|error| error.to_string())
    }

    /// The network's input, from the bytes of a file.
    pub fn pixels(&self, bytes: &[u8], tta: Option<Tta>, limits: &Limits) -> Result<Vec<f32>, Unread> {
        let preprocess = &self.identity.preprocess;
        let need = |width, height| match tta {
            Some(Tta::Crops) => Need { look: None, ..preprocess.need(width, height) },
            _ => preprocess.need(width, height),
        };
        let part = Part::decode(bytes, preprocess.background, limits, &need)?;
        let seen = match tta {
            None => tta::plain(preprocess, &part, self.identity.channels),
            Some(tta) => tta.seen(preprocess, &part, self.identity.channels),
        };
        Ok(seen?)
    }
}

/// A model by what was typed, before any network is built of it.
pub fn read(model: &str, step: Option<usize>) -> Result<Model> {
    match imagenet(model) {
        Some(which) => Classifier::published(which),
        None => Ok(export::read(&file_of(Path::new(model), step)?)?),
    }
}

/// Refuses arrays of another network before one is built: what a file only claims may be larger than any memory.
pub fn expect_fit(model: &Model) -> Result<(), Failure> {
    let Model { arrays, identity } = model;
    match weights::misfit(arrays, &identity.plan, identity.classes.len()) {
        None => Ok(()),
        Some(wrong) => {
            let text = format!("the file does not hold the network that it says it holds: {wrong}");
            Err(Failure::Weights(text))
        }
    }
}

/// The model file that a path means: of a run, its best checkpoint's.
pub fn file_of(path: &Path, step: Option<usize>) -> Result<PathBuf> {
    if path.is_dir() {
        let run = RunFolder::open(path)?;
        let checkpoint = match step {
            Some(step) => run.at_step(step)?,
            None => run.best()?,
        };
        return Ok(checkpoint.model_path());
    }
    if !path.exists() {
        let text = format!(
            "{} does not exist; a model is a run folder, an exported file or imagenet:VARIANT",
            path.display()
        );
        return Err(Failure::Usage(text).into());
    }
    Ok(path.to_owned())
}

/// `imagenet` or `imagenet:WHICH`, unless a file has that name.
fn imagenet(model: &str) -> Option<&str> {
    match model.split_once(':') {
        Some(("imagenet", which)) => Some(which),
        None if model == "imagenet" && !Path::new(model).exists() => Some("b0"),
        _ => None,
    }
}

/// The entries that a variant or an entry's name means.
pub fn imagenet_entries(which: &str) -> Result<Vec<&'static Entry>> {
    if let Ok(variant) = which.parse::<Variant>() {
        return Ok(Entry::candidates(variant));
    }
    let entry = Entry::find(which).ok_or_else(|| {
        Failure::Weights(format!(
            "no weights are called {which:?}; `kiln weights list` shows those that kiln knows"
        ))
    })?;
    Ok(vec![entry])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_not_what_it_says_is_refused_before_it_is_built() {
        let small = || Plan::custom(Family::B, 0.1, 0.1, 32).unwrap();
        let check = |plan: Plan, classes: usize, part: &str| {
            let held = weights::expected(&small(), classes).into_iter().map(|(name, shape)| {
                let values = vec![0.5; shape.iter().product()];
                Array { name, shape, values }
            });
            let model = Model { arrays: held.collect(), identity: Identity::sample(plan) };
            let error = Classifier::new(model, &Device::flex()).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| error.contains(part)), "{error:?}");
        };
        check(small(), 3, "classifier.bias is [3], should be [2]");
        // Terabytes, if it were built.
        let huge = Plan::custom(Family::B, 64.0, 64.0, 32).unwrap();
        check(huge, 2, "stem.conv.weight is [8, 3, 3, 3], should be [2048, 3, 3, 3]");
    }
}
