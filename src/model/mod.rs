//! The network: stem, MBConv blocks, squeeze-excite, head. It is built from a plan and a source of
//! numbers, trained from a cut on, and folded for inference. Knows no files and no training.

mod block;
mod fill;
mod folded;
mod layer;
mod network;
mod parameters;
mod squeeze;

pub use block::Block;
pub use fill::initial;
pub use folded::{Folded, Scale, pieces, scales};
pub use layer::{ConvNorm, NormForm, NormSettings};
pub use network::{Cut, Dense, Network, Settings};
pub use parameters::{Array, Role, arrays, gradients, numbers, parameter_list, role, update};
