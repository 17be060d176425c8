//! Multinomial logistic regression on the rows that are learnt from: mean cross-entropy plus `penalty / 2` times the
//! squares of the weights; biases are free. Owns the function; finding its minimum belongs to `minimise`.

use rayon::prelude::*;

use super::minimise::minimise;
use crate::kernels::{dense_gradient, dense_rows};

pub struct Logistic<'a> {
    /// A row for each label.
    pub rows: &'a [f32],
    pub labels: &'a [usize],
    pub classes: usize,
    pub penalty: f64,
    /// Length of the gradient at which the minimum counts as found.
    pub tolerance: f64,
}

impl Logistic<'_> {
    /// Weights `[classes, width]` and then the biases that fit the samples that are `learnt`, from a first guess.
    pub fn fit(&self, learnt: &(impl Fn(usize) -> bool + Sync), guess: Vec<f64>) -> Vec<f64> {
        let count = (0..self.labels.len()).filter(|&sample| learnt(sample)).count();
        minimise(guess, self.tolerance, |at, gradient| self.value(at, learnt, count.max(1), gradient))
    }

    pub fn parameters(&self) -> usize {
        self.classes * (self.width() + 1)
    }

    /// A row of a number for each class for each label.
    pub fn logits(&self, parameters: &[f64]) -> Vec<f32> {
        let narrow: Vec<f32> = parameters.iter().map(|&value| value as f32).collect();
        let (weight, bias) = narrow.split_at(self.classes * self.width());
        dense_rows(self.rows, weight, bias)
    }

    fn width(&self) -> usize {
        self.rows.len() / self.labels.len().max(1)
    }

    fn value(
        &self,
        at: &[f64],
        learnt: &(impl Fn(usize) -> bool + Sync),
        count: usize,
        gradient: &mut [f64],
    ) -> f64 {
        let mut errors = self.logits(at);
        let row = |(sample, row): (usize, &mut [f32])| match learnt(sample) {
            true => into_errors(row, self.labels[sample]),
            false => {
                row.fill(0.0);
                0.0
            }
        };
        // Summed in one order, whichever thread is done first.
        let losses: Vec<f64> = errors.par_chunks_mut(self.classes).enumerate().map(row).collect();
        let (weights, shares) = (self.classes * self.width(), 1.0 / count as f64);
        let of_weights = dense_gradient(self.rows, &errors, [self.classes, self.width()]);
        for ((target, slope), weight) in gradient.iter_mut().zip(of_weights).zip(&at[..weights]) {
            *target = f64::from(slope) * shares + self.penalty * weight;
        }
        gradient[weights..].fill(0.0);
        for row in errors.chunks_exact(self.classes) {
            gradient[weights..]
                .iter_mut()
                .zip(row)
                .for_each(|(sum, error)| *sum += f64::from(*error) * shares);
        }
        let squares: f64 = at[..weights].iter().map(|weight| weight * weight).sum();
        losses.iter().sum::<f64>() * shares + self.penalty / 2.0 * squares
    }
}

/// Turns logits into probabilities less the label's share, and returns the cross-entropy.
fn into_errors(row: &mut [f32], label: usize) -> f64 {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let own = f64::from(row[label] - top);
    let sum: f64 = row.iter().map(|value| f64::from(value - top).exp()).sum();
    for value in row.iter_mut() {
        *value = (f64::from(*value - top).exp() / sum) as f32;
    }
    row[label] -= 1.0;
    sum.ln() - own
}
