//! A power cut at every call of a save. What was not synced is lost, or half there, or there before what was asked for
//! earlier: a disk is simulated that keeps a promise only where a sync has made it one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{contents, newest_step, run, save};
use crate::chance::{Draws, Key};
use crate::checkpoint::RunFolder;
use crate::durable::faults::{Done, Plan};

type Number = usize;

/// Files and folders by number; names are entries of folders.
#[derive(Clone, Default)]
struct Disk {
    files: BTreeMap<Number, Vec<u8>>,
    folders: BTreeMap<Number, BTreeMap<String, Number>>,
}

const ROOT: Number = 0;

/// A change that lasts once its file or folder is synced.
enum Change {
    Entries { folder: Number, removed: Option<String>, added: Option<(String, Number)> },
    Append { file: Number, bytes: Vec<u8> },
    Shorten { file: Number, length: usize },
}

impl Change {
    fn of(&self) -> Number {
        match self {
            Self::Entries { folder, .. } => *folder,
            Self::Append { file, .. } | Self::Shorten { file, .. } => *file,
        }
    }
}

/// What happened, in order.
enum Event {
    Change(Change),
    Synced(Number),
}

/// Follows the calls, and knows which file had which name at any time.
struct Follower {
    root: PathBuf,
    live: Disk,
    next: Number,
    events: Vec<Event>,
}

impl Follower {
    fn of(root: &Path) -> Self {
        let mut follower =
            Self { root: root.to_owned(), live: Disk::default(), next: ROOT, events: Vec::new() };
        follower.read(root);
        follower
    }

    /// Takes in what is on the disk already.
    fn read(&mut self, path: &Path) -> Number {
        let number = self.number();
        if path.is_dir() {
            let entries: Vec<PathBuf> =
                fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
            let entries = entries.iter().map(|path| (name(path), self.read(path))).collect();
            self.live.folders.insert(number, entries);
        } else {
            self.live.files.insert(number, fs::read(path).unwrap());
        }
        number
    }

    fn number(&mut self) -> Number {
        self.next += 1;
        self.next - 1
    }

    fn find(&self, path: &Path) -> Option<Number> {
        let inside = path.strip_prefix(&self.root).unwrap();
        inside.components().filter(|part| *part != Component::CurDir).try_fold(ROOT, |folder, part| {
            self.live.folders.get(&folder)?.get(part.as_os_str().to_str()?).copied()
        })
    }

    fn folder_of(&self, path: &Path) -> Number {
        self.find(path.parent().unwrap()).unwrap()
    }

    fn change(&mut self, change: Change) {
        self.live.apply(&change);
        self.events.push(Event::Change(change));
    }

    fn add(&mut self, path: &Path, number: Number) {
        let (folder, added) = (self.folder_of(path), Some((name(path), number)));
        self.change(Change::Entries { folder, removed: None, added });
    }

    fn remove(&mut self, path: &Path) {
        if self.find(path).is_some() {
            let (folder, removed) = (self.folder_of(path), Some(name(path)));
            self.change(Change::Entries { folder, removed, added: None });
        }
    }

    fn follow(&mut self, done: &Done) {
        match done {
            Done::Create(path) | Done::CreateFolder(path) => {
                if self.find(path).is_none() {
                    let number = self.number();
                    match done {
                        Done::Create(_) => drop(self.live.files.insert(number, Vec::new())),
                        _ => drop(self.live.folders.insert(number, BTreeMap::new())),
                    }
                    self.add(path, number);
                }
            }
            Done::Write(path, bytes) => {
                let file = self.find(path).unwrap();
                self.change(Change::Append { file, bytes: bytes.clone() });
            }
            Done::Shorten(path, length) => {
                let file = self.find(path).unwrap();
                self.change(Change::Shorten { file, length: *length as usize });
            }
            Done::Sync(path) | Done::SyncFolder(path) => {
                let number = self.find(path).unwrap();
                self.events.push(Event::Synced(number));
            }
            Done::Rename(from, to) => {
                let (number, folder) = (self.find(from).unwrap(), self.folder_of(to));
                assert_eq!(self.folder_of(from), folder, "only names change");
                let (removed, added) = (Some(name(from)), Some((name(to), number)));
                self.change(Change::Entries { folder, removed, added });
            }
            Done::Link(from, to) => self.add(to, self.find(from).unwrap()),
            Done::Remove(path) => self.remove(path),
            Done::RemoveFolder(path) => {
                let inside = self.find(path).and_then(|number| self.live.folders.get(&number));
                let names: Vec<String> = inside.into_iter().flatten().map(|(name, _)| name.clone()).collect();
                names.iter().for_each(|name| self.remove(&path.join(name)));
                self.remove(path);
            }
        }
    }
}

impl Disk {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Entries { folder, removed, added } => {
                let entries = self.folders.entry(*folder).or_default();
                removed.iter().for_each(|name| entries.retain(|other, _| other != name));
                entries.extend(added.clone());
            }
            Change::Append { file, bytes } => self.files.entry(*file).or_default().extend(bytes),
            Change::Shorten { file, length } => self.files.entry(*file).or_default().truncate(*length),
        }
    }

    fn write_to(&self, folder: Number, path: &Path) {
        fs::create_dir(path).unwrap();
        for (name, number) in self.folders.get(&folder).into_iter().flatten() {
            let path = path.join(name);
            match self.files.get(number) {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => self.write_to(*number, &path),
            }
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// The disk after a cut: what was synced is there, and of the rest whatever the draws say.
fn after_cut(before: &Disk, events: &[Event], draws: &mut Draws) -> Disk {
    let mut disk = before.clone();
    let lost = draws.unit();
    for (at, event) in events.iter().enumerate() {
        let Event::Change(change) = event else { continue };
        let is_kept = |later: &Event| matches!(later, Event::Synced(number) if *number == change.of());
        if events[at..].iter().any(is_kept) || !draws.chance(lost) {
            disk.apply(change);
        } else if let Change::Append { file, bytes } = change
            && draws.chance(0.5)
        {
            // Long enough and of other bytes, or cut off.
            let half = &bytes[..bytes.len() / 2];
            let rest = if draws.chance(0.5) { bytes.len() - half.len() } else { 0 };
            disk.apply(&Change::Append { file: *file, bytes: [half, &vec![0; rest]].concat() });
        }
    }
    disk
}

/// A run as its first save has left it, and the calls of its second one.
fn second_save() -> (Follower, Vec<Done>) {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    save(&run, &contents(1)).unwrap();
    let follower = Follower::of(folder.path());
    let plan = Plan::watch();
    save(&run, &contents(2)).unwrap();
    (follower, plan.done())
}

/// Ways in which each cut may end.
const WAYS: u64 = 40;

#[test]
fn a_power_cut_at_any_call_leaves_the_old_or_the_new_checkpoint() {
    let (mut follower, done) = second_save();
    let before = follower.live.clone();
    assert!(done.len() > 21, "{done:?}");
    let mut steps = [0; 2];
    for cut in 0..=done.len() {
        for way in 0..WAYS {
            let mut draws = Key::new(1).with(cut as u64).with(way).draws();
            let disk = after_cut(&before, &follower.events, &mut draws);
            let place = tempfile::tempdir().unwrap();
            disk.write_to(ROOT, &place.path().join("disk"));
            let step = newest_step(&RunFolder::open(&place.path().join("disk/run")).unwrap());
            assert!([1, 2].contains(&step), "cut before call {cut}, way {way}");
            assert!(step == 2 || cut < done.len(), "a finished save was lost, way {way}");
            steps[step - 1] += 1;
        }
        done.get(cut).into_iter().for_each(|done| follower.follow(done));
    }
    assert!(steps.iter().all(|count| *count > 0), "{steps:?}");
}

/// The simulation has teeth: without its syncs the same save is torn.
#[test]
fn a_save_that_does_not_sync_is_torn() {
    let (mut follower, done) = second_save();
    let before = follower.live.clone();
    done.iter().for_each(|done| follower.follow(done));
    follower.events.retain(|event| matches!(event, Event::Change(_)));
    let lost = (0..WAYS).filter(|&way| {
        let disk = after_cut(&before, &follower.events, &mut Key::new(1).with(way).draws());
        let place = tempfile::tempdir().unwrap();
        disk.write_to(ROOT, &place.path().join("disk"));
        let run = RunFolder::open(&place.path().join("disk/run"));
        // What was kept of the old one was removed, and the new one is not whole.
        !run.is_ok_and(|run| run.newest().is_ok())
    });
    assert!(lost.count() > 0);
}
