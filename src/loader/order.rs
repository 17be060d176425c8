//! The order of samples and how it falls into batches: pure functions, so a resume needs no stored state.

use std::ops::Range;

use crate::chance::Key;

/// The samples of an epoch in the order in which they are seen.
pub fn epoch(seed: u64, epoch: u64, samples: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..samples).collect();
    Key::new(seed).with(epoch).named("order").draws().shuffle(&mut order);
    order
}

/// What becomes of a last batch of a single sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lone {
    /// It stays a batch: for evaluation.
    Kept,
    /// It joins the batch before it: for training, where batch norm cannot learn from one sample.
    Joined,
}

/// Positions in the order, batch by batch. The last batch may be short; no sample is left out.
pub fn batches(samples: usize, size: usize, lone: Lone) -> Vec<Range<usize>> {
    let size = size.max(1);
    let mut batches: Vec<_> =
        (0..samples).step_by(size).map(|start| start..(start + size).min(samples)).collect();
    if lone == Lone::Joined && size > 1 && samples > size && samples % size == 1 {
        batches.pop();
        if let Some(last) = batches.last_mut() {
            last.end = samples;
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_permutation_of_its_own() {
        let first = epoch(1, 0, 100);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(first, epoch(1, 0, 100));
        assert_ne!(first, epoch(1, 1, 100));
        assert_ne!(first, epoch(2, 0, 100));
        assert!(epoch(1, 0, 0).is_empty());
    }

    #[test]
    fn batches_cover_every_sample() {
        let check = |samples, size, lone, expected: &[usize]| {
            let batches = batches(samples, size, lone);
            let sizes: Vec<_> = batches.iter().map(ExactSizeIterator::len).collect();
            assert_eq!(sizes, expected, "{samples} in batches of {size}");
            assert!(batches.windows(2).all(|pair| pair[0].end == pair[1].start));
        };
        check(10, 4, Lone::Kept, &[4, 4, 2]);
        check(9, 4, Lone::Kept, &[4, 4, 1]);
        check(9, 4, Lone::Joined, &[4, 5]);
        check(10, 4, Lone::Joined, &[4, 4, 2]);
        check(8, 4, Lone::Joined, &[4, 4]);
        check(1, 4, Lone::Joined, &[1]);
        check(3, 1, Lone::Joined, &[1, 1, 1]);
        check(0, 4, Lone::Joined, &[]);
        check(2, 0, Lone::Kept, &[1, 1]);
    }
}
