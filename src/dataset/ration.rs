//! An allowance for what is read between two members of an archive: names there may be of any length, and are in memory
//! before anybody sees them. Knows nothing of archives.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Headers, long names and extended attributes of one member together; those of real archives take some hundred bytes.
const HEADS: u64 = 1 << 20;

/// A reader that gives no more than its ration.
pub struct Rationed<R> {
    inner: R,
    left: Ration,
}

/// What may still be read. Clones share it.
#[derive(Clone)]
pub struct Ration(Rc<Cell<u64>>);

impl Ration {
    /// For what stands before a member's content.
    pub fn heads(&self) {
        self.0.set(HEADS);
    }

    /// For a content, which has limits of its own.
    pub fn lift(&self) {
        self.0.set(u64::MAX);
    }
}

impl<R> Rationed<R> {
    pub fn new(inner: R) -> (Self, Ration) {
        let left = Ration(Rc::new(Cell::new(HEADS)));
        (Self { inner, left: left.clone() }, left)
    }
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.0.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!("a name or the like takes more than {HEADS} bytes")));
        }
        let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.inner.read(&mut buffer[..length])?;
        self.left.0.set(left - count as u64);
        Ok(count)
    }
}

impl<R: Seek> Seek for Rationed<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_beyond_the_ration_is_an_error() {
        let read = |length: u64| {
            let (mut reader, ration) = Rationed::new(io::repeat(1).take(length));
            ration.heads();
            (io::copy(&mut reader, &mut io::sink()).map_err(|error| error.to_string()), ration, reader)
        };
        assert_eq!(read(HEADS - 1).0, Ok(HEADS - 1));
        let (result, ration, mut reader) = read(HEADS + 1);
        assert!(result.unwrap_err().contains("takes more than 1048576 bytes"));
        ration.lift();
        assert_eq!(io::copy(&mut reader, &mut io::sink()).unwrap(), 1);
    }
}
