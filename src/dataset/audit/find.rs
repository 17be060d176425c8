//! Finds everything there is to look at. Below a folder it goes on whatever comes in its way: circles of links, folders
//! that may not be read, names that no record can hold. What training makes of it is asked of `layout` and `source`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::layout::{self, Candidate, Layout};
use super::super::source::{self, Pictures};
use super::super::walk::Tree;
use super::super::{Error, Labels, Location, Purpose, SetAside, Split};
use super::entry::Entry;
use super::kind::Kind;

/// Everything that lies below a folder.
#[derive(Debug)]
pub struct Found {
    pub root: PathBuf,
    pub classes: Vec<String>,
    /// The splits that have a folder of their own.
    pub given: BTreeSet<Split>,
    /// What there is to look at.
    pub entries: Vec<Entry>,
    /// What cannot be looked at, or need not be.
    pub passed: Vec<Passed>,
    /// Why training would refuse it.
    pub refusal: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub name: String,
    pub kind: Kind,
    pub detail: String,
}

/// Folders are searched whatever is wrong with them; tables, patterns and shards are listed as training lists them.
pub fn find(pictures: &Pictures, labels: &Labels) -> Result<Found, Error> {
    if let Pictures::At(path) = pictures
        && path.is_dir()
    {
        let mut finder = Finder::default();
        finder.folder(path, "");
        let Finder { mut tree, passed, .. } = finder;
        tree.files.sort_unstable();
        tree.folders.sort_unstable();
        if source::shards_in(&tree).is_none() {
            return Ok(placed(path, &tree, passed, labels));
        }
    }
    let labels = Labels { purpose: Purpose::Checking, ..labels.clone() };
    Ok(listed(source::list(pictures, &labels)?))
}

#[derive(Default)]
struct Finder {
    tree: Tree,
    passed: Vec<Passed>,
    /// The folders from the root down to the present one, links resolved.
    above: Vec<PathBuf>,
}

impl Finder {
    fn folder(&mut self, path: &Path, relative: &str) {
        let listed = fs::canonicalize(path).and_then(|real| Ok((real, fs::read_dir(path)?)));
        let (real, entries) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                // It stays a folder: training refuses a class that cannot be read.
                self.tree.folders.extend((!relative.is_empty()).then(|| relative.into()));
                return self.pass(shown(relative), Kind::Unreadable, error.to_string());
            }
        };
        if self.above.iter().any(|above| above.starts_with(&real)) {
            let detail = format!("leads back into {}", real.display());
            return self.pass(relative.into(), Kind::LinkLoop, detail);
        }
        if !relative.is_empty() {
            self.tree.folders.push(relative.into());
        }
        self.above.push(real);
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry, relative),
                Err(error) => self.pass(shown(relative), Kind::Unreadable, error.to_string()),
            }
        }
        self.above.pop();
    }

    fn entry(&mut self, entry: &fs::DirEntry, parent: &str) {
        let name = entry.file_name();
        let below = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") };
        let Some(name) = name.to_str() else {
            let spelled = name.as_encoded_bytes().escape_ascii().to_string();
            return self.pass(below(&spelled), Kind::NotUtf8, String::new());
        };
        let (path, relative) = (entry.path(), below(name));
        if name.starts_with('.') {
            return self.pass(relative, Kind::Hidden, String::new());
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => self.folder(&path, &relative),
            Ok(metadata) if metadata.is_file() => self.tree.files.push(relative),
            Ok(_) => self.pass(relative, Kind::NoFile, String::new()),
            Err(error) => self.unreachable(&path, relative, &error),
        }
    }

    fn unreachable(&mut self, path: &Path, relative: String, error: &io::Error) {
        match fs::read_link(path) {
            Err(_) => self.pass(relative, Kind::Unreadable, error.to_string()),
            Ok(target) => {
                let kind = if is_loop(error) { Kind::LinkLoop } else { Kind::BrokenLink };
                self.pass(relative, kind, format!("leads to {}: {error}", target.display()));
            }
        }
    }

    fn pass(&mut self, name: String, kind: Kind, detail: String) {
        self.passed.push(Passed { name, kind, detail });
    }
}

fn shown(relative: &str) -> String {
    if relative.is_empty() { ".".into() } else { relative.into() }
}

/// A link that leads to itself. The standard library has no stable name for this yet.
fn is_loop(error: &io::Error) -> bool {
    const LOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };
    cfg!(unix) && error.raw_os_error() == Some(LOOP)
}

/// What a layout names, and what it leaves out.
fn listed(layout: Layout) -> Found {
    let entry = |candidate: Candidate| Entry {
        location: Location::of(&layout.root, &candidate.relative, candidate.slice.as_ref()),
        name: candidate.relative,
        class: Some(candidate.class),
        split: candidate.split,
    };
    let entries = layout.candidates.into_iter().map(entry).collect();
    let passed = |kind| move |file: SetAside| Passed { name: file.relative, kind, detail: file.reason };
    let set_aside = layout.set_aside.into_iter().map(passed(Kind::SetAside));
    let passed = set_aside.chain(layout.ignored.into_iter().map(passed(Kind::Other)));
    Found {
        entries,
        passed: in_order(passed.collect()),
        root: layout.root,
        classes: layout.classes,
        given: layout.given,
        refusal: layout.refusal,
    }
}

/// Gives every file the class and split that training would give it.
fn placed(root: &Path, tree: &Tree, passed: Vec<Passed>, labels: &Labels) -> Found {
    let (classes, given, places, refusal) = match layout::arrange(root, tree, labels) {
        Ok(layout) => {
            let place = |c: Candidate| (c.relative, (c.class, c.split));
            (layout.classes, layout.given, layout.candidates.into_iter().map(place).collect(), None)
        }
        Err(error) => {
            let (classes, places) = guessed(tree);
            (classes, BTreeSet::new(), places, Some(error.to_string()))
        }
    };
    let entry = |name: &String| {
        let place: Option<&(usize, Split)> = places.get(name);
        Entry {
            name: name.clone(),
            location: Location::File(root.join(name)),
            class: place.map(|place| place.0),
            split: place.map_or(Split::Train, |place| place.1),
        }
    };
    let entries = tree.files.iter().map(entry).collect();
    Found { root: root.into(), classes, given, entries, passed: in_order(passed), refusal }
}

fn in_order(mut passed: Vec<Passed>) -> Vec<Passed> {
    passed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    passed
}

type Places = std::collections::HashMap<String, (usize, Split)>;

/// What was probably meant where the folders are no data set yet: the folder below those of splits is the class.
fn guessed(tree: &Tree) -> (Vec<String>, Places) {
    let class_of = |file: &str| {
        let (top, rest) = file.split_once('/')?;
        match (Split::named(top), rest.split_once('/')) {
            (Some(split), Some((class, _))) => Some((class.to_owned(), split)),
            _ => Some((top.to_owned(), Split::Train)),
        }
    };
    let found: Vec<_> = tree.files.iter().filter_map(|file| Some((file, class_of(file)?))).collect();
    let classes: BTreeSet<&String> = found.iter().map(|(_, (class, _))| class).collect();
    let classes: Vec<String> = classes.into_iter().cloned().collect();
    let place = |(file, (class, split)): (&String, (String, Split))| {
        Some((file.clone(), (classes.binary_search(&class).ok()?, split)))
    };
    let places = found.into_iter().filter_map(place).collect();
    (classes, places)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink};

    use super::*;

    fn found(root: &Path) -> Found {
        find(&Pictures::At(root.into()), &Labels::default()).unwrap()
    }

    #[test]
    fn nothing_stops_the_search_and_nothing_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["a", "b", "locked"] {
            fs::create_dir(at(folder)).unwrap();
        }
        for name in ["a/1.jpg", "b/2.jpg", "b/.hidden", "loose.jpg"] {
            fs::write(at(name), "x").unwrap();
        }
        fs::write(root.path().join(OsStr::from_bytes(b"b/\xff.jpg")), "x").unwrap();
        symlink("..", at("a/up")).unwrap();
        symlink("self", at("b/self")).unwrap();
        symlink("nowhere", at("b/broken.jpg")).unwrap();
        fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o000)).unwrap();
        let found = found(root.path());
        let passed: Vec<_> = found.passed.iter().map(|p| (p.name.as_str(), p.kind)).collect();
        let mut expected = vec![
            ("a/up", Kind::LinkLoop),
            ("b/.hidden", Kind::Hidden),
            ("b/\\xff.jpg", Kind::NotUtf8),
            ("b/broken.jpg", Kind::BrokenLink),
            ("b/self", Kind::LinkLoop),
        ];
        // Who is root may read everything.
        if fs::read_dir(at("locked")).is_err() {
            expected.push(("locked", Kind::Unreadable));
        }
        assert_eq!(passed, expected);
        let entries: Vec<_> = found.entries.iter().map(|e| (e.name.as_str(), e.class)).collect();
        assert_eq!(entries, [("a/1.jpg", Some(0)), ("b/2.jpg", Some(1)), ("loose.jpg", None)]);
        fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn folders_that_are_no_data_set_are_looked_at_all_the_same() {
        let root = tempfile::tempdir().unwrap();
        for name in ["train/rose/1.jpg", "train/tulip/2.jpg", "val/roses/3.jpg"] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let found = found(root.path());
        assert!(found.refusal.unwrap().contains("did you mean 'rose'?"));
        assert_eq!(found.classes, ["rose", "roses", "tulip"]);
        assert_eq!((found.entries[2].class, found.entries[2].split), (Some(1), Split::Val));
    }
}
