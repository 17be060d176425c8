//! Which kernel does a convolution: products of matrices, filters channel by channel, or products of what lies under
//! the windows.

use burn::backend::Cube;
use burn::backend::ops::FloatTensorOps;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{dims, shaped, whole};
use super::place::Place;
use super::{depthwise, product};
use crate::kernels::Window;

enum Way {
    Pointwise,
    Depthwise,
    Patches,
}

/// Whether the kernels know the convolution of pictures of so many channels.
pub fn is_known(window: Window, [outputs, each, _, _]: [usize; 4], channels: usize) -> bool {
    let depthwise = window.groups == channels && each == 1 && outputs == channels;
    window.groups == 1 && each == channels || depthwise
}

fn way(window: Window) -> Way {
    match window {
        Window { groups: 1, kernel: 1, stride: 1, .. } => Way::Pointwise,
        Window { groups: 1, .. } => Way::Patches,
        _ => Way::Depthwise,
    }
}

/// Pictures `[n, h, w, c]` by a weight as PyTorch keeps it, both whole.
pub fn forward(x: &CubeTensor, weight: &CubeTensor, window: Window) -> CubeTensor {
    let [samples, height, width, channels] = dims(x);
    let [outputs, ..] = dims::<4>(weight);
    match way(window) {
        Way::Pointwise => {
            let x = shaped(x.clone(), [samples * height * width, channels]);
            let weight = shaped(weight.clone(), [outputs, channels]);
            shaped(product::by_outputs(&x, &weight), [samples, height, width, outputs])
        }
        Way::Depthwise => depthwise::convolve(x, &taps_first(weight), window),
        Way::Patches => {
            let patches = product::patches(x, window);
            let found = product::by_outputs(&patches, &even_rows(weight));
            let Place { rows, columns, .. } = Place::of(window, [height, width]);
            shaped(found, [samples, rows, columns, outputs])
        }
    }
}

/// The gradients of pictures and weight, as far as they are wanted.
pub fn gradients(
    x: &CubeTensor,
    weight: &CubeTensor,
    window: Window,
    gradient: &CubeTensor,
    wanted: [bool; 2],
) -> [Option<CubeTensor>; 2] {
    let sizes = dims::<4>(x);
    let [samples, height, width, channels] = sizes;
    let [_, rows, columns, outputs] = dims(gradient);
    let kernel = window.kernel;
    let flat = || shaped(gradient.clone(), [samples * rows * columns, outputs]);
    match way(window) {
        Way::Pointwise => {
            let matrix = || shaped(weight.clone(), [outputs, channels]);
            let inputs = || shaped(x.clone(), [samples * height * width, channels]);
            [
                wanted[0].then(|| shaped(product::by_inputs(&flat(), &matrix()), sizes)),
                wanted[1].then(|| {
                    let found = product::weight_gradient(&flat(), &inputs(), samples);
                    shaped(found, [outputs, channels, 1, 1])
                }),
            ]
        }
        Way::Depthwise => [
            wanted[0].then(|| depthwise::input_gradient(gradient, &taps_first(weight), sizes, window)),
            wanted[1].then(|| {
                let found = depthwise::weight_gradient(x, gradient, window);
                let found = Cube::float_swap_dims(shaped(found, [kernel * kernel, channels]), 0, 1);
                shaped(whole(found), [channels, 1, kernel, kernel])
            }),
        ],
        Way::Patches => [
            wanted[0].then(|| {
                let patches = product::by_inputs(&flat(), &even_rows(weight));
                product::from_patches(&patches, sizes, window)
            }),
            wanted[1].then(|| {
                let found = product::weight_gradient(&flat(), &product::patches(x, window), samples);
                let found = product::with_rows_of(found, channels * kernel * kernel);
                shaped(found, [outputs, channels, kernel, kernel])
            }),
        ],
    }
}

/// `[channels, 1, k, k]` as `[k * k, channels]`.
fn taps_first(weight: &CubeTensor) -> CubeTensor {
    let [channels, _, rows, columns] = dims(weight);
    whole(Cube::float_swap_dims(shaped(weight.clone(), [channels, rows * columns]), 0, 1))
}

/// A weight as rows of the length of what lies under its window.
fn even_rows(weight: &CubeTensor) -> CubeTensor {
    let [outputs, channels, rows, columns] = dims(weight);
    let length = channels * rows * columns;
    product::with_rows_of(shaped(weight.clone(), [outputs, length]), product::evened(length))
}
