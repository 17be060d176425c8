//! Pictures put into folders of their classes: moved, linked or copied, each step written down before it is taken, so that
//! it can be undone. No file is replaced, and none is removed whose bytes do not stand elsewhere.

mod journal;
mod names;
mod sort;
mod undo;

pub use journal::How;
pub use sort::{Sorter, Tally};
pub use undo::{Undone, undo};
