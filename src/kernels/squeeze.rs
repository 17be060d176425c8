//! Squeeze-excite, channels last: the mean of each channel, two small products, and a gate on every number.
//! Also the pooling by itself. Each picture is computed without looking at the others.

use rayon::prelude::*;

use super::exp;
use super::lanes::{self, Kernel, Lanes};
use super::matrix::{Finish, Packed, product};
use super::matrix_gradient::{Ready, weight_gradient};
use super::norm::{self, Affine};
use super::norm_rows::{Apply, Derive, Rescale, Sums};
use crate::scaling::Activation;

/// Rows whose sums make a part; their number only depends on the size of one picture.
const ROWS_PER_PART: usize = 512;

/// `[samples, positions, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub samples: usize,
    pub positions: usize,
    pub channels: usize,
}

/// The two small layers: weights `[outputs, inputs]` and biases.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    pub reduce: (&'a [f32], &'a [f32]),
    pub expand: (&'a [f32], &'a [f32]),
}

/// What the gradients need again.
#[derive(Debug, Clone)]
pub struct Gates {
    pub means: Vec<f32>,
    /// Before the activation.
    pub hidden: Vec<f32>,
    pub gates: Vec<f32>,
}

/// The gradients of the input (in place of the output's) and of the four parameters.
pub struct LayerGradients {
    pub reduce: (Vec<f32>, Vec<f32>),
    pub expand: (Vec<f32>, Vec<f32>),
}

impl Shape {
    fn picture(&self) -> usize {
        self.positions * self.channels
    }

    fn part(&self) -> usize {
        (ROWS_PER_PART * self.channels).max(1)
    }

    /// The mean of each channel: `[samples, channels]`.
    pub fn means(&self, x: &[f32]) -> Vec<f32> {
        let zeros = vec![0.0; self.channels];
        let sums = self.sums(|first, last| lanes::run(Sums { x: &x[first..last], pivot: &zeros }).0, x.len());
        sums.into_iter().map(|sum| (sum / self.positions.max(1) as f64) as f32).collect()
    }

    /// Each number times its picture's and channel's gate.
    pub fn gate(&self, x: &[f32], gates: &[f32], output: &mut [f32]) {
        assert!(
            x.len() == output.len() && x.len() == self.samples * self.picture(),
            "pictures of another size"
        );
        let zeros = &vec![0.0; self.channels];
        let pictures = output.par_chunks_mut(self.picture().max(1)).zip(x.par_chunks(self.picture().max(1)));
        pictures.zip(gates.par_chunks(self.channels.max(1))).for_each(|((output, x), scale)| {
            let affine = Affine { center: zeros, scale, shift: zeros };
            output.par_chunks_mut(self.part()).zip(x.par_chunks(self.part())).for_each(|(output, x)| {
                lanes::run(Apply { x, affine, act: exp::Identity, output });
            });
        });
    }

    /// The gates of every picture.
    pub fn gates(&self, x: &[f32], layers: Layers) -> Gates {
        let means = self.means(x);
        let hidden = dense(&means, layers.reduce, self.samples);
        let mut active = vec![0.0; hidden.len()];
        with_silu(hidden.len() / self.samples.max(1), |affine| {
            norm::apply(&hidden, affine, Some(Activation::Silu), &mut active);
        });
        let mut gates = dense(&active, layers.expand, self.samples);
        lanes::run(Sigmoid(&mut gates));
        Gates { means, hidden, gates }
    }

    /// Turns the output's gradient into the input's, and gives the parameters'.
    pub fn gradients(
        &self,
        x: &[f32],
        layers: Layers,
        saved: &Gates,
        gradient: &mut [f32],
    ) -> LayerGradients {
        let (samples, channels) = (self.samples, self.channels);
        let reduced = layers.reduce.1.len();
        let mut outer = self.gate_gradient(x, gradient);
        for (value, gate) in outer.iter_mut().zip(&saved.gates) {
            *value *= gate * (1.0 - gate);
        }
        let mut active = vec![0.0; saved.hidden.len()];
        let mut inner = vec![0.0; samples * reduced];
        product(&outer, &Packed::by_input(layers.expand.0, channels, reduced), Finish::default(), &mut inner);
        let inner_bias = with_silu(reduced, |affine| {
            norm::apply(&saved.hidden, affine, Some(Activation::Silu), &mut active);
            norm::derive(&saved.hidden, affine, Some(Activation::Silu), false, &mut inner).0
        });
        let mut means = vec![0.0; samples * channels];
        product(&inner, &Packed::by_input(layers.reduce.0, reduced, channels), Finish::default(), &mut means);
        self.rescale(gradient, &saved.gates, &means);
        let outer_bias = (0..channels).map(|c| outer.iter().skip(c).step_by(channels.max(1)).sum()).collect();
        LayerGradients {
            reduce: (
                weight_gradient(&Ready { values: &saved.means, width: channels }, channels, &inner, reduced),
                inner_bias.into_iter().map(|value| value as f32).collect(),
            ),
            expand: (
                weight_gradient(&Ready { values: &active, width: reduced }, reduced, &outer, channels),
                outer_bias,
            ),
        }
    }

    /// The sum over positions of gradient times input.
    fn gate_gradient(&self, x: &[f32], gradient: &mut [f32]) -> Vec<f32> {
        let (zeros, ones) = (vec![0.0; self.channels], vec![1.0; self.channels]);
        let affine = Affine { center: &zeros, scale: &ones, shift: &zeros };
        let part = self.part();
        let pictures =
            gradient.par_chunks_mut(self.picture().max(1)).zip(x.par_chunks(self.picture().max(1)));
        let sums: Vec<Vec<f32>> = pictures
            .map(|(gradient, x)| {
                let parts = gradient.par_chunks_mut(part).zip(x.par_chunks(part)).map(|(gradient, x)| {
                    lanes::run(Derive::<_, false> { x, affine, act: exp::Identity, gradient }).1
                });
                add(parts.collect(), self.channels).into_iter().map(|sum| sum as f32).collect()
            })
            .collect();
        sums.concat()
    }

    /// The gradient times the gate, plus each position's share of the mean's gradient.
    fn rescale(&self, gradient: &mut [f32], gates: &[f32], means: &[f32]) {
        let share = 1.0 / self.positions.max(1) as f32;
        let channels = self.channels.max(1);
        let pictures = gradient.par_chunks_mut(self.picture().max(1)).zip(gates.par_chunks(channels));
        pictures.zip(means.par_chunks(channels)).for_each(|((values, scale), means)| {
            let shift: Vec<f32> = means.iter().map(|mean| mean * share).collect();
            values.par_chunks_mut(self.part()).for_each(|values| {
                lanes::run(Rescale { values, scale, shift: &shift });
            });
        });
    }

    /// The gradient of the mean: the same share for each position.
    pub fn spread(&self, gradient: &[f32], output: &mut [f32]) {
        let share = 1.0 / self.positions.max(1) as f32;
        let channels = self.channels.max(1);
        output.par_chunks_mut(self.picture().max(1)).zip(gradient.par_chunks(channels)).for_each(
            |(rows, means)| {
                for row in rows.chunks_exact_mut(channels) {
                    row.iter_mut().zip(means).for_each(|(value, mean)| *value = mean * share);
                }
            },
        );
    }

    /// Sums over the positions of each picture, part by part.
    fn sums(&self, part: impl Fn(usize, usize) -> Vec<f64> + Sync, length: usize) -> Vec<f64> {
        assert_eq!(length, self.samples * self.picture(), "pictures of another size");
        let parts = self.picture().div_ceil(self.part());
        let sums: Vec<Vec<f64>> = (0..self.samples * parts)
            .into_par_iter()
            .map(|task| {
                let (sample, number) = (task / parts, task % parts);
                let start = sample * self.picture();
                let end = self.picture().min((number + 1) * self.part());
                part(start + number * self.part(), start + end)
            })
            .collect();
        if parts == 0 {
            return vec![0.0; self.samples * self.channels];
        }
        sums.chunks(parts).flat_map(|parts| add(parts.to_vec(), self.channels)).collect()
    }
}

fn add(parts: Vec<Vec<f64>>, channels: usize) -> Vec<f64> {
    let mut total = vec![0.0; channels];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
    }
    total
}

fn dense(x: &[f32], (weight, bias): (&[f32], &[f32]), samples: usize) -> Vec<f32> {
    let outputs = bias.len();
    let mut output = vec![0.0; samples * outputs];
    let weight = Packed::by_output(weight, outputs, x.len() / samples.max(1));
    product(x, &weight, Finish { bias, ..Finish::default() }, &mut output);
    output
}

/// Calls with the affine map that changes nothing.
fn with_silu<R>(channels: usize, call: impl FnOnce(Affine) -> R) -> R {
    let (zeros, ones) = (vec![0.0; channels], vec![1.0; channels]);
    call(Affine { center: &zeros, scale: &ones, shift: &zeros })
}

/// The sigmoid of each number, in place.
pub struct Sigmoid<'a>(pub &'a mut [f32]);

impl Kernel for Sigmoid<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (whole, rest) = self.0.split_at_mut(self.0.len() / L::WIDTH * L::WIDTH);
        whole.chunks_exact_mut(L::WIDTH).for_each(sigmoid::<L>);
        rest.chunks_exact_mut(1).for_each(sigmoid::<L::Single>);
    }
}

#[inline(always)]
fn sigmoid<L: Lanes>(values: &mut [f32]) {
    assert_eq!(values.len(), L::WIDTH);
    // SAFETY: there are as many numbers as lanes, as was just asked.
    #[allow(unsafe_code)]
    unsafe {
        exp::sigmoid(L::load(values.as_ptr())).store(values.as_mut_ptr());
    }
}
