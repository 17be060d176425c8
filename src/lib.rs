//! kiln: labelled pictures and one TOML file in, a trained, tested and exported EfficientNet out.
//! ARCHITECTURE.md is the map; data flows through the rooms below from top to bottom.

pub mod durable;
pub mod scaling;
pub mod config;
pub mod dataset;
pub mod augment;
pub mod loader;
pub mod model;
pub mod weights;
pub mod evaluate;
pub mod checkpoint;
pub mod train;
pub mod export;
pub mod commands;
