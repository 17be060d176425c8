//! The policies from papers, as torchvision's transforms of PIL pictures carry them out: which operations, how
//! strongly, in which order. What the operations do to pixels lies beside this folder.

mod augmix;
mod autoaugment;
mod levels;
mod operation;
#[cfg(test)]
mod tests;

use super::Shape;
use super::warp::Look;
use crate::chance::{Draws, Key};
use crate::config::Published;
use levels::{Space, spaces};
use operation::Operation;

/// Applies the policy. Each has a key of its own, so that its draws are nobody else's.
pub fn apply(policy: Published, pixels: &mut [u8], shape: Shape, look: Look, key: Key) {
    match policy {
        Published::RandAugment { operations, magnitude } => {
            let key = key.named("randaugment");
            for number in 0..operations {
                let mut draws = key.with(number as u64).draws();
                let operation = one_of(&spaces::RAND_AUGMENT, &mut draws);
                let step = spaces::RAND_AUGMENT.step(operation, Some(magnitude), &mut draws, shape);
                step.apply(pixels, shape, look);
            }
        }
        Published::TrivialAugment => {
            let mut draws = key.named("trivialaugment").draws();
            let operation = one_of(&spaces::TRIVIAL_AUGMENT_WIDE, &mut draws);
            let bin = draws.below(spaces::TRIVIAL_AUGMENT_WIDE.bins);
            let step = spaces::TRIVIAL_AUGMENT_WIDE.step(operation, Some(bin), &mut draws, shape);
            step.apply(pixels, shape, look);
        }
        Published::AutoAugment => autoaugment::apply(pixels, shape, look, key.named("autoaugment")),
        Published::AugMix { severity, width, depth, alpha } => {
            let chains = augmix::Chains { severity, width, depth, alpha };
            chains.apply(pixels, shape, look, key.named("augmix"));
        }
    }
}

fn one_of(space: &Space, draws: &mut Draws) -> Operation {
    space.operations[draws.below(space.operations.len())]
}

/// An operation with its amount.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    operation: Operation,
    magnitude: f64,
}

impl Step {
    fn apply(self, pixels: &mut [u8], shape: Shape, look: Look) {
        self.operation.apply(pixels, shape, self.magnitude, look);
    }
}

impl Space {
    /// The operation at one of the space's bins, either way where it has two ways.
    fn step(&self, operation: Operation, bin: Option<usize>, draws: &mut Draws, shape: Shape) -> Step {
        let magnitude = bin.map_or(0.0, |bin| self.magnitude(operation, bin, shape));
        let turned = operation.is_signed() && draws.chance(0.5);
        Step { operation, magnitude: if turned { -magnitude } else { magnitude } }
    }
}
