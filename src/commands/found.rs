//! What the console says of pictures once they are found: how many, what was set aside, and what makes figures too good.

use super::console::{tell, warn_loudly};
use super::prepare::DRAWN;
use crate::dataset::{Dataset, Sample, Split, conflicts, repeats, scan};

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
    if let Some(words) = contradictions(&dataset.samples) {
        tell(&words);
    }
    if dataset.origin.is_drawn() {
        warn_loudly(DRAWN);
    } else if !keeps_alike && dataset.samples.len() > scan::COMPARED {
        tell("  near duplicates were not looked for among so many pictures; `kiln data check` does");
    } else {
        tell_of_repeats(dataset);
    }
}

/// The same bytes in several classes: whatever the network learns of them, it is wrong.
fn contradictions(samples: &[Sample]) -> Option<String> {
    let found = conflicts(samples);
    let names =
        |group: &Vec<&Sample>| group.iter().map(|one| one.relative.as_str()).collect::<Vec<_>>().join(" = ");
    let first: Vec<String> = found.iter().take(NAMED).map(names).collect();
    let (what, more) = match found.len() {
        0 => return None,
        1 => ("1 picture lies".to_string(), ""),
        count => (format!("{count} pictures lie"), if count > NAMED { " and others" } else { "" }),
    };
    Some(format!(
        "  {what} in several classes, and the labels contradict each other: {}{more} (`kiln data check` shows all)",
        first.join(", ")
    ))
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
/// How many pictures of several classes are.
const NAMED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_contradict_each_other_are_told() {
        let sample = |(name, class, hash): (&str, usize, &str)| {
            let (relative, hash) = (name.into(), hash.into());
            let (slice, split, weight, source) = (None, Split::Train, 1.0, None);
            Sample { relative, slice, class, split, hash, bytes: 1, width: 1, height: 1, weight, source }
        };
        let names = [("a/1", 0, "x"), ("a/2", 0, "y"), ("b/1", 1, "x"), ("b/2", 1, "z"), ("c/2", 2, "z")];
        let told = contradictions(&names.map(sample)).unwrap();
        assert!(
            told.starts_with("  2 pictures lie in several classes")
                && told.contains("other: a/1 = b/1, b/2 = c/2 (")
        );
        assert!(
            contradictions(&names[..3].iter().copied().map(sample).collect::<Vec<_>>())
                .unwrap()
                .contains("1 picture lies")
        );
        assert_eq!(contradictions(&names[..2].iter().copied().map(sample).collect::<Vec<_>>()), None);
    }
}
