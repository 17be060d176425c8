//! Squeeze-excite, channels last: the mean of each channel, two small products, and a gate on every number.
//! Also the pooling by itself. Each picture is computed without looking at the others.

use rayon::prelude::*;

use super::exp;
use super::lanes::{self, Kernel, Lanes};
use super::matrix::{Finish, Packed, product_here};
use super::matrix_gradient::dense_gradient;
use super::norm::{self, Affine, Rows};
use super::norm_rows::{Rescale, Sums};
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
    /// After it.
    pub active: Vec<f32>,
    pub gates: Vec<f32>,
}

impl Gates {
    /// Those of several pictures.
    fn concat(all: Vec<Self>) -> Self {
        let of = |part: fn(&Self) -> &[f32]| all.iter().flat_map(part).copied().collect();
        Self {
            means: of(|gates| &gates.means),
            hidden: of(|gates| &gates.hidden),
            active: of(|gates| &gates.active),
            gates: of(|gates| &gates.gates),
        }
    }
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

    /// Each number times its picture's and channel's gate. A picture is gated right after it was read for its means.
    pub fn squeeze(&self, x: &[f32], layers: Layers, output: &mut [f32]) -> Gates {
        assert!(
            x.len() == output.len() && x.len() == self.samples * self.picture(),
            "pictures of another size"
        );
        let (one, picture) = (Self { samples: 1, ..*self }, self.picture().max(1));
        let [reduce, expand] = [layers.reduce, layers.expand].map(Dense::new);
        let pictures = output.par_chunks_mut(picture).zip(x.par_chunks(picture));
        let found = pictures.map(|(output, x)| {
            let means = one.means(x);
            let hidden = reduce.run(&means);
            let mut active = vec![0.0; hidden.len()];
            with_silu(hidden.len(), |silu| norm::apply_here(&hidden, silu.0, silu.1, &mut active));
            let mut gates = expand.run(&active);
            lanes::run(Sigmoid(&mut gates));
            one.gate(x, &gates, output);
            Gates { means, hidden, active, gates }
        });
        Gates::concat(found.collect())
    }

    /// Turns the output's gradient into the input's, and gives the parameters'.
    pub fn gradients(
        &self,
        x: &[f32],
        layers: Layers,
        saved: &Gates,
        gradient: &mut [f32],
    ) -> LayerGradients {
        let (one, picture) = (Self { samples: 1, ..*self }, self.picture().max(1));
        let (channels, reduced) = (self.channels, layers.reduce.1.len());
        let expand = Packed::by_input(layers.expand.0, channels, reduced);
        let reduce = Packed::by_input(layers.reduce.0, reduced, channels);
        let pictures = gradient.par_chunks_mut(picture).zip(x.par_chunks(picture)).enumerate();
        let found = pictures.map(|(sample, (gradient, x))| {
            let gates = &saved.gates[sample * channels..(sample + 1) * channels];
            let hidden = &saved.hidden[sample * reduced..(sample + 1) * reduced];
            let mut outer = one.gate_gradient(x, gradient);
            outer.iter_mut().zip(gates).for_each(|(value, gate)| *value *= gate * (1.0 - gate));
            let mut inner = vec![0.0; reduced];
            product_here(&outer, &expand, Finish::default(), &mut inner);
            with_silu(reduced, |silu| {
                norm::derive_here::<false>(hidden, silu.0, silu.1, Rows::here(&mut inner))
            });
            let mut means = vec![0.0; channels];
            product_here(&inner, &reduce, Finish::default(), &mut means);
            one.rescale(gradient, gates, &means);
            (outer, inner)
        });
        let (outer, inner): (Vec<_>, Vec<_>) = found.collect::<Vec<_>>().into_iter().unzip();
        let (outer, inner) = (outer.concat(), inner.concat());
        LayerGradients {
            reduce: (dense_gradient(&saved.means, &inner, [reduced, channels]), sum_rows(&inner, reduced)),
            expand: (dense_gradient(&saved.active, &outer, [channels, reduced]), sum_rows(&outer, channels)),
        }
    }

    /// One picture times its gates.
    fn gate(&self, x: &[f32], scale: &[f32], output: &mut [f32]) {
        let zeros = &vec![0.0; self.channels];
        let affine = Affine { center: zeros, scale, shift: zeros };
        output.par_chunks_mut(self.part()).zip(x.par_chunks(self.part())).for_each(|(output, x)| {
            norm::apply_here(x, affine, None, output);
        });
    }

    /// The sum over one picture's positions of gradient times input.
    fn gate_gradient(&self, x: &[f32], gradient: &mut [f32]) -> Vec<f32> {
        let (zeros, ones) = (vec![0.0; self.channels], vec![1.0; self.channels]);
        let affine = Affine { center: &zeros, scale: &ones, shift: &zeros };
        let parts = gradient.par_chunks_mut(self.part()).zip(x.par_chunks(self.part()));
        let parts =
            parts.map(|(gradient, x)| norm::derive_here::<false>(x, affine, None, Rows::here(gradient)).1);
        add(parts.collect(), self.channels).into_iter().map(|sum| sum as f32).collect()
    }

    /// One picture's gradient times its gates, plus each position's share of the mean's gradient.
    fn rescale(&self, gradient: &mut [f32], scale: &[f32], means: &[f32]) {
        let share = 1.0 / self.positions.max(1) as f32;
        let shift: Vec<f32> = means.iter().map(|mean| mean * share).collect();
        gradient.par_chunks_mut(self.part()).for_each(|values| {
            lanes::run(Rescale { values, scale, shift: &shift });
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

/// A small layer with its weight packed.
struct Dense<'a> {
    weight: Packed,
    bias: &'a [f32],
}

impl<'a> Dense<'a> {
    fn new((weight, bias): (&[f32], &'a [f32])) -> Self {
        let outputs = bias.len();
        Self { weight: Packed::by_output(weight, outputs, weight.len() / outputs.max(1)), bias }
    }

    /// One row.
    fn run(&self, x: &[f32]) -> Vec<f32> {
        let mut output = vec![0.0; self.bias.len()];
        product_here(x, &self.weight, Finish { bias: self.bias, ..Finish::default() }, &mut output);
        output
    }
}

/// The sum of some rows.
fn sum_rows(values: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; width];
    for row in values.chunks_exact(width.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Calls with the affine map that changes nothing, and SiLU behind it.
fn with_silu<R>(channels: usize, call: impl FnOnce((Affine, Option<Activation>)) -> R) -> R {
    let (zeros, ones) = (vec![0.0; channels], vec![1.0; channels]);
    call((Affine { center: &zeros, scale: &ones, shift: &zeros }, Some(Activation::Silu)))
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
        exp::sigmoid([L::load(values.as_ptr())])[0].store(values.as_mut_ptr());
    }
}
