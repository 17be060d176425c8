//! Pretrained weights: the catalogue, fetching, foreign formats, key maps and the report of what matched. Knows
//! nothing of training, and hands on named arrays rather than a network.

pub mod catalogue;
pub mod fetch;
mod fit;
pub mod formats;
mod grey;
mod guess;
pub mod imagenet;
mod import;
mod inspect;
pub mod layouts;
mod tensors;

pub use catalogue::Entry;
pub use fetch::{Found, Roads, Unreachable, obtain};
pub use fit::{misfit, stray_moment};
pub use formats::{Format, Loaded, ReadError, read};
pub use grey::{NotThree, to_grey};
pub use guess::{Guess, guess_variant};
pub use import::{Head, ImportError, ImportOptions, Mismatch, Report, compare, import};
pub use inspect::{Inspection, inspect};
pub use layouts::Layout;
pub use tensors::{Array, Named, expected};

/// The key under which kiln's own files keep what it takes to use them, as JSON.
pub const METADATA_KEY: &str = "kiln";
