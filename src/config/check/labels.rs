//! How pictures are labelled: the order of the classes, the columns of a table, the patterns that stand for classes.

use toml::Spanned;

use crate::config::checked::{Columns, Files};
use crate::config::faults::Faults;
use crate::config::raw::{self, Key};

pub(super) fn classes(raw: &Key<Vec<String>>, faults: &mut Faults<'_>) -> Vec<String> {
    let Some(given) = raw else { return Vec::new() };
    let classes = given.get_ref();
    let twice = (1..classes.len()).find(|&later| classes[..later].contains(&classes[later]));
    if classes.len() < 2 {
        let reason = format!("has {} names; there have to be two classes at least", classes.len());
        faults.refuse(given.span(), reason);
    } else if classes.iter().any(|class| class.trim().is_empty()) {
        faults.refuse(given.span(), "has an empty name");
    } else if let Some(twice) = twice {
        faults.refuse(given.span(), format!("has {:?} twice", classes[twice]));
    }
    classes.clone()
}

pub(super) fn columns(raw: Option<&raw::Columns>, faults: &mut Faults<'_>) -> Columns {
    let Some(raw) = raw else { return Columns::default() };
    let mut name = |key: &Key<String>| key.as_ref().map(|given| faults.text(given));
    Columns {
        path: name(&raw.path),
        label: name(&raw.label),
        split: name(&raw.split),
        weight: name(&raw.weight),
        source: name(&raw.source),
    }
}

pub(super) fn files(raw: &[raw::Files], faults: &mut Faults<'_>) -> Vec<Files> {
    (1..).zip(raw).map(|(number, files)| group(number, files, faults)).collect()
}

fn group(number: usize, raw: &raw::Files, faults: &mut Faults<'_>) -> Files {
    let glob = needed(&raw.glob, number, "glob", "a pattern such as \"cats/*.jpg\"", faults);
    let class = needed(&raw.class, number, "class", "the name of the pictures' class", faults);
    Files {
        glob: glob.map(|glob| faults.path(glob)).unwrap_or_default(),
        class: class.map(|class| faults.text(class)).unwrap_or_default(),
        split: raw.split.as_ref().and_then(|split| faults.chosen(split)),
    }
}

fn needed<'k>(
    key: &'k Key<String>,
    number: usize,
    name: &str,
    must: &str,
    faults: &mut Faults<'_>,
) -> Option<&'k Spanned<String>> {
    if key.is_none() {
        faults.missing(&format!("data.files.{number}.{name}"), format!("is missing; it must be {must}"));
    }
    key.as_ref()
}
