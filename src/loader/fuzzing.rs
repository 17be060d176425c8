//! This room's private reader under public names, for the fuzzers in fuzz/ and for tests. Part of no ordinary build.

pub use super::pack::{Entry, open as open_pack};
