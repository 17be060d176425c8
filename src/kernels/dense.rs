//! A dense layer on rows that lie in memory, for what is no network: its outputs and the gradient of its weight. The
//! numbers are the same whatever the number of threads.

use super::matrix::{Finish, Packed, product};
pub use super::matrix_gradient::dense_gradient;

/// `[rows, inputs]` times a weight `[outputs, inputs]`, with a number added to each output.
pub fn dense_rows(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let (outputs, inputs) = (bias.len(), weight.len() / bias.len().max(1));
    let mut output = vec![0.0; x.len() / inputs.max(1) * outputs];
    let weight = Packed::by_output(weight, outputs, inputs);
    product(x, &weight, Finish { bias, ..Finish::default() }, &mut output);
    output
}
