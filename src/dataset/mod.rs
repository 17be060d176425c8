//! Recipes, fetching, scanning, splitting, decoding and the drawn flowers. Knows neither tensors nor training.

pub mod drawn;
