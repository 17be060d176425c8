//! Folders of files that can be made again, and that together may only take so much: what was not used for longest
//! makes room. Looks only at files of one ending; whatever else lies there is not touched.

use super::{Error, system};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// When it was last used.
    pub used: SystemTime,
    pub bytes: u64,
    pub path: PathBuf,
}

/// The files of an ending, those not used for longest first. A folder that cannot be read holds none.
pub fn kept(folder: &Path, ending: &str) -> Vec<File> {
    let about = |path: PathBuf| {
        let data = std::fs::symlink_metadata(&path).ok().filter(|data| data.is_file())?;
        Some(File { used: data.modified().ok()?, bytes: data.len(), path })
    };
    let paths = system::entries(folder).unwrap_or_default().into_iter();
    let mut files: Vec<File> = paths
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .filter_map(about)
        .collect();
    files.sort();
    files
}

/// Removes files until there is room for more bytes, but none that is in use. Gives what is left of the limit, which
/// may be less than was asked for.
pub fn make_room(folder: &Path, ending: &str, bytes: u64, limit: u64, in_use: &dyn Fn(&Path) -> bool) -> u64 {
    let files = kept(folder, ending);
    let mut held: u64 = files.iter().map(|file| file.bytes).sum();
    for file in files {
        if held.saturating_add(bytes) <= limit {
            break;
        }
        // What another process has mapped lives on until it lets go.
        if !in_use(&file.path) && system::remove_file(&file.path).is_ok() {
            held -= file.bytes;
        }
    }
    limit.saturating_sub(held)
}

/// Notes that a file was used now.
pub fn touch(path: &Path) -> Result<(), Error> {
    system::set_modified(path, SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn file(folder: &Path, name: &str, hours: u64) {
        let path = folder.join(name);
        std::fs::write(&path, [0; 100]).unwrap();
        system::set_modified(&path, SystemTime::now() - Duration::from_secs(3600 * hours)).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_longest_unused_go_first_and_nothing_else_goes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for (name, hours) in [("a.x", 1), ("b.x", 3), ("c.x", 2), ("mine.txt", 9)] {
            file(folder, name, hours);
        }
        std::fs::create_dir(folder.join("d.x")).unwrap();
        assert_eq!(make_room(folder, "x", 100, 400, &|_| false), 100);
        assert_eq!(make_room(folder, "x", 150, 400, &|_| false), 200);
        assert_eq!(names(folder), ["a.x", "c.x", "d.x", "mine.txt"]);
        assert_eq!(make_room(folder, "x", 250, 400, &|path| path.ends_with("c.x")), 300);
        assert_eq!(names(folder), ["c.x", "d.x", "mine.txt"]);
        assert_eq!(make_room(folder, "x", 900, 400, &|path| path.ends_with("c.x")), 300);
        assert_eq!(make_room(&folder.join("absent"), "x", 1, 400, &|_| false), 400);
    }

    #[test]
    fn what_is_touched_counts_as_used() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "a.x", 3);
        file(folder.path(), "b.x", 2);
        touch(&folder.path().join("a.x")).unwrap();
        let order: Vec<_> = kept(folder.path(), "x").into_iter().map(|file| file.path).collect();
        assert_eq!(order, [folder.path().join("b.x"), folder.path().join("a.x")]);
        assert!(touch(&folder.path().join("absent")).is_err());
    }
}
