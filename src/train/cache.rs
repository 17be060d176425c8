//! The frozen prefix of a stage, computed once per picture and view and kept in memory. The numbers are
//! those that would be computed again each epoch.

use burn::tensor::{Device, Tensor, TensorData};

use super::Error;
use crate::loader::Loader;
use crate::model::{Cut, Folded, numbers};

/// The prefix's output for every sample of a split, one list per view.
#[derive(Debug, Clone)]
pub struct Cache {
    /// Channels, height, width of one sample's output.
    shape: [usize; 3],
    samples: usize,
    views: Vec<Option<Vec<f32>>>,
}

impl Cache {
    pub fn new(shape: [usize; 3], samples: usize, views: usize) -> Self {
        Self { shape, samples, views: vec![None; views.max(1)] }
    }

    /// What it takes when it is full.
    pub fn bytes(shape: [usize; 3], samples: usize, views: usize) -> usize {
        shape.iter().product::<usize>().saturating_mul(samples).saturating_mul(views.max(1)).saturating_mul(4)
    }

    pub fn has(&self, view: usize) -> bool {
        self.views[view].is_some()
    }

    /// Computes one view. The loader yields the samples in their own order.
    pub fn fill(
        &mut self,
        view: usize,
        loader: Loader,
        prefix: (&Folded, Cut),
        device: &Device,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), Error> {
        let mut rows = Vec::with_capacity(self.samples * self.length());
        for batch in loader {
            let batch = batch?;
            rows.extend(numbers(prefix.0.prefix(batch.images(device), prefix.1)));
            progress(rows.len() / self.length(), self.samples);
        }
        self.views[view] = Some(rows);
        Ok(())
    }

    /// The outputs of some samples as one batch.
    pub fn batch(&self, view: usize, samples: &[usize], device: &Device) -> Tensor<4> {
        let length = self.length();
        let rows = self.views[view].as_deref().unwrap_or_default();
        let mut values = Vec::with_capacity(samples.len() * length);
        for &sample in samples {
            values.extend_from_slice(&rows[sample * length..(sample + 1) * length]);
        }
        let [channels, height, width] = self.shape;
        Tensor::from_data(TensorData::new(values, [samples.len(), channels, height, width]), device)
    }

    fn length(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The shape of what the prefix gives for one picture.
pub fn output_shape(prefix: &Folded, cut: Cut, input: [usize; 3], device: &Device) -> [usize; 3] {
    let [channels, height, width] = input;
    let output = prefix.prefix(Tensor::zeros([1, channels, height, width], device), cut);
    let [_, channels, height, width] = output.dims();
    [channels, height, width]
}
