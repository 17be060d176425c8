//! Files that grow by lines: logs and metrics. Knows nothing of what a line says.

use super::{Error, system, temporary};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file open for appending lines. A line that could not be written whole is taken back.
#[derive(Debug)]
pub struct Appender {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Appender {
    /// Opens a file at its end, and makes it where it is absent.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let is_new = !system::exists(path);
        let file = system::open_to_append(path)?;
        if is_new {
            system::sync_folder(temporary::parent(path))?;
        }
        let length = system::length(&file, path)?;
        Ok(Self { file, path: path.to_owned(), length })
    }

    /// Begins a file, and refuses to go on with one that is there.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = match system::create(path) {
            Err(error) if error.kind() == Some(io::ErrorKind::AlreadyExists) => {
                return Err(Error::Exists { path: path.to_owned() });
            }
            made => made?,
        };
        system::sync_folder(temporary::parent(path))?;
        Ok(Self { file, path: path.to_owned(), length: 0 })
    }

    /// Bytes written so far, by this and earlier processes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds a line; the line's end is put in here.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        self.add(format!("{text}\n").as_bytes())
    }

    /// Adds bytes as they are, all of them or none.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Err(error) = system::write(&mut self.file, &self.path, bytes) {
            // The first error is the one to report.
            let _ = system::set_length(&self.file, &self.path, self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Makes the lines so far last.
    pub fn sync(&self) -> Result<(), Error> {
        system::sync(&self.file, &self.path)
    }

    /// Drops what was written after the given length: a resume takes back the lines of lost steps.
    pub fn truncate_to(&mut self, length: u64) -> Result<(), Error> {
        let present = system::length(&self.file, &self.path)?;
        if present < length {
            return Err(Error::Short { path: self.path.clone(), length: present, wanted: length });
        }
        system::set_length(&self.file, &self.path, length)?;
        self.length = length;
        self.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::{Done, Plan};
    use super::*;
    use std::fs;

    #[test]
    fn lines_are_added_taken_back_and_added_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = Appender::open(&path).unwrap();
        log.line("one").unwrap();
        let length = log.length();
        log.line("two").unwrap();
        log.sync().unwrap();
        drop(log);
        let mut log = Appender::open(&path).unwrap();
        assert_eq!(log.length(), 8);
        log.truncate_to(length).unwrap();
        log.line("three").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nthree\n");
        assert_eq!(log.length(), 10);
    }

    #[test]
    fn a_file_is_never_made_longer_by_truncation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = Appender::open(&path).unwrap();
        log.line("one").unwrap();
        assert!(matches!(log.truncate_to(5), Err(Error::Short { length: 4, wanted: 5, .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn what_is_begun_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        Appender::create(&path).unwrap().line("one").unwrap();
        assert!(matches!(Appender::create(&path), Err(Error::Exists { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        let absent = Appender::create(&folder.path().join("absent/rows.csv")).unwrap_err();
        assert_eq!(absent.kind(), Some(io::ErrorKind::NotFound));
    }

    #[test]
    fn the_name_of_a_new_file_and_its_lines_are_made_to_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let plan = Plan::watch();
        let mut log = Appender::open(&path).unwrap();
        let named = [Done::Create(path.clone()), Done::SyncFolder(folder.path().to_owned())];
        assert_eq!(plan.done(), named);
        log.line("one").unwrap();
        log.sync().unwrap();
        assert_eq!(plan.done().last(), Some(&Done::Sync(path.clone())));
        log.truncate_to(4).unwrap();
        assert_eq!(plan.done().last(), Some(&Done::Sync(path.clone())), "nothing to take back is no error");
        let before = plan.done().len();
        Appender::open(&path).unwrap();
        assert!(!plan.done()[before..].contains(&named[1]), "it has its name already");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_device_is_reported() {
        let mut log = Appender::open(Path::new("/dev/full")).unwrap();
        assert!(log.line("one").unwrap_err().is_full());
        assert_eq!(log.length(), 0);
    }
}
