//! AugMix (Hendrycks et al. 2020): several chains of operations on the same picture, averaged with random weights,
//! and that average with the picture itself.

use super::levels::spaces;
use super::one_of;
use crate::augment::Shape;
use crate::augment::warp::Look;
use crate::chance::{Draws, Key};

pub struct Chains {
    pub severity: usize,
    pub width: usize,
    /// None: each chain draws 1 to 3.
    pub depth: Option<usize>,
    pub alpha: f64,
}

impl Chains {
    pub fn apply(&self, pixels: &mut [u8], shape: Shape, look: Look, key: Key) {
        let mut draws = key.draws();
        let own = draws.beta(self.alpha, self.alpha);
        let shares = dirichlet(self.alpha, self.width, &mut draws);
        let mut sum: Vec<f32> = pixels.iter().map(|value| own as f32 * f32::from(*value)).collect();
        let mut chained = pixels.to_vec();
        for (number, share) in (0..).zip(shares) {
            chained.copy_from_slice(pixels);
            self.chain(&mut chained, shape, look, key.with(number));
            let share = ((1.0 - own) * share) as f32;
            sum.iter_mut().zip(&chained).for_each(|(sum, value)| *sum += share * f32::from(*value));
        }
        // Cut off, as torchvision does.
        pixels.iter_mut().zip(sum).for_each(|(to, value)| *to = value as u8);
    }

    fn chain(&self, pixels: &mut [u8], shape: Shape, look: Look, key: Key) {
        let depth = self.depth.unwrap_or_else(|| 1 + key.draws().below(3));
        for number in 0..depth {
            let mut draws = key.with(number as u64).draws();
            let operation = one_of(&spaces::AUG_MIX, &mut draws);
            let bin = draws.below(self.severity);
            spaces::AUG_MIX.step(operation, Some(bin), &mut draws, shape).apply(pixels, shape, look);
        }
    }
}

/// Shares that sum to 1, evenly spread for an alpha of 1.
fn dirichlet(alpha: f64, count: usize, draws: &mut Draws) -> Vec<f64> {
    let parts: Vec<f64> = (0..count).map(|_| draws.gamma(alpha)).collect();
    let sum: f64 = parts.iter().sum();
    // With a tiny alpha all of them may underflow.
    let share = |part: f64| if sum > 0.0 { part / sum } else { 1.0 / count as f64 };
    parts.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one() {
        let mut draws = Key::new(1).draws();
        for (alpha, count) in [(1.0, 3), (0.1, 5), (1e-9, 4), (100.0, 1)] {
            let shares = dirichlet(alpha, count, &mut draws);
            assert_eq!(shares.len(), count);
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{shares:?}");
        }
    }

    #[test]
    fn shares_of_a_dirichlet_have_its_mean_and_variance() {
        let mut draws = Key::new(2).draws();
        let firsts: Vec<f64> = (0..20_000).map(|_| dirichlet(1.0, 3, &mut draws)[0]).collect();
        let mean = firsts.iter().sum::<f64>() / 2e4;
        let variance = firsts.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / 2e4;
        // a (A - a) / (A^2 (A + 1)) with a = 1 and A = 3.
        assert!((mean - 1.0 / 3.0).abs() < 0.005 && (variance - 2.0 / 36.0).abs() < 0.002);
    }
}
