//! Sorting itself, some files at a time: names are chosen, written down, and only then taken.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::super::{Error, UNKNOWN};
use super::journal::{Entry, How, Journal, earlier};
use super::names::{Place, folder_of, place};
use crate::durable;

/// What came of the files so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub sorted: usize,
    /// Files that are where they belong already.
    pub there: usize,
    /// Files that were left where they are, for a reason that was told.
    pub left: usize,
}

pub struct Sorter {
    root: PathBuf,
    how: How,
    journal: Journal,
    /// What earlier sortings wrote down: the old name by the new one.
    earlier: HashMap<PathBuf, PathBuf>,
    tally: Tally,
}

impl Sorter {
    /// Opens a folder to sort into. All classes must be able to name folders, before anything is touched.
    pub fn open<'a>(root: &Path, how: How, classes: impl Iterator<Item = &'a str>) -> Result<Self, Error> {
        let classes: Vec<&str> = classes.collect();
        for class in &classes {
            folder_of(class)?;
        }
        durable::create_folders(root)?;
        let unknown =
            |error: std::io::Error| Error::Write { path: root.to_owned(), reason: error.to_string() };
        let root = root.canonicalize().map_err(unknown)?;
        for class in classes.into_iter().chain([UNKNOWN]).filter_map(|class| folder_of(class).ok()) {
            // A sorting that was killed has left half a copy.
            let _ = durable::sweep(&root.join(class));
        }
        let earlier = earlier(&root);
        let journal = Journal::begin(&root)?;
        Ok(Self { root, how, journal, earlier, tally: Tally::default() })
    }

    pub fn journal(&self) -> &Path {
        self.journal.path()
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Puts files into the folders of their classes, and says which it left where they are.
    pub fn put(&mut self, files: &[(&Path, &str)]) -> Result<Vec<String>, Error> {
        let mut remarks = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut promised = BTreeSet::new();
        for (path, class) in files {
            match self.planned(path, class, &promised) {
                Ok(Some(entry)) => {
                    promised.insert(entry.to.clone());
                    entries.push(entry);
                }
                Ok(None) => self.tally.there += 1,
                Err(reason) => remarks.push(format!("left where it is: {}: {reason}", path.display())),
            }
        }
        self.journal.add(&entries)?;
        self.tally.left += remarks.len();
        let taken = self.take(entries)?;
        self.tally.left += taken.len();
        remarks.extend(taken);
        Ok(remarks)
    }

    /// The step for one file; none where it lies in its folder already.
    fn planned(
        &self,
        path: &Path,
        class: &str,
        promised: &BTreeSet<PathBuf>,
    ) -> Result<Option<Entry>, String> {
        let is_link = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?.is_symlink();
        if is_link && self.how == How::Move {
            return Err("it is a link, and moving it could break it; use --by link".into());
        }
        let from = match (path.parent(), path.file_name()) {
            (Some(above), Some(name)) if !is_link => {
                let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
                above.canonicalize().map(|above| above.join(name))
            }
            _ => path.canonicalize(),
        };
        let from = from.map_err(|error| error.to_string())?;
        if from.to_str().is_none() {
            return Err("its name is not UTF-8, and the journal could not name it".into());
        }
        let folder = self.root.join(folder_of(class).map_err(|error| error.to_string())?);
        if from.parent() == Some(folder.as_path()) {
            return Ok(None);
        }
        durable::create_folders(&folder).map_err(|error| error.to_string())?;
        let name = path.file_name().or(from.file_name()).unwrap_or_default().to_string_lossy().into_owned();
        let step = |to| Some(Entry { how: self.how, from: from.clone(), to });
        Ok(match place(&folder, &name, promised, |to| self.is_at(&from, to)) {
            Place::Free(to) => step(to),
            // The old name has still to go.
            Place::There(to) if self.how == How::Move => step(to),
            Place::There(_) => None,
        })
    }

    /// Whether an earlier sorting has put this file there. Equal bytes alone do not say so.
    fn is_at(&self, from: &Path, to: &Path) -> bool {
        let is_written_down = self.earlier.get(to).is_some_and(|old| old == from);
        is_written_down
            && match self.how {
                How::Move => durable::is_second_name(from, to),
                How::Link => std::fs::read_link(to).is_ok_and(|target| target == from),
                How::Copy => durable::is_copy(from, to),
            }
    }

    /// Takes the steps that were written down. What cannot be done is told and left out.
    fn take(&mut self, entries: Vec<Entry>) -> Result<Vec<String>, Error> {
        let mut remarks = Vec::new();
        let mut done = Vec::new();
        for entry in entries {
            let placed = match self.how {
                How::Move if durable::is_second_name(&entry.from, &entry.to) => Ok(()),
                How::Move => durable::name_again(&entry.from, &entry.to),
                How::Link => durable::link_to(&entry.from, &entry.to),
                How::Copy => durable::copy_new(&entry.from, &entry.to),
            };
            match placed {
                Ok(()) => done.push(entry),
                Err(error) if error.is_full() => return Err(error.into()),
                Err(error) => remarks.push(format!("left where it is: {}: {error}", entry.from.display())),
            }
        }
        if self.how == How::Move {
            let folders: BTreeSet<&Path> = done.iter().filter_map(|entry| entry.to.parent()).collect();
            folders.into_iter().try_for_each(durable::settle_folder)?;
            for Entry { from, to, .. } in &done {
                durable::forget_original(from, to)?;
            }
        }
        self.tally.sorted += done.len();
        Ok(remarks)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::undo::undo;
    use super::*;

    struct Folders {
        _root: tempfile::TempDir,
        pictures: PathBuf,
        out: PathBuf,
    }

    fn folders() -> Folders {
        let root = tempfile::tempdir().unwrap();
        let (pictures, out) = (root.path().join("pictures"), root.path().join("out"));
        for name in ["a/1.jpg", "b/1.jpg", "2.jpg"] {
            let path = pictures.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        Folders { _root: root, pictures, out }
    }

    /// All files below a folder with what they hold, but for journals.
    fn held(root: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "jpg") {
                    let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                    found.push((name, fs::read_to_string(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    fn sorted(of: &Folders, how: How) -> Sorter {
        let mut sorter = Sorter::open(&of.out, how, ["rose", "cat/tabby"].into_iter()).unwrap();
        let paths = ["a/1.jpg", "b/1.jpg", "2.jpg"].map(|name| of.pictures.join(name));
        let files = [(paths[0].as_path(), "rose"), (&paths[1], "rose"), (&paths[2], "cat/tabby")];
        assert_eq!(sorter.put(&files).unwrap(), [""; 0]);
        assert_eq!(sorter.tally(), Tally { sorted: 3, ..Tally::default() });
        sorter
    }

    #[test]
    fn files_of_one_name_get_numbers_and_all_is_undone() {
        for how in [How::Move, How::Link, How::Copy] {
            let of = folders();
            let before = held(&of.pictures);
            let sorter = sorted(&of, how);
            let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
            let expected = [
                pair("cat/tabby/2.jpg", "2.jpg"),
                pair("rose/1-2.jpg", "b/1.jpg"),
                pair("rose/1.jpg", "a/1.jpg"),
            ];
            assert_eq!(held(&of.out), expected, "{how}");
            assert_eq!(held(&of.pictures).len(), if how == How::Move { 0 } else { 3 });
            let undone = undo(sorter.journal()).unwrap();
            assert_eq!((undone.files, undone.remarks.len()), (3, 0), "{how}: {undone:?}");
            assert_eq!(held(&of.pictures), before, "{how}");
            assert!(held(&of.out).is_empty(), "{how}");
            assert_eq!(undo(sorter.journal()).unwrap().files, 0, "{how}: twice");
        }
    }

    #[test]
    fn what_is_in_its_place_stays_there() {
        let of = folders();
        sorted(&of, How::Move);
        let mut sorter = Sorter::open(&of.out, How::Move, ["rose"].into_iter()).unwrap();
        let path = of.out.join("rose/1.jpg");
        sorter.put(&[(&path, "rose")]).unwrap();
        assert_eq!(sorter.tally(), Tally { there: 1, ..Tally::default() });
        assert!(path.exists());
    }

    /// As after `kill -9`: the same sorting again goes on where the first one ended.
    #[test]
    #[cfg(unix)]
    fn a_sorting_that_broke_off_is_gone_on_with() {
        for how in [How::Move, How::Link, How::Copy] {
            let of = folders();
            let paths = ["a/1.jpg", "b/1.jpg", "2.jpg"].map(|name| of.pictures.join(name));
            let before = held(&of.pictures);
            let mut first = Sorter::open(&of.out, how, ["rose"].into_iter()).unwrap();
            first.put(&[(&paths[0], "rose")]).unwrap();
            if how == How::Move {
                // Killed between the two names.
                fs::hard_link(of.out.join("rose/1.jpg"), &paths[0]).unwrap();
            }
            let left = durable::beside(&of.out.join("rose/x")).unwrap();
            let name = left.file_name().unwrap().to_str().unwrap();
            let dead = name.replacen(&std::process::id().to_string(), &u32::MAX.to_string(), 1);
            fs::write(left.with_file_name(&dead), "half").unwrap();
            let mut second = Sorter::open(&of.out, how, ["rose"].into_iter()).unwrap();
            assert!(!left.with_file_name(&dead).exists());
            let files: Vec<(&Path, &str)> = paths.iter().map(|path| (path.as_path(), "rose")).collect();
            assert_eq!(second.put(&files).unwrap(), [""; 0]);
            let names: Vec<String> = held(&of.out).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["rose/1-2.jpg", "rose/1.jpg", "rose/2.jpg"], "{how}");
            assert_eq!(second.tally().there, usize::from(how != How::Move), "{how}");
            assert_eq!(held(&of.pictures).len(), if how == How::Move { 0 } else { 3 });
            undo(second.journal()).unwrap();
            undo(first.journal()).unwrap();
            assert_eq!((held(&of.pictures), held(&of.out)), (before, Vec::new()), "{how}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn links_are_not_moved() {
        let of = folders();
        let link = of.pictures.join("link.jpg");
        std::os::unix::fs::symlink("2.jpg", &link).unwrap();
        let mut sorter = Sorter::open(&of.out, How::Move, ["rose"].into_iter()).unwrap();
        let remarks = sorter.put(&[(&link, "rose")]).unwrap();
        assert!(remarks[0].contains("it is a link"), "{remarks:?}");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("2.jpg"));
        let mut sorter = Sorter::open(&of.out, How::Link, ["rose"].into_iter()).unwrap();
        sorter.put(&[(&link, "rose")]).unwrap();
        assert_eq!(
            fs::read_link(of.out.join("rose/link.jpg")).unwrap(),
            of.pictures.canonicalize().unwrap().join("2.jpg")
        );
    }

    #[test]
    fn a_class_that_names_no_folder_is_refused_before_anything_is_made() {
        let of = folders();
        let refused = Sorter::open(&of.out, How::Copy, ["rose", "../rose"].into_iter()).err();
        assert!(matches!(refused, Some(Error::ClassName { .. })));
        assert!(!of.out.exists());
    }

    #[test]
    fn a_file_that_changed_since_is_not_undone() {
        let of = folders();
        let sorter = sorted(&of, How::Copy);
        fs::write(of.out.join("rose/1.jpg"), "changed").unwrap();
        let undone = undo(sorter.journal()).unwrap();
        assert_eq!((undone.files, undone.remarks.len()), (2, 1), "{undone:?}");
        assert_eq!(fs::read_to_string(of.out.join("rose/1.jpg")).unwrap(), "changed");
        let of = folders();
        let sorter = sorted(&of, How::Move);
        fs::write(of.pictures.join("2.jpg"), "another").unwrap();
        let undone = undo(sorter.journal()).unwrap();
        assert_eq!((undone.files, undone.remarks.len()), (2, 1), "{undone:?}");
        assert_eq!(fs::read_to_string(of.pictures.join("2.jpg")).unwrap(), "another");
        assert_eq!(fs::read_to_string(of.out.join("cat/tabby/2.jpg")).unwrap(), "2.jpg");
    }
}
