//! Decoded pictures kept in memory under a bound, so that a small data set is decoded once and not every epoch.
//! Holds what came out of the files, before any augmentation.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::dataset::{Depth, Part, Picture};

/// The first pictures seen, as many as fit. Nothing is put out again: in a random order every picture comes
/// once an epoch, and putting out the oldest would keep none of those that come next.
///
/// A file that changes after it was read is not read again. All users must decode onto the same background.
#[derive(Debug)]
pub struct Decoded {
    limit: usize,
    held: RwLock<Held>,
    left_out: AtomicUsize,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    pictures: HashMap<PathBuf, Arc<Part>>,
}

impl Decoded {
    /// An empty cache that holds at most so many bytes of pixels.
    pub fn new(limit: usize) -> Self {
        Self { limit, held: RwLock::default(), left_out: AtomicUsize::new(0) }
    }

    pub fn get(&self, path: &Path) -> Option<Arc<Part>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).pictures.get(path).cloned()
    }

    /// Keeps the picture if there is room.
    pub fn keep(&self, path: &Path, picture: &Arc<Part>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let bytes = size(picture.picture());
        if held.bytes + bytes > self.limit {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        } else if !held.pictures.contains_key(path) {
            held.bytes += bytes;
            held.pictures.insert(path.into(), Arc::clone(picture));
        }
    }

    /// How often a picture found no room.
    pub fn left_out(&self) -> usize {
        self.left_out.load(Ordering::Relaxed)
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
        let large = Arc::new(Part::whole(Picture::filled(5, 5, [1, 2, 3]).unwrap()));
        let small = Arc::new(Part::whole(Picture::filled(2, 4, [1, 2, 3]).unwrap()));
        decoded.keep(Path::new("a"), &large);
        decoded.keep(Path::new("a"), &large);
        decoded.keep(Path::new("b"), &large);
        decoded.keep(Path::new("c"), &small);
        assert_eq!(decoded.bytes(), 75 + 24);
        let held = ["a", "b", "c"].map(|name| decoded.get(Path::new(name)).is_some());
        assert_eq!(held, [true, false, true]);
    }
}
