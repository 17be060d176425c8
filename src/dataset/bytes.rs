//! The samples of a picture with 8 bits: in a buffer of its own, or a stretch of a mapped file, which is not copied
//! before somebody writes to it. What the samples mean is the picture's business.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::durable::Map;

#[derive(Clone)]
pub struct Bytes(Place);

#[derive(Clone)]
enum Place {
    Own(Vec<u8>),
    Mapped(Arc<Map>, Range<usize>),
}

impl Bytes {
    /// A stretch of a mapped file; nothing where it reaches over the end.
    pub fn mapped(map: &Arc<Map>, range: Range<usize>) -> Option<Self> {
        map.get(range.clone())?;
        Some(Self(Place::Mapped(Arc::clone(map), range)))
    }

    /// The samples to write to: a mapped file's are copied first.
    pub fn to_mut(&mut self) -> &mut [u8] {
        if let Place::Mapped(map, range) = &self.0 {
            self.0 = Place::Own(map[range.clone()].to_vec());
        }
        match &mut self.0 {
            Place::Own(samples) => samples,
            Place::Mapped(..) => &mut [],
        }
    }

    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Place::Own(samples) => samples,
            Place::Mapped(..) => self.to_vec(),
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Own(samples) => samples,
            Place::Mapped(map, range) => &map[range.clone()],
        }
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(samples: I) -> Self {
        samples.into_iter().collect::<Vec<u8>>().into()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(samples: Vec<u8>) -> Self {
        Self(Place::Own(samples))
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_stretch_is_copied_when_it_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"0123456789").unwrap();
        let map = Arc::new(Map::open(&path).unwrap());
        assert!(Bytes::mapped(&map, 5..11).is_none());
        let lent = Bytes::mapped(&map, 2..5).unwrap();
        assert_eq!(lent, Bytes::from(b"234".to_vec()));
        let mut own = lent.clone();
        own.to_mut()[0] = b'x';
        assert_eq!((&own[..], &lent[..], &map[..]), (&b"x34"[..], &b"234"[..], &b"0123456789"[..]));
        assert_eq!(lent.into_vec(), b"234");
    }
}
