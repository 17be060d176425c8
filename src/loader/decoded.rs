//! Decoded pictures kept in memory under a bound, so that a small data set is decoded once and not every epoch.
//! Holds what came out of the files, before any augmentation.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::dataset::{Depth, Location, Picture};

/// The first pictures seen, as many as fit. Nothing is put out again: in a random order every picture comes
/// once an epoch, and putting out the oldest would keep none of those that come next.
///
/// A file that changes after it was read is not read again. All users must decode onto the same background.
#[derive(Debug)]
pub struct Decoded {
    limit: usize,
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    pictures: HashMap<Location, Arc<Picture>>,
}

impl Decoded {
    /// An empty cache that holds at most so many bytes of pixels.
    pub fn new(limit: usize) -> Self {
        Self { limit, held: RwLock::default() }
    }

    pub fn get(&self, path: &Location) -> Option<Arc<Picture>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).pictures.get(path).cloned()
    }

    /// Keeps the picture if there is room.
    pub fn keep(&self, path: &Location, picture: &Arc<Picture>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let bytes = size(picture);
        if held.bytes + bytes <= self.limit && !held.pictures.contains_key(path) {
            held.bytes += bytes;
            held.pictures.insert(path.clone(), Arc::clone(picture));
        }
    }

    /// How many bytes of pixels are held.
    pub fn bytes(&self) -> usize {
        self.held.read().unwrap_or_else(PoisonError::into_inner).bytes
    }
}

fn size(picture: &Picture) -> usize {
    match picture.depth() {
        Depth::U8(samples) => size_of_val(samples.as_slice()),
        Depth::U16(samples) => size_of_val(samples.as_slice()),
        Depth::F32(samples) => size_of_val(samples.as_slice()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_kept_while_there_is_room() {
        let decoded = Decoded::new(100);
        let large = Arc::new(Picture::filled(5, 5, [1, 2, 3]).unwrap());
        let small = Arc::new(Picture::filled(2, 4, [1, 2, 3]).unwrap());
        let at = |name: &str| Location::File(name.into());
        decoded.keep(&at("a"), &large);
        decoded.keep(&at("a"), &large);
        decoded.keep(&at("b"), &large);
        decoded.keep(&at("c"), &small);
        assert_eq!(decoded.bytes(), 75 + 24);
        let held = ["a", "b", "c"].map(|name| decoded.get(&at(name)).is_some());
        assert_eq!(held, [true, false, true]);
    }
}
