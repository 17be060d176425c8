//! Single files that are there whole or not at all, also after a power cut.

use super::{Error, system, temporary};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Writes a file, in place of one that is there. The folder must be there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let unfinished = Unfinished::write(path, bytes)?;
    system::rename(&unfinished.0, path)?;
    system::sync_folder(temporary::parent(path))
}

/// Writes a file, and refuses to replace one that is there.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    refuse_existing(path)?;
    let unfinished = Unfinished::write(path, bytes)?;
    place_new(&unfinished.0, path)
}

/// Puts a file that something else has written (a download) at its final place, on the same file system.
/// Refuses to replace one that is there; the temporary file stays then.
pub fn settle(temporary: &Path, target: &Path) -> Result<(), Error> {
    refuse_existing(target)?;
    sync_file(temporary)?;
    place_new(temporary, target)
}

/// Makes a folder and those above it that are missing. Fine where it is there already.
pub fn create_folders(path: &Path) -> Result<(), Error> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()).collect();
    system::create_folders(path)?;
    missing.into_iter().try_for_each(|folder| system::sync_folder(temporary::parent(folder)))
}

/// A file that is written piece by piece and is there once it is committed, in place of one that was.
pub struct NewFile {
    file: File,
    unfinished: Unfinished,
    target: PathBuf,
    hasher: Box<blake3::Hasher>,
}

impl NewFile {
    pub fn begin(target: &Path) -> Result<Self, Error> {
        let path = temporary::beside(target)?;
        let file = system::create(&path).map_err(|error| for_target(error, target))?;
        let unfinished = Unfinished(path);
        Ok(Self { file, unfinished, target: target.to_owned(), hasher: Box::default() })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        system::write(&mut self.file, &self.target, bytes)
    }

    /// BLAKE3 of what was written so far.
    pub fn hash(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    pub fn commit(self) -> Result<(), Error> {
        let target = self.target.clone();
        self.commit_as(&target)
    }

    /// Puts it in place under another name in the same folder: for names that depend on the content.
    pub fn commit_as(self, target: &Path) -> Result<(), Error> {
        system::sync(&self.file, target)?;
        system::rename(&self.unfinished.0, target)?;
        system::sync_folder(temporary::parent(target))
    }
}

pub(super) fn refuse_existing(path: &Path) -> Result<(), Error> {
    if system::exists(path) { Err(Error::Exists { path: path.to_owned() }) } else { Ok(()) }
}

pub(super) fn sync_file(path: &Path) -> Result<(), Error> {
    system::sync(&system::open(path)?, path)
}

/// Puts a temporary file at its final place, where nothing may be, and makes the name last.
pub(super) fn place_new(from: &Path, to: &Path) -> Result<(), Error> {
    name_new(from, to)?;
    system::sync_folder(temporary::parent(to))
}

/// A link fails where the name is taken, a rename would replace it. Some file systems have no links: there the name
/// is looked at first, which leaves a short moment in which another process could take it.
pub(super) fn name_new(from: &Path, to: &Path) -> Result<(), Error> {
    match system::link(from, to) {
        Ok(()) => system::remove_file(from),
        Err(error) if error.kind() == Some(io::ErrorKind::AlreadyExists) => {
            Err(Error::Exists { path: to.to_owned() })
        }
        Err(_) => {
            refuse_existing(to)?;
            system::rename(from, to)
        }
    }
}

/// A temporary file, removed again when it is not put in place.
pub(super) struct Unfinished(pub PathBuf);

impl Unfinished {
    fn write(target: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let path = temporary::beside(target)?;
        let mut file = system::create(&path).map_err(|error| for_target(error, target))?;
        let unfinished = Self(path);
        system::write(&mut file, target, bytes)?;
        system::sync(&file, target)?;
        Ok(unfinished)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After success there is nothing left of this name, and after a failure nothing more to be done.
        let _ = system::remove_file(&self.0);
    }
}

/// The user knows the file that was to be written, not the temporary one.
pub(super) fn for_target(error: Error, target: &Path) -> Error {
    match error {
        Error::Io { action, cause, .. } => Error::Io { action, path: target.to_owned(), cause },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::{Done, Plan};
    use super::*;
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_written_replaced_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_new_file_never_replaces_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_new(&path, b"one").unwrap();
        assert!(matches!(write_new(&path, b"two"), Err(Error::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn one_of_many_writers_of_a_new_file_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let wins = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let (path, wins) = (&path, &wins);
                scope
                    .spawn(move || write_new(path, &[writer]).map(|()| wins.fetch_add(1, Ordering::Relaxed)));
            }
        });
        assert_eq!(wins.into_inner(), 1);
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_file_in_pieces_is_there_once_committed_and_known_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"old").unwrap();
        let mut file = NewFile::begin(&path).unwrap();
        file.write(b"one ").unwrap();
        file.write(b"two").unwrap();
        assert_eq!(file.hash(), blake3::hash(b"one two").to_hex().as_str());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let plan = Plan::watch();
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one two");
        assert_eq!(names(folder.path()), ["a"]);
        assert!(plan.done().contains(&Done::SyncFolder(folder.path().to_owned())));
    }

    #[test]
    fn a_file_in_pieces_can_get_its_name_at_the_end_or_never() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = NewFile::begin(&folder.path().join("a")).unwrap();
        file.write(b"one").unwrap();
        file.commit_as(&folder.path().join("b")).unwrap();
        let mut left = NewFile::begin(&folder.path().join("c")).unwrap();
        left.write(b"two").unwrap();
        drop(left);
        assert_eq!(names(folder.path()), ["b"]);
        assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"one");
    }

    #[test]
    fn a_name_taken_by_another_is_not_a_file_system_without_links() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let put = |name: &Path| fs::write(name, name.to_str().unwrap()).unwrap();
        put(&from);
        put(&to);
        // The name was free when it was looked at.
        assert!(matches!(place_new(&from, &to), Err(Error::Exists { .. })));
        assert!(from.exists());
        assert_eq!(fs::read(&to).unwrap(), to.to_str().unwrap().as_bytes());
        // No link to a folder: it is renamed.
        fs::create_dir(folder.path().join("tree")).unwrap();
        place_new(&folder.path().join("tree"), &folder.path().join("there")).unwrap();
        assert_eq!(names(folder.path()), ["from", "there", "to"]);
    }

    #[test]
    fn a_missing_folder_is_named_by_the_target_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/a");
        let error = write(&path, b"x").unwrap_err();
        assert_eq!(error.path(), path);
        assert_eq!(error.kind(), Some(io::ErrorKind::NotFound));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_folder_in_the_way_stays_and_the_temporary_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        assert!(write(&folder.path().join("a"), b"x").is_err());
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_download_is_settled_once() {
        let folder = tempfile::tempdir().unwrap();
        let (part, done) = (folder.path().join("a.part"), folder.path().join("a"));
        fs::write(&part, b"one").unwrap();
        settle(&part, &done).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        fs::write(&part, b"two").unwrap();
        assert!(matches!(settle(&part, &done), Err(Error::Exists { .. })));
        assert_eq!(fs::read(&done).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["a", "a.part"]);
        let absent = settle(&folder.path().join("absent"), &folder.path().join("b")).unwrap_err();
        assert_eq!(absent.path(), folder.path().join("absent"));
    }

    #[test]
    fn folders_are_made_and_may_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c");
        create_folders(&path).unwrap();
        create_folders(&path).unwrap();
        assert!(path.is_dir());
        write(&path.join("file"), b"x").unwrap();
        assert!(create_folders(&path.join("file/below")).is_err());
    }

    #[test]
    fn the_names_of_new_folders_are_made_to_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let plan = Plan::watch();
        create_folders(&path).unwrap();
        let synced = |folder: &Path| plan.done().contains(&Done::SyncFolder(folder.to_owned()));
        assert!(synced(folder.path()) && synced(&folder.path().join("a")));
        let before = plan.done().len();
        create_folders(&path).unwrap();
        assert_eq!(plan.done().len(), before, "nothing is made and nothing waits for the disk");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_device_is_known_as_full() {
        let mut full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = system::write(&mut full, Path::new("model"), b"x").unwrap_err();
        assert!(error.is_full());
        assert_eq!(error.path(), Path::new("model"));
    }
}
