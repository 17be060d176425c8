//! Pictures whose labels contradict each other: the same bytes in several classes. Finding what is merely alike belongs to
//! `scan`.

use std::collections::BTreeMap;

use super::Sample;

/// Groups of pictures with the same bytes, in the order of their first names, that are not all of one class.
pub fn conflicts(samples: &[Sample]) -> Vec<Vec<&Sample>> {
    let differ = |group: &Vec<&Sample>| group.iter().any(|one| one.class != group[0].class);
    let mut groups: Vec<_> = copies(samples).into_iter().filter(differ).collect();
    groups.sort_by(|a, b| a[0].relative.cmp(&b[0].relative));
    groups
}

/// Groups of pictures with the same bytes.
pub fn copies(samples: &[Sample]) -> Vec<Vec<&Sample>> {
    let mut by_hash: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_hash.entry(&sample.hash).or_default().push(sample);
    }
    by_hash.into_values().filter(|group| group.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Split;
    use super::*;

    #[test]
    fn only_copies_with_several_labels_contradict_each_other() {
        let sample = |(name, class, hash): (&str, usize, &str)| {
            let (relative, hash) = (name.into(), hash.into());
            let (slice, split, weight, source) = (None, Split::Train, 1.0, None);
            Sample { relative, slice, class, split, hash, bytes: 1, width: 1, height: 1, weight, source }
        };
        let samples =
            [("a", 0, "2"), ("b", 0, "2"), ("c", 0, "9"), ("d", 1, "1"), ("e", 2, "9"), ("f", 2, "1")];
        let samples = samples.map(sample);
        assert_eq!(copies(&samples).len(), 3);
        let names = |group: Vec<&Sample>| group.iter().map(|one| one.relative.as_str()).collect::<String>();
        assert_eq!(conflicts(&samples).into_iter().map(names).collect::<Vec<_>>(), ["ce", "df"]);
    }
}
