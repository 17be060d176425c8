//! Runs work with the widest registers of the processor at hand: the compiler makes one form of it for each kind.
//! What is computed is the same in all of them, as nothing here is rounded differently.

use macerator::{AutoArch, WithSimd};

/// Runs it. What it calls must be inlined into it, or stays in the plain form.
pub fn widest<Work: WithSimd>(work: Work) -> Work::Output {
    AutoArch::new().dispatch(work)
}
