//! Operations and policies on one decoded picture, mixing on a batch. Takes pixels and a random key, knows no paths.

mod bend;
mod between;
#[cfg(target_arch = "x86_64")]
mod between_wide;
pub mod colour;
pub mod crop;
mod deep;
mod draw;
mod erase;
pub mod filter;
pub mod geometry;
#[cfg(test)]
mod golden;
mod hue;
pub mod jpeg;
pub mod mix;
pub mod policy;
pub mod published;
mod recolour;
mod saturation;
pub mod tone;
pub mod warp;

pub use mix::{Mix, Mixing};
pub use policy::Policy;

/// The form of a picture of interleaved bytes, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
}
