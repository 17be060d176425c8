//! The TOML file: its raw form and the checked form that everything else reads.
//! Knows no file other than that one.

mod augmentation;
mod check;
mod checked;
mod computing;
mod error;
mod faults;
pub mod init;
mod keeping;
mod origin;
mod overrides;
mod parse;
mod raw;
mod rules;
mod section;
#[cfg(test)]
mod tests;
mod told;
mod words;
mod write;
mod write_train;

pub use augmentation::*;
pub use checked::*;
pub use error::{At, ConfigError, Fault};
pub use words::amount;
