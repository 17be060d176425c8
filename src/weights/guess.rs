//! Which variant a file of weights belongs to, from the names and shapes in it alone.

use std::fmt;

use crate::scaling::{Plan, Variant};

use super::layouts;
use super::tensors::{Named, expected};

/// The variant that most of a file's arrays fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    pub variant: Variant,
    /// How many of the variant's arrays, classifier aside, the file has in the right shape.
    pub found: usize,
    pub expected: usize,
}

impl Guess {
    pub fn is_complete(self) -> bool {
        self.found == self.expected
    }
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_complete() {
            write!(f, "{}", self.variant)
        } else {
            write!(f, "{} with {} of {} arrays", self.variant, self.found, self.expected)
        }
    }
}

/// The best fit among the named variants, or None where hardly anything fits.
pub fn guess_variant(named: &Named) -> Option<Guess> {
    let layout = layouts::detect(named.names())?;
    Variant::ALL
        .into_iter()
        .map(|variant| fit(named, layout, variant))
        .max_by(|a, b| a.likeness(named).total_cmp(&b.likeness(named)))
        .filter(|guess| guess.found * 4 >= guess.expected)
}

fn fit(named: &Named, layout: layouts::Layout, variant: Variant) -> Guess {
    let plan = Plan::variant(variant);
    let shapes = expected(&plan, 0).into_iter().map(|(_, shape)| shape);
    let foreign = layouts::pairings(layout, &plan).into_iter().map(|pair| pair.foreign);
    let body: Vec<(String, Vec<usize>)> =
        foreign.zip(shapes).filter(|(name, _)| !name.starts_with(layout.classifier())).collect();
    let fits =
        |(name, shape): &&(String, Vec<usize>)| named.entries.get(name).is_some_and(|a| a.shape == *shape);
    Guess { variant, found: body.iter().filter(fits).count(), expected: body.len() }
}

impl Guess {
    /// Shared arrays over all arrays of either side, so that neither a smaller nor a larger variant wins by its size.
    fn likeness(&self, named: &Named) -> f64 {
        self.found as f64 / (self.expected + named.entries.len()).saturating_sub(self.found).max(1) as f64
    }
}
