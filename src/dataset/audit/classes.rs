//! What is wrong with classes: names that look alike to a person or to another file system, too few pictures, too
//! unequal ones. Works on names and counts alone.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use super::super::Split;

/// A class and how many usable pictures each split has of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ClassCount {
    pub name: String,
    pub train: usize,
    pub val: usize,
    pub test: usize,
}

impl ClassCount {
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), train: 0, val: 0, test: 0 }
    }

    pub fn add(&mut self, split: Split) {
        *match split {
            Split::Train => &mut self.train,
            Split::Val => &mut self.val,
            Split::Test => &mut self.test,
        } += 1;
    }
}

/// Sets of names that become one on a system that folds case or normalises Unicode.
pub fn collisions(names: &[String]) -> Vec<Vec<&str>> {
    let mut folded: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        folded.entry(fold(name)).or_default().push(name);
    }
    folded.into_values().filter(|names| names.len() > 1).collect()
}

/// Compatibility form without case. Upper case first: only there are ß and ss the same.
fn fold(name: &str) -> String {
    let name: String = name.trim().nfkc().collect();
    name.to_uppercase().to_lowercase().nfkc().collect()
}

/// The largest and the smallest of the classes that have pictures, where they differ by more than this factor.
pub fn imbalance(classes: &[ClassCount], factor: usize) -> Option<(&ClassCount, &ClassCount)> {
    let filled = || classes.iter().filter(|class| class.train > 0);
    // Of equal ones the first.
    let largest = filled().min_by_key(|class| usize::MAX - class.train)?;
    let smallest = filled().min_by_key(|class| class.train)?;
    (largest.train > smallest.train * factor).then_some((largest, smallest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: &[&[&str]]) {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        assert_eq!(collisions(&names), expected);
    }

    #[test]
    fn names_collide_in_case_and_in_unicode() {
        check(&["Rose", "rose", "tulip"], &[&["Rose", "rose"]]);
        // é as one character and as two.
        check(&["caf\u{e9}", "cafe\u{301}", "cafe"], &[&["caf\u{e9}", "cafe\u{301}"]]);
        // A ligature and full width are other forms of the same letters.
        check(
            &["\u{fb01}g", "fig", "\u{ff26}\u{ff29}\u{ff27}"],
            &[&["\u{fb01}g", "fig", "\u{ff26}\u{ff29}\u{ff27}"]],
        );
        check(&["Stra\u{df}e", "STRASSE"], &[&["Stra\u{df}e", "STRASSE"]]);
        check(&["rose", "rose "], &[&["rose", "rose "]]);
        check(&["rose", "roses"], &[]);
    }

    #[test]
    fn imbalance_names_both_ends() {
        let class = |name: &str, train| ClassCount { train, ..ClassCount::new(name) };
        let classes = [class("a", 5), class("b", 60), class("c", 0), class("d", 60)];
        let found = imbalance(&classes, 10).map(|(large, small)| (large.name.as_str(), small.name.as_str()));
        assert_eq!(found, Some(("b", "a")));
        assert_eq!(imbalance(&classes, 12), None);
        assert_eq!(imbalance(&[], 2), None);
    }
}
