//! What kiln can compute on here. Chooses a device by name; knows no training.

mod choose;

pub use choose::{Chosen, Error, choose};
