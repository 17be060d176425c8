//! How a bottleneck's filter moves over pictures of one size: which lines of input each line of output needs. Worked
//! out once, for there are few sizes.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::Window;
use super::program::Sizes;
use super::taps::{Axis, Run};

/// Lines of outputs that are filtered between two expansions.
pub const LINES: usize = 4;

/// So many sizes are remembered.
const KNOWN: usize = 8;

/// How the filter moves over pictures of one size.
#[derive(Debug)]
pub struct Geometry {
    pub input: (usize, usize),
    pub width: usize,
    pub lines: Vec<Vec<(usize, usize)>>,
    pub runs: Vec<Run>,
}

/// The geometries of the sizes that came last.
#[derive(Debug, Default)]
pub struct Geometries(Mutex<Vec<Arc<Geometry>>>);

impl Geometries {
    pub fn of(&self, window: Window, sizes: Sizes) -> Arc<Geometry> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.iter().find(|known| known.input == (sizes[1], sizes[2])) {
            return Arc::clone(found);
        }
        let new = Arc::new(Geometry::new(window, sizes));
        known.truncate(KNOWN - 1);
        known.insert(0, Arc::clone(&new));
        new
    }
}

impl Geometry {
    fn new(window: Window, [_, height, width, _]: Sizes) -> Self {
        let (rows, columns) = (Axis::new(height, window), Axis::new(width, window));
        Self {
            input: (height, width),
            width: columns.output,
            lines: (0..rows.output).map(|line| rows.forward(line)).collect(),
            runs: columns.forward_runs(),
        }
    }

    /// The most lines of input that some lines of output need.
    pub fn held(&self) -> usize {
        let span = |lines: &[Vec<(usize, usize)>]| self.span(lines).len();
        self.lines.chunks(LINES).map(span).max().unwrap_or(0)
    }

    /// The lines of input that some lines of output need.
    pub fn span(&self, lines: &[Vec<(usize, usize)>]) -> Range<usize> {
        let inputs = || lines.iter().flatten().map(|(input, _)| *input);
        inputs().min().unwrap_or(0)..inputs().max().map_or(0, |last| last + 1)
    }
}
