//! The limits of the settings, each with its words. Upper limits only keep out what is surely a slip.

use super::faults::Rule;
use crate::scaling::SMALLEST_SIDE;

macro_rules! rules {
    ($($name:ident: $kind:ty = $must:literal, $holds:expr;)+) => {
        $(pub(super) const $name: Rule<$kind> = Rule { must: $must, holds: $holds };)+
    };
}

// A comparison with NaN is false, so each test refuses it.
rules! {
    SHARE: f64 = "a number from 0 to 1", |v| (0.0..=1.0).contains(v);
    BELOW_ONE: f64 = "a number of at least 0 and below 1", |v| (0.0..1.0).contains(v);
    INSIDE: f64 = "a number above 0 and below 1", |v| *v > 0.0 && *v < 1.0;
    FACTOR: f64 = "a number above 0 and at most 1", |v| *v > 0.0 && *v <= 1.0;
    POSITIVE: f64 = "a number above 0", |v| *v > 0.0 && v.is_finite();
    NOT_NEGATIVE: f64 = "a number of 0 or more", |v| *v >= 0.0 && v.is_finite();
    ANGLE: f64 = "an angle from 0 to 180 degrees", |v| (0.0..=180.0).contains(v);
    SHEAR: f64 = "an angle from 0 to 80 degrees", |v| (0.0..=80.0).contains(v);
    BORDER: f64 = "a number from 0 to 0.5", |v| (0.0..=0.5).contains(v);
    HUE: f64 = "a number from 0 to 0.5", |v| (0.0..=0.5).contains(v);
    FINITE: f64 = "a finite number", |v| v.is_finite();
    COUNT: usize = "a whole number from 1 to 1000000", |v| (1..=1_000_000).contains(v);
    DEPTH: usize = "a whole number of folders from 1 to 16", |v| (1..=16).contains(v);
    CHANNELS: usize = "1 for grey or 3 for RGB", |v| matches!(v, 1 | 3);
    BATCH: usize = "a whole number from 1 to 65536", |v| (1..=65_536).contains(v);
    AUTO_BATCH: usize = "a whole number from 1 to 65536, or \"auto\"", |v| (1..=65_536).contains(v);
    THREADS: usize = "a whole number from 1 to 4096, or \"auto\"", |v| (1..=4096).contains(v);
    WORKERS: usize = "a whole number from 0 to 4096, or \"auto\"", |v| *v <= 4096;
    GPUS: usize = "a whole number from 1 to 64", |v| (1..=64).contains(v);
    OPERATIONS: usize = "a whole number from 1 to 20", |v| (1..=20).contains(v);
    MAGNITUDE: usize = "a whole number from 0 to 30", |v| (0..=30).contains(v);
    BRANCHES: usize = "a whole number from 1 to 10", |v| (1..=10).contains(v);
    PIXELS: usize = "a whole number of pixels from 32 to 4096", |v| (SMALLEST_SIDE..=4096).contains(v);
    // TOML's whole numbers end at 63 bits.
    SEED: u64 = "a whole number from 0 to 9223372036854775807", |v| i64::try_from(*v).is_ok();
}
