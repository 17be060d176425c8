//! One process at a time in a folder. The lock is the system's: it ends with the process that holds it, however
//! that ends, so a stale one is simply taken over. What the file says is for the message alone.

use super::{Error, system};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

const NAME: &str = "lock";

/// Held until dropped. The file stays, empty: removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Who holds a lock, as far as the file tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    pub pid: Option<u32>,
    pub host: Option<String>,
}

impl Lock {
    /// Takes the folder, or says who has it.
    pub fn acquire(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let mut file = system::open_to_lock(&path)?;
        if !system::try_lock(&file, &path)? {
            // Some systems keep a locked file from being read.
            let text = system::read_text(&mut file, &path).unwrap_or_default();
            return Err(Error::Locked { path: folder.to_owned(), holder: Holder::read(&text) });
        }
        system::set_length(&file, &path, 0)?;
        system::write(&mut file, &path, Holder::this().written().as_bytes())?;
        Ok(Self { file, path })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file frees the lock, whatever the file says.
        let _ = system::set_length(&self.file, &self.path, 0);
    }
}

impl Holder {
    fn this() -> Self {
        Self { pid: Some(std::process::id()), host: Some(system::host()) }
    }

    fn read(text: &str) -> Self {
        let mut words = text.split_whitespace();
        Self { pid: words.next().and_then(|pid| pid.parse().ok()), host: words.next().map(str::to_owned) }
    }

    fn written(&self) -> String {
        format!("{} {}\n", self.pid.unwrap_or_default(), self.host.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (self.pid, &self.host) {
            (Some(pid), Some(host)) => write!(f, "process {pid} on {host}"),
            (Some(pid), None) => write!(f, "process {pid}"),
            _ => write!(f, "another process"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_second_one_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(folder.path()).unwrap();
        let error = Lock::acquire(folder.path()).unwrap_err();
        assert!(error.is_locked());
        assert_eq!(error.path(), folder.path());
        let holder = format!("in use by process {} on {}", std::process::id(), system::host());
        assert!(error.to_string().contains(&holder), "{error}");
        drop(lock);
        assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), b"");
        Lock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn what_a_dead_process_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "4294967295 somewhere-with-a-long-name\n").unwrap();
        let _lock = Lock::acquire(folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(Holder::read(&text), Holder::this());
    }

    #[test]
    fn a_damaged_lock_file_still_gives_a_message() {
        assert_eq!(Holder::read("").to_string(), "another process");
        assert_eq!(Holder::read("x y").to_string(), "another process");
        assert_eq!(Holder::read("12").to_string(), "process 12");
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        assert!(Lock::acquire(Path::new("absent/run")).is_err());
    }
}
