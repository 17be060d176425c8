//! Operations and policies on one decoded picture, mixing on a batch. Takes pixels and a random key, knows no paths.

pub mod colour;
pub mod crop;
mod deep;
pub mod geometry;
#[cfg(test)]
mod golden;
pub mod mix;
pub mod policy;

pub use mix::Mix;
pub use policy::Policy;
