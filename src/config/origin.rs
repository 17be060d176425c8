//! Where a setting was written. The file and the overrides share one count of bytes: the file comes
//! first, then one override after the other, so a byte range tells a line or an override.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::At;

pub(super) struct Origin<'a> {
    text: &'a str,
    overrides: &'a [String],
    /// The folder of the file.
    folder: PathBuf,
    working: &'a Path,
}

impl<'a> Origin<'a> {
    pub fn new(text: &'a str, file: &Path, working: &'a Path, overrides: &'a [String]) -> Self {
        let folder = working.join(file.parent().unwrap_or(Path::new("")));
        Self { text, overrides, folder, working }
    }

    /// Where the numbered override begins in the common count.
    pub fn start(&self, index: usize) -> usize {
        let before: usize = self.overrides[..index].iter().map(|typed| typed.len() + 1).sum();
        self.text.len() + 1 + before
    }

    pub fn is_override(&self, position: usize) -> bool {
        position > self.text.len()
    }

    pub fn at(&self, position: usize) -> At {
        if self.is_override(position) {
            let index = (1..self.overrides.len()).take_while(|&i| self.start(i) <= position).count();
            return At::Override(self.overrides[index].clone());
        }
        At::Line(1 + self.text.bytes().take(position).filter(|&byte| byte == b'\n').count())
    }

    /// The absolute path that was meant: beside the file, or in an override in the working directory.
    pub fn path(&self, written: &Spanned<String>) -> PathBuf {
        let base = if self.is_override(written.span().start) { self.working } else { &self.folder };
        base.join(written.get_ref()).components().collect()
    }
}

/// The byte range and the dotted name of every value, outer ones before their parts.
pub(super) fn names(table: &DeTable<'_>) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    for (key, value) in table {
        collect(value, key.get_ref().to_string(), &mut found);
    }
    found
}

fn collect(value: &Spanned<DeValue<'_>>, name: String, found: &mut Vec<(Range<usize>, String)>) {
    found.push((value.span(), name.clone()));
    match value.get_ref() {
        DeValue::Table(table) => {
            table.iter().for_each(|(key, part)| collect(part, format!("{name}.{}", key.get_ref()), found));
        }
        DeValue::Array(list) => {
            (1..)
                .zip(list.iter())
                .for_each(|(number, part)| collect(part, format!("{name}.{number}"), found));
        }
        _ => {}
    }
}
