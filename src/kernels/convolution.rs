//! Which of the three ways a convolution goes, channels last: one matrix product, each channel by itself, or
//! patches. Forward and both gradients.

use burn_flex::FlexTensor;

use super::Window;
use super::buffers;
use super::crew::Crew;
use super::depthwise::{Depthwise, taps_first, transpose};
use super::extension::{dims, tensor, values};
use super::layer::Visit;
use super::matrix::{Finish, Packed, product, product_seen};
use super::matrix_gradient::dense_gradient;
use super::patches::Patches;
use super::taps::Axis;

/// A convolution of known sizes.
pub enum Way {
    Point { rows: usize },
    Depth(Depthwise),
    Patch(Patches),
}

impl Window {
    /// The 1x1 convolution.
    pub const POINT: Self = Self { kernel: 1, stride: 1, padding: crate::scaling::Padding::Same, groups: 1 };

    /// Whether the kernels of this room know the window.
    pub fn is_known(&self, [outputs, inputs, height, width]: [usize; 4], channels: usize) -> bool {
        let square = height == self.kernel && width == self.kernel && self.kernel % 2 == 1 && self.stride > 0;
        let dense = self.groups == 1 && inputs == channels;
        let depthwise = self.groups == channels && outputs == channels && inputs == 1;
        square && channels > 0 && outputs > 0 && (dense || depthwise)
    }

    pub fn way(&self, sizes @ [samples, height, width, _]: [usize; 4]) -> Way {
        if self.kernel == 1 && self.stride == 1 && self.groups == 1 {
            Way::Point { rows: samples * height * width }
        } else if self.groups == 1 {
            Way::Patch(self.patches(sizes))
        } else {
            Way::Depth(self.depth(sizes))
        }
    }

    pub fn patches(&self, [samples, height, width, channels]: [usize; 4]) -> Patches {
        Patches { samples, channels, height: Axis::new(height, *self), width: Axis::new(width, *self) }
    }

    pub fn depth(&self, [samples, height, width, channels]: [usize; 4]) -> Depthwise {
        Depthwise { samples, channels, height: Axis::new(height, *self), width: Axis::new(width, *self) }
    }

    pub fn output(&self, [samples, height, width, _]: [usize; 4], outputs: usize) -> [usize; 4] {
        let side =
            |input| if self.kernel == 1 && self.stride == 1 { input } else { Axis::new(input, *self).output };
        [samples, side(height), side(width), outputs]
    }
}

/// The output; rows are shown to `see` as they are made, each of them once.
pub fn forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    window: Window,
    finish: Finish,
    see: Option<Visit>,
) -> FlexTensor {
    let (sizes, [outputs, ..]) = (dims::<4>(x), dims::<4>(weight));
    let shape = window.output(sizes, outputs);
    let (x, weight) = (values(x), values(weight));
    let mut output = buffers::take(shape.iter().product());
    match window.way(sizes) {
        Way::Point { .. } => {
            let weight = Packed::by_output(weight, outputs, sizes[3]);
            match see {
                None => product(x, &weight, finish, &mut output),
                Some(see) => product_seen(x, &weight, finish, see, &mut output),
            }
        }
        Way::Depth(depth) => depth.forward(x, &taps_first(weight, outputs), finish, see, &mut output),
        Way::Patch(patches) => {
            let weight = Packed::by_output(&patches.order(weight, outputs), outputs, patches.size());
            patches.forward(Crew::Pool, x, &weight, finish, see, &mut output);
        }
    }
    tensor(output, &shape)
}

/// The gradients of input and weight, as far as they are wanted.
pub fn gradients(
    x: FlexTensor,
    weight: &FlexTensor,
    window: Window,
    gradient: &FlexTensor,
    [of_x, of_weight]: [bool; 2],
) -> [Option<FlexTensor>; 2] {
    let found = of_weight.then(|| weight_gradient_of(&x, dims(weight), gradient, window));
    let sizes = dims(&x);
    if of_x {
        buffers::give_tensor(x);
    }
    [of_x.then(|| input_gradient(sizes, weight, gradient, window)), found]
}

/// The gradient of an input of the given sizes.
fn input_gradient(
    sizes: [usize; 4],
    weight: &FlexTensor,
    gradient: &FlexTensor,
    window: Window,
) -> FlexTensor {
    let [outputs, ..] = dims::<4>(weight);
    let (weight, gradient) = (values(weight), values(gradient));
    let take = || buffers::take(sizes.iter().product());
    let input = match window.way(sizes) {
        Way::Point { .. } => {
            let mut input = take();
            product(gradient, &Packed::by_input(weight, outputs, sizes[3]), Finish::default(), &mut input);
            input
        }
        Way::Depth(depth) => {
            let mut input = take();
            depth.input_gradient(gradient, &taps_first(weight, outputs), &mut input);
            input
        }
        Way::Patch(patches) => patches.input_gradient(gradient, &patches.order(weight, outputs), outputs),
    };
    tensor(input, &sizes)
}

/// The gradient of a weight of the given sizes.
fn weight_gradient_of(
    x: &FlexTensor,
    weight: [usize; 4],
    gradient: &FlexTensor,
    window: Window,
) -> FlexTensor {
    let sizes = dims::<4>(x);
    let outputs = weight[0];
    let (x, gradient) = (values(x), values(gradient));
    let found = match window.way(sizes) {
        Way::Point { rows } => {
            assert_eq!(x.len(), rows * sizes[3], "an input of another size");
            dense_gradient(x, gradient, [outputs, sizes[3]])
        }
        Way::Depth(depth) => {
            let taps = window.kernel * window.kernel;
            transpose(&depth.weight_gradient(x, gradient), taps, outputs)
        }
        Way::Patch(patches) => patches.disorder(&patches.weight_gradient(x, gradient, outputs), outputs),
    };
    tensor(found, &weight)
}
