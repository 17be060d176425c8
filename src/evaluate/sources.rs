//! Figures apart by where pictures come from: what their table says of it, or else the first folder of each name, or the
//! shard, unless that only names the class. Pictures of which nothing tells it are a source of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Judgement;
use super::bootstrap::{Interval, SEED, accuracy_interval};

/// What pictures are called of which nothing tells it.
const UNKNOWN: &str = "-";
/// More folders than these are no sources but a way to store files.
const MOST_FOLDERS: usize = 50;
/// More than these are names of the pictures themselves.
const MOST_TOLD: usize = 1000;

/// What tells where a picture comes from.
#[derive(Debug, Clone, Copy)]
pub struct Provenance<'a> {
    /// From the data set's root, with `/` between the parts.
    pub name: &'a str,
    /// What its table says.
    pub told: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub name: String,
    pub samples: usize,
    pub accuracy: f64,
    /// 95 %. An older kiln took none.
    #[serde(default)]
    pub interval: Option<Interval>,
}

/// Empty where nothing tells several sources. Where a table says it of any picture, no folder counts: those of classes
/// would stand among hospitals.
pub fn sources(pictures: &[Provenance], judgements: &[Judgement]) -> Vec<Source> {
    let is_told = pictures.iter().any(|picture| picture.told.is_some());
    let mut found: BTreeMap<&str, Vec<&Judgement>> = BTreeMap::new();
    for (picture, judgement) in pictures.iter().zip(judgements) {
        let source = if is_told { picture.told } else { folder(picture.name) };
        found.entry(source.unwrap_or(UNKNOWN)).or_default().push(judgement);
    }
    let mixes = |all: &Vec<&Judgement>| all.iter().any(|one| one.label != all[0].label);
    let most = if is_told { MOST_TOLD } else { MOST_FOLDERS };
    if !(2..=most).contains(&found.len()) || !(is_told || found.values().any(mixes)) {
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
fn folder(name: &str) -> Option<&str> {
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

    /// What tells where a picture is from, its class and the predicted one.
    type Picture<'a> = (Provenance<'a>, usize, usize);

    fn check(pictures: &[Picture], expected: &[(&str, usize, f64)]) {
        let judge = |&(_, label, predicted): &Picture| Judgement {
            label,
            predicted,
            confidence: 0.9,
            probability: 0.9,
            within_five: true,
        };
        let judgements: Vec<Judgement> = pictures.iter().map(judge).collect();
        let pictures: Vec<Provenance> = pictures.iter().map(|one| one.0).collect();
        let found = sources(&pictures, &judgements);
        for source in &found {
            let [low, high] = source.interval.unwrap();
            assert!(low <= source.accuracy && source.accuracy <= high, "{source:?}");
        }
        let found: Vec<_> = found.iter().map(|s| (s.name.as_str(), s.samples, s.accuracy)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn folders_that_hold_several_classes_are_sources() {
        let check = |pictures: &[(&str, usize, usize)], expected: &[(&str, usize, f64)]| {
            let untold = |&(name, label, predicted): &(_, usize, usize)| {
                (Provenance { name, told: None }, label, predicted)
            };
            check(&pictures.iter().map(untold).collect::<Vec<_>>(), expected);
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

    #[test]
    fn what_a_table_says_goes_before_folders() {
        let picture = |name, told, label, predicted| (Provenance { name, told }, label, predicted);
        let (north, south) = (Some("north"), Some("south"));
        check(
            &[
                picture("a/1.jpg", north, 0, 0),
                picture("b/1.jpg", north, 1, 0),
                picture("a/2.jpg", south, 0, 0),
            ],
            &[("north", 2, 0.5), ("south", 1, 1.0)],
        );
        // Of a picture that the table is silent about nothing is known, whatever its folder is called.
        check(
            &[picture("a/1.jpg", north, 0, 0), picture("a/2.jpg", None, 0, 1), picture("2.jpg", None, 1, 1)],
            &[("-", 2, 0.5), ("north", 1, 1.0)],
        );
        // Several sources are shown though each has one class, and one is not.
        check(
            &[picture("1.jpg", north, 0, 0), picture("2.jpg", south, 1, 1)],
            &[("north", 1, 1.0), ("south", 1, 1.0)],
        );
        check(&[picture("a/1.jpg", north, 0, 0), picture("b/1.jpg", north, 1, 0)], &[]);
        let names: Vec<String> = (0..=MOST_TOLD).map(|number| number.to_string()).collect();
        let all: Vec<_> = names.iter().map(|name| picture("1.jpg", Some(name.as_str()), 0, 0)).collect();
        check(&all, &[]);
    }
}
