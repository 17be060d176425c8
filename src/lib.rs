//! kiln: labelled pictures and one TOML file in, a trained, tested and exported EfficientNet out.
//! ARCHITECTURE.md is the map; data flows through the rooms below from top to bottom.

pub mod augment;
pub mod canvas;
pub mod chance;
pub mod checkpoint;
pub mod commands;
pub mod config;
pub mod dataset;
pub mod devices;
pub mod durable;
pub mod evaluate;
pub mod export;
pub mod kernels;
pub mod loader;
pub mod model;
pub mod page;
pub mod report;
pub mod results;
pub mod scaling;
#[cfg(feature = "serve")]
pub mod serve;
pub mod track;
pub mod train;
pub mod weights;
