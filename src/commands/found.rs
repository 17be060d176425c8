//! What the console says of pictures once they are found: how many, what was set aside, and what makes figures too good.

use super::console::{tell, warn_loudly};
use super::prepare::DRAWN;
use crate::dataset::{Dataset, Split, repeats, scan};

pub fn tell_of(dataset: &Dataset, keeps_alike: bool) {
    let counts = Split::ALL.map(|split| format!("{} {}", dataset.samples(split).count(), split.name()));
    tell(&format!(
        "{} pictures of {} classes: {}",
        dataset.samples.len(),
        dataset.classes.len(),
        counts.join(", ")
    ));
    for aside in dataset.set_aside.iter().take(SHOWN) {
        tell(&format!("  set aside: {}: {}", aside.relative, aside.reason));
    }
    if dataset.set_aside.len() > SHOWN {
        tell(&format!("  and {} more; dataset.json names them all", dataset.set_aside.len() - SHOWN));
    }
    if !dataset.ignored.is_empty() {
        let count = dataset.ignored.len();
        tell(&format!("  and {count} files that are no pictures of a class; dataset.json names them"));
    }
    if dataset.origin.is_drawn() {
        warn_loudly(DRAWN);
    } else if !keeps_alike && dataset.samples.len() > scan::COMPARED {
        tell("  near duplicates were not looked for among so many pictures; `kiln data check` does");
    } else {
        tell_of_repeats(dataset);
    }
}

/// Drawings of one kind all look alike.
fn tell_of_repeats(dataset: &Dataset) {
    for (split, part) in [(Split::Val, "validation"), (Split::Test, "test")] {
        let pairs = repeats(&dataset.samples, &dataset.alike, split);
        if let Some((one, trained)) = pairs.first() {
            tell(&format!(
                "  {} of {} {part} pictures nearly the same as training pictures, so the {part} figures are too good: {} is nearly {} \
                 (`kiln data check` shows all)",
                pairs.len(),
                dataset.samples(split).count(),
                one.relative,
                trained.relative
            ));
        }
    }
}

/// How many faulty pictures are named on the console.
const SHOWN: usize = 10;
