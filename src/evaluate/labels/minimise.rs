//! L-BFGS: the minimum of a smooth convex function of many numbers from its values and gradients (Nocedal and Wright,
//! Numerical Optimization, algorithms 3.1 and 7.4). Knows no classifier.

use std::collections::VecDeque;

/// Steps that are remembered.
const MEMORY: usize = 10;
/// Steps after which it ends in any case.
const STEPS: usize = 500;
/// Halvings of one step.
const HALVINGS: usize = 30;
/// The share of the expected descent that a step has to bring.
const ENOUGH: f64 = 1e-4;

/// One step, and what it changed of the gradient.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// `function` returns its value and fills in its gradient. Ends where the gradient is no longer than `tolerance`.
pub fn minimise(
    mut at: Vec<f64>,
    tolerance: f64,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut gradient = vec![0.0; at.len()];
    let mut value = function(&at, &mut gradient);
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    for _ in 0..STEPS {
        let length = dot(&gradient, &gradient).sqrt();
        if length <= tolerance || !length.is_finite() {
            break;
        }
        let direction = direction(&gradient, &pairs);
        let slope = dot(&gradient, &direction);
        // Nothing is known yet of how far it may go.
        let longest = if pairs.is_empty() { 1.0 / length } else { 1.0 };
        let mut next_gradient = vec![0.0; at.len()];
        let tried = (0..HALVINGS).map(|halvings| longest / f64::from(1_u32 << halvings)).find_map(|length| {
            let next: Vec<f64> = at.iter().zip(&direction).map(|(at, way)| at + length * way).collect();
            let there = function(&next, &mut next_gradient);
            (there <= value + ENOUGH * length * slope).then_some((next, there))
        });
        // The numbers' own precision is reached.
        let Some((next, there)) = tried else { break };
        let step: Vec<f64> = next.iter().zip(&at).map(|(next, at)| next - at).collect();
        let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(next, now)| next - now).collect();
        let product = dot(&step, &change);
        if product > 0.0 {
            pairs.push_back(Pair { step, change, product });
        }
        if pairs.len() > MEMORY {
            pairs.pop_front();
        }
        (at, value, gradient) = (next, there, next_gradient);
    }
    at
}

/// Downhill, bent by what the last steps told of the curvature.
fn direction(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut way: Vec<f64> = gradient.iter().map(|value| -value).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = dot(&pair.step, &way) / pair.product;
        add(&mut way, -share, &pair.change);
        shares.push(share);
    }
    if let Some(last) = pairs.back() {
        let scale = last.product / dot(&last.change, &last.change);
        way.iter_mut().for_each(|value| *value *= scale);
    }
    for (pair, share) in pairs.iter().zip(shares.into_iter().rev()) {
        let back = dot(&pair.change, &way) / pair.product;
        add(&mut way, share - back, &pair.step);
    }
    way
}

fn add(to: &mut [f64], factor: f64, values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += factor * value);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_valley_is_followed_to_its_end() {
        // A paraboloid that is 10,000 times as steep in one direction as in another.
        let steep = [1.0, 10.0, 100.0, 1e4];
        let bottom = [1.0, -2.0, 3.0, -4.0];
        let mut calls = 0;
        let found = minimise(vec![0.0; 4], 1e-9, |at, gradient| {
            calls += 1;
            for i in 0..4 {
                gradient[i] = 2.0 * steep[i] * (at[i] - bottom[i]);
            }
            (0..4).map(|i| steep[i] * (at[i] - bottom[i]).powi(2)).sum()
        });
        assert!(found.iter().zip(bottom).all(|(found, bottom)| (found - bottom).abs() < 1e-8), "{found:?}");
        assert!(calls < 100, "{calls}");
    }

    #[test]
    fn what_is_no_number_ends_it() {
        let found = minimise(vec![1.0], 1e-9, |_, gradient| {
            gradient[0] = f64::NAN;
            f64::NAN
        });
        assert_eq!(found, [1.0]);
    }
}
