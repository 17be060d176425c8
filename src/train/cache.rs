//! The frozen prefix of a stage, computed once per picture and view and kept in memory or in a file. The numbers
//! are those that would be computed again each epoch, rounded where 16 bits were asked for.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use burn::tensor::{Device, Tensor, TensorData};
use half::f16;

use super::Error;
use super::cache_files::{CacheFiles, Kept, Writer};
use super::pass::pass;
use crate::config::Precision;
use crate::kernels;
use crate::loader::{Batch, Loader};
use crate::model::{Cut, Folded, numbers};

/// The prefix's output for every sample of a split, one list per view.
#[derive(Debug)]
pub struct Cache {
    /// Channels, height, width of one sample's output.
    shape: [usize; 3],
    samples: usize,
    precision: Precision,
    place: Place,
    views: Vec<Option<Rows>>,
}

/// Where the outputs are kept.
#[derive(Debug)]
pub enum Place {
    Memory,
    Disk(CacheFiles),
}

/// The numbers of one view, sample after sample, as little-endian bytes.
#[derive(Debug)]
enum Rows {
    Memory(Vec<u8>),
    Disk(Kept),
}

/// Where a view's numbers go while they are computed.
enum Sink {
    Memory(Vec<u8>),
    Disk(Writer),
}

impl Cache {
    pub fn new(shape: [usize; 3], samples: usize, views: usize, precision: Precision, place: Place) -> Self {
        let views = (0..views.max(1)).map(|_| None).collect();
        Self { shape, samples, precision, place, views }
    }

    /// What it takes when it is full.
    pub fn bytes(shape: [usize; 3], samples: usize, views: usize, precision: Precision) -> usize {
        let numbers = shape.iter().product::<usize>().saturating_mul(samples).saturating_mul(views.max(1));
        numbers.saturating_mul(precision.bytes())
    }

    pub fn has(&self, view: usize) -> bool {
        self.views[view].is_some()
    }

    /// Takes a view from a file that an earlier stage or run has left.
    pub fn find(&mut self, view: usize) -> bool {
        if let Place::Disk(files) = &self.place
            && let Some(kept) = files.find(view, self.view_bytes())
        {
            self.views[view] = Some(Rows::Disk(kept));
        }
        self.has(view)
    }

    /// Computes one view, and tells how long that waited for pictures. The loader yields the samples in their own order.
    pub fn fill(
        &mut self,
        view: usize,
        loader: Loader,
        prefix: (&Folded, Cut),
        device: &Device,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Duration, Error> {
        let mut sink = match &self.place {
            Place::Memory => Sink::Memory(Vec::with_capacity(self.view_bytes())),
            Place::Disk(files) => Sink::Disk(files.begin(view, self.view_bytes())?),
        };
        let mut done = 0;
        let compute = |batch: &Batch| prefix.0.prefix(batch.images(device), prefix.1);
        let waited = pass(loader, device, stop, &compute, &mut |_, rows| {
            done += rows.len() / self.length();
            sink.take(&encoded(&rows, self.precision))?;
            progress(done, self.samples);
            Ok(())
        })?;
        self.views[view] = Some(match sink {
            Sink::Memory(rows) => Rows::Memory(rows),
            Sink::Disk(writer) => Rows::Disk(writer.finish()?),
        });
        Ok(waited)
    }

    /// The outputs of some samples as one batch.
    pub fn batch(&self, view: usize, samples: &[usize], device: &Device) -> Tensor<4> {
        let length = self.length() * self.precision.bytes();
        let rows: &[u8] = match &self.views[view] {
            Some(Rows::Memory(rows)) => rows,
            Some(Rows::Disk(kept)) => kept,
            None => &[],
        };
        let mut values = kernels::buffer(samples.len() * self.length());
        values.clear();
        for &sample in samples {
            decode(&rows[sample * length..(sample + 1) * length], self.precision, &mut values);
        }
        let [channels, height, width] = self.shape;
        Tensor::from_data(TensorData::new(values, [samples.len(), channels, height, width]), device)
    }

    fn length(&self) -> usize {
        self.shape.iter().product()
    }

    fn view_bytes(&self) -> usize {
        Self::bytes(self.shape, self.samples, 1, self.precision)
    }
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Memory(rows) => rows.extend_from_slice(bytes),
            Self::Disk(writer) => writer.write(bytes)?,
        }
        Ok(())
    }
}

fn encoded(values: &[f32], precision: Precision) -> Vec<u8> {
    match precision {
        Precision::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Precision::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
    }
}

fn decode(bytes: &[u8], precision: Precision, values: &mut Vec<f32>) {
    match precision {
        Precision::F32 => values.extend(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four))),
        Precision::F16 => {
            values.extend(bytes.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two).to_f32()));
        }
    }
}

/// What the outputs would be had they been kept for a while.
pub fn rounded(outputs: Tensor<4>, precision: Precision) -> Tensor<4> {
    if precision == Precision::F32 {
        return outputs;
    }
    let (dims, device) = (outputs.dims(), outputs.device());
    let mut values = Vec::with_capacity(dims.iter().product());
    decode(&encoded(&numbers(outputs), precision), precision, &mut values);
    Tensor::from_data(TensorData::new(values, dims), &device)
}

/// The shape of what the prefix gives for one picture.
pub fn output_shape(prefix: &Folded, cut: Cut, input: [usize; 3], device: &Device) -> [usize; 3] {
    let [channels, height, width] = input;
    let output = prefix.prefix(Tensor::zeros([1, channels, height, width], device), cut);
    let [_, channels, height, width] = output.dims();
    [channels, height, width]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_far_as_their_precision_goes() {
        let values = [0.0, 1.0, -2.5, 3.140_625, 65_504.0, f32::MIN_POSITIVE];
        let there_and_back = |precision| {
            let mut back = Vec::new();
            decode(&encoded(&values, precision), precision, &mut back);
            back
        };
        assert_eq!(there_and_back(Precision::F32), values);
        assert_eq!(there_and_back(Precision::F16), [0.0, 1.0, -2.5, 3.140_625, 65_504.0, 0.0]);
    }
}
