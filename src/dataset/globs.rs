//! Pictures by patterns: which files each pattern matches, and the class that it gives them. `*` stays within a
//! folder, `**` does not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use glob::MatchOptions;

use super::labels::{self, Entry, Labels, Source};
use super::layout::{Layout, is_no_picture};
use super::walk::{self, Tree};
use super::{Error, SetAside, Split};
use crate::config::Files;

/// A pattern, taken apart into the folder that it begins in and what is below that.
pub struct Pattern {
    pub base: PathBuf,
    below: glob::Pattern,
}

impl Pattern {
    pub fn new(glob: &Path) -> Result<Self, Error> {
        let (base, rest) = parts(glob);
        let bad = |reason: &str| Error::Said { at: glob.display().to_string(), reason: reason.into() };
        if rest.contains('{') {
            return Err(bad("kiln knows no {}; say * or ? in its place, or write several patterns"));
        }
        let below =
            glob::Pattern::new(&rest).map_err(|error| bad(&format!("is no pattern: {}", error.msg)))?;
        Ok(Self { base, below })
    }

    /// Whether a path below the base is meant.
    pub fn matches(&self, below: &str) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        self.below.matches_with(below, options)
    }

    /// Whether what is inside a folder below the base may be meant.
    pub fn reaches(&self, folder: &str) -> bool {
        let mut parts = self.below.as_str().split('/');
        for name in folder.split('/') {
            match parts.next() {
                Some("**") => return true,
                Some(part) if glob::Pattern::new(part).is_ok_and(|part| part.matches(name)) => {}
                _ => return false,
            }
        }
        parts.next().is_some()
    }
}

/// Whether a path can only be meant as a pattern.
pub fn is_pattern(path: &Path) -> bool {
    has_wildcard(&path.to_string_lossy()) && !path.exists()
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// A folder whose name has a wildcard in it is taken as it is where it is there.
fn parts(glob: &Path) -> (PathBuf, String) {
    let names: Vec<_> = glob.components().collect();
    let mut base = PathBuf::new();
    let mut rest = names.as_slice();
    while let [name, below @ ..] = rest {
        let next = base.join(name);
        if below.is_empty() || (has_wildcard(&name.as_os_str().to_string_lossy()) && !next.is_dir()) {
            break;
        }
        (base, rest) = (next, below);
    }
    let rest: Vec<_> = rest.iter().map(|name| name.as_os_str().to_string_lossy()).collect();
    (base, rest.join("/"))
}

pub fn list(groups: &[Files], labels: &Labels) -> Result<Layout, Error> {
    let patterns: Vec<Pattern> =
        groups.iter().map(|group| Pattern::new(&group.glob)).collect::<Result<_, _>>()?;
    let root = common(patterns.iter().map(|pattern| pattern.base.as_path()));
    let mut trees: BTreeMap<&Path, Tree> = BTreeMap::new();
    let mut all = Matched::default();
    for ((pattern, group), line) in patterns.iter().zip(groups).zip(1..) {
        if !trees.contains_key(pattern.base.as_path()) {
            trees.insert(&pattern.base, walk::walk(&pattern.base)?);
        }
        let before = all.count();
        all.take(&trees[pattern.base.as_path()], pattern, &root, group, line);
        if all.count() == before {
            let at = format!("data.files.{line}");
            return Err(Error::Said { at, reason: format!("no file matches {}", group.glob.display()) });
        }
    }
    let mut layout = labels::arrange(&root, all.entries, &Source::Globs, labels)?;
    layout.ignored.extend(all.ignored);
    layout.set_aside.extend(all.set_aside);
    Ok(layout)
}

/// What the patterns match.
#[derive(Default)]
struct Matched {
    entries: Vec<Entry>,
    ignored: Vec<SetAside>,
    set_aside: Vec<SetAside>,
    /// Files that are no pictures and matched before.
    seen: BTreeSet<String>,
    again: usize,
}

impl Matched {
    fn count(&self) -> usize {
        self.entries.len() + self.ignored.len() + self.set_aside.len() + self.again
    }

    fn take(&mut self, tree: &Tree, pattern: &Pattern, root: &Path, group: &Files, line: u64) {
        let above = pattern.base.strip_prefix(root).unwrap_or(Path::new(""));
        for name in tree.files.iter().filter(|name| pattern.matches(name)) {
            let relative = from_root(above, name);
            if is_no_picture(&relative) {
                self.leave(relative, "not a picture, by its name", |matched| &mut matched.ignored);
                continue;
            }
            let (label, split) = (group.class.clone(), group.split.map(Split::from));
            let (weight, source) = (1.0, None);
            self.entries.push(Entry { relative, slice: None, label, split, weight, source, line });
        }
        let set_aside = tree.set_aside.iter().filter(|file| pattern.matches(&file.relative));
        let closed = tree.closed.iter().filter(|folder| pattern.reaches(&folder.relative));
        for file in set_aside.chain(closed) {
            let relative = from_root(above, &file.relative);
            self.leave(relative, &file.reason, |matched| &mut matched.set_aside);
        }
    }

    /// A file that another pattern has matched before counts once.
    fn leave(&mut self, relative: String, reason: &str, list: fn(&mut Self) -> &mut Vec<SetAside>) {
        if self.seen.insert(relative.clone()) {
            list(self).push(SetAside { relative, reason: reason.into() });
        } else {
            self.again += 1;
        }
    }
}

fn from_root(above: &Path, name: &str) -> String {
    let above: Vec<_> = above.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    match above.is_empty() {
        true => name.to_string(),
        false => format!("{}/{name}", above.join("/")),
    }
}

/// The folder that is above all of these, or is one of them.
fn common<'a>(mut folders: impl Iterator<Item = &'a Path>) -> PathBuf {
    let first = folders.next().unwrap_or(Path::new(""));
    folders.fold(first.to_path_buf(), |common, folder| {
        let shared = common.components().zip(folder.components()).take_while(|(a, b)| a == b);
        shared.map(|(part, _)| part).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::layout::Candidate;
    use super::*;

    fn group(root: &Path, glob: &str, class: &str) -> Files {
        Files { glob: root.join(glob), class: class.into(), split: None }
    }

    /// Each candidate as `class file`, or the error.
    fn listed(groups: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let root = tempfile::tempdir().unwrap();
        for file in ["cats [1]/a.jpg", "cats [1]/old/b.png", "dogs/c.jpg", "dogs/c.txt", "dogs/.d.jpg"] {
            fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
            fs::write(root.path().join(file), "x").unwrap();
        }
        let groups: Vec<_> = groups.iter().map(|(glob, class)| group(root.path(), glob, class)).collect();
        let layout = list(&groups, &Labels::default()).map_err(|error| error.to_string())?;
        let shown = |c: &Candidate| format!("{} {}", layout.classes[c.class], c.relative);
        Ok(layout.candidates.iter().map(shown).collect())
    }

    fn check(groups: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(listed(groups).unwrap(), expected, "{groups:?}");
    }

    #[test]
    fn patterns_give_their_class() {
        check(&[("cats [1]/*.jpg", "cat"), ("dogs/*", "dog")], &["cat cats [1]/a.jpg", "dog dogs/c.jpg"]);
        check(
            &[("cats [1]/**/*", "cat"), ("dogs/c.jpg", "dog"), ("**/a.jpg", "cat")],
            &["cat cats [1]/a.jpg", "cat cats [1]/old/b.png", "dog dogs/c.jpg"],
        );
    }

    #[test]
    fn a_pattern_reaches_into_some_folders() {
        let check = |below: &str, folder: &str, expected| {
            let pattern = Pattern { base: PathBuf::new(), below: glob::Pattern::new(below).unwrap() };
            assert_eq!(pattern.reaches(folder), expected, "{below} {folder}");
        };
        check("*", "cats", false);
        check("*/*.jpg", "cats", true);
        check("*/*.jpg", "cats/old", false);
        check("c*/old/?.jpg", "cats/old", true);
        check("c*/old/?.jpg", "dogs/old", false);
        check("**/a.jpg", "dogs/old/b", true);
        check("cats/**/a.jpg", "dogs", false);
    }

    #[test]
    #[cfg(unix)]
    fn circles_that_a_pattern_reaches_are_set_aside() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["cats", "dogs"] {
            fs::create_dir(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("a.jpg"), "x").unwrap();
            std::os::unix::fs::symlink("..", root.path().join(folder).join("up")).unwrap();
        }
        let groups = [group(root.path(), "cats/**/*.jpg", "cat"), group(root.path(), "dogs/*.jpg", "dog")];
        let layout = list(&groups, &Labels::default()).unwrap();
        let set_aside: Vec<_> = layout.set_aside.iter().map(|file| file.relative.as_str()).collect();
        assert_eq!((layout.candidates.len(), set_aside), (2, vec!["cats/up"]));
    }

    #[test]
    fn faults_name_the_pattern() {
        let check = |groups: &[(&str, &str)], part: &str| {
            let message = listed(groups).unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        check(&[("dogs/*", "dog"), ("cats [1]/*.gif", "cat")], "data.files.2: no file matches");
        check(
            &[("dogs/*", "dog"), ("**/c.jpg", "cat")],
            "data.files.2: dogs/c.jpg is 'cat' here and 'dog' at data.files.1",
        );
        check(&[("dogs/[a", "dog")], "is no pattern");
        check(&[("dogs/*.{jpg,png}", "dog")], "knows no {}");
        check(&[("birds/*", "bird")], "does not exist");
    }
}
