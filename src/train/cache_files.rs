//! Cached outputs in files of kiln's own cache folder, named by everything they depend on, so that later stages and
//! runs find them. Bounded: the files that were not used for longest go first.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::durable::{self, Map, NewFile};

/// The files of one stage.
#[derive(Debug, Clone)]
pub struct CacheFiles {
    pub folder: PathBuf,
    /// A hash of the frozen weights, the preprocessing and the pictures.
    pub key: String,
    /// Bytes that all files of the folder may take.
    pub limit: u64,
}

const ENDING: &str = "rows";
/// A checksum follows the numbers.
const TAIL: usize = 64;

/// A file's numbers.
#[derive(Debug)]
pub struct Kept {
    map: Map,
}

impl Deref for Kept {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map[..self.map.len() - TAIL]
    }
}

pub struct Writer {
    file: NewFile,
    path: PathBuf,
}

impl CacheFiles {
    fn path(&self, view: usize) -> PathBuf {
        self.folder.join(format!("{}-{view}.{ENDING}", self.key))
    }

    /// The numbers of a view where a whole file holds them.
    pub fn find(&self, view: usize, bytes: usize) -> Option<Kept> {
        let path = self.path(view);
        let kept = opened(&path, Some(bytes))?;
        // So that it counts as used; where that cannot be noted it only goes earlier.
        let _ = durable::touch(&path);
        Some(kept)
    }

    /// Begins a file, and makes room for it.
    pub fn begin(&self, view: usize, bytes: usize) -> Result<Writer, durable::Error> {
        durable::create_folders(&self.folder)?;
        durable::sweep(&self.folder)?;
        durable::make_room(&self.folder, ENDING, (bytes + TAIL) as u64, self.limit, &|_| false);
        let path = self.path(view);
        Ok(Writer { file: NewFile::begin(&path)?, path })
    }
}

impl Writer {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), durable::Error> {
        self.file.write(bytes)
    }

    /// Puts the file in place and opens it.
    pub fn finish(mut self) -> Result<Kept, durable::Error> {
        let hash = self.file.hash();
        self.file.write(hash.as_bytes())?;
        self.file.commit()?;
        Ok(Kept { map: Map::open(&self.path)? })
    }
}

/// Nothing where the file is absent, of another length, or damaged.
fn opened(path: &Path, bytes: Option<usize>) -> Option<Kept> {
    let map = Map::open(path).ok()?;
    let length = map.len().checked_sub(TAIL)?;
    let whole = bytes.is_none_or(|bytes| bytes == length);
    (whole && durable::hash(&map[..length]).as_bytes() == &map[length..]).then_some(Kept { map })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    fn files(folder: &Path, key: &str, limit: u64) -> CacheFiles {
        CacheFiles { folder: folder.join("prefixes"), key: key.into(), limit }
    }

    fn write(files: &CacheFiles, view: usize, bytes: &[u8]) {
        let mut writer = files.begin(view, bytes.len()).unwrap();
        bytes.chunks(7).for_each(|part| writer.write(part).unwrap());
        assert_eq!(&writer.finish().unwrap()[..], bytes);
    }

    #[test]
    fn what_was_written_is_found_again_and_damage_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), "key", 1000);
        assert!(files.find(0, 20).is_none());
        write(&files, 0, &[7; 20]);
        assert_eq!(&files.find(0, 20).unwrap()[..], [7; 20]);
        assert!(files.find(0, 21).is_none() && files.find(1, 20).is_none());
        let path = files.path(0);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[3] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(files.find(0, 20).is_none());
        std::fs::write(&path, "short").unwrap();
        assert!(files.find(0, 20).is_none());
        write(&files, 0, &[8; 20]);
        assert_eq!(&files.find(0, 20).unwrap()[..], [8; 20]);
    }

    #[test]
    fn the_oldest_files_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let old = files(folder.path(), "old", 400);
        write(&old, 0, &[1; 100]);
        let hour_ago = SystemTime::now() - std::time::Duration::from_secs(3600);
        File::options().append(true).open(old.path(0)).unwrap().set_modified(hour_ago).unwrap();
        let new = files(folder.path(), "new", 400);
        write(&new, 0, &[2; 100]);
        assert!(old.find(0, 100).is_some() && new.find(0, 100).is_some());
        File::options().append(true).open(old.path(0)).unwrap().set_modified(hour_ago).unwrap();
        write(&new, 1, &[3; 100]);
        assert!(old.find(0, 100).is_none() && new.find(0, 100).is_some() && new.find(1, 100).is_some());
    }
}
