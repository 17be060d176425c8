//! What kiln can compute on here: which devices there are, one of them by name, and whether each computes
//! right. Knows no training.

#[cfg(feature = "wgpu")]
mod adapters;
mod approve;
mod check;
mod choose;
#[cfg(feature = "cuda")]
mod cuda;
mod list;
mod memory;
mod open;
mod precision;
mod quiet;
mod reading;
mod tuned;

pub use approve::{approve, remember};
pub use check::{Gradient, Report, Row, TOLERANCE, check, check_in, tolerance};
pub use choose::{Error, alike, choose};
pub use list::{Kind, Listed, list};
pub use memory::{held, on, release};
pub use open::Chosen;
pub use precision::{halves, precision};
pub use quiet::tried;
pub use reading::{Reading, is_processor};
pub use tuned::{Pick, Tuned};
