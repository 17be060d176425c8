//! Files as read-only slices of memory, without reading them first. The only unsafe code of this room.

use super::{Error, bounded, system};
use memmap2::Mmap;
use std::ops::Deref;
use std::path::Path;

/// A mapped file. For files that are written once and then only replaced or removed as a whole.
#[derive(Debug)]
pub struct Map(Option<Mmap>);

impl Map {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |action| move |cause| Error::Io { action, path: path.to_owned(), cause };
        bounded::expect_file(path, u64::MAX).map_err(failed("open"))?;
        let file = system::open(path)?;
        if system::length(&file, path)? == 0 {
            // Not every system maps zero bytes.
            return Ok(Self(None));
        }
        // SAFETY: a slice must not change while it is borrowed, and a mapped file can be changed by others. kiln never
        // writes into a file that is there: `durable::write` and `NewFolder` put new files in place of old ones, and a
        // map keeps the old one alive. Caches and weights are kiln's own or finished downloads. What is left is a
        // foreign program that overwrites such a file while it is read: wrong numbers, or a bus error where it is cut
        // short, never a write through the map. Contents are checked by readers, which trust no length in the file.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) };
        map.map(|map| Self(Some(map))).map_err(failed("map"))
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl AsRef<[u8]> for Map {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_shows_the_file_and_outlives_its_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        crate::durable::write(&path, b"one").unwrap();
        let map = Map::open(&path).unwrap();
        crate::durable::write(&path, b"other").unwrap();
        assert_eq!(&map[..], b"one");
        assert_eq!(Map::open(&path).unwrap().as_ref(), b"other");
    }

    #[test]
    fn an_empty_file_is_an_empty_slice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"").unwrap();
        assert!(Map::open(&path).unwrap().is_empty());
    }

    #[test]
    fn folders_and_missing_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Map::open(&folder.path().join("absent")).is_err());
        assert!(Map::open(folder.path()).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_no_empty_file() {
        assert!(Map::open(Path::new("/dev/zero")).is_err());
    }
}
