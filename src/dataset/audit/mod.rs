//! Looks for everything that can be wrong with a data set before anything is trained on it: every file once, all
//! threads at work, the result in an order of its own. Changes nothing; printing is left to the verb.

mod classes;
#[cfg(test)]
mod deep;
mod doubts;
mod entry;
mod find;
mod fixes;
mod groups;
pub(super) mod header;
mod kind;
mod likeness;
mod look;
mod near;
mod page;
mod report;
mod shrink;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

pub use doubts::{Confusion, Doubt, LabelCheck, Labelled, Ranked};
pub use entry::Entry;
pub use find::{Found, find};
pub use fixes::fixes;
pub use groups::alike_prints;
pub use kind::Kind;
pub use likeness::Fingerprint;
pub use look::{Depth, Spent};
pub use near::ALIKE;
pub use page::page;
pub use report::{Finding, Item, Report};

use super::{Limits, Window};
use groups::Group;
use look::Look;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub depth: Depth,
    pub limits: Limits,
    /// What training will see pictures of more than 8 bits through.
    pub window: Option<Window>,
    /// Training pictures below which a class is small.
    pub minimum: usize,
    /// How alike two pictures are that count as nearly the same, from 0 to 1.
    pub alike: f32,
}

/// What is being done, for a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Looking,
    Comparing,
}

/// Called from many threads with the number of files or pictures done, and of all.
pub type Progress<'a> = dyn Fn(Step, usize, usize) + Sync + 'a;

/// What all files look like, and which belong together.
pub struct Seen {
    looks: Vec<Look>,
    same: Vec<Group>,
    alike: Vec<Group>,
}

/// Looks at all that was found. The number of threads changes nothing but the time.
pub fn look(found: &Found, options: &Options, progress: &Progress) -> Seen {
    let counter = |step: Step, all: usize| {
        let done = AtomicUsize::new(0);
        move |more: usize| progress(step, done.fetch_add(more, Ordering::Relaxed) + more, all)
    };
    let count = counter(Step::Looking, found.entries.len());
    let look = |entry: &Entry| {
        let look = look::look(entry, options.depth, &options.limits, options.window.as_ref());
        count(1);
        look
    };
    let looks: Vec<_> = found.entries.par_iter().map(look).collect();
    let same = groups::same(&looks);
    let pictures = looks.iter().filter(|look| look.fingerprint.is_some()).count();
    let alike = groups::alike(&looks, options.alike, &counter(Step::Comparing, pictures));
    Seen { looks, same, alike }
}

impl Seen {
    /// The time of all threads together.
    pub fn spent(&self) -> Spent {
        self.looks.iter().map(|look| look.spent).sum()
    }

    pub fn report(&self, found: &Found, options: &Options) -> Report {
        Report::of(found, &self.looks, &self.same, &self.alike, options.minimum)
    }
}
