//! The pictures of a run before it begins: whole, and as training will see them. They come out of the loader with the
//! run's settings and draws. Where they are shown is for others to say.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use image::RgbImage;

use super::prepare::{Beginning, splits};
use super::start::processors;
use crate::augment::Policy;
use crate::config::Config;
use crate::dataset::{Crop, Dataset, Picture, Preprocess, Region, Resize, probe, resize};
use crate::loader::{Batch, Item, Loader, Spec, order};
use crate::train::{plain_spec, training_spec};

/// The run as far as its pictures are concerned.
pub struct Pictures {
    pub config: Config,
    pub classes: Vec<String>,
    /// All that it trains on.
    pub train: Vec<Item>,
    pub plain: Spec,
}

/// A picture as it will be seen, and the classes that it counts for.
pub struct View {
    pub image: RgbImage,
    pub labels: Vec<(String, f32)>,
}

impl Pictures {
    pub fn new(begun: Beginning, dataset: &Dataset) -> Self {
        let Beginning { config, preprocess, plan, .. } = begun;
        let workers = config.data.workers.unwrap_or_else(processors);
        let classes = dataset.classes.clone();
        let plain = plain_spec(&config, &preprocess, classes.len(), plan.channels, workers);
        Self { config, classes, train: splits(dataset).train, plain }
    }

    /// The views of some pictures in an epoch in which nothing is frozen, in their order.
    pub fn views(&self, rows: &[Item], view: usize) -> Result<Vec<View>> {
        let spec = training_spec(&self.config, view, self.plain.clone());
        if !self.config.augment.mixes() {
            // Alone they look the same as in their batches.
            return self.loaded(rows.to_vec(), Spec { batch: rows.len(), ..spec });
        }
        let order = order::epoch(spec.seed, view as u64, self.train.len());
        let items: Vec<Item> = order.iter().map(|&sample| self.train[sample].clone()).collect();
        let batches = order::batches(items.len(), spec.batch, spec.lone);
        let mut seen = BTreeMap::new();
        for (number, range) in batches.into_iter().enumerate() {
            if !items[range].iter().any(|item| rows.contains(item)) {
                continue;
            }
            let spec = Spec { first: number, ahead: 0, ..spec.clone() };
            let batch = Loader::new(items.clone(), spec, None).next().context("the epoch ended early")??;
            let views = self.taken_apart(&batch).into_iter();
            seen.extend(batch.samples.iter().copied().zip(views));
        }
        Ok(rows.iter().filter_map(|item| seen.remove(&item.sample)).collect())
    }

    /// Some pictures as inference sees them.
    pub fn plain(&self, rows: &[Item]) -> Result<Vec<View>> {
        self.loaded(rows.to_vec(), Spec { batch: rows.len(), ..self.plain.clone() })
    }

    fn loaded(&self, items: Vec<Item>, spec: Spec) -> Result<Vec<View>> {
        let mut views = Vec::new();
        for batch in Loader::new(items, spec, None) {
            views.extend(self.taken_apart(&batch?));
        }
        Ok(views)
    }

    /// Whole pictures in their own shape, as large as a tile allows.
    pub fn originals(&self, rows: &[Item], tile: u32) -> Result<Vec<View>> {
        let plain = self.plain.clone();
        let preprocess = Preprocess {
            resize: Resize::Squash(plain.preprocess.size),
            crop: Crop::None,
            ..plain.preprocess
        };
        let interpolation = preprocess.interpolation;
        let views = self.loaded(rows.to_vec(), Spec { preprocess, policy: Policy::none(), ..plain })?;
        let fitted = views.into_iter().zip(rows).map(|(view, item)| {
            let size = probe(&item.location.read()?)?;
            let (width, height) = fitting(size, tile);
            let square = Picture::rgb8(tile, tile, view.image.into_raw())?;
            let whole = resize(&square, Region::whole(&square), width, height, interpolation)?;
            let bytes = whole.expect_rgb8("showing")?.to_vec();
            Ok(View { image: RgbImage::from_raw(width, height, bytes).unwrap_or_default(), ..view })
        });
        fitted.collect()
    }

    /// The pictures of a batch as bytes again.
    fn taken_apart(&self, batch: &Batch) -> Vec<View> {
        let [count, channels, height, width] = batch.shape;
        let Preprocess { mean, std, .. } = self.plain.preprocess;
        let plane = height * width;
        (0..count)
            .map(|n| {
                let picture = &batch.pixels[n * channels * plane..][..channels * plane];
                let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
                    let at = y as usize * width + x as usize;
                    image::Rgb(std::array::from_fn(|c| {
                        let value = picture[c.min(channels - 1) * plane + at];
                        ((value * std[c] + mean[c]) * 255.0).round() as u8
                    }))
                });
                let labels = &batch.labels[n * self.classes.len()..][..self.classes.len()];
                View { image, labels: self.named(labels) }
            })
            .collect()
    }

    /// The classes with a share, the largest first.
    fn named(&self, labels: &[f32]) -> Vec<(String, f32)> {
        let shares = self.classes.iter().cloned().zip(labels.iter().copied());
        let mut shares: Vec<_> = shares.filter(|(_, share)| *share > 0.0).collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }
}

impl View {
    /// Its class, or the share of each.
    pub fn words(&self) -> String {
        match &self.labels[..] {
            [(class, _)] => class.clone(),
            labels => {
                let parts: Vec<_> =
                    labels.iter().map(|(class, share)| format!("{share:.2} {class}")).collect();
                parts.join(" ")
            }
        }
    }
}

/// Width and height in the same shape with the longer edge as given.
fn fitting((width, height): (u32, u32), edge: u32) -> (u32, u32) {
    let longer = width.max(height).max(1);
    let scaled = |side: u32| ((u64::from(side) * u64::from(edge)) as f64 / f64::from(longer)).round() as u32;
    (scaled(width).clamp(1, edge), scaled(height).clamp(1, edge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_stay() {
        assert_eq!(fitting((400, 300), 224), (224, 168));
        assert_eq!(fitting((3, 9), 30), (10, 30));
        assert_eq!(fitting((1, 100_000), 64), (1, 64));
        assert_eq!(fitting((0, 0), 64), (1, 1));
    }
}
