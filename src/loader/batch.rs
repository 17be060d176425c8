//! One batch: numbers for the network, soft labels, and what they came from. Puts prepared pictures together,
//! lets them mix and hands them to a device.

use burn::tensor::{Device, Tensor, TensorData};

use super::LoaderError;
use super::prepare::{Prepared, Work};
use crate::chance::Key;

/// Pictures and labels of one training step.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Normalised, [n, c, h, w].
    pub pixels: Vec<f32>,
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
        let each = shape[1..].iter().product::<usize>();
        let mut pixels = Vec::with_capacity(pictures.len() * each);
        let mut labels = vec![0.0; pictures.len() * spec.classes];
        for (row, picture) in pictures.iter().enumerate() {
            spec.preprocess.normalise(&picture.view, spec.channels, &mut pixels).map_err(|source| {
                let path = items[picture.position].location.clone();
                LoaderError::Prepare { path, source }
            })?;
            labels[row * spec.classes + picture.class] = picture.weight;
        }
        let key = Key::new(spec.seed).with(spec.view).named("batch").with(number as u64);
        spec.policy.mix.apply(&mut pixels, &mut labels, shape, key);
        let classes = pictures.iter().map(|picture| picture.class).collect();
        let samples = pictures.iter().map(|picture| picture.sample).collect();
        Ok(Self { pixels, shape, labels, classes, samples, number })
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
        Tensor::from_data(TensorData::new(self.pixels.clone(), self.shape), device)
    }

    /// The soft labels on a device.
    pub fn targets(&self, device: &Device) -> Tensor<2> {
        let classes = self.labels.len() / self.len().max(1);
        Tensor::from_data(TensorData::new(self.labels.clone(), [self.len(), classes]), device)
    }
}
