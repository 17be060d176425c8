//! Names for sorted files: the folder of a class, and a name in it that is free.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::super::Error;

/// The folder that a class has below another one. A class of nested folders has nested folders again.
pub fn folder_of(class: &str) -> Result<PathBuf, Error> {
    let is_plain = |part: &str| {
        let mut parts = Path::new(part).components();
        let is_one = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
        is_one && !part.contains(['\\', '\0']) && part.trim() == part
    };
    match class.split('/').all(is_plain) {
        true => Ok(class.split('/').collect()),
        false => Err(Error::ClassName { class: class.to_owned() }),
    }
}

/// Where a file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Free(PathBuf),
    /// Here it lies already: an earlier sorting came so far.
    There(PathBuf),
}

/// `a.jpg`, or `a-2.jpg` and so on: the first name that is neither there nor promised, unless the file has one of those before.
pub fn place(
    folder: &Path,
    name: &str,
    promised: &BTreeSet<PathBuf>,
    is_it: impl Fn(&Path) -> bool,
) -> Place {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let mut path = folder.join(name);
    let mut number = 2;
    while promised.contains(&path) || std::fs::symlink_metadata(&path).is_ok() {
        if is_it(&path) {
            return Place::There(path);
        }
        path = folder.join(format!("{stem}-{number}{ending}"));
        number += 1;
    }
    Place::Free(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_names_a_folder_below_and_nowhere_else() {
        let check = |class: &str, expected: Option<&str>| {
            assert_eq!(folder_of(class).ok(), expected.map(PathBuf::from), "{class:?}");
        };
        check("rose", Some("rose"));
        check("garden rose", Some("garden rose"));
        check("cat/tabby", Some("cat/tabby"));
        for class in ["", ".", "..", "../etc", "a/../b", "/etc", "a//b", "a/", "a\\b", "a\0", " a", "./a"] {
            check(class, None);
        }
    }

    #[test]
    fn the_first_free_name_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let check = |name: &str, promised: &[&str], expected: &str| {
            let promised = promised.iter().map(|name| folder.path().join(name)).collect();
            let free = Place::Free(folder.path().join(expected));
            assert_eq!(place(folder.path(), name, &promised, |_| false), free);
        };
        check("a.jpg", &[], "a.jpg");
        check("a.jpg", &["a.jpg"], "a-2.jpg");
        std::fs::write(folder.path().join("a.jpg"), "x").unwrap();
        check("a.jpg", &["a-2.jpg"], "a-3.jpg");
        std::fs::write(folder.path().join("a.b"), "x").unwrap();
        check("a.b", &[], "a-2.b");
        check("plain", &["plain"], "plain-2");
        std::fs::write(folder.path().join("a-2.jpg"), "x").unwrap();
        let there = folder.path().join("a-2.jpg");
        let found = place(folder.path(), "a.jpg", &BTreeSet::new(), |path| path == there);
        assert_eq!(found, Place::There(there.clone()));
    }
}
