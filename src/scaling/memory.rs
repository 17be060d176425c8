//! How much memory a network takes, estimated from the tensors that are alive at once. Everything is 32-bit floats, but
//! for what a training in half precision keeps of its pictures.

use super::layers::{product, sum};
use super::{Float, Kind, Layer, Plan};
use serde::{Deserialize, Serialize};

/// What is trained; the rest is frozen and keeps nothing for a backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trains {
    /// The classifier alone.
    Head,
    /// The last so many blocks, the last convolution and the classifier.
    Last(usize),
    All,
}

/// How the pictures of a batch go through what is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen {
    /// All at once.
    Together,
    /// On the CPU: each of so many threads takes a few of its own through all layers.
    Shared { threads: usize },
}

/// What the estimate rests on, in tensors as large as a layer's output. Fitted to the peaks that `kiln bench`
/// measures on the CPU (docs/memory.md), which it meets within 5% over b0..b3 and batches of 4 to 32.
mod kept {
    /// Of a convolution with batch norm and activation: the input of the norm, and of what follows.
    pub const ACTIVATED: f64 = 2.0;
    /// Of a projection: the input of its norm, of what follows, and now and then a sum with the skipped input.
    pub const PROJECTED: f64 = 2.5;
    /// Of squeeze-excite: the product.
    pub const EXCITED: f64 = 1.0;
    /// At work in a layer's backward pass beside what is kept: most buffers are used again.
    pub const BACKWARD: f64 = 1.0;
    /// Forward, without a backward pass: in and out of the largest layer, one in between, and a skipped input.
    pub const FORWARD: f64 = 3.5;
    /// Of every trained parameter: itself, its gradient, two moments, and one in use by the optimizer.
    pub const TRAINED: f64 = 5.0;
    /// The program itself and its threads.
    pub const PROGRAM_BYTES: f64 = 31e6;
}

/// The same where threads share the pictures out in front of what trains; within 8% of what was measured.
mod shared {
    /// Pictures that a thread takes at once, at most.
    pub const TOGETHER: usize = 8;
    /// Of every frozen parameter: itself, packed for the kernels, and what folding leaves lying about.
    pub const FROZEN: f64 = 2.5;
    /// Of every trained parameter: it is folded and packed with the others.
    pub const TRAINED: f64 = super::kept::TRAINED + 1.0;
    /// Of the input: as loaded, and with its channels last.
    pub const INPUT: f64 = 2.0;
    /// Of what a block needs while a picture goes through it.
    pub const AT_WORK: f64 = 1.05;
    /// Of the backward pass' peak: some of its buffers served in the frozen layers before.
    pub const BACKWARD: f64 = 0.85;
    /// Buffers of the threads, beside the program itself.
    pub const PROGRAM_BYTES: f64 = 19e6;
}

const FLOAT_BYTES: f64 = 4.0;

/// The classifier's size hardly shows in inference; this is ImageNet's.
const CLASSES_IN_INFERENCE: usize = 1000;

impl Plan {
    /// Peak bytes of a training step on square pictures.
    pub fn training_memory(
        &self,
        batch: usize,
        side: usize,
        classes: usize,
        trains: Trains,
        through: Frozen,
    ) -> u64 {
        self.training_memory_in(Float::Fp32, batch, (side, classes), trains, through)
    }

    /// The same where the layers that train hand on such numbers. Weights, moments and frozen layers stay 32-bit floats.
    pub fn training_memory_in(
        &self,
        float: Float,
        batch: usize,
        (side, classes): (usize, usize),
        trains: Trains,
        through: Frozen,
    ) -> u64 {
        let layers = self.layers(side, classes);
        let (frozen, trained) = layers.split_at(self.first_trained(&layers, trains));
        let [frozen_weights, weights] =
            [frozen, trained].map(|layers| sum(layers, |layer| layer.parameters) as f64);
        match through {
            Frozen::Shared { threads } if !frozen.is_empty() => {
                let weights = frozen_weights * shared::FROZEN + weights * shared::TRAINED;
                let input = layers.first().map_or(0, elements_in) as f64 * shared::INPUT;
                let picture = input + shared::BACKWARD * float.share() * backward_peak(trained);
                let at_once = batch.min(threads.saturating_mul(shared::TOGETHER));
                let work = at_once as f64 * shared::AT_WORK * busiest(frozen);
                bytes(weights + batch as f64 * picture + work + shared::PROGRAM_BYTES / FLOAT_BYTES)
            }
            _ => {
                let weights = frozen_weights + weights * kept::TRAINED;
                let activations = float.share() * backward_peak(trained);
                let activations = activations.max(kept::FORWARD * largest(frozen));
                bytes(weights + batch as f64 * activations)
            }
        }
    }

    /// Peak bytes of inference on square pictures.
    pub fn inference_memory(&self, batch: usize, side: usize) -> u64 {
        let layers = self.layers(side, CLASSES_IN_INFERENCE);
        let weights = sum(&layers, |layer| layer.parameters) as f64;
        bytes(weights + batch as f64 * kept::FORWARD * largest(&layers))
    }

    /// Where in the list of layers training starts.
    fn first_trained(&self, layers: &[Layer], trains: Trains) -> usize {
        let is_trained = |layer: &Layer| match trains {
            Trains::All => true,
            Trains::Head => layer.kind == Kind::Dense,
            Trains::Last(count) => match layer.block {
                Some(block) => block.saturating_add(count) >= self.blocks.len(),
                None => layer.kind != Kind::Stem || count >= self.blocks.len(),
            },
        };
        layers.iter().position(is_trained).unwrap_or(layers.len())
    }
}

/// A layer's backward pass runs while all before it is still kept, and what came after is free again.
fn backward_peak(layers: &[Layer]) -> f64 {
    let mut kept = layers.first().map_or(0, elements_in) as f64;
    let peaks = layers.iter().map(|layer| {
        kept += kept_by(layer);
        kept + kept::BACKWARD * elements_out(layer) as f64
    });
    peaks.fold(0.0, f64::max)
}

fn kept_by(layer: &Layer) -> f64 {
    let tensors = match layer.kind {
        Kind::Stem | Kind::Expand | Kind::Depthwise | Kind::Head => kept::ACTIVATED,
        Kind::Project => kept::PROJECTED,
        Kind::Excite => kept::EXCITED,
        Kind::Squeeze | Kind::Dense => 1.0,
    };
    tensors * elements_out(layer) as f64
}

/// The largest batch below this one whose memory is within the limit.
pub fn fitting_batch(batch: usize, limit: u64, memory: impl Fn(usize) -> u64) -> Option<usize> {
    let (mut fits, mut too_large) = (0, batch);
    while too_large - fits > 1 {
        let middle = fits + (too_large - fits) / 2;
        if memory(middle) <= limit { fits = middle } else { too_large = middle }
    }
    (fits > 0).then_some(fits)
}

/// What a picture takes in the block that takes most: what goes in, what the filter gives, what comes out. What is
/// expanded before the filter only ever lies in the processor's cache.
fn busiest(layers: &[Layer]) -> f64 {
    let blocks = layers.chunk_by(|a, b| a.block.is_some() && a.block == b.block);
    let held = blocks.map(|block| {
        let first = block.first().map_or(0, elements_in);
        let filtered = block.iter().find(|layer| layer.kind == Kind::Depthwise).map_or(0, elements_out);
        let last = block.last().map_or(0, elements_out);
        first.saturating_add(filtered).saturating_add(last)
    });
    held.max().unwrap_or(0) as f64
}

fn largest(layers: &[Layer]) -> f64 {
    layers.iter().map(|layer| elements_in(layer).max(elements_out(layer))).max().unwrap_or(0) as f64
}

fn elements_in(layer: &Layer) -> u64 {
    // The classifier and squeeze-excite read means; what these were taken of is not needed again.
    let side = if matches!(layer.kind, Kind::Dense | Kind::Squeeze) { 1 } else { layer.side_in };
    product([layer.input, side, side])
}

fn elements_out(layer: &Layer) -> u64 {
    product([layer.output, layer.side_out, layer.side_out])
}

fn bytes(floats: f64) -> u64 {
    // A cast stops at the largest number.
    (floats * FLOAT_BYTES + kept::PROGRAM_BYTES) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::Variant;

    fn b0(batch: usize, trains: Trains) -> u64 {
        Plan::variant(Variant::B0).training_memory(batch, 224, 102, trains, Frozen::Together)
    }

    /// MiB measured on two threads (docs/memory.md): variant, what trains, batch, peak.
    #[test]
    fn threads_that_share_the_frozen_layers_need_what_was_measured() {
        for (variant, trains, batch, measured) in [
            (Variant::B0, Trains::Head, 4, 137.0),
            (Variant::B0, Trains::Head, 32, 209.0),
            (Variant::B0, Trains::Last(6), 32, 537.0),
            (Variant::B1, Trains::Last(1), 16, 308.0),
            (Variant::B2, Trains::Last(3), 16, 427.0),
            (Variant::B2, Trains::Head, 8, 209.0),
        ] {
            let plan = Plan::variant(variant);
            let shared = Frozen::Shared { threads: 2 };
            let bytes = plan.training_memory(batch, plan.resolution, 1000, trains, shared);
            let ratio = bytes as f64 / (measured * f64::from(1 << 20));
            assert!((0.9..1.1).contains(&ratio), "{variant} {trains:?} {batch}: {ratio}");
        }
    }

    #[test]
    fn the_batch_that_fits_is_the_largest_that_does() {
        let memory = |batch| b0(batch, Trains::All);
        assert_eq!(fitting_batch(64, memory(24), memory), Some(24));
        assert_eq!(fitting_batch(64, memory(24) - 1, memory), Some(23));
        assert_eq!(fitting_batch(64, memory(1), memory), Some(1));
        assert_eq!(fitting_batch(64, memory(1) - 1, memory), None);
    }

    #[test]
    fn training_more_takes_more() {
        let steps =
            [Trains::Head, Trains::Last(0), Trains::Last(3), Trains::Last(15), Trains::Last(16), Trains::All];
        let bytes = steps.map(|trains| b0(16, trains));
        assert!(bytes.is_sorted(), "{bytes:?}");
        assert_eq!(b0(16, Trains::Last(usize::MAX)), b0(16, Trains::All));
        assert!(b0(32, Trains::All) > b0(16, Trains::All));
    }

    #[test]
    fn the_estimate_grows_by_the_activations_of_a_picture() {
        // b0's convolutions give 6.74 million values at 224 px (an independent counter); about three of each stay.
        let picture = (b0(9, Trains::All) - b0(8, Trains::All)) as f64;
        assert!((60e6..120e6).contains(&picture), "{picture}");
    }

    /// Per picture and in all; weights, gradients and moments are the same.
    #[test]
    fn half_floats_halve_what_pictures_take_and_nothing_else() {
        let plan = Plan::variant(Variant::B0);
        let bytes = |float, batch| {
            plan.training_memory_in(float, batch, (224, 102), Trains::All, Frozen::Together) as f64
        };
        assert_eq!(bytes(Float::Fp32, 8) as u64, b0(8, Trains::All));
        let [full, half, brain] =
            [Float::Fp32, Float::Fp16, Float::Bf16].map(|float| bytes(float, 9) - bytes(float, 8));
        assert!((half / full - 0.5).abs() < 1e-6 && (brain / half - 1.0).abs() < 1e-6, "{half} of {full}");
        let rest = |float, picture: f64| bytes(float, 8) - 8.0 * picture;
        assert!((rest(Float::Fp16, half) / rest(Float::Fp32, full) - 1.0).abs() < 1e-6);
        // What is frozen runs in 32 bits.
        let head = |float| plan.training_memory_in(float, 8, (224, 102), Trains::Head, Frozen::Together);
        assert_eq!(head(Float::Fp16), head(Float::Fp32));
    }

    #[test]
    fn inference_takes_less_than_training_and_no_size_overflows() {
        let plan = Plan::variant(Variant::B7);
        assert!(
            plan.inference_memory(8, 600) < plan.training_memory(8, 600, 1000, Trains::All, Frozen::Together)
        );
        for through in [Frozen::Together, Frozen::Shared { threads: usize::MAX }] {
            for trains in [Trains::All, Trains::Head, Trains::Last(1)] {
                assert_eq!(plan.training_memory(usize::MAX, usize::MAX, 10, trains, through), u64::MAX);
            }
        }
    }
}
