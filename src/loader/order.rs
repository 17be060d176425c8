//! The order of samples and how it falls into batches: pure functions, so a resume needs no stored state.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use crate::chance::Key;

/// The samples of an epoch in the order in which they are seen.
pub fn epoch(seed: u64, epoch: u64, samples: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..samples).collect();
    Key::new(seed).with(epoch).named("order").draws().shuffle(&mut order);
    order
}

/// How many samples of each class an epoch shows: in all as many as there are, in proportion to a power of the
/// classes' sizes. With 0 all classes get the same, with 1 each class its own number; what is there is shown at
/// least once. The largest remainders are rounded up.
pub fn shares(counts: &[usize], power: f64) -> Vec<usize> {
    let size = |count: usize| if count == 0 { 0.0 } else { (count as f64).powf(power) };
    let (samples, sizes) =
        (counts.iter().sum::<usize>(), counts.iter().map(|&count| size(count)).sum::<f64>());
    let exact: Vec<f64> =
        counts.iter().map(|&count| size(count) * samples as f64 / sizes.max(f64::MIN_POSITIVE)).collect();
    // A share that is whole may come out a rounding error short.
    let mut shares: Vec<usize> = exact.iter().map(|share| (share + 1e-9).floor() as usize).collect();
    let mut classes: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] > 0).collect();
    classes.sort_by(|&a, &b| {
        (exact[b].fract(), a).partial_cmp(&(exact[a].fract(), b)).unwrap_or(Ordering::Equal)
    });
    let missing = samples.saturating_sub(shares.iter().sum());
    classes.iter().take(missing).for_each(|&class| shares[class] += 1);
    shares
}

/// An epoch that shows so many samples of each class, in random order. `classes` are those of the samples.
///
/// A class hands out its samples in random order, round after round, and the next epoch goes on where this one
/// ends: over any number of epochs all samples of a class are seen equally often, give or take one.
pub fn drawn(seed: u64, epoch: u64, classes: &[usize], shares: &[usize]) -> Vec<usize> {
    let mut order = Vec::with_capacity(classes.len());
    for (class, &share) in shares.iter().enumerate() {
        let members: Vec<usize> = (0..classes.len()).filter(|&sample| classes[sample] == class).collect();
        if members.is_empty() {
            continue;
        }
        let first = epoch as usize * share;
        for round in first / members.len()..(first + share).div_ceil(members.len()) {
            let start = round * members.len();
            let shown = first.max(start) - start..(first + share - start).min(members.len());
            order.extend_from_slice(&shuffled(&members, seed, class, round)[shown]);
        }
    }
    Key::new(seed).with(epoch).named("order").draws().shuffle(&mut order);
    order
}

fn shuffled(members: &[usize], seed: u64, class: usize, round: usize) -> Vec<usize> {
    let mut members = members.to_vec();
    let key = Key::new(seed).named("sampler").with(class as u64).with(round as u64);
    key.draws().shuffle(&mut members);
    members
}

/// For each place of an order how often its sample came before.
pub fn repeats(order: &[usize]) -> Vec<usize> {
    let mut seen = HashMap::new();
    let mut again = |sample| {
        let times = seen.entry(sample).or_insert(0);
        *times += 1;
        *times - 1
    };
    order.iter().map(|&sample| again(sample)).collect()
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
    fn shares_add_up_and_leave_no_class_out() {
        let check = |counts: &[usize], power, expected: &[usize]| {
            let shares = shares(counts, power);
            assert_eq!(shares, expected, "{counts:?} to the power of {power}");
            assert_eq!(shares.iter().sum::<usize>(), counts.iter().sum::<usize>());
        };
        check(&[10, 20, 60], 1.0, &[10, 20, 60]);
        check(&[10, 20, 60], 0.0, &[30, 30, 30]);
        check(&[10, 20, 61], 0.0, &[31, 30, 30]);
        // Roots 1, 5 and 10 of 126 samples: 7.875, 39.375, 78.75.
        check(&[1, 25, 100], 0.5, &[8, 39, 79]);
        check(&[1, 0, 9], 0.0, &[5, 0, 5]);
        check(&[1, 1, 1000], 0.99, &[1, 1, 1000]);
        check(&[], 0.5, &[]);
        check(&[0], 0.0, &[0]);
    }

    #[test]
    fn a_drawn_epoch_has_its_shares_and_depends_on_seed_and_number_alone() {
        let classes: Vec<usize> = (0..60).map(|sample| usize::from(sample >= 10)).collect();
        let shares = shares(&[10, 50], 0.0);
        let first = drawn(1, 0, &classes, &shares);
        let small = first.iter().filter(|&&sample| classes[sample] == 0).count();
        assert_eq!((first.len(), small), (60, 30));
        assert_eq!(first, drawn(1, 0, &classes, &shares));
        assert_ne!(first, drawn(1, 1, &classes, &shares));
        assert_ne!(first, drawn(2, 0, &classes, &shares));
        assert!(!first.is_sorted());
    }

    #[test]
    fn every_sample_of_a_class_is_seen_equally_often_over_the_epochs() {
        let classes: Vec<usize> = (0..60).map(|sample| usize::from(sample >= 7)).collect();
        for power in [0.0, 0.4, 1.0] {
            let shares = shares(&[7, 53], power);
            let mut seen = [0_usize; 60];
            for epoch in 0..9 {
                drawn(3, epoch, &classes, &shares).iter().for_each(|&sample| seen[sample] += 1);
                for class in [&seen[..7], &seen[7..]] {
                    let (least, most) = (class.iter().min(), class.iter().max());
                    assert!(most <= least.map(|least| least + 1).as_ref(), "{seen:?}");
                }
            }
        }
    }

    #[test]
    fn repeats_are_counted_from_the_first() {
        assert_eq!(repeats(&[3, 1, 3, 3, 2, 1]), [0, 0, 1, 2, 0, 1]);
        assert!(repeats(&epoch(1, 0, 50)).iter().all(|&times| times == 0));
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
