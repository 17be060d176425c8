//! Decoded pictures on the disk, in files that later runs and other processes find. Bounded: files that were not used
//! for longest make room, but none that this run uses. A disk that refuses ends the writing, never the run.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::decoded::Name;
use super::pack::{self, ENDING, Entry, Writer};
use crate::dataset::Part;
use crate::durable::{self, Map};

/// The largest file. Large enough that putting it in place costs little per picture, small enough that making room
/// takes little away.
const LARGEST: u64 = 64 << 20;
/// A file is at most this part of all there may be, so that beginning one never takes away what others just wrote.
const SHARE: u64 = 4;

#[derive(Debug)]
pub struct Packs {
    folder: PathBuf,
    limit: u64,
    known: RwLock<HashMap<Name, Kept>>,
    desk: Mutex<Desk>,
}

#[derive(Debug)]
struct Kept {
    file: Arc<File>,
    entry: Entry,
    /// Its checksum was looked at, which is done once.
    checked: AtomicBool,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    map: Arc<Map>,
    /// By this run.
    used: AtomicBool,
}

/// What is being written.
#[derive(Default)]
struct Desk {
    writer: Option<Writer>,
    /// What the writer may still take.
    room: u64,
    files: Vec<Arc<File>>,
    seen: HashSet<PathBuf>,
    /// Why nothing more is written.
    closed: Option<String>,
    left_out: usize,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("files", &self.seen)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl Packs {
    /// With what earlier runs have left in the folder. All files of it may take so many bytes.
    pub fn open(folder: &Path, limit: u64) -> Self {
        let packs =
            Self { folder: folder.to_owned(), limit, known: RwLock::default(), desk: Mutex::default() };
        packs.look(&mut packs.desk());
        packs
    }

    pub fn get(&self, name: &Name) -> Option<Arc<Part>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let kept = known.get(name)?;
        if !kept.checked.load(Ordering::Relaxed) {
            if !kept.entry.is_whole(&kept.file.map) {
                drop(known);
                self.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
                return None;
            }
            kept.checked.store(true, Ordering::Relaxed);
            kept.file.note_use();
        }
        kept.entry.part(&kept.file.map).map(Arc::new)
    }

    /// Writes the picture down, unless it is there or there is no room.
    pub fn keep(&self, name: &Name, picture: &Part) {
        let mut desk = self.desk();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(name);
        if known || desk.writer.as_ref().is_some_and(|writer| writer.holds(name)) {
            return;
        }
        if desk.closed.is_some() {
            desk.left_out += 1;
            return;
        }
        if let Err(error) = self.write(&mut desk, name, picture) {
            desk.close(error.to_string());
        }
    }

    /// Puts what was written so far in place, where it can be found.
    pub fn settle(&self) {
        let mut desk = self.desk();
        if let Err(error) = self.finish(&mut desk) {
            desk.close(error.to_string());
        }
    }

    /// Why nothing more is written, where that is so.
    pub fn trouble(&self) -> Option<String> {
        self.desk().closed.clone()
    }

    /// How often a picture was not written.
    pub fn left_out(&self) -> usize {
        self.desk().left_out
    }

    /// Bytes of the pictures that are known.
    pub fn bytes(&self) -> usize {
        self.desk().files.iter().map(|file| file.map.len()).sum()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, desk: &mut Desk, name: &Name, picture: &Part) -> Result<(), durable::Error> {
        let bytes = picture.picture().bytes() as u64;
        if desk.writer.as_ref().is_some_and(|writer| writer.with(bytes) > self.largest()) {
            self.finish(desk)?;
        }
        if desk.writer.is_none() {
            self.begin(desk, bytes)?;
        }
        match &mut desk.writer {
            Some(writer) if writer.with(bytes) <= desk.room => writer.add(*name, picture),
            _ => {
                self.finish(desk)?;
                desk.close(format!("the {} MiB of data.cache_limit are full", self.limit >> 20));
                Ok(())
            }
        }
    }

    fn largest(&self) -> u64 {
        LARGEST.min(self.limit / SHARE)
    }

    fn begin(&self, desk: &mut Desk, bytes: u64) -> Result<(), durable::Error> {
        if bytes > self.limit {
            // Nothing would make room for it.
            return Ok(());
        }
        durable::create_folders(&self.folder)?;
        durable::sweep(&self.folder)?;
        // Another process may have written the next ones meanwhile.
        self.look(desk);
        let wanted = self.largest().max(bytes);
        let files = &desk.files;
        let in_use =
            |path: &Path| files.iter().any(|file| file.path == path && file.used.load(Ordering::Relaxed));
        desk.room = durable::make_room(&self.folder, ENDING, wanted, self.limit, &in_use);
        desk.writer = Some(Writer::begin(&self.folder)?);
        Ok(())
    }

    fn finish(&self, desk: &mut Desk) -> Result<(), durable::Error> {
        let Some(writer) = desk.writer.take().filter(|writer| !writer.is_empty()) else { return Ok(()) };
        let path = writer.finish()?;
        self.take_in(desk, path, true);
        Ok(())
    }

    /// Takes in the files that are new in the folder.
    fn look(&self, desk: &mut Desk) {
        for file in durable::kept(&self.folder, ENDING) {
            if !desk.seen.contains(&file.path) {
                self.take_in(desk, file.path, false);
            }
        }
    }

    fn take_in(&self, desk: &mut Desk, path: PathBuf, used: bool) {
        desk.seen.insert(path.clone());
        let Some((map, entries)) = pack::open(&path) else { return };
        let file = Arc::new(File { path, map, used: AtomicBool::new(used) });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            let kept = Kept { file: Arc::clone(&file), entry, checked: AtomicBool::new(false) };
            known.entry(kept.entry.name).or_insert(kept);
        }
        desk.files.push(file);
    }
}

impl File {
    /// So that it goes later; where that cannot be noted it only goes earlier.
    fn note_use(&self) {
        if !self.used.swap(true, Ordering::Relaxed) {
            let _ = durable::touch(&self.path);
        }
    }
}

impl Desk {
    fn close(&mut self, reason: String) {
        self.writer = None;
        self.left_out += 1;
        self.closed = Some(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Picture;

    fn name(number: usize) -> Name {
        Name::of(&number.to_string(), "")
    }

    fn picture(number: usize) -> Part {
        Part::whole(Picture::filled(20, 10, [number as u8, 1, 2]).unwrap())
    }

    fn fill(packs: &Packs, numbers: std::ops::Range<usize>) {
        numbers.for_each(|number| packs.keep(&name(number), &picture(number)));
        packs.settle();
    }

    fn found(packs: &Packs, numbers: std::ops::Range<usize>) -> usize {
        let same = |number: &usize| packs.get(&name(*number)).is_some_and(|found| *found == picture(*number));
        numbers.filter(same).count()
    }

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn later_runs_find_what_was_settled() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("pictures");
        let packs = Packs::open(&folder, 1 << 20);
        assert_eq!(found(&packs, 0..10), 0);
        fill(&packs, 0..10);
        fill(&packs, 0..10);
        assert_eq!((found(&packs, 0..11), files(&folder)), (10, 1));
        let again = Packs::open(&folder, 1 << 20);
        assert_eq!(found(&again, 0..11), 10);
        fill(&again, 5..15);
        assert_eq!((found(&again, 0..15), files(&folder)), (15, 2));
        // What another process settles meanwhile is found when the next file is begun.
        fill(&packs, 20..21);
        assert_eq!(found(&packs, 0..21), 16);
    }

    #[test]
    fn a_damaged_picture_is_decoded_and_written_again() {
        let folder = tempfile::tempdir().unwrap();
        fill(&Packs::open(folder.path(), 1 << 20), 0..3);
        let path = durable::kept(folder.path(), ENDING).remove(0).path;
        let mut bytes = std::fs::read(&path).unwrap();
        // In the second picture of 600 bytes each.
        bytes[700] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let packs = Packs::open(folder.path(), 1 << 20);
        assert_eq!([0, 1, 2].map(|number| packs.get(&name(number)).is_some()), [true, false, true]);
        fill(&packs, 0..3);
        assert_eq!(found(&packs, 0..3), 3);
    }

    #[test]
    fn old_files_make_room_but_not_those_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let limit = 10_000;
        fill(&Packs::open(folder.path(), limit), 0..9);
        let mine = folder.path().join("mine.txt");
        std::fs::write(&mine, [0; 9000]).unwrap();
        let packs = Packs::open(folder.path(), limit);
        fill(&packs, 20..25);
        // Three pictures a file, and four files have no room.
        assert_eq!(found(&Packs::open(folder.path(), limit), 20..25), 5);
        assert_eq!(found(&Packs::open(folder.path(), limit), 0..9), 6, "the oldest file made room");
        // Those in use stay: what does not fit beside them is left out, and that is said.
        assert_eq!(packs.trouble(), None);
        fill(&packs, 30..60);
        assert!(packs.left_out() > 0 && packs.trouble().is_some_and(|why| why.contains("data.cache_limit")));
        assert_eq!(found(&packs, 20..25), 5);
        let held: u64 = durable::kept(folder.path(), ENDING).iter().map(|file| file.bytes).sum();
        assert!(held <= limit && mine.exists(), "{held}");
    }

    #[test]
    fn two_at_once_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        // One after the other, as a busy machine may order them.
        fill(&Packs::open(folder.path(), 1 << 20), 40..60);
        std::thread::scope(|scope| {
            for start in [0, 5, 10, 15] {
                let folder = folder.path();
                scope.spawn(move || fill(&Packs::open(folder, 1 << 20), start..start + 20));
            }
        });
        assert_eq!(found(&Packs::open(folder.path(), 1 << 20), 0..60), 55);
    }

    #[test]
    fn a_folder_that_cannot_be_written_ends_the_writing_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let packs = Packs::open(&file.join("pictures"), 1 << 20);
        fill(&packs, 0..3);
        assert!(packs.trouble().is_some_and(|why| why.contains("pictures")));
        assert_eq!((found(&packs, 0..3), packs.left_out()), (0, 3));
    }
}
