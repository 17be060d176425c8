//! Files that belong together, as copies or as nearly the same picture, and what they lie across. Knows no pictures.

use std::collections::{BTreeMap, HashMap};

use super::entry::Entry;
use super::likeness::Fingerprint;
use super::look::Look;
use super::near::{self, Link};

/// At least two files.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Numbers of entries, rising.
    pub members: Vec<usize>,
    /// The weakest link that holds it together; 1 for copies.
    pub likeness: f32,
}

impl Group {
    pub fn spans_splits(&self, entries: &[Entry]) -> bool {
        self.differs(|member| entries[member].split)
    }

    /// Whether its members have several labels. What has no label contradicts none.
    pub fn spans_classes(&self, entries: &[Entry]) -> bool {
        let mut classes = self.members.iter().filter_map(|&member| entries[member].class);
        let first = classes.next();
        classes.any(|class| Some(class) != first)
    }

    fn differs<T: PartialEq>(&self, of: impl Fn(usize) -> T) -> bool {
        self.members.iter().any(|&member| of(member) != of(self.members[0]))
    }
}

/// Usable files with equal content.
pub fn same(looks: &[Look]) -> Vec<Group> {
    let hashes = usable(looks).filter_map(|(number, look)| Some((look.hash.as_deref()?, number)));
    let groups = by_key(hashes).into_iter().filter(|members| members.len() > 1);
    groups.map(|members| Group { members, likeness: 1.0 }).collect()
}

/// Usable files that show nearly the same, copies among them included; groups of nothing but copies are left to `same`.
pub fn alike(looks: &[Look], alike: f32, progress: &(dyn Fn(usize) + Sync)) -> Vec<Group> {
    let prints = usable(looks).filter_map(|(number, look)| Some((look.fingerprint.as_deref()?, number)));
    // Pictures with the very same fingerprint are one for the search.
    let twins = by_key(prints);
    let of = |twins: &Vec<usize>| looks[twins[0]].fingerprint.as_deref();
    let fingerprints: Vec<&Fingerprint> = twins.iter().filter_map(of).collect();
    let links = near::links(&fingerprints, alike, progress);
    let mut groups: Vec<Group> = joined(twins.len(), &links)
        .into_iter()
        .map(|(members, likeness)| {
            let mut members: Vec<_> = members.into_iter().flat_map(|twin| twins[twin].clone()).collect();
            members.sort_unstable();
            Group { members, likeness }
        })
        .filter(|group| group.differs(|member| &looks[member].hash))
        .collect();
    groups.sort_by(|a, b| a.members.cmp(&b.members));
    groups
}

/// Of some fingerprints, numbers of those that hang together, rising; what stands alone is in no group.
pub fn alike_prints(prints: &[&Fingerprint], alike: f32) -> Vec<Vec<usize>> {
    let twins = by_key(prints.iter().zip(0..));
    let different: Vec<&Fingerprint> = twins.iter().map(|twins| prints[twins[0]]).collect();
    let links = near::links(&different, alike, &|_| {});
    let with_twins = |(group, _): (Vec<usize>, f32)| {
        let mut members: Vec<usize> = group.into_iter().flat_map(|twin| twins[twin].clone()).collect();
        members.sort_unstable();
        members
    };
    let groups = joined(different.len(), &links).into_iter().map(with_twins);
    groups.filter(|members| members.len() > 1).collect()
}

fn usable(looks: &[Look]) -> impl Iterator<Item = (usize, &Look)> {
    looks.iter().enumerate().filter(|(_, look)| look.kind == super::Kind::Usable)
}

/// Numbers with the same key together, in the order of the first of each.
fn by_key<K: std::hash::Hash + Eq>(items: impl Iterator<Item = (K, usize)>) -> Vec<Vec<usize>> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (key, number) in items {
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(number);
    }
    groups
}

/// What hangs together through links, each with the weakest link that was needed. What has no link stands alone.
fn joined(count: usize, links: &[Link]) -> Vec<(Vec<usize>, f32)> {
    let mut above: Vec<usize> = (0..count).collect();
    let mut weakest = vec![1.0_f32; count];
    for link in links {
        let (a, b) = (root(&mut above, link.first), root(&mut above, link.second));
        if a != b {
            let (low, high) = (a.min(b), a.max(b));
            above[high] = low;
            weakest[low] = weakest[low].min(weakest[high]).min(link.likeness);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for number in 0..count {
        groups.entry(root(&mut above, number)).or_default().push(number);
    }
    groups.into_iter().map(|(root, members)| (members, weakest[root])).collect()
}

fn root(above: &mut [usize], mut number: usize) -> usize {
    while above[number] != number {
        above[number] = above[above[number]];
        number = above[number];
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_join_what_hangs_together() {
        let link = |first, second, likeness| Link { first, second, likeness };
        let links = [link(1, 4, 0.99), link(0, 2, 0.95), link(2, 4, 0.9), link(0, 1, 0.5)];
        assert_eq!(joined(5, &links), [(vec![0, 1, 2, 4], 0.9), (vec![3], 1.0)]);
    }

    #[test]
    fn numbers_with_one_key_come_together() {
        let items = ["b", "a", "b", "c", "a"].into_iter().enumerate().map(|(number, key)| (key, number));
        assert_eq!(by_key(items), [vec![0, 2], vec![1, 4], vec![3]]);
    }
}
