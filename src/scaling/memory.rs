//! How much memory a network takes, estimated from the tensors that are alive at once. Everything is 32-bit floats.

use super::layers::{product, sum};
use super::{Kind, Layer, Plan};
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

/// What the estimate rests on, in tensors as large as a layer's output. Fitted to the peaks that `kiln bench`
/// measures on the CPU (docs/memory.md), which it meets within 5% over b0..b2 and batches of 4 to 32.
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

const FLOAT_BYTES: f64 = 4.0;

/// The classifier's size hardly shows in inference; this is ImageNet's.
const CLASSES_IN_INFERENCE: usize = 1000;

impl Plan {
    /// Peak bytes of a training step on square pictures.
    pub fn training_memory(&self, batch: usize, side: usize, classes: usize, trains: Trains) -> u64 {
        let layers = self.layers(side, classes);
        let (frozen, trained) = layers.split_at(self.first_trained(&layers, trains));
        let trained_weights = sum(trained, |layer| layer.parameters) as f64 * kept::TRAINED;
        let weights = sum(frozen, |layer| layer.parameters) as f64 + trained_weights;
        let activations = backward_peak(trained).max(kept::FORWARD * largest(frozen));
        bytes(weights + batch as f64 * activations)
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
                None => layer.kind != Kind::Stem,
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
        Plan::variant(Variant::B0).training_memory(batch, 224, 102, trains)
    }

    #[test]
    fn training_more_takes_more() {
        let steps =
            [Trains::Head, Trains::Last(0), Trains::Last(3), Trains::Last(15), Trains::Last(16), Trains::All];
        let bytes = steps.map(|trains| b0(16, trains));
        assert!(bytes.is_sorted(), "{bytes:?}");
        assert_eq!(b0(16, Trains::Last(usize::MAX)), b0(16, Trains::Last(16)));
        assert!(b0(32, Trains::All) > b0(16, Trains::All));
    }

    #[test]
    fn the_estimate_grows_by_the_activations_of_a_picture() {
        // b0's convolutions give 6.74 million values at 224 px (an independent counter); about three of each stay.
        let picture = (b0(9, Trains::All) - b0(8, Trains::All)) as f64;
        assert!((60e6..120e6).contains(&picture), "{picture}");
    }

    #[test]
    fn inference_takes_less_than_training_and_no_size_overflows() {
        let plan = Plan::variant(Variant::B7);
        assert!(plan.inference_memory(8, 600) < plan.training_memory(8, 600, 1000, Trains::All));
        assert_eq!(plan.training_memory(usize::MAX, usize::MAX, 10, Trains::All), u64::MAX);
    }
}
