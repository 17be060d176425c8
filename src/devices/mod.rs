//! What kiln can compute on here: which devices there are, one of them by name, whether each computes right, and
//! what memory it has. Knows no training.

#[cfg(feature = "wgpu")]
mod adapters;
mod approve;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod card;
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
mod room;
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
pub use room::{Room, room};
pub use tuned::{Pick, Tuned};
