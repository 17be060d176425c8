//! A convolution and the normalisation behind it as one operation. What the convolution makes is looked at while it is
//! in the cache. On the way back two fast ways, for long products and for filters, finish its gradient as they read it
//! and never write it down; the others finish it first.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use burn_flex::FlexTensor;

use super::Window;
use super::buffers;
use super::convolution::{self, Way};
use super::depthwise::{taps_first, transpose};
use super::extension::{dims, own, tensor, values};
use super::matrix::{Finish, Packed, product_here};
use super::matrix_gradient::{InPlace, Refined, is_long, weight_gradient};
use super::norm::{self, Affine, Pair, Share};
use super::shared::Shared;
use crate::scaling::Activation;

/// Looks at some rows, or changes them. The number is that of their first number.
pub type Visit<'a> = &'a (dyn Fn(usize, &mut [f32]) + Sync);

/// Finishes some rows of a gradient, the first of whose numbers is given, into other memory. Rows that several tasks
/// need are finished by each of them, and counted by one.
pub type Refine<'a> = &'a (dyn Fn(usize, &[f32], &mut [f32], bool) + Sync);

/// What tasks found out about their rows.
pub struct Found<T>(Mutex<Vec<(usize, T)>>);

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Found<T> {
    pub fn add(&self, first: usize, found: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((first, found));
    }

    /// In the order of the rows.
    pub fn in_order(self) -> Vec<T> {
        let mut all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.sort_by_key(|(first, _)| *first);
        all.into_iter().map(|(_, found)| found).collect()
    }
}

/// A convolution, and mean and biased variance of its channels.
pub fn with_statistics(x: &FlexTensor, weight: &FlexTensor, window: Window) -> (FlexTensor, Pair) {
    let [channels, ..] = dims::<4>(weight);
    let shares = Found::default();
    let see = |first: usize, rows: &mut [f32]| shares.add(first, Share::of(rows, channels));
    let raw = convolution::forward(x, weight, window, Finish::default(), Some(&see));
    (raw, Share::total(shares.in_order(), channels))
}

/// A convolution, and what an affine map and an activation make of it.
pub fn with_affine(
    x: &FlexTensor,
    weight: &FlexTensor,
    window: Window,
    [scale, shift]: [&[f32]; 2],
    activation: Option<Activation>,
) -> [FlexTensor; 2] {
    let [outputs, ..] = dims::<4>(weight);
    let affine = Affine { center: &vec![0.0; outputs], scale, shift };
    let shape = window.output(dims(x), outputs);
    let mut output = buffers::take(shape.iter().product());
    let target = Shared::new(&mut output);
    let see = |first: usize, rows: &mut [f32]| {
        // SAFETY: a task sees its own rows, and each row is seen once.
        let output = unsafe { target.part(first, rows.len()) };
        norm::apply_here(rows, affine, activation, output);
    };
    let raw = convolution::forward(x, weight, window, Finish::default(), Some(&see));
    [raw, tensor(output, &shape)]
}

/// The gradients of a convolution's input and weight, as far as they are wanted. `refine` finishes rows of the output's
/// gradient.
pub fn gradients(
    x: FlexTensor,
    weight: &FlexTensor,
    window: Window,
    gradient: FlexTensor,
    wanted: [bool; 2],
    refine: Refine,
) -> [Option<FlexTensor>; 2] {
    let (sizes, [outputs, inputs, ..]) = (dims::<4>(&x), dims::<4>(weight));
    if let (Way::Point { rows }, [true, true]) = (window.way(sizes), wanted)
        && is_long(rows)
    {
        let mut x = own(x);
        let x_numbers = Shared::new(x.storage_mut());
        let back = Packed::by_input(values(weight), outputs, inputs);
        let into_x = |row: usize, rows: &[f32]| {
            let count = rows.len() / outputs;
            // SAFETY: these rows belong to the task that has just read them for the last time.
            let input = unsafe { x_numbers.part(row * inputs, count * inputs) };
            product_here(rows, &back, Finish::default(), input);
        };
        // SAFETY: so many rows are read by one task each, as `is_long` says, which then calls `into_x`.
        let source = unsafe { InPlace::new(&x_numbers, inputs) };
        let refined = Refined { values: values(&gradient), width: outputs, refine };
        let found = weight_gradient(&source, inputs, &refined, outputs, &into_x);
        buffers::give_tensor(gradient);
        return [Some(x), Some(tensor(found, &dims::<4>(weight)))];
    }
    if let (Way::Depth(depth), [true, true]) = (window.way(sizes), wanted) {
        let mut x = own(x);
        let taps = taps_first(values(weight), outputs);
        let found = depth.both_gradients(x.storage_mut(), &taps, values(&gradient), refine);
        buffers::give_tensor(gradient);
        let found = transpose(&found, window.kernel * window.kernel, outputs);
        return [Some(x), Some(tensor(found, &dims::<4>(weight)))];
    }
    let mut gradient = own(gradient);
    norm::in_parts(gradient.storage_mut(), outputs, &|first, rows| {
        let unfinished = rows.to_vec();
        refine(first, &unfinished, rows, true);
    });
    let found = convolution::gradients(x, weight, window, &gradient, wanted);
    buffers::give_tensor(gradient);
    found
}
