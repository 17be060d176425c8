//! Which checkpoints this process knows to be whole, by name: those that it wrote and those that it has read to the last
//! byte. So each is read once at most, however often it is asked for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::folder::name_of;
use super::saved::Checkpoint;

/// Shared by all copies of a run folder: checkpoints are written in a thread of their own.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Mutex<BTreeMap<String, bool>>>);

impl Known {
    pub fn note(&self, folder: &Path, is_whole: bool) {
        self.all().insert(name_of(folder), is_whole);
    }

    pub fn forget(&self, folder: &Path) {
        self.all().remove(&name_of(folder));
    }

    /// Reads what was not read before. What cannot be read is not known to be whole.
    pub fn is_whole(&self, folder: &Path) -> bool {
        let known = self.all().get(&name_of(folder)).copied();
        known.unwrap_or_else(|| {
            let is_whole = Checkpoint::open(folder).is_ok();
            self.note(folder, is_whole);
            is_whole
        })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        // No call in between leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is there to be read.
    #[test]
    fn what_is_noted_is_not_read_until_it_is_forgotten() {
        let (known, absent) = (Known::default(), Path::new("absent/000001"));
        known.note(absent, true);
        assert!(known.clone().is_whole(absent));
        known.forget(absent);
        assert!(!known.is_whole(absent));
        known.note(absent, false);
        assert!(!known.is_whole(absent));
    }
}
