//! Compound scaling as arithmetic: variants, coefficients, parameters, multiply-adds, memory, budgets. Knows no
//! tensors and no files.

mod budget;
mod compound;
mod error;
mod float;
mod layers;
mod memory;
mod padding;
mod plan;
mod table;
mod variant;

pub use budget::{Budget, largest, largest_with};
pub use compound::Compound;
pub use error::Error;
pub use float::Float;
pub use layers::{Kind, Layer};
pub use memory::{Frozen, Trains, fitting_batch};
pub use padding::Padding;
pub use plan::{Activation, Block, Plan, SMALLEST_SIDE};
pub use table::{Implied, Row, Stage, grouped, scale_table};
pub use variant::{Coefficients, Family, Variant};
