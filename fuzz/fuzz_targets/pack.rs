//! Files of decoded pictures: as they are, and with checksums that are right, so that what the index says is believed.
#![no_main]

use std::ops::Range;

use kiln::dataset::{Interpolation, Preprocess};
use kiln::loader::fuzzing::open_pack;
use libfuzzer_sys::fuzz_target;

/// The form of an entry, as far as it matters here.
const ENTRY: usize = 110;
const HASH: Range<usize> = 32..64;
const START: usize = 64;
const WIDTH: usize = 72;
const HEIGHT: usize = 76;
const CHANNELS: usize = 80;
const DEPTH: usize = 81;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    if let Some(sealed) = sealed(bytes) {
        check(&sealed);
    }
});

fn check(bytes: &[u8]) {
    let path = kiln_fuzz::file("a.pictures", bytes);
    let Some((map, entries)) = open_pack(&path) else { return };
    let preprocess = Preprocess::image_net(8, 0.875, Interpolation::Bilinear);
    for entry in entries.iter().filter(|entry| entry.is_whole(&map)) {
        if let Some(part) = entry.part(&map) {
            assert!(part.picture().depth().len() <= bytes.len());
            let _ = preprocess.apply_to(&part);
        }
    }
}

/// The first byte says how many entries the rest ends with.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (&count, rest) = bytes.split_first()?;
    let count = usize::from(count % 4);
    let start = rest.len().checked_sub(count * ENTRY)?;
    let (samples, index) = rest.split_at(start);
    let mut index = index.to_vec();
    for entry in index.chunks_exact_mut(ENTRY) {
        let hash = stretch(entry).and_then(|range| samples.get(range)).map(blake3);
        entry[HASH].copy_from_slice(&hash.unwrap_or_default());
    }
    let hash = blake3(&index);
    let numbers = [start as u64, count as u64].map(u64::to_le_bytes).concat();
    Some([samples, &index, &numbers, &hash, b"kiln pictures 1\n"].concat())
}

/// Where an entry's samples lie.
fn stretch(entry: &[u8]) -> Option<Range<usize>> {
    let four = |at: usize| entry.get(at..)?.first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes)));
    let start = u64::from_le_bytes(*entry.get(START..)?.first_chunk()?);
    let length = four(WIDTH)?.checked_mul(four(HEIGHT)?)?;
    let length = length.checked_mul(u64::from(entry[CHANNELS]))?.checked_mul(u64::from(entry[DEPTH]))?;
    Some(usize::try_from(start).ok()?..usize::try_from(start.checked_add(length)?).ok()?)
}

fn blake3(bytes: &[u8]) -> [u8; 32] {
    let hex = kiln::durable::hash(bytes);
    let digits = hex.as_bytes().chunks_exact(2);
    let mut hash = [0; 32];
    for (byte, two) in hash.iter_mut().zip(digits) {
        *byte = two.iter().fold(0, |sum, digit| sum * 16 + (*digit as char).to_digit(16).unwrap_or(0) as u8);
    }
    hash
}
