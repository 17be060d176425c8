//! Where a picture's bytes lie: in a file of their own, or in a stretch of a tar shard; and the one way in which they
//! are read. Leaves finding them to `source`.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::content::LARGEST;
use crate::durable;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Location {
    File(PathBuf),
    Member { name: String, slice: Slice },
}

/// A stretch of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slice {
    pub shard: Arc<Shard>,
    pub offset: u64,
    pub length: u64,
}

/// A tar file as it was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shard {
    pub path: PathBuf,
    pub size: u64,
    /// Nanoseconds since 1970; 0 where the system does not say.
    pub modified: u64,
}

impl Location {
    /// Where a sample of this name lies, below a root.
    pub(super) fn of(root: &Path, relative: &str, slice: Option<&Slice>) -> Self {
        match slice {
            None => Self::File(root.join(relative)),
            Some(slice) => {
                let shard = slice.shard.path.file_name().unwrap_or_default().to_string_lossy();
                let (_, name) = relative.split_once(&format!("{shard}: ")).unwrap_or(("", relative));
                Self::Member { name: name.into(), slice: slice.clone() }
            }
        }
    }

    pub fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            // Whoever opened a pipe would wait for somebody to write into it.
            Self::File(path) => durable::read_file(path, LARGEST),
            Self::Member { slice, .. } => slice.read(),
        }
    }

    pub fn length(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(fs::metadata(path)?.len()),
            Self::Member { slice, .. } => Ok(slice.length),
        }
    }

    /// What names call the picture, which tells its kind.
    pub fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Member { name, .. } => Path::new(name),
        }
    }
}

/// `a/b.jpg`, or `shards/a.tar: b.jpg`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Member { name, slice } => write!(f, "{}: {name}", slice.shard.path.display()),
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl Slice {
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.shard.path)?;
        if !self.shard.is_still(&file.metadata()?) {
            return Err(io::Error::other("the shard has changed since it was listed"));
        }
        let end = self.offset.checked_add(self.length);
        if self.length > LARGEST || end.is_none_or(|end| end > self.shard.size) {
            return Err(io::Error::other(format!(
                "{} bytes there are no picture of this shard",
                self.length
            )));
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).map_err(io::Error::other)?);
        file.take(self.length).read_to_end(&mut bytes)?;
        match bytes.len() as u64 == self.length {
            true => Ok(bytes),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Shard {
    pub fn at(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { path: path.into(), size: metadata.len(), modified: modified(&metadata) })
    }

    /// As far as size and time tell.
    fn is_still(&self, now: &Metadata) -> bool {
        (self.size, self.modified) == (now.len(), modified(now))
    }
}

fn modified(metadata: &Metadata) -> u64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_read_while_its_shard_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        fs::write(&path, b"header pixels rest").unwrap();
        let slice = Slice { shard: Arc::new(Shard::at(&path).unwrap()), offset: 7, length: 6 };
        for (offset, length) in [(7, u64::MAX), (u64::MAX, 6), (13, 6), (0, 1 << 40)] {
            let slice = Slice { offset, length, ..slice.clone() };
            assert!(slice.read().unwrap_err().to_string().contains("no picture of this shard"));
        }
        let location = Location::Member { name: "b.jpg".into(), slice };
        assert_eq!(location.read().unwrap(), b"pixels");
        assert_eq!(location.length().unwrap(), 6);
        assert!(location.to_string().ends_with("a.tar: b.jpg"));
        fs::write(&path, b"header pixels rest and more").unwrap();
        assert!(location.read().unwrap_err().to_string().contains("has changed"));
        fs::remove_file(&path).unwrap();
        assert_eq!(location.read().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
