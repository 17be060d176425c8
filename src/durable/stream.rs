//! A new file that is written piece by piece and is there once it is committed, never in place of another. Its first
//! bytes may be written once more: for formats that say at the beginning how much follows.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::file::{Unfinished, for_target, place_new, refuse_existing};
use super::{Error, system, temporary};

pub struct Stream {
    file: BufWriter<Piece>,
    unfinished: Unfinished,
    target: PathBuf,
}

/// The open file; every write goes through the system's one door.
struct Piece(File, PathBuf);

/// Rows are small and are put together before they are written.
const BUFFER: usize = 256 * 1024;

impl Stream {
    pub fn begin(target: &Path) -> Result<Self, Error> {
        refuse_existing(target)?;
        // What a killed process left half written here would lie about for ever.
        let _ = temporary::sweep(temporary::parent(target));
        let path = temporary::beside(target)?;
        let file = system::create(&path).map_err(|error| for_target(error, target))?;
        let file = BufWriter::with_capacity(BUFFER, Piece(file, target.to_owned()));
        Ok(Self { file, unfinished: Unfinished(path), target: target.to_owned() })
    }

    /// Writes over the first bytes.
    pub fn write_first(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.settle()?;
        let Piece(file, path) = self.file.get_mut();
        system::write_first(file, path, bytes)
    }

    /// Gives it its name, unless that has been taken meanwhile.
    pub fn commit(mut self) -> Result<(), Error> {
        self.settle()?;
        system::sync(&self.file.get_ref().0, &self.target)?;
        place_new(&self.unfinished.0, &self.target)
    }

    fn settle(&mut self) -> Result<(), Error> {
        let path = self.target.clone();
        self.file.flush().map_err(|cause| Error::Io { action: "write", path, cause })
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Write for Piece {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match system::write(&mut self.0, &self.1, bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(Error::Io { cause, .. }) => Err(cause),
            Err(other) => Err(io::Error::other(other)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::faults::{Fault, Plan};
    use super::*;

    #[test]
    fn the_beginning_is_written_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut stream = Stream::begin(&path).unwrap();
        stream.write_all(b"0 rows: ").unwrap();
        stream.write_all(b"x").unwrap();
        stream.write_first(b"2").unwrap();
        stream.write_all(b"y").unwrap();
        assert!(!path.exists());
        stream.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2 rows: xy");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_flushed_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut stream = Stream::begin(&folder.path().join("a")).unwrap();
        stream.write_all(b"one").unwrap();
        stream.flush().unwrap();
        assert_eq!(fs::read(&stream.unfinished.0).unwrap(), b"one");
    }

    #[test]
    fn nothing_is_replaced_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let stream = Stream::begin(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert!(matches!(stream.commit(), Err(Error::Exists { .. })));
        assert!(matches!(Stream::begin(&path), Err(Error::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_known_as_full() {
        let folder = tempfile::tempdir().unwrap();
        let _plan = Plan::fail(1, Fault::Full);
        let mut stream = Stream::begin(&folder.path().join("a")).unwrap();
        stream.write_all(b"12345678").unwrap();
        assert!(stream.commit().unwrap_err().is_full());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
