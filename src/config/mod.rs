//! The TOML file: its raw form and the checked form that everything else reads.
//! Knows no file other than that one.

mod checked;

pub use checked::*;
