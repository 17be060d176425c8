//! Run folders: their layout, manifests, pointers, and what must come back on a resume. Knows files of
//! tensors by name, nothing of the network's insides.

mod error;
mod folder;
mod identity;
mod known;
mod manifest;
mod saved;
mod state;
mod tensors;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use folder::{Found, Keep, POINTERS, Pointer, RunFolder};
pub use identity::{IDENTITY_FORMAT, Identity, Start};
pub use manifest::{Manifest, verify};
pub use saved::{Checkpoint, Contents};
pub use state::{Best, LossScale, Progress, Tally, Trouble};
pub use tensors::{read_identity, read_model, read_tensors, tensor_bytes};
