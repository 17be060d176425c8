//! A sequence on the CPU: weights packed once, and the pictures shared out over the threads, each of which takes its own
//! through all pieces. Where there are more threads than pictures, several work on one.

use std::ops::Range;

use burn::tensor::{DType, Tensor};
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::Window;
use super::bottleneck::Fused;
use super::buffers;
use super::convolution::Way;
use super::crew::{Crew, Team};
use super::depthwise::taps_first;
use super::extension::{dims, tensor, values, whole};
use super::matrix::{Finish, Packed, product_by};
use super::sequence::{Conv, Piece};
use super::squeeze::Shape;
use crate::scaling::Activation;

/// Pictures that go through the pieces together.
const TOGETHER: usize = 8;

/// Samples, height, width, channels.
pub type Sizes = [usize; 4];

#[derive(Debug)]
pub struct Program(Vec<Step>);

#[derive(Debug)]
enum Step {
    Convolve(Layer),
    Bottleneck(Box<Fused>),
    Pool,
}

/// A convolution with its weight in the order of its kernel.
#[derive(Debug)]
pub struct Layer {
    pub weight: Weight,
    pub bias: Vec<f32>,
    pub window: Window,
    pub activation: Option<Activation>,
}

#[derive(Debug)]
pub enum Weight {
    Point(Packed),
    /// `[taps, channels]`
    Depth(Vec<f32>),
    Patch(Packed),
}

impl Program {
    /// Nothing where the kernels do not know one of the convolutions.
    pub fn new(pieces: &[Piece]) -> Option<Self> {
        let steps = pieces.iter().map(|piece| match piece {
            Piece::Convolve(conv) => Layer::new(conv).map(Step::Convolve),
            Piece::Bottleneck(bottleneck) => Fused::new(bottleneck).map(Box::new).map(Step::Bottleneck),
            Piece::Pool => Some(Step::Pool),
        });
        Some(Self(steps.collect::<Option<_>>()?))
    }

    /// Some of the steps on pictures with channels last.
    pub fn run(&self, steps: Range<usize>, x: FlexTensor) -> FlexTensor {
        let x = whole(x);
        let sizes = dims::<4>(&x);
        let steps = &self.0[steps];
        if steps.is_empty() {
            return x;
        }
        let shape = steps.iter().fold(sizes, |sizes, step| step.output(sizes));
        let [input, output] = [sizes, shape].map(|sizes| sizes[1..].iter().product::<usize>().max(1));
        let mut found = buffers::take(shape.iter().product());
        let threads = rayon::current_num_threads();
        let together = sizes[0].div_ceil(threads).clamp(1, TOGETHER);
        // Threads for each picture where there are not enough pictures.
        let each = threads.div_ceil(sizes[0].max(1));
        // Into the pool of threads once, instead of with each of the small steps.
        rayon::scope(|_| {
            let pictures = values(&x).par_chunks(together * input);
            found.par_chunks_mut(together * output).zip(pictures).for_each(|(found, x)| {
                let sizes = [x.len() / input, sizes[1], sizes[2], sizes[3]];
                match each {
                    1 => run(steps, x, sizes, Crew::Pool, 1, found),
                    many => Team::with(many - 1, |crew| run(steps, x, sizes, crew, many, found)),
                }
            });
        });
        buffers::give_tensor(x);
        tensor(found, &shape)
    }
}

/// All steps on a few pictures.
fn run(steps: &[Step], x: &[f32], mut sizes: Sizes, crew: Crew, threads: usize, output: &mut [f32]) {
    let Some((last, first)) = steps.split_last() else { return };
    let mut held: Option<Vec<f32>> = None;
    for step in first {
        let shape = step.output(sizes);
        let mut next = buffers::take(shape.iter().product());
        step.run(held.as_deref().unwrap_or(x), sizes, crew, threads, &mut next);
        if let Some(old) = held.replace(next) {
            buffers::give(old);
        }
        sizes = shape;
    }
    last.run(held.as_deref().unwrap_or(x), sizes, crew, threads, output);
    if let Some(held) = held {
        buffers::give(held);
    }
}

impl Step {
    fn output(&self, sizes: Sizes) -> Sizes {
        match self {
            Self::Convolve(layer) => layer.output(sizes),
            Self::Bottleneck(fused) => fused.output(sizes),
            Self::Pool => [sizes[0], 1, 1, sizes[3]],
        }
    }

    fn run(&self, x: &[f32], sizes: Sizes, crew: Crew, threads: usize, output: &mut [f32]) {
        match self {
            Self::Convolve(layer) => layer.run(x, sizes, crew, output),
            Self::Bottleneck(fused) => fused.run(x, sizes, crew, threads, output),
            Self::Pool => {
                let [samples, height, width, channels] = sizes;
                let shape = Shape { samples, positions: height * width, channels };
                output.copy_from_slice(&shape.means(x));
            }
        }
    }
}

impl Layer {
    /// Nothing where the kernels do not know the window.
    pub fn new(conv: &Conv) -> Option<Self> {
        let sizes @ [outputs, inputs, kernel, _] = conv.weight.dims();
        let window = conv.window;
        let channels = if window.groups == 1 { inputs } else { window.groups };
        if conv.weight.dtype() != DType::F32 || !window.is_known(sizes, channels) {
            return None;
        }
        let (mut weight, scale) = (numbers(&conv.weight), numbers(&conv.scale));
        for (row, scale) in weight.chunks_exact_mut((inputs * kernel * kernel).max(1)).zip(scale) {
            row.iter_mut().for_each(|value| *value *= scale);
        }
        let weight = match window.way([1, 1, 1, channels]) {
            Way::Point { .. } => Weight::Point(Packed::by_output(&weight, outputs, inputs)),
            Way::Depth(_) => Weight::Depth(taps_first(&weight, outputs)),
            Way::Patch(patches) => {
                let ordered = patches.order(&weight, outputs);
                Weight::Patch(Packed::by_output(&ordered, outputs, patches.size()))
            }
        };
        Some(Self { weight, bias: numbers(&conv.shift), window, activation: conv.activation })
    }

    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    pub fn output(&self, sizes: Sizes) -> Sizes {
        self.window.output(sizes, self.outputs())
    }

    pub fn finish(&self) -> Finish<'_> {
        Finish { bias: &self.bias, activation: self.activation, residual: &[] }
    }

    fn run(&self, x: &[f32], sizes: Sizes, crew: Crew, output: &mut [f32]) {
        match &self.weight {
            Weight::Point(weight) => product_by(crew, x, weight, self.finish(), output),
            Weight::Depth(taps) => self.window.depth(sizes).forward(x, taps, self.finish(), None, output),
            Weight::Patch(weight) => {
                self.window.patches(sizes).forward(crew, x, weight, self.finish(), None, output);
            }
        }
    }
}

/// A tensor's numbers.
pub fn numbers<const D: usize>(x: &Tensor<D>) -> Vec<f32> {
    x.clone().into_data().try_into_vec().unwrap_or_default()
}
