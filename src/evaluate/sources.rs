//! Figures apart by where pictures come from, where their names tell it: by the first folder of each, or by shard, unless
//! that only names the class. Pictures without a folder are a source of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Judgement;
use super::bootstrap::{Interval, SEED, accuracy_interval};

/// What pictures without a folder are called.
const NO_FOLDER: &str = "-";
/// More than these are no sources but a way to store files.
const MOST: usize = 50;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub name: String,
    pub samples: usize,
    pub accuracy: f64,
    /// 95 %. An older kiln took none.
    #[serde(default)]
    pub interval: Option<Interval>,
}

/// The pictures' names from the data set's root, with `/` between the parts. Empty where they tell no sources.
pub fn sources(names: &[&str], judgements: &[Judgement]) -> Vec<Source> {
    let mut found: BTreeMap<&str, Vec<&Judgement>> = BTreeMap::new();
    for (name, judgement) in names.iter().zip(judgements) {
        found.entry(source(name).unwrap_or(NO_FOLDER)).or_default().push(judgement);
    }
    let mixes = |all: &Vec<&Judgement>| all.iter().any(|one| one.label != all[0].label);
    if !(2..=MOST).contains(&found.len()) || !found.values().any(mixes) {
        return Vec::new();
    }
    let of = |(name, all): (&str, Vec<&Judgement>)| {
        let right: Vec<bool> = all.iter().map(|judgement| judgement.is_right()).collect();
        let hits = right.iter().filter(|right| **right).count();
        Source {
            name: name.into(),
            samples: all.len(),
            accuracy: hits as f64 / all.len() as f64,
            interval: accuracy_interval(&right, SEED, name),
        }
    };
    found.into_iter().map(of).collect()
}

/// The first folder, or the shard; the folder of a split does not count.
fn source(name: &str) -> Option<&str> {
    if let Some((shard, _)) = name.split_once(": ") {
        return Some(shard);
    }
    let (first, rest) = name.split_once('/')?;
    match ["train", "val", "test", "training", "valid", "validation", "testing"].contains(&first) {
        true => rest.split_once('/').map(|(second, _)| second),
        false => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_hold_several_classes_are_sources() {
        let check = |pictures: &[(&str, usize, usize)], expected: &[(&str, usize, f64)]| {
            let names: Vec<&str> = pictures.iter().map(|one| one.0).collect();
            let judge = |&(_, label, predicted): &(&str, usize, usize)| Judgement {
                label,
                predicted,
                confidence: 0.9,
                probability: 0.9,
                within_five: true,
            };
            let judgements: Vec<Judgement> = pictures.iter().map(judge).collect();
            let found = sources(&names, &judgements);
            for source in &found {
                let [low, high] = source.interval.unwrap();
                assert!(low <= source.accuracy && source.accuracy <= high, "{source:?}");
            }
            let found: Vec<_> = found.iter().map(|s| (s.name.as_str(), s.samples, s.accuracy)).collect();
            assert_eq!(found, expected);
        };
        check(&[("a/1.jpg", 0, 0), ("a/2.jpg", 1, 0), ("b/1.jpg", 1, 1)], &[("a", 2, 0.5), ("b", 1, 1.0)]);
        check(
            &[("x.tar: 1.jpg", 0, 0), ("x.tar: 2.jpg", 1, 1), ("y.tar: 1.jpg", 0, 1)],
            &[("x.tar", 2, 1.0), ("y.tar", 1, 0.0)],
        );
        // Strays beside folders, and in the folder of a split.
        check(
            &[("1.jpg", 0, 0), ("2.jpg", 1, 0), ("a/2.jpg", 1, 1), ("test/3.jpg", 0, 0)],
            &[("-", 3, 2.0 / 3.0), ("a", 1, 1.0)],
        );
        // Folders of classes, one source, one picture each, no folders.
        check(&[("test/a/1.jpg", 0, 0), ("test/b/1.jpg", 1, 1)], &[]);
        check(&[("a/1.jpg", 0, 0), ("a/2.jpg", 1, 0)], &[]);
        check(&[("1.jpg", 0, 0), ("a/2.jpg", 1, 0)], &[]);
        check(&[("1.jpg", 0, 0), ("2.jpg", 1, 0)], &[]);
    }
}
