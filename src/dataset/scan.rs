//! Opens labelled pictures: reads, hashes and checks every one, and splits what can be used. Leaves finding them and
//! their classes to `source`, the division to `split`, and decoding to the check it is given.

mod alike;
mod leaks;
#[cfg(test)]
mod totals;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::audit::Fingerprint;
use super::content::{LARGEST, is_picture};
use super::labels::{Labels, Purpose};
use super::layout::{Candidate, Layout};
use super::source::{self, Pictures};
use super::split::{self, Item};
use super::{Dataset, Error, Location, Origin, Sample, SetAside, Shares, Split, drawn};
use crate::durable;

use alike::Prints;
pub use alike::Sight;
pub use leaks::Leakage;

/// Whether the bytes of a file can be decoded: what was seen, or the reason why not.
pub type Check<'a> = dyn Fn(&Path, &[u8]) -> Result<Sight, String> + Sync + 'a;

/// Called from many threads with the number of files read so far, and of all.
pub type Progress<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// What to do with pictures that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// Go on without them.
    SetAside,
    /// Refuse the whole data set.
    Fail,
}

pub struct Options<'a> {
    pub shares: Shares,
    pub seed: u64,
    pub bad: Bad,
    pub leakage: Leakage,
    /// Whether pictures that are nearly the same fall on one side of the split, as copies do. The check has to tell them.
    pub keep_alike: bool,
    pub origin: Origin,
    pub check: &'a Check<'a>,
    pub progress: &'a Progress<'a>,
}

/// Files up to which near duplicates are looked for unasked: that many are compared in about five seconds on two cores.
pub const COMPARED: usize = 50_000;
/// How many files an error lists.
const LISTED: usize = 10;

/// Opens a folder of classes, or what else needs no further word.
pub fn open(path: &Path, options: &Options) -> Result<Dataset, Error> {
    open_labelled(&Pictures::At(path.into()), &Labels::default(), options)
}

pub fn open_labelled(pictures: &Pictures, labels: &Labels, options: &Options) -> Result<Dataset, Error> {
    let mut layout = source::list(pictures, labels)?;
    let verdicts = read_all(&layout, options);
    let mut dataset = Dataset {
        root: layout.root.clone(),
        classes: std::mem::take(&mut layout.classes),
        samples: Vec::new(),
        set_aside: std::mem::take(&mut layout.set_aside),
        ignored: std::mem::take(&mut layout.ignored),
        alike: Vec::new(),
        origin: origin(&layout.root, options),
    };
    let mut spoiled = dataset.spoiled(&layout);
    let mut prints = Prints::new();
    let compares = options.keep_alike || verdicts.len() <= COMPARED;
    for (candidate, verdict) in layout.candidates.drain(..).zip(verdicts) {
        spoiled.note(&candidate, &verdict);
        if let Some(print) = dataset.file(candidate, verdict).filter(|_| compares)
            && let Some(sample) = dataset.samples.last()
        {
            prints.insert(sample.hash.clone(), print);
        }
    }
    if options.bad == Bad::Fail {
        refuse_bad(&dataset.set_aside)?;
    }
    dataset.part_leaks(options.leakage)?;
    dataset.alike = alike::groups(&dataset.samples, &prints);
    dataset.split(&layout, options, &prints);
    dataset.set_aside.sort_unstable_by(|a, b| a.relative.cmp(&b.relative));
    dataset.ignored.sort_unstable_by(|a, b| a.relative.cmp(&b.relative));
    dataset.require_pictures()?;
    if labels.purpose == Purpose::Training {
        dataset.require_every_class(&layout, &spoiled)?;
    }
    Ok(dataset)
}

/// Drawings are drawings though somebody names their folder as their own.
fn origin(path: &Path, options: &Options) -> Origin {
    match &options.origin {
        Origin::Folder => drawn::origin_of(path).unwrap_or(Origin::Folder),
        known => known.clone(),
    }
}

/// What came of reading one file.
enum Verdict {
    Picture { hash: String, bytes: u64, sight: Sight },
    Bad(String),
    NoPicture,
}

fn read_all(layout: &Layout, options: &Options) -> Vec<Verdict> {
    let done = AtomicUsize::new(0);
    let read = |candidate: &Candidate| {
        let location = Location::of(&layout.root, &candidate.relative, candidate.slice.as_ref());
        // A panic is that file's fault and nobody else's; nothing outlives it but the verdict.
        let read = || read(&location, options.check);
        let verdict = catch_unwind(AssertUnwindSafe(read))
            .unwrap_or_else(|_| Err("reading it ended in a panic; save it again with another program".into()))
            .unwrap_or_else(Verdict::Bad);
        let verdict = match verdict {
            Verdict::NoPicture if layout.named => Verdict::Bad("what is in it is no picture".into()),
            verdict => verdict,
        };
        (options.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, layout.candidates.len());
        verdict
    };
    layout.candidates.par_iter().map(read).collect()
}

fn read(location: &Location, check: &Check) -> Result<Verdict, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let length = location.length().map_err(unreadable)?;
    if length > LARGEST {
        return Err(format!("it has {length} bytes, more than any picture"));
    }
    let content = location.read().map_err(unreadable)?;
    if !is_picture(location.name(), &content)? {
        return Ok(Verdict::NoPicture);
    }
    let sight = check(location.name(), &content)?;
    Ok(Verdict::Picture { hash: durable::hash(&content), bytes: content.len() as u64, sight })
}

fn refuse_bad(set_aside: &[SetAside]) -> Result<(), Error> {
    if set_aside.is_empty() {
        return Ok(());
    }
    let lines = set_aside.iter().map(|file| format!("  {}: {}", file.relative, file.reason));
    Err(Error::BadPictures { count: set_aside.len(), list: listed(lines) })
}

/// The first few, and how many more there are.
fn listed(lines: impl ExactSizeIterator<Item = String>) -> String {
    let more = lines.len().saturating_sub(LISTED);
    let mut lines: Vec<_> = lines.take(LISTED).collect();
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

impl Dataset {
    /// Puts a file where it belongs, and gives what tells a picture's near duplicates.
    fn file(&mut self, candidate: Candidate, verdict: Verdict) -> Option<Box<Fingerprint>> {
        match verdict {
            Verdict::Picture { hash, bytes, sight } => {
                self.samples.push(candidate.read(hash, bytes, sight.size));
                return sight.print;
            }
            Verdict::Bad(reason) => self.set_aside.push(SetAside { relative: candidate.relative, reason }),
            Verdict::NoPicture => {
                let reason = "not a picture, by its content".into();
                self.ignored.push(SetAside { relative: candidate.relative, reason });
            }
        }
        None
    }

    /// Splits off the training part what has no folder of its own.
    fn split(&mut self, layout: &Layout, options: &Options, prints: &Prints) {
        let share = |split, share| if layout.given.contains(&split) { 0.0 } else { share };
        let shares = Shares {
            val: share(Split::Val, options.shares.val),
            test: share(Split::Test, options.shares.test),
        };
        let mut free: Vec<&mut Sample> =
            self.samples.iter_mut().filter(|sample| sample.split == Split::Train).collect();
        let hashes: Vec<String> = free.iter().map(|sample| sample.hash.clone()).collect();
        let hashes = if options.keep_alike { alike::together(hashes, prints) } else { hashes };
        let items: Vec<_> =
            free.iter().zip(&hashes).map(|(sample, hash)| Item { class: sample.class, hash }).collect();
        let splits = split::split(&items, shares, options.seed);
        free.iter_mut().zip(splits).for_each(|(sample, split)| sample.split = split);
    }

    fn require_pictures(&self) -> Result<(), Error> {
        if !self.samples.is_empty() {
            return Ok(());
        }
        let reason = self.set_aside.first().map(described).unwrap_or_default();
        Err(Error::NothingUsable { path: self.root.clone(), set_aside: self.set_aside.len(), reason })
    }

    fn require_every_class(&self, layout: &Layout, spoiled: &Spoiled) -> Result<(), Error> {
        let counts = self.counts(Split::Train);
        let Some(empty) = counts.iter().position(|&count| count == 0) else { return Ok(()) };
        let class = self.classes[empty].clone();
        let folder = if layout.named { layout.training.clone() } else { layout.training.join(&class) };
        let (set_aside, reason) = spoiled.0.get(&empty).cloned().unwrap_or_default();
        Err(Error::ClassWithoutPictures { class, folder, set_aside, reason })
    }

    /// What cannot be used whatever it holds, where its folder tells the class.
    fn spoiled(&self, layout: &Layout) -> Spoiled {
        let mut spoiled = Spoiled::default();
        for (number, class) in self.classes.iter().enumerate().filter(|_| !layout.named) {
            let folder = layout.training.join(class);
            let inside = |file: &&SetAside| self.root.join(&file.relative).starts_with(&folder);
            self.set_aside.iter().filter(inside).for_each(|file| spoiled.add(number, || described(file)));
        }
        spoiled
    }
}

/// For each class how many pictures for training cannot be used, and why not the first.
#[derive(Default)]
struct Spoiled(BTreeMap<usize, (usize, String)>);

impl Spoiled {
    fn note(&mut self, candidate: &Candidate, verdict: &Verdict) {
        if let (Verdict::Bad(reason), Split::Train) = (verdict, candidate.split) {
            self.add(candidate.class, || format!("{}: {reason}", candidate.relative));
        }
    }

    fn add(&mut self, class: usize, first: impl FnOnce() -> String) {
        self.0.entry(class).or_insert_with(|| (0, first())).0 += 1;
    }
}

fn described(file: &SetAside) -> String {
    format!("{}: {}", file.relative, file.reason)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// The smallest thing that looks like a JPEG; `number` tells contents apart.
    pub(super) fn jpeg(number: usize) -> Vec<u8> {
        [b"\xff\xd8\xff\xe0".as_slice(), &number.to_le_bytes()].concat()
    }

    pub(super) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            let (folder, _) = name.rsplit_once('/').unwrap();
            fs::create_dir_all(root.path().join(folder)).unwrap();
            if !name.ends_with('/') {
                fs::write(path, content).unwrap();
            }
        }
        root
    }

    pub(super) fn open_as(root: &Path, bad: Bad) -> Result<Dataset, Error> {
        open_with(root, bad, Leakage::SetAside)
    }

    pub(super) fn open_with(root: &Path, bad: Bad, leakage: Leakage) -> Result<Dataset, Error> {
        let check = |_: &Path, content: &[u8]| {
            assert!(!content.ends_with(b"panic"), "a panic that a test wants");
            if content.ends_with(b"bad") { Err("it cannot be decoded".into()) } else { Ok((4, 3).into()) }
        };
        let shares = Shares { val: 0.2, test: 0.2 };
        let (origin, progress) = (Origin::Folder, &|_, _| {});
        let keep_alike = false;
        open(root, &Options { shares, seed: 1, bad, leakage, keep_alike, origin, check: &check, progress })
    }

    fn check_fault(files: &[(&str, &[u8])], part: &str) {
        let message = open_as(folder(files).path(), Bad::SetAside).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }

    pub(super) fn two_classes(each: usize) -> tempfile::TempDir {
        let root = folder(&[]);
        for (class, name) in ["a", "b"].iter().enumerate() {
            fs::create_dir(root.path().join(name)).unwrap();
            for i in 0..each {
                fs::write(root.path().join(format!("{name}/{i}.jpg")), jpeg(class * each + i)).unwrap();
            }
        }
        root
    }

    #[test]
    fn every_file_is_accounted_for() {
        let root = two_classes(10);
        let extra: [(&str, &[u8]); 8] = [
            ("LICENSE.txt", b"free"),
            ("a/.DS_Store", b"x"),
            ("a/notes", b"BM, said the bookmaker"),
            ("a/bad.jpg", b"\xff\xd8\xff bad"),
            ("a/empty.png", b""),
            ("b/words.jpg", b"not a picture"),
            ("b/phone.heic", b"\0\0\0\x18ftypheic"),
            ("b/misnamed.txt.png", &jpeg(99)),
        ];
        extra.iter().for_each(|(name, content)| fs::write(root.path().join(name), content).unwrap());
        let dataset = open_as(root.path(), Bad::SetAside).unwrap();
        assert_eq!((dataset.samples.len(), dataset.set_aside.len(), dataset.ignored.len()), (21, 4, 3));
        assert_eq!(dataset.found(), 20 + extra.len());
        assert_eq!(dataset.set_aside[0].relative, "a/bad.jpg");
        assert_eq!(dataset.counts(Split::Test), [2, 2]);
        assert_eq!((dataset.samples[0].width, dataset.samples[0].height), (4, 3));
        let message = open_as(root.path(), Bad::Fail).unwrap_err().to_string();
        assert!(
            message.contains("4 files") && message.contains("a/bad.jpg: it cannot be decoded"),
            "{message}"
        );
    }

    #[test]
    fn a_folder_of_drawings_is_known_by_its_readme() {
        let root = two_classes(10);
        let origin = |readme: &str| {
            fs::write(root.path().join("README.txt"), readme).unwrap();
            open_as(root.path(), Bad::Fail).unwrap().origin
        };
        let drawing = "These pictures are drawings made by kiln, not photographs.";
        let last = "version 1, seed 7, 2 pictures of each kind, 320 x 240 pixels";
        assert_eq!(origin(&format!("{drawing}\n\n{last}\n")), Origin::Drawn { seed: 7, pictures: 10 });
        assert!(origin(drawing).is_drawn());
        assert_eq!(origin("My pictures"), Origin::Folder);
    }

    #[test]
    fn the_fingerprint_knows_what_training_depends_on() {
        let root = two_classes(10);
        let print = |root: &Path| open_as(root, Bad::SetAside).unwrap().fingerprint();
        let first = print(root.path());
        fs::write(root.path().join("README"), "x").unwrap();
        assert_eq!(first, print(root.path()));
        assert_eq!(first, print(two_classes(10).path()));
        fs::write(root.path().join("a/3.jpg"), jpeg(77)).unwrap();
        assert_ne!(first, print(root.path()));
    }

    #[test]
    fn only_missing_splits_are_split_off() {
        let root = folder(&[]);
        for i in 0..20 {
            let (part, class) = (if i < 16 { "train" } else { "test" }, ["a", "b"][i % 2]);
            let path = root.path().join(part).join(class);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(format!("{i}.jpg")), jpeg(i)).unwrap();
        }
        // The same picture on both sides, under two names.
        fs::write(root.path().join("train/a/leak.jpg"), jpeg(16)).unwrap();
        let refused = open_with(root.path(), Bad::SetAside, Leakage::Refuse).unwrap_err().to_string();
        assert!(refused.contains("train/a/leak.jpg is the same as test/a/16.jpg"), "{refused}");
        let allowed = open_with(root.path(), Bad::SetAside, Leakage::Allow).unwrap();
        assert_eq!((allowed.samples.len(), allowed.set_aside.len()), (21, 0));
        let dataset = open_as(root.path(), Bad::SetAside).unwrap();
        assert_eq!(Split::ALL.map(|split| dataset.counts(split)), [[6, 6], [2, 2], [2, 2]].map(Vec::from));
        assert_eq!(dataset.set_aside.len(), 1);
        assert!(dataset.set_aside[0].reason.contains("test/a/16.jpg"), "{:?}", dataset.set_aside);
    }

    #[test]
    fn faults_are_told() {
        let one = jpeg(1);
        check_fault(&[("a/1.jpg", &one), ("b/", b"")], "class 'b' has no usable picture");
        check_fault(&[("a/1.jpg", &one), ("b/2.jpg", b"?")], "b/2.jpg: what is in it is no picture");
        check_fault(&[("a/1.jpg", b"?"), ("b/2.jpg", b"?")], "no picture under");
        let missing = open_as(&PathBuf::from("no/such/folder"), Bad::SetAside).unwrap_err();
        assert!(missing.to_string().contains("does not exist"));
        let file = folder(&[("a/file", b"x")]);
        assert!(matches!(open_as(&file.path().join("a/file"), Bad::SetAside), Err(Error::NotAFolder { .. })));
    }
}
