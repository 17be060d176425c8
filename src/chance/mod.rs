//! Random numbers as functions of a key. A key is made from (seed, view, sample, operation), so nothing
//! has to be stored to draw the same numbers again. Knows nothing of what is drawn.

use std::f64::consts::TAU;

/// Names one random decision. Keys are values: the same parts in the same order give the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl Key {
    /// The root of all draws of a run.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x6b69_6c6e_6b69_6c6e))
    }

    /// The key of a numbered part: an epoch, a sample, a position.
    pub fn with(self, part: u64) -> Self {
        Self(mix(self.0.rotate_left(23) ^ mix(part.wrapping_add(GOLDEN))))
    }

    /// The key of a named part: an operation.
    pub fn named(self, name: &str) -> Self {
        // FNV-1a; good enough to tell names apart, and `with` mixes it.
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        self.with(hash)
    }

    /// The numbers that belong to this key, in a fixed order.
    pub fn draws(self) -> Draws {
        Draws { state: self.0 }
    }
}

/// A stream of numbers that starts afresh from its key each time.
#[derive(Debug, Clone)]
pub struct Draws {
    state: u64,
}

impl Draws {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        // The upper 53 bits fill a double's mantissa exactly.
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        // Multiply-shift (Lemire 2019); the bias is below 2^-32 for every size that occurs here.
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// Gamma with the given shape and scale 1, by Marsaglia and Tsang (2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = (1.0 - self.unit()).powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Beta(a, b): the mixing share of mixup and cutmix.
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        if x + y > 0.0 { x / (x + y) } else { 0.5 }
    }

    /// Puts the items in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixer_is_splitmix64() {
        // First outputs for seed 1234567 from the reference implementation (Vigna's splitmix64.c).
        let mut draws = Draws { state: 1_234_567 };
        assert_eq!(
            [draws.bits(), draws.bits(), draws.bits()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_key_depends_on_every_part_and_on_their_order() {
        let root = Key::new(1);
        let keys = [
            root,
            root.with(1),
            root.with(2),
            root.with(1).with(2),
            root.with(2).with(1),
            root.named("flip"),
        ];
        for (i, a) in keys.iter().enumerate() {
            for b in &keys[i + 1..] {
                assert_ne!(a, b);
            }
        }
        assert_eq!(root.with(1).draws().bits(), Key::new(1).with(1).draws().bits());
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut draws = Key::new(7).draws();
        let n = 40_000;
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || draws.unit()) - 0.5).abs() < 0.01);
        assert!(mean(&mut || draws.normal()).abs() < 0.02);
        assert!((mean(&mut || draws.normal().powi(2)) - 1.0).abs() < 0.03);
        assert!((mean(&mut || draws.gamma(0.4)) - 0.4).abs() < 0.02);
        assert!((mean(&mut || draws.beta(2.0, 6.0)) - 0.25).abs() < 0.01);
        assert!((mean(&mut || draws.below(10) as f64) - 4.5).abs() < 0.06);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<_> = (0..100).collect();
        Key::new(3).draws().shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
