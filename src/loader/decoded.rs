//! Decoded pictures kept for their next use, before any augmentation: in memory under a bound, or on the disk. A small
//! data set is decoded once and not every epoch. What a picture is called depends on its file's content.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::packs::Packs;
use crate::dataset::Part;

/// A cache of decoded pictures, shared by the threads of a loader and by one loader after the other.
#[derive(Debug)]
pub struct Decoded(Store);

#[derive(Debug)]
enum Store {
    Memory(Memory),
    Disk(Box<Packs>),
}

/// Of what file, decoded how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name(pub(super) [u8; 32]);

/// Grows whenever the same file gives other pixels than before.
const DECODING: u32 = 2;

impl Name {
    /// `content` is the file's hash; `how` names every setting that decoding depends on.
    pub fn of(content: &str, how: &str) -> Self {
        Self(*blake3::hash(format!("decoding {DECODING} of {content}, {how}").as_bytes()).as_bytes())
    }
}

impl Decoded {
    /// In memory: holds at most so many bytes of pixels.
    pub fn new(limit: usize) -> Self {
        Self(Store::Memory(Memory { limit, held: RwLock::default(), left_out: AtomicUsize::new(0) }))
    }

    /// In files of this folder, where later runs find them; all of them take at most so many bytes.
    pub fn on_disk(folder: &Path, limit: u64) -> Self {
        Self(Store::Disk(Box::new(Packs::open(folder, limit))))
    }

    pub fn get(&self, name: &Name) -> Option<Arc<Part>> {
        match &self.0 {
            Store::Memory(memory) => memory.get(name),
            Store::Disk(packs) => packs.get(name),
        }
    }

    /// Keeps the picture if there is room.
    pub fn keep(&self, name: &Name, picture: &Arc<Part>) {
        match &self.0 {
            Store::Memory(memory) => memory.keep(name, picture),
            Store::Disk(packs) => packs.keep(name, picture),
        }
    }

    /// Makes what was kept so far last, where it does.
    pub fn settle(&self) {
        if let Store::Disk(packs) = &self.0 {
            packs.settle();
        }
    }

    /// How many bytes are held.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Store::Memory(memory) => memory.read().bytes,
            Store::Disk(packs) => packs.bytes(),
        }
    }

    /// How often a picture found no room.
    pub fn left_out(&self) -> usize {
        match &self.0 {
            Store::Memory(memory) => memory.left_out.load(Ordering::Relaxed),
            Store::Disk(packs) => packs.left_out(),
        }
    }

    /// Why nothing more is kept on the disk, where that is so.
    pub fn trouble(&self) -> Option<String> {
        match &self.0 {
            Store::Memory(_) => None,
            Store::Disk(packs) => packs.trouble(),
        }
    }

    pub fn is_on_disk(&self) -> bool {
        matches!(self.0, Store::Disk(_))
    }
}

/// The first pictures seen, as many as fit. Nothing is put out again: in a random order every picture comes
/// once an epoch, and putting out the oldest would keep none of those that come next.
#[derive(Debug)]
struct Memory {
    limit: usize,
    held: RwLock<Held>,
    left_out: AtomicUsize,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    pictures: HashMap<Name, Arc<Part>>,
}

impl Memory {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &Name) -> Option<Arc<Part>> {
        self.read().pictures.get(name).cloned()
    }

    fn keep(&self, name: &Name, picture: &Arc<Part>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let bytes = picture.picture().bytes();
        if held.pictures.contains_key(name) {
            return;
        }
        if held.bytes + bytes > self.limit {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        held.bytes += bytes;
        held.pictures.insert(*name, Arc::clone(picture));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Picture;

    #[test]
    fn pictures_are_kept_while_there_is_room() {
        let decoded = Decoded::new(100);
        let large = Arc::new(Part::whole(Picture::filled(5, 5, [1, 2, 3]).unwrap()));
        let small = Arc::new(Part::whole(Picture::filled(2, 4, [1, 2, 3]).unwrap()));
        let name = |content: &str| Name::of(content, "");
        decoded.keep(&name("a"), &large);
        decoded.keep(&name("a"), &large);
        decoded.keep(&name("b"), &large);
        decoded.keep(&name("c"), &small);
        assert_eq!((decoded.bytes(), decoded.left_out()), (75 + 24, 1));
        let held = ["a", "b", "c"].map(|content| decoded.get(&name(content)).is_some());
        assert_eq!(held, [true, false, true]);
    }

    #[test]
    fn a_name_depends_on_the_content_and_on_how_it_is_decoded() {
        assert_eq!(Name::of("a", "b"), Name::of("a", "b"));
        assert_ne!(Name::of("a", "b"), Name::of("a", "c"));
        assert_ne!(Name::of("a", "b"), Name::of("b", "b"));
    }
}
