//! Squeeze-excite: the means of a picture's channels through two small layers are the gates of its channels. A cube takes
//! one sample through both layers, and back; all of it is in 32 bits.
// Kernels are launched without checks of their indices; each compares them itself.
#![allow(unsafe_code)]

use burn::backend::Cube;
use burn::backend::ops::FloatTensorOps;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::gate::{gated, position_sums, product_sums};
use super::launch::{UNITS, argument, cube, cubes, dims, several, whole};

/// The most channels between the layers: a cube keeps two numbers for each.
pub const HIDDEN: usize = 1024;

/// The two layers: of both the weight as a matrix, and the bias.
#[derive(Debug, Clone)]
pub struct Layers {
    reduce: CubeTensor,
    reduce_bias: CubeTensor,
    expand: CubeTensor,
    expand_bias: CubeTensor,
}

/// What the way back needs.
#[derive(Debug, Clone)]
pub struct Gates {
    /// Sums over the positions.
    sums: CubeTensor,
    /// What came out of the first layer, before its activation.
    reduced: CubeTensor,
    gates: CubeTensor,
}

#[cube]
fn logistic(x: f32) -> f32 {
    1.0f32 / (1.0f32 + (-x).exp())
}

/// The gates of one sample from the sums of its channels. Units share the sums of the first layer, channel by channel in turn.
#[cube(launch_unchecked)]
fn excite(
    sums: &[f32],
    first: &[f32],
    first_bias: &[f32],
    second: &[f32],
    second_bias: &[f32],
    reduced: &mut [f32],
    gates: &mut [f32],
    share: f32,
    channels: usize,
    hidden: usize,
    turns: usize,
    #[comptime] slots: usize,
) {
    let (sample, unit) = (CUBE_POS, UNIT_POS as usize);
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let mut values = Shared::<[f32]>::new_slice(slots);
    for slot in range_stepped(unit, hidden * turns, UNITS) {
        let mut sum = 0.0f32;
        for channel in range_stepped(slot % turns, channels, turns) {
            sum += sums[sample * channels + channel] * share * first[slot / turns * channels + channel];
        }
        shared[slot] = sum;
    }
    sync_cube();
    for at in range_stepped(unit, hidden, UNITS) {
        let mut sum = first_bias[at];
        for turn in 0..turns {
            sum += shared[at * turns + turn];
        }
        reduced[sample * hidden + at] = sum;
        values[at] = sum * logistic(sum);
    }
    sync_cube();
    for channel in range_stepped(unit, channels, UNITS) {
        let mut sum = second_bias[channel];
        for at in 0..hidden {
            sum += second[channel * hidden + at] * values[at];
        }
        gates[sample * channels + channel] = logistic(sum);
    }
}

/// The way back of one sample: from the gates' gradients those of what came out of both layers, before their activations,
/// and of the means.
#[cube(launch_unchecked)]
fn excite_back(
    gradient: &[f32],
    gates: &[f32],
    reduced: &[f32],
    first: &[f32],
    second: &[f32],
    after: &mut [f32],
    between: &mut [f32],
    means: &mut [f32],
    channels: usize,
    hidden: usize,
    turns: usize,
    #[comptime] slots: usize,
) {
    let (sample, unit) = (CUBE_POS, UNIT_POS as usize);
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let mut values = Shared::<[f32]>::new_slice(slots);
    for channel in range_stepped(unit, channels, UNITS) {
        let at = sample * channels + channel;
        let gate = gates[at];
        after[at] = gradient[at] * gate * (1.0f32 - gate);
    }
    for slot in range_stepped(unit, hidden * turns, UNITS) {
        let mut sum = 0.0f32;
        for channel in range_stepped(slot / hidden, channels, turns) {
            // What other units write above is not to be seen before the launch ends.
            let at = sample * channels + channel;
            let gate = gates[at];
            sum += gradient[at] * gate * (1.0f32 - gate) * second[channel * hidden + slot % hidden];
        }
        shared[slot] = sum;
    }
    sync_cube();
    for at in range_stepped(unit, hidden, UNITS) {
        let mut sum = 0.0f32;
        for turn in 0..turns {
            sum += shared[turn * hidden + at];
        }
        let x = reduced[sample * hidden + at];
        let gate = logistic(x);
        let found = sum * (gate + x * gate * (1.0f32 - gate));
        between[sample * hidden + at] = found;
        values[at] = found;
    }
    sync_cube();
    for channel in range_stepped(unit, channels, UNITS) {
        let mut sum = 0.0f32;
        for at in 0..hidden {
            sum += values[at] * first[at * channels + channel];
        }
        means[sample * channels + channel] = sum;
    }
}

/// The gradients of both weights and biases: sums over the samples, a unit for each number.
#[cube(launch_unchecked)]
fn excite_weights(
    sums: &[f32],
    reduced: &[f32],
    after: &[f32],
    between: &[f32],
    first: &mut [f32],
    first_bias: &mut [f32],
    second: &mut [f32],
    second_bias: &mut [f32],
    share: f32,
    samples: usize,
    channels: usize,
    hidden: usize,
) {
    let (unit, weights) = (ABSOLUTE_POS, channels * hidden);
    let mut sum = 0.0f32;
    if unit < weights {
        let (channel, at) = (unit / hidden, unit % hidden);
        for sample in 0..samples {
            let x = reduced[sample * hidden + at];
            sum += after[sample * channels + channel] * x * logistic(x);
        }
        second[unit] = sum;
    } else if unit < 2 * weights {
        let (at, channel) = ((unit - weights) / channels, unit % channels);
        for sample in 0..samples {
            sum += between[sample * hidden + at] * sums[sample * channels + channel] * share;
        }
        first[unit - weights] = sum;
    } else if unit < 2 * weights + channels {
        let channel = unit - 2 * weights;
        for sample in 0..samples {
            sum += after[sample * channels + channel];
        }
        second_bias[channel] = sum;
    } else if unit < 2 * weights + channels + hidden {
        let at = unit - 2 * weights - channels;
        for sample in 0..samples {
            sum += between[sample * hidden + at];
        }
        first_bias[at] = sum;
    }
}

impl Layers {
    /// Of both layers the weight, as a 1x1 convolution's, and the bias.
    pub fn new(parts: [CubeTensor; 4]) -> Self {
        let [reduce, reduce_bias, expand, expand_bias] = parts.map(whole);
        Self { reduce, reduce_bias, expand, expand_bias }
    }

    /// Channels between the layers; how many units share one of their sums; the numbers that a cube keeps.
    fn sizes(&self) -> (usize, usize, usize) {
        let [hidden] = dims(&self.reduce_bias);
        (hidden, (UNITS / hidden.max(1)).max(1), hidden.max(UNITS))
    }

    /// The gated pictures.
    pub fn forward(&self, x: &CubeTensor) -> (CubeTensor, Gates) {
        let [samples, height, width, channels] = dims(x);
        let (hidden, turns, slots) = self.sizes();
        let sums = position_sums(x);
        let [reduced, gates] = several(x, [hidden, channels].map(|each| [samples, each].into()));
        // Safety: there is a cube for each sample, and its units stop at the last channel and the last number between.
        unsafe {
            excite::launch_unchecked(
                &x.client,
                CubeCount::Static(samples as u32, 1, 1),
                cube(),
                argument(&sums),
                argument(&self.reduce),
                argument(&self.reduce_bias),
                argument(&self.expand),
                argument(&self.expand_bias),
                argument(&reduced),
                argument(&gates),
                1.0 / (height * width) as f32,
                channels,
                hidden,
                turns,
                slots,
            );
        }
        (gated(x, &gates, None), Gates { sums, reduced, gates })
    }

    /// The gradients of the pictures, and of the layers in the order of `new`.
    pub fn gradients(
        &self,
        x: &CubeTensor,
        kept: &Gates,
        gradient: &CubeTensor,
    ) -> (CubeTensor, [CubeTensor; 4]) {
        let [samples, height, width, channels] = dims(x);
        let (hidden, turns, slots) = self.sizes();
        let share = 1.0 / (height * width) as f32;
        let of_gates = product_sums(gradient, x);
        let sizes = [channels, channels, hidden].map(|each| [samples, each].into());
        let [after, means, between] = several(x, sizes);
        // Safety: as above.
        unsafe {
            excite_back::launch_unchecked(
                &x.client,
                CubeCount::Static(samples as u32, 1, 1),
                cube(),
                argument(&of_gates),
                argument(&kept.gates),
                argument(&kept.reduced),
                argument(&self.reduce),
                argument(&self.expand),
                argument(&after),
                argument(&between),
                argument(&means),
                channels,
                hidden,
                turns,
                slots,
            );
        }
        let layers = [&self.reduce, &self.reduce_bias, &self.expand, &self.expand_bias];
        let [reduce, reduce_bias, expand, expand_bias] =
            several(x, layers.map(|part| part.meta.shape().clone()));
        // Safety: units beyond the last number write nothing.
        unsafe {
            excite_weights::launch_unchecked(
                &x.client,
                cubes(2 * channels * hidden + channels + hidden),
                cube(),
                argument(&kept.sums),
                argument(&kept.reduced),
                argument(&after),
                argument(&between),
                argument(&reduce),
                argument(&reduce_bias),
                argument(&expand),
                argument(&expand_bias),
                share,
                samples,
                channels,
                hidden,
            );
        }
        let input = gated(gradient, &kept.gates, Some((&means, share)));
        (input, [reduce, reduce_bias, expand, expand_bias])
    }
}

/// The means of a picture's channels, `[n, c]` in 32 bits.
pub fn pool(x: &CubeTensor) -> CubeTensor {
    let [_, height, width, _] = dims(x);
    Cube::float_div_scalar(position_sums(x), ((height * width) as f32).into())
}
