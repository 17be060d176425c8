//! One thing to look at: what it is called, where its bytes lie, and what is said of its class and split.

use super::super::{Location, Split};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the root, with `/` on every system.
    pub name: String,
    pub location: Location,
    /// None where no class claims it.
    pub class: Option<usize>,
    /// Training where nothing names a split.
    pub split: Split,
}
