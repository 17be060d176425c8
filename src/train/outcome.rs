//! How a run ended, for whoever started it.

use std::path::PathBuf;

use crate::evaluate::Answers;

#[derive(Debug)]
pub enum Outcome {
    /// All stages are done.
    Finished {
        /// What the best checkpoint answers to the test pictures, where there are such.
        test: Option<Test>,
        best: PathBuf,
        /// Updates of the whole run, those that were left out among them.
        steps: usize,
        /// Bytes that the device held at most, where it tells.
        device_memory: Option<u64>,
        /// Updates that were left out because a gradient overflowed; nothing where none is ever left out.
        skipped: Option<u64>,
    },
    /// It was asked to stop and has saved.
    Stopped { saved: PathBuf },
}

/// What the best checkpoint answers to the test pictures, and the temperature that its validation fitted.
#[derive(Debug)]
pub struct Test {
    pub answers: Answers,
    pub temperature: f64,
}
