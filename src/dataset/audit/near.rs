//! Finds pairs of like pictures among many without comparing all with all: an index over pieces of their bits gives
//! candidates, and their frequencies decide. Knows no files.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::likeness::{Fingerprint, Frequencies, bits, likeness, windows};

/// Two pictures, the first of which has the lower number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    pub first: usize,
    pub second: usize,
    /// From 0 to 1.
    pub likeness: f32,
}

/// From here on pictures count as nearly the same; docs/data.md has the measurement.
pub const ALIKE: f32 = 0.85;
/// Bits in which a candidate may differ. Up to 7 every candidate is found, of those beyond it most.
const DIFFERENT: u32 = 10;
/// Candidates that are compared with one picture, nearest first: a film has thousands of like frames.
const COMPARED: usize = 512;
/// Links kept of one picture, most alike first.
const LINKS: usize = 16;

/// All links, most alike first. Pictures without a fingerprint have none. Called with the number of pictures compared.
pub fn links(fingerprints: &[&Fingerprint], alike: f32, progress: &(dyn Fn(usize) + Sync)) -> Vec<Link> {
    let hashes: Vec<u64> = fingerprints.par_iter().map(|print| bits(&print.frequencies())).collect();
    let index = Index::new(&hashes);
    let of = |(number, print): (usize, &&Fingerprint)| {
        let links = of_one(number, &windows(&print.frequencies()), &index, fingerprints, alike);
        progress(1);
        links
    };
    let found: Vec<Vec<Link>> = fingerprints.par_iter().enumerate().map(of).collect();
    strongest(found.into_iter().flatten())
}

/// A pair may be found from either side, and then counts once.
fn strongest(found: impl Iterator<Item = Link>) -> Vec<Link> {
    let mut pairs: BTreeMap<(usize, usize), f32> = BTreeMap::new();
    for link in found {
        let known = pairs.entry((link.first, link.second)).or_insert(link.likeness);
        *known = known.max(link.likeness);
    }
    let mut links: Vec<_> =
        pairs.into_iter().map(|((first, second), likeness)| Link { first, second, likeness }).collect();
    links.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
    links
}

fn of_one(
    number: usize,
    windows: &[Frequencies],
    index: &Index,
    fingerprints: &[&Fingerprint],
    alike: f32,
) -> Vec<Link> {
    let mut near = Vec::new();
    for (window, seen) in windows.iter().enumerate() {
        index.near(bits(seen), DIFFERENT, |distance, other| {
            if other != number {
                near.push((distance, other, window));
            }
        });
    }
    near.sort_unstable();
    near.dedup();
    near.truncate(COMPARED);
    let link = |&(_, other, window): &(u32, usize, usize)| {
        let likeness = likeness(&windows[window], &fingerprints[other].frequencies());
        Link { first: number.min(other), second: number.max(other), likeness }
    };
    let mut links = strongest(near.iter().map(link).filter(|link| link.likeness >= alike));
    links.truncate(LINKS);
    links
}

/// Numbers by pieces of their 64 bits. Two that differ in at most 7 bits have a piece in which they differ in one or none.
struct Index<'a> {
    hashes: &'a [u64],
    pieces: [Piece; PIECES],
}

const PIECES: usize = 4;
const PIECE_BITS: usize = 16;

/// The numbers sorted by one piece of their bits, and where each value begins.
struct Piece {
    starts: Vec<u32>,
    numbers: Vec<u32>,
}

impl<'a> Index<'a> {
    fn new(hashes: &'a [u64]) -> Self {
        Self { hashes, pieces: std::array::from_fn(|piece| Piece::new(hashes, piece)) }
    }

    /// Names what differs in few bits, perhaps more than once.
    fn near(&self, hash: u64, most: u32, mut found: impl FnMut(u32, usize)) {
        for (piece, table) in self.pieces.iter().enumerate() {
            let value = value(hash, piece);
            let neighbours = (0..PIECE_BITS).map(|bit| value ^ (1 << bit));
            for number in std::iter::once(value).chain(neighbours).flat_map(|value| table.with(value)) {
                let number = *number as usize;
                let distance = (self.hashes[number] ^ hash).count_ones();
                if distance <= most {
                    found(distance, number);
                }
            }
        }
    }
}

impl Piece {
    fn new(hashes: &[u64], piece: usize) -> Self {
        let mut starts = vec![0_u32; (1 << PIECE_BITS) + 1];
        hashes.iter().for_each(|&hash| starts[value(hash, piece) + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut numbers = vec![0; hashes.len()];
        for (number, &hash) in hashes.iter().enumerate() {
            let place = &mut next[value(hash, piece)];
            numbers[*place as usize] = number as u32;
            *place += 1;
        }
        Self { starts, numbers }
    }

    fn with(&self, value: usize) -> &[u32] {
        &self.numbers[self.starts[value] as usize..self.starts[value + 1] as usize]
    }
}

fn value(hash: u64, piece: usize) -> usize {
    (hash >> (piece * PIECE_BITS)) as usize & ((1 << PIECE_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Key;

    #[test]
    fn everything_within_seven_bits_is_found() {
        let mut draws = Key::new(3).named("near").draws();
        let mut hashes: Vec<u64> = (0..500).map(|_| draws.bits()).collect();
        for i in 0..500 {
            let flipped = (0..draws.below(8)).fold(hashes[i], |hash, _| hash ^ 1 << draws.below(64));
            hashes.push(flipped);
        }
        let index = Index::new(&hashes);
        for &hash in &hashes {
            let mut found = Vec::new();
            index.near(hash, 7, |_, number| found.push(number));
            found.sort_unstable();
            found.dedup();
            let near = |&other: &usize| (hashes[other] ^ hash).count_ones() <= 7;
            assert_eq!(found, (0..hashes.len()).filter(near).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_pair_counts_once_and_the_strongest_comes_first() {
        let link = |first, second, likeness| Link { first, second, likeness };
        let found = [link(0, 1, 0.9), link(2, 3, 0.95), link(0, 1, 0.97)];
        assert_eq!(strongest(found.into_iter()), [link(0, 1, 0.97), link(2, 3, 0.95)]);
    }
}
