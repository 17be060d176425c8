//! Divides samples into folds: each class spread evenly, and what belongs together in one fold, so that no copy of a
//! sample tells its label. A function of the samples' order alone.

use std::collections::BTreeMap;

use crate::chance::Key;

/// The fold of each sample. `groups` holds equal numbers for samples that belong together.
pub fn folds(labels: &[usize], groups: &[usize], classes: usize, count: usize) -> Vec<usize> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    groups.iter().enumerate().for_each(|(sample, group)| members.entry(*group).or_default().push(sample));
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    let key = Key::new(0).named("folds");
    let rank = |members: &Vec<usize>| key.with(members[0] as u64).draws().bits();
    // Large groups first, while there is room to make up for them.
    members.sort_by_key(|members| (usize::MAX - members.len(), rank(members)));
    let mut filled = vec![vec![0; classes]; count];
    let mut folds = vec![0; labels.len()];
    for members in members {
        let of_its_classes = |fold: &usize| members.iter().map(|&member| filled[*fold][labels[member]]).sum();
        let crowded = |fold: &usize| -> (usize, usize) { (of_its_classes(fold), filled[*fold].iter().sum()) };
        let fold = (0..count).min_by_key(crowded).unwrap_or_default();
        for member in members {
            filled[fold][labels[member]] += 1;
            folds[member] = fold;
        }
    }
    folds
}

/// In how many groups each class has samples.
pub fn groups_of_classes(labels: &[usize], groups: &[usize], classes: usize) -> Vec<usize> {
    let mut pairs: Vec<(usize, usize)> = labels.iter().copied().zip(groups.iter().copied()).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut counts = vec![0; classes];
    pairs.into_iter().for_each(|(class, _)| counts[class] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_spread_evenly_and_groups_stay_whole() {
        let labels: Vec<usize> =
            (0..103).map(|i| usize::from(i % 10 == 0) + usize::from(i % 3 == 0)).collect();
        // Every seventh sample is a copy of the one before it, whatever its label.
        let groups: Vec<usize> = (0..103).map(|i| if i % 7 == 6 { i - 1 } else { i }).collect();
        let found = folds(&labels, &groups, 3, 5);
        for sample in 0..103 {
            assert_eq!(found[sample], found[groups[sample]]);
        }
        for class in 0..3 {
            let of = |fold| (0..103).filter(|&i| labels[i] == class && found[i] == fold).count();
            let counts: Vec<usize> = (0..5).map(of).collect();
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most - least <= 2, "class {class}: {counts:?}");
        }
    }

    #[test]
    fn copies_count_once_for_a_class() {
        assert_eq!(groups_of_classes(&[0, 0, 0, 1, 1], &[7, 7, 3, 7, 2], 3), [2, 2, 0]);
    }
}
