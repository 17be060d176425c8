//! What the check of a picture sees of it, and pictures that are nearly the same as one for the split. Telling them is
//! left to `audit`, the division to `split`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::audit::{ALIKE, Fingerprint, alike_prints};
use super::super::{Picture, Sample};

/// What there is to say of a picture that decodes.
#[derive(Debug)]
pub struct Sight {
    /// Width and height.
    pub size: (u32, u32),
    /// What tells near duplicates, where somebody wants to know of them.
    pub print: Option<Box<Fingerprint>>,
}

impl From<(u32, u32)> for Sight {
    fn from(size: (u32, u32)) -> Self {
        Self { size, print: None }
    }
}

impl Sight {
    /// With what tells near duplicates.
    pub fn of(picture: &Picture) -> Self {
        let print = Fingerprint::of(picture).map(Box::new);
        Self { size: (picture.width(), picture.height()), print }
    }
}

/// By the hash of the content.
pub type Prints = HashMap<String, Box<Fingerprint>>;

/// Numbers of samples that show nearly the same, rising within a group. Copies are in the groups of what they are alike to.
pub fn groups(samples: &[Sample], prints: &Prints) -> Vec<Vec<usize>> {
    let mut with_hash: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    for (number, sample) in samples.iter().enumerate().filter(|(_, sample)| prints.contains_key(&sample.hash))
    {
        with_hash.entry(&sample.hash).or_default().push(number);
    }
    let known: Vec<(&String, Vec<usize>)> = with_hash.into_iter().collect();
    let fingerprints: Vec<&Fingerprint> = known.iter().map(|(hash, _)| &*prints[*hash]).collect();
    let numbers = |group: Vec<usize>| {
        let mut numbers: Vec<usize> =
            group.iter().flat_map(|&member| known[member].1.iter().copied()).collect();
        numbers.sort_unstable();
        numbers
    };
    let mut groups: Vec<Vec<usize>> = alike_prints(&fingerprints, ALIKE).into_iter().map(numbers).collect();
    groups.sort_unstable();
    groups
}

/// The hashes, with those of pictures that are nearly the same made one: the first of them.
pub fn together(mut hashes: Vec<String>, prints: &Prints) -> Vec<String> {
    let known: BTreeSet<&String> = hashes.iter().filter(|hash| prints.contains_key(*hash)).collect();
    let known: Vec<String> = known.into_iter().cloned().collect();
    let fingerprints: Vec<&Fingerprint> = known.iter().map(|hash| &*prints[hash]).collect();
    let mut first: HashMap<&String, &String> = HashMap::new();
    for group in alike_prints(&fingerprints, ALIKE) {
        for &member in &group {
            first.insert(&known[member], &known[group[0]]);
        }
    }
    for hash in &mut hashes {
        if let Some(first) = first.get(hash) {
            hash.clone_from(first);
        }
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Key;

    /// Waves that only this seed has; how strong they are plays no part.
    fn waves(seed: u64, strength: f64) -> Sight {
        let mut draws = Key::new(seed).named("waves").draws();
        let waves: Vec<[f64; 3]> =
            (0..24).map(|_| [0.5, 0.5, 6.0].map(|most| draws.between(0.0, most))).collect();
        let value = |x: u32, y: u32| {
            let wave = |[across, down, start]: &[f64; 3]| {
                (across * f64::from(x) + down * f64::from(y) + start).sin()
            };
            (128.0 + strength * waves.iter().map(wave).sum::<f64>()).clamp(0.0, 255.0) as u8
        };
        let pixels = (0..64).flat_map(|y| (0..64).map(move |x| (x, y))).flat_map(|(x, y)| [value(x, y); 3]);
        Sight::of(&Picture::rgb8(64, 64, pixels.collect()).unwrap())
    }

    #[test]
    fn pictures_that_are_nearly_the_same_are_one_for_the_split() {
        let seen = [("d", waves(1, 6.0)), ("c", waves(2, 6.0)), ("b", waves(1, 8.0)), ("e", waves(1, 10.0))];
        let prints: Prints =
            seen.into_iter().map(|(hash, sight)| (hash.into(), sight.print.unwrap())).collect();
        let hashes = ["a", "d", "c", "b", "e", "c"].map(String::from).to_vec();
        assert_eq!(together(hashes.clone(), &prints), ["a", "b", "c", "b", "b", "c"]);
        assert_eq!(together(hashes.clone(), &Prints::new()), hashes);
    }
}
