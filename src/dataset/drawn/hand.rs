//! The hand that draws: random numbers from a key, in the single precision that the raster library
//! works in. Knows nothing of what is drawn.

use crate::chance::{Draws, Key};

pub struct Hand(Draws);

impl Hand {
    pub fn new(key: Key) -> Self {
        Self(key.draws())
    }

    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        self.0.between(f64::from(low), f64::from(high)) as f32
    }

    /// A deviation of up to `size` to either side of zero.
    pub fn around(&mut self, size: f32) -> f32 {
        self.between(-size, size)
    }

    /// A whole number from `low` up to and with `high`.
    pub fn count(&mut self, low: usize, high: usize) -> usize {
        low + self.0.below(high - low + 1)
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.chance(probability)
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.0.below(items.len())]
    }

    /// About standard normal: four uniform numbers from one draw, added up. Quick enough for every
    /// value of a picture.
    pub fn grain(&mut self) -> f32 {
        let bits = self.0.bits();
        let sum: u64 = (0..4).map(|i| bits >> (16 * i) & 0xffff).sum();
        (sum as f32 / 65_536.0 - 2.0) * 3f32.sqrt()
    }
}
