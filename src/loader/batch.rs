//! One batch: numbers or bytes for the network, soft labels, and what they came from. Puts prepared pictures together,
//! lets them mix and hands them to a device.

use burn::tensor::{Device, Tensor, TensorData};

use super::LoaderError;
use super::prepare::{Prepared, Work};
use super::raw::Raw;
use super::workers::Spec;
use crate::chance::Key;
use crate::dataset::PictureError;

/// Pictures and labels of one training step.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Normalised, [n, c, h, w]; nothing where `raw` has them.
    pub pixels: Vec<f32>,
    /// Bytes that become the same numbers on their device.
    raw: Option<Raw>,
    /// n, c, h, w.
    pub shape: [usize; 4],
    /// Soft labels, [n, classes]; each row sums to the weight of its picture, or of its parts where pictures mix.
    pub labels: Vec<f32>,
    /// The class of each picture before any mixing.
    pub classes: Vec<usize>,
    /// The number of each picture in its data set.
    pub samples: Vec<usize>,
    /// The batch's place in its epoch.
    pub number: usize,
}

impl Batch {
    pub(super) fn assemble(
        number: usize,
        pictures: &[Prepared],
        Work { items, spec, .. }: &Work,
    ) -> Result<Self, LoaderError> {
        let shape = [pictures.len(), spec.channels, spec.preprocess.size, spec.preprocess.size];
        let mut labels = vec![0.0; pictures.len() * spec.classes];
        for (row, picture) in pictures.iter().enumerate() {
            labels[row * spec.classes + picture.class] = picture.weight;
        }
        let key = Key::new(spec.seed).with(spec.view).named("batch").with(number as u64);
        let fault = |picture: &Prepared, source| LoaderError::Prepare {
            path: items[picture.position].location.clone(),
            source,
        };
        let raw = if spec.as_bytes { packed(pictures, spec, shape, key, fault)? } else { None };
        let mut pixels = Vec::new();
        if let Some(raw) = &raw {
            raw.mix_labels(&mut labels);
        } else {
            pixels.reserve_exact(shape.iter().product());
            for picture in pictures {
                let view = &picture.view;
                spec.preprocess
                    .normalise(view, spec.channels, &mut pixels)
                    .map_err(|source| fault(picture, source))?;
            }
            spec.policy.mix.apply(&mut pixels, &mut labels, shape, key);
        }
        let classes = pictures.iter().map(|picture| picture.class).collect();
        let samples = pictures.iter().map(|picture| picture.sample).collect();
        Ok(Self { pixels, raw, shape, labels, classes, samples, number })
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The pictures on a device.
    pub fn images(&self, device: &Device) -> Tensor<4> {
        match &self.raw {
            Some(raw) => raw.images(device),
            None => Tensor::from_data(TensorData::new(self.pixels.clone(), self.shape), device),
        }
    }

    /// The soft labels on a device.
    pub fn targets(&self, device: &Device) -> Tensor<2> {
        let classes = self.labels.len() / self.len().max(1);
        Tensor::from_data(TensorData::new(self.labels.clone(), [self.len(), classes]), device)
    }
}

/// The pictures as bytes, where all of them have 8 bits.
fn packed(
    pictures: &[Prepared],
    spec: &Spec,
    shape: [usize; 4],
    key: Key,
    fault: impl Fn(&Prepared, PictureError) -> LoaderError,
) -> Result<Option<Raw>, LoaderError> {
    let mut raw = Raw::new(&spec.preprocess, shape, spec.policy.mix.draw(shape, key));
    for picture in pictures {
        let bytes = spec.preprocess.bytes(&picture.view, spec.channels);
        let Some(bytes) = bytes.map_err(|source| fault(picture, source))? else { return Ok(None) };
        raw.push(bytes);
    }
    Ok(Some(raw))
}
