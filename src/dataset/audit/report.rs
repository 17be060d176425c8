//! What came of looking at a data set: how its files add up, what it is made of, and what was found, the grave first.
//! Owns the form of the JSON answer; how it is shown belongs to `page`, `fixes` and the verb.

use std::collections::BTreeMap;

use image::ImageFormat;
use serde::Serialize;

use super::super::Split;
use super::classes::{ClassCount, collisions, imbalance};
use super::doubts::LabelCheck;
use super::entry::Entry;
use super::find::Found;
use super::groups::Group;
use super::header::Header;
use super::kind::Kind;
use super::look::Look;

/// The version of the JSON answer's form.
const SCHEMA: u32 = 1;
/// Edges that differ by more than this factor are extreme.
const EXTREME: f64 = 5.0;
/// Classes whose sizes differ by more than this factor are out of balance.
const UNBALANCED: usize = 10;

#[derive(Debug, Serialize)]
pub struct Report {
    schema: u32,
    pub root: String,
    pub found: usize,
    /// How many files are of which kind; these add up to `found`.
    pub files: BTreeMap<&'static str, usize>,
    pub classes: Vec<ClassCount>,
    /// Of the usable pictures, and these add up to them.
    pub modes: BTreeMap<String, usize>,
    pub sizes: Option<Sizes>,
    pub findings: Vec<Finding>,
    /// Where a model was at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelCheck>,
}

/// Width and height of the pictures with the fewest, the middle number of, and the most pixels. Of equal ones the first
/// file is named.
#[derive(Debug, Serialize)]
pub struct Sizes {
    pub smallest: [u32; 2],
    pub smallest_file: String,
    pub median: [u32; 2],
    pub largest: [u32; 2],
    pub largest_file: String,
}

/// Everything of one kind.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub kind: Kind,
    /// Whether it has to be mended, or is only good to know.
    pub mend: bool,
    pub count: usize,
    pub items: Vec<Item>,
    /// Where files are wrong together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Together>,
}

/// A file, or a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The entry that it is, where it can be looked at.
    #[serde(skip)]
    pub entry: Option<usize>,
}

#[derive(Debug, Serialize)]
pub struct Together {
    pub likeness: f32,
    pub files: Vec<Member>,
}

#[derive(Debug, Serialize)]
pub struct Member {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    pub split: Split,
    #[serde(skip)]
    pub entry: usize,
}

impl Report {
    pub(super) fn of(found: &Found, looks: &[Look], same: &[Group], alike: &[Group], minimum: usize) -> Self {
        let mut maker = Maker { found, looks, items: BTreeMap::new(), groups: BTreeMap::new() };
        maker.each_file();
        maker.each_group(same, [Kind::SameAcrossSplits, Kind::SameAcrossClasses, Kind::SameWithin]);
        maker.each_group(alike, [Kind::LikeAcrossSplits, Kind::LikeAcrossClasses, Kind::LikeWithin]);
        let classes = maker.counts();
        maker.each_class(&classes, minimum);
        Self {
            schema: SCHEMA,
            root: found.root.display().to_string(),
            found: found.entries.len() + found.passed.len(),
            files: maker.kinds(),
            classes,
            modes: maker.modes(),
            sizes: maker.sizes(),
            findings: maker.findings(),
            labels: None,
        }
    }

    pub fn usable(&self) -> usize {
        self.files.get(Kind::Usable.id()).copied().unwrap_or(0)
    }

    pub fn has_to_be_mended(&self) -> bool {
        self.findings.iter().any(|finding| finding.mend)
    }
}

struct Maker<'a> {
    found: &'a Found,
    looks: &'a [Look],
    items: BTreeMap<Kind, Vec<Item>>,
    groups: BTreeMap<Kind, Vec<Together>>,
}

impl Maker<'_> {
    fn add(&mut self, kind: Kind, name: &str, detail: String, entry: Option<usize>) {
        self.items.entry(kind).or_default().push(Item { name: name.into(), detail, entry });
    }

    fn each_file(&mut self) {
        let found = self.found;
        for passed in &found.passed {
            self.add(passed.kind, &passed.name, passed.detail.clone(), None);
        }
        if let Some(refusal) = &found.refusal {
            self.add(Kind::Layout, ".", refusal.clone(), None);
        }
        for (number, look) in self.looks.iter().enumerate() {
            if look.kind == Kind::Usable {
                self.usable(number, look);
            } else {
                self.add(look.kind, &found.entries[number].name, look.detail.clone(), Some(number));
            }
        }
        if let Some(narrow) = self.items.get_mut(&Kind::ExtremeAspect) {
            let aspect =
                |item: &Item| item.entry.and_then(|n| self.looks[n].header).map_or(0.0, |h| h.aspect());
            narrow.sort_by(|a, b| aspect(b).total_cmp(&aspect(a)));
        }
    }

    /// What there is to say of a picture that can be used.
    fn usable(&mut self, number: usize, look: &Look) {
        let entry = &self.found.entries[number];
        let mut add = |kind, detail| self.add(kind, &entry.name, detail, Some(number));
        if entry.class.is_none() {
            add(Kind::Outside, String::new());
        }
        if look.blank {
            add(Kind::Blank, String::new());
        }
        if !look.header.is_some_and(|header| header.is_plain()) {
            add(Kind::UnusualMode, mode(look.header));
        }
        let Some(header) = look.header else { return };
        if let Some(detail) = wrong_ending(&entry.name, header.format) {
            add(Kind::WrongExtension, detail);
        }
        if header.aspect() > EXTREME {
            add(Kind::ExtremeAspect, format!("{}x{}", header.width, header.height));
        }
    }

    fn each_group(&mut self, groups: &[Group], [splits, classes, within]: [Kind; 3]) {
        let entries = &self.found.entries;
        let mut groups: Vec<_> = groups.iter().collect();
        groups.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
        for group in groups {
            let (across_splits, across_classes) = (group.spans_splits(entries), group.spans_classes(entries));
            if across_splits {
                self.group(group, splits, |a, b| entries[a].split != entries[b].split);
            }
            if across_classes {
                self.group(group, classes, |a, b| entries[a].class != entries[b].class);
            }
            if !across_splits && !across_classes {
                self.group(group, within, |_, _| true);
            }
        }
    }

    /// Each member with one that it should not be together with.
    fn group(&mut self, group: &Group, kind: Kind, apart: impl Fn(usize, usize) -> bool) {
        let entries = &self.found.entries;
        let copies = matches!(kind, Kind::SameAcrossSplits | Kind::SameAcrossClasses | Kind::SameWithin);
        let how = if copies { "the same as" } else { "much like" };
        // Of files that may stay together the first may stay.
        let skipped = usize::from(matches!(kind, Kind::SameWithin | Kind::LikeWithin));
        for &member in &group.members[skipped..] {
            let other = group.members.iter().copied().find(|&other| other != member && apart(member, other));
            if let Some(other) = other {
                let detail = format!("{how} {}", entries[other].name);
                self.add(kind, &entries[member].name, detail, Some(member));
            }
        }
        let files = group.members.iter().map(|&member| self.member(member)).collect();
        self.groups.entry(kind).or_default().push(Together { likeness: group.likeness, files });
    }

    fn member(&self, entry: usize) -> Member {
        let found = &self.found.entries[entry];
        let class = found.class.map(|class| self.found.classes[class].clone());
        Member { name: found.name.clone(), class, split: found.split, entry }
    }

    fn counts(&self) -> Vec<ClassCount> {
        let mut counts: Vec<_> = self.found.classes.iter().map(|name| ClassCount::new(name)).collect();
        for (entry, look) in self.found.entries.iter().zip(self.looks) {
            if let Some(class) = entry.class.filter(|_| look.kind == Kind::Usable) {
                counts[class].add(entry.split);
            }
        }
        counts
    }

    fn each_class(&mut self, classes: &[ClassCount], minimum: usize) {
        for names in collisions(&self.found.classes) {
            for name in &names {
                let others: Vec<_> = names.iter().filter(|other| *other != name).copied().collect();
                self.add(Kind::CollidingClasses, name, format!("like {}", others.join(", ")), None);
            }
        }
        for class in classes {
            let detail = format!("{} in train, {} in val, {} in test", class.train, class.val, class.test);
            let unmeasured = |split, count| self.found.given.contains(&split) && count == 0;
            let kind = match class.train {
                0 => Kind::EmptyClass,
                few if few < minimum => Kind::SmallClass,
                _ if unmeasured(Split::Val, class.val) || unmeasured(Split::Test, class.test) => {
                    Kind::UnmeasuredClass
                }
                _ => continue,
            };
            self.add(kind, &class.name, detail, None);
        }
        if let Some((large, small)) = imbalance(classes, UNBALANCED) {
            let detail = format!("{} pictures, and {} has {}", large.train, small.name, small.train);
            self.add(Kind::Imbalance, &large.name, detail, None);
        }
    }

    fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        let kinds = self.looks.iter().map(|look| look.kind).chain(self.found.passed.iter().map(|p| p.kind));
        kinds.for_each(|kind| *counts.entry(kind.id()).or_insert(0) += 1);
        counts
    }

    fn usable_looks(&self) -> impl Iterator<Item = (&Entry, &Look)> {
        self.found.entries.iter().zip(self.looks).filter(|(_, look)| look.kind == Kind::Usable)
    }

    fn modes(&self) -> BTreeMap<String, usize> {
        let mut modes = BTreeMap::new();
        self.usable_looks().for_each(|(_, look)| *modes.entry(mode(look.header)).or_insert(0) += 1);
        modes
    }

    fn sizes(&self) -> Option<Sizes> {
        let edges = |header: Header| [header.width, header.height];
        let sized = self.usable_looks().filter_map(|(entry, look)| Some((look.header?, &entry.name)));
        let mut sized: Vec<_> = sized.collect();
        sized.sort_by_key(|(header, _)| (header.pixels(), header.width));
        let (smallest, smallest_file) = sized.first()?;
        let (most, _) = sized.last()?;
        let (largest, largest_file) = sized.iter().find(|(header, _)| edges(*header) == edges(*most))?;
        Some(Sizes {
            smallest: edges(*smallest),
            smallest_file: (*smallest_file).clone(),
            median: edges(sized[sized.len() / 2].0),
            largest: edges(*largest),
            largest_file: (*largest_file).clone(),
        })
    }

    fn findings(&mut self) -> Vec<Finding> {
        let mut groups = std::mem::take(&mut self.groups);
        let finding = |(kind, items): (Kind, Vec<Item>)| Finding {
            kind,
            mend: kind.has_to_be_mended(),
            count: items.len(),
            groups: groups.remove(&kind).unwrap_or_default(),
            items,
        };
        let mut findings: Vec<_> = std::mem::take(&mut self.items).into_iter().map(finding).collect();
        findings.sort_by_key(|finding| !finding.mend);
        findings
    }
}

/// The kind of a picture's pixels in words.
fn mode(header: Option<Header>) -> String {
    header.map_or("unknown".into(), |header| header.mode())
}

/// What the ending should be, where it is another one.
fn wrong_ending(name: &str, format: ImageFormat) -> Option<String> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let ending = file.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    if ImageFormat::from_extension(ending) == Some(format) {
        return None;
    }
    let right = format.extensions_str().first()?;
    Some(format!("the content is {}, whose ending is .{right}", right.to_uppercase()))
}
