//! Folders that appear whole under their final name, and disappear whole.

use super::file::{for_target, refuse_existing, sync_file};
use super::{Error, system, temporary};
use std::path::{Path, PathBuf};

/// A folder under a temporary name. `commit` gives it its final one; dropped before that, it is removed.
#[derive(Debug)]
pub struct NewFolder {
    temporary: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl NewFolder {
    /// Starts a folder beside its final place. The folder above must be there.
    pub fn begin(target: &Path) -> Result<Self, Error> {
        refuse_existing(target)?;
        let temporary = temporary::beside(target)?;
        system::create_folder(&temporary).map_err(|error| for_target(error, target))?;
        Ok(Self { temporary, target: target.to_owned(), committed: false })
    }

    /// Where it lies until it is committed.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Writes a new file into it. Errors name the place where it will be.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let (path, target) = (self.temporary.join(name), self.target.join(name));
        let mut file = system::create(&path).map_err(|error| for_target(error, &target))?;
        system::write(&mut file, &target, bytes)?;
        system::sync(&file, &target)
    }

    /// Makes all that lies in it last, whoever wrote it, and puts it in place. Refuses where the place is taken.
    pub fn commit(mut self) -> Result<(), Error> {
        sync_all_in(&self.temporary)?;
        refuse_existing(&self.target)?;
        system::rename(&self.temporary, &self.target)?;
        self.committed = true;
        system::sync_folder(temporary::parent(&self.target))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.committed {
            // Whatever stays is swept by a later process.
            let _ = system::remove_folder(&self.temporary);
        }
    }
}

/// Removes a folder; it is never seen half removed.
pub fn remove_folder(path: &Path) -> Result<(), Error> {
    let temporary = temporary::beside(path)?;
    system::rename(path, &temporary).map_err(|error| for_removal(error, path))?;
    system::sync_folder(temporary::parent(path))?;
    system::remove_folder(&temporary)
}

fn for_removal(error: Error, path: &Path) -> Error {
    match error {
        Error::Io { cause, .. } => Error::Io { action: "remove", path: path.to_owned(), cause },
        other => other,
    }
}

fn sync_all_in(folder: &Path) -> Result<(), Error> {
    for path in system::entries(folder)? {
        if system::is_folder(&path) {
            sync_all_in(&path)?;
        } else if system::is_file(&path) {
            sync_file(&path)?;
        }
    }
    system::sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn is_empty(folder: &Path) -> bool {
        fs::read_dir(folder).unwrap().next().is_none()
    }

    #[test]
    fn a_folder_appears_with_all_its_files() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("000480");
        let folder = NewFolder::begin(&target).unwrap();
        folder.write("a", b"one").unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/b"), b"two").unwrap();
        assert!(!target.exists());
        folder.commit().unwrap();
        assert_eq!(fs::read(target.join("a")).unwrap(), b"one");
        assert_eq!(fs::read(target.join("deep/b")).unwrap(), b"two");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_committed_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let folder = NewFolder::begin(&parent.path().join("a")).unwrap();
        folder.write("file", b"x").unwrap();
        drop(folder);
        assert!(is_empty(parent.path()));
    }

    #[test]
    fn an_existing_folder_is_not_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("a");
        let folder = NewFolder::begin(&target).unwrap();
        fs::create_dir(&target).unwrap();
        assert!(matches!(folder.commit(), Err(Error::Exists { .. })));
        assert!(matches!(NewFolder::begin(&target), Err(Error::Exists { .. })));
        assert!(is_empty(&target));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn errors_name_the_final_place() {
        let parent = tempfile::tempdir().unwrap();
        let absent = parent.path().join("absent/a");
        assert_eq!(NewFolder::begin(&absent).unwrap_err().path(), absent);
        let target = parent.path().join("a");
        let folder = NewFolder::begin(&target).unwrap();
        folder.write("file", b"x").unwrap();
        assert_eq!(folder.write("file", b"x").unwrap_err().path(), target.join("file"));
        assert_eq!(remove_folder(&absent).unwrap_err().path(), absent);
    }

    #[test]
    fn a_folder_is_removed_with_what_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("a");
        fs::create_dir_all(target.join("b/c")).unwrap();
        fs::write(target.join("b/c/d"), "x").unwrap();
        remove_folder(&target).unwrap();
        assert!(is_empty(parent.path()));
    }
}
