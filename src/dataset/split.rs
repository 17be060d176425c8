//! Divides samples into training, validation and test: by class, by seed, and never through a group of files with
//! equal content. Pure; knows neither files nor folders.

use std::collections::{BTreeMap, HashMap};

use super::Split;
use crate::chance::Key;

/// Which part of the pictures goes into validation and test where the data set does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    pub val: f64,
    pub test: f64,
}

/// What splitting needs to know of a sample.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    pub class: usize,
    /// Equal for files with equal content, in hexadecimal.
    pub hash: &'a str,
}

/// The split of each item. The order of the items plays no part, only what they hold.
pub fn split(items: &[Item], shares: Shares, seed: u64) -> Vec<Split> {
    let mut splits = vec![Split::Train; items.len()];
    for groups in by_class(items, seed).into_values() {
        let members = groups.iter().map(|group| group.members.len()).sum::<usize>() as f64;
        let mut left: Vec<&Group> = groups.iter().collect();
        for (split, share) in [(Split::Val, shares.val), (Split::Test, shares.test)] {
            let wanted = (members * share).round() as usize;
            let least = usize::from(share > 0.0);
            for group in take(&mut left, wanted.max(least)) {
                group.members.iter().for_each(|&member| splits[member] = split);
            }
        }
    }
    splits
}

/// For each item, which other one with the same content stands on a side that comes before its own: test before
/// validation before training. A picture that has been trained on measures nothing.
pub fn leaks(items: &[(Split, &str)]) -> Vec<Option<usize>> {
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (index, (split, hash)) in items.iter().enumerate() {
        let kept = first.entry(hash).or_insert(index);
        if *split > items[*kept].0 {
            *kept = index;
        }
    }
    let leak =
        |(split, hash): &(Split, &str)| first.get(hash).copied().filter(|&kept| items[kept].0 != *split);
    items.iter().map(leak).collect()
}

/// Files with equal content.
struct Group {
    /// Random, but the same for the same content: adding a picture leaves the others mostly where they were.
    rank: u64,
    members: Vec<usize>,
}

/// The groups of each class in the order in which they are taken. A group that spans classes (one picture, two
/// labels) counts for the lowest of them.
fn by_class(items: &[Item], seed: u64) -> BTreeMap<usize, Vec<Group>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        groups.entry(item.hash).or_default().push(index);
    }
    let key = Key::new(seed).named("split");
    let mut classes: BTreeMap<usize, Vec<Group>> = BTreeMap::new();
    for (hash, members) in groups {
        let class = members.iter().map(|&member| items[member].class).min().unwrap_or_default();
        let rank = key.named(hash).draws().bits();
        classes.entry(class).or_default().push(Group { rank, members });
    }
    // Groups come in the order of their hashes, and the sort is stable: equal ranks stay in a fixed order too.
    classes.values_mut().for_each(|groups| groups.sort_by_key(|group| group.rank));
    classes
}

/// Takes groups of so many members altogether, at least one group, and never the last one: that is for training.
fn take<'a>(left: &mut Vec<&'a Group>, wanted: usize) -> Vec<&'a Group> {
    let (mut taken, mut kept, mut members) = (Vec::new(), Vec::new(), 0);
    let spare = left.len().saturating_sub(1);
    for &group in left.iter() {
        if taken.len() < spare && members + group.members.len() <= wanted {
            members += group.members.len();
            taken.push(group);
        } else {
            kept.push(group);
        }
    }
    if taken.is_empty() && wanted > 0 && spare > 0 {
        // Every group is larger than the share: the smallest does the least harm.
        if let Some(smallest) = (0..kept.len()).min_by_key(|&index| kept[index].members.len()) {
            taken.push(kept.remove(smallest));
        }
    }
    *left = kept;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Shares = Shares { val: 0.15, test: 0.15 };

    fn hashes(count: usize) -> Vec<String> {
        (0..count).map(|i| blake3::hash(&i.to_le_bytes()).to_hex().to_string()).collect()
    }

    fn count(splits: &[Split], split: Split) -> usize {
        splits.iter().filter(|&&s| s == split).count()
    }

    /// Of a class of `size` different pictures: training, validation, test.
    fn check(size: usize, shares: Shares, expected: [usize; 3]) {
        let hashes = hashes(size);
        let items: Vec<_> = hashes.iter().map(|hash| Item { class: 0, hash }).collect();
        let splits = split(&items, shares, 1);
        assert_eq!(Split::ALL.map(|s| count(&splits, s)), expected, "{size} pictures, {shares:?}");
    }

    #[test]
    fn shares_are_kept_and_training_always_has_something() {
        check(100, SHARES, [70, 15, 15]);
        check(633, SHARES, [443, 95, 95]);
        check(3, SHARES, [1, 1, 1]);
        check(2, SHARES, [1, 1, 0]);
        check(1, SHARES, [1, 0, 0]);
        check(10, Shares { val: 0.2, test: 0.0 }, [8, 2, 0]);
        check(10, Shares { val: 0.0, test: 0.2 }, [8, 0, 2]);
        check(10, Shares { val: 0.5, test: 0.5 }, [1, 5, 4]);
        check(0, SHARES, [0, 0, 0]);
    }

    #[test]
    fn each_class_is_split_by_itself() {
        let hashes = hashes(300);
        let items: Vec<_> =
            hashes.iter().enumerate().map(|(i, hash)| Item { class: usize::from(i >= 100), hash }).collect();
        let splits = split(&items, SHARES, 5);
        assert_eq!(count(&splits[..100], Split::Test), 15);
        assert_eq!(count(&splits[100..], Split::Test), 30);
    }

    #[test]
    fn equal_contents_stay_together() {
        let hashes = hashes(40);
        // Each content three times, the third time under another class.
        let items: Vec<_> =
            (0..120).map(|i| Item { class: usize::from(i >= 80), hash: &hashes[i % 40] }).collect();
        for seed in 0..20 {
            let splits = split(&items, SHARES, seed);
            assert!((0..40).all(|i| splits[i] == splits[i + 40] && splits[i] == splits[i + 80]));
            assert_eq!(Split::ALL.map(|s| count(&splits, s)), [84, 18, 18]);
        }
    }

    #[test]
    fn only_content_and_seed_decide() {
        let hashes = hashes(60);
        let items: Vec<_> = hashes.iter().map(|hash| Item { class: 0, hash }).collect();
        let backwards: Vec<_> = items.iter().rev().copied().collect();
        let mut turned = split(&backwards, SHARES, 3);
        turned.reverse();
        assert_eq!(split(&items, SHARES, 3), turned);
        assert_ne!(split(&items, SHARES, 3), split(&items, SHARES, 4));
    }

    #[test]
    fn the_later_side_keeps_a_picture_that_is_on_two() {
        use Split::{Test, Train, Val};
        let items =
            [(Train, "a"), (Val, "a"), (Test, "a"), (Train, "b"), (Train, "b"), (Val, "c"), (Train, "c")];
        assert_eq!(leaks(&items), [Some(2), Some(2), None, None, None, None, Some(5)]);
    }
}
