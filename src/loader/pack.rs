//! A file of decoded pictures: their samples one after the other, an index, and where that begins. Written once and as
//! a whole. Nothing in it is trusted: the index has a checksum, and so has every picture.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::decoded::Name;
use crate::dataset::{Bytes, Depth, Frame, Part, Picture};
use crate::durable::{self, Map, NewFile};

pub const ENDING: &str = "pictures";

/// What a file ends with: where its index begins, how many entries that has, its BLAKE3, and these letters.
const TAIL: usize = 8 + 8 + 32 + MAGIC.len();
const MAGIC: &[u8; 16] = b"kiln pictures 1\n";

/// One picture of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub name: Name,
    /// BLAKE3 of the samples as they lie there.
    hash: [u8; 32],
    start: u64,
    width: u32,
    height: u32,
    channels: u8,
    /// Bytes of a sample.
    depth: u8,
    frame: Frame,
}

/// What `Entry::write` writes.
const ENTRY: usize = 32 + 32 + 8 + 4 + 4 + 1 + 1 + 4 + 4 + 4 + 8 + 8;

/// The index of a file that is whole as far as that goes.
pub fn open(path: &Path) -> Option<(Arc<Map>, Vec<Entry>)> {
    let map = Map::open(path).ok()?;
    let (body, tail) = map.split_at_checked(map.len().checked_sub(TAIL)?)?;
    let (start, tail) = tail.split_first_chunk::<8>()?;
    let (count, tail) = tail.split_first_chunk::<8>()?;
    let (hash, magic) = tail.split_first_chunk::<32>()?;
    let index = body.get(usize::try_from(u64::from_le_bytes(*start)).ok()?..)?;
    let whole = magic == MAGIC
        && (index.len() as u64) == u64::from_le_bytes(*count).checked_mul(ENTRY as u64)?
        && blake3::hash(index) == *hash;
    let entries = whole.then(|| index.chunks_exact(ENTRY).filter_map(Entry::read).collect())?;
    Some((Arc::new(map), entries))
}

impl Entry {
    fn of(name: Name, part: &Part, start: u64, samples: &[u8]) -> Self {
        let (picture, frame) = (part.picture(), part.frame());
        let depth = match picture.depth() {
            Depth::U8(_) => 1,
            Depth::U16(_) => 2,
            Depth::F32(_) => 4,
        };
        let (width, height, channels) = (picture.width(), picture.height(), picture.channels());
        Self { name, hash: *blake3::hash(samples).as_bytes(), start, width, height, channels, depth, frame }
    }

    fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.name.0);
        into.extend_from_slice(&self.hash);
        into.extend_from_slice(&self.start.to_le_bytes());
        into.extend_from_slice(&self.width.to_le_bytes());
        into.extend_from_slice(&self.height.to_le_bytes());
        into.extend_from_slice(&[self.channels, self.depth]);
        let Frame { size, factor, origin } = self.frame;
        [size.0, size.1, factor].iter().for_each(|number| into.extend_from_slice(&number.to_le_bytes()));
        [origin.0, origin.1].iter().for_each(|number| into.extend_from_slice(&number.to_le_bytes()));
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let rest = &mut bytes;
        let (name, hash) = (Name(take(rest)?), take(rest)?);
        let start = u64::from_le_bytes(take(rest)?);
        let (width, height) = (u32::from_le_bytes(take(rest)?), u32::from_le_bytes(take(rest)?));
        let [channels, depth] = take(rest)?;
        let size = (u32::from_le_bytes(take(rest)?), u32::from_le_bytes(take(rest)?));
        let factor = u32::from_le_bytes(take(rest)?);
        let origin = (f64::from_le_bytes(take(rest)?), f64::from_le_bytes(take(rest)?));
        let frame = Frame { size, factor, origin };
        Some(Self { name, hash, start, width, height, channels, depth, frame })
    }

    /// Whether the samples are those that were written.
    pub fn is_whole(&self, map: &Map) -> bool {
        self.samples(map).is_some_and(|samples| blake3::hash(samples) == self.hash)
    }

    /// The picture. With 8 bits its samples stay where they are; others are copied to where they are aligned.
    pub fn part(&self, map: &Arc<Map>) -> Option<Part> {
        let samples = self.samples(map)?;
        let depth = match self.depth {
            1 => Depth::U8(Bytes::mapped(map, self.range()?)?),
            2 => Depth::U16(samples.as_chunks().0.iter().map(|two| u16::from_le_bytes(*two)).collect()),
            4 => Depth::F32(samples.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()),
            _ => return None,
        };
        let picture = Picture::new(self.width, self.height, self.channels, depth).ok()?;
        self.frame.is_of(&picture).then(|| Part::complete(picture, self.frame))
    }

    fn samples<'a>(&self, map: &'a Map) -> Option<&'a [u8]> {
        map.get(self.range()?)
    }

    fn range(&self) -> Option<std::ops::Range<usize>> {
        let sides = u64::from(self.width).checked_mul(u64::from(self.height))?;
        let length = sides.checked_mul(u64::from(self.channels))?.checked_mul(u64::from(self.depth))?;
        let end = self.start.checked_add(length)?;
        Some(usize::try_from(self.start).ok()?..usize::try_from(end).ok()?)
    }
}

/// The next bytes of an index.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// A file that is being written. Dropped before it is finished, it leaves nothing.
pub struct Writer {
    file: NewFile,
    folder: PathBuf,
    entries: Vec<Entry>,
    names: HashSet<Name>,
    bytes: u64,
}

impl Writer {
    pub fn begin(folder: &Path) -> Result<Self, durable::Error> {
        let file = NewFile::begin(&folder.join("new"))?;
        let (entries, names) = (Vec::new(), HashSet::new());
        Ok(Self { file, folder: folder.to_owned(), entries, names, bytes: 0 })
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the file would take with one picture more.
    pub fn with(&self, bytes: u64) -> u64 {
        self.bytes + bytes + ((self.entries.len() + 1) * ENTRY + TAIL) as u64
    }

    pub fn holds(&self, name: &Name) -> bool {
        self.names.contains(name)
    }

    pub fn add(&mut self, name: Name, part: &Part) -> Result<(), durable::Error> {
        let copied: Vec<u8>;
        let samples: &[u8] = match part.picture().depth() {
            Depth::U8(samples) => samples,
            Depth::U16(samples) => {
                copied = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                &copied
            }
            Depth::F32(samples) => {
                copied = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                &copied
            }
        };
        self.file.write(samples)?;
        self.names.insert(name);
        self.entries.push(Entry::of(name, part, self.bytes, samples));
        self.bytes += samples.len() as u64;
        Ok(())
    }

    /// Puts the file in place, under a name that its content gives it.
    pub fn finish(mut self) -> Result<PathBuf, durable::Error> {
        let mut index = Vec::with_capacity(self.entries.len() * ENTRY + TAIL);
        self.entries.iter().for_each(|entry| entry.write(&mut index));
        let hash = blake3::hash(&index);
        index.extend_from_slice(&self.bytes.to_le_bytes());
        index.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        index.extend_from_slice(hash.as_bytes());
        index.extend_from_slice(MAGIC);
        self.file.write(&index)?;
        let path = self.folder.join(format!("{}.{ENDING}", &self.file.hash()[..32]));
        self.file.commit_as(&path)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures() -> [Part; 4] {
        let words = Depth::U16(vec![1, 65_535, 300, 7, 8, 9]);
        let frame = Frame { size: (39, 23), factor: 8, origin: (-1.0, 0.0) };
        [
            Part::complete(Picture::filled(5, 3, [1, 2, 3]).unwrap(), frame),
            Part::whole(Picture::new(2, 3, 1, words).unwrap()),
            Part::whole(Picture::new(1, 2, 1, Depth::F32(vec![0.25, -1.5])).unwrap()),
            Part::whole(Picture::new(2, 1, 1, Depth::U8(vec![8, 9].into())).unwrap()),
        ]
    }

    fn written(folder: &Path) -> PathBuf {
        let mut writer = Writer::begin(folder).unwrap();
        for (number, picture) in pictures().iter().enumerate() {
            writer.add(Name::of(&number.to_string(), "here"), picture).unwrap();
        }
        assert!(writer.holds(&Name::of("2", "here")) && !writer.holds(&Name::of("4", "here")));
        writer.finish().unwrap()
    }

    #[test]
    fn pictures_of_every_depth_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let (map, entries) = open(&written(folder.path())).unwrap();
        let found: Vec<_> = entries.iter().map(|entry| entry.part(&map).unwrap()).collect();
        assert_eq!(found, pictures());
        assert!(entries.iter().all(|entry| entry.is_whole(&map)));
        // The same pictures make the same file.
        written(folder.path());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_frame_that_no_picture_has_is_refused() {
        let picture = Picture::filled(5, 3, [1, 2, 3]).unwrap();
        let check = |size, factor, origin, expected| {
            let frame = Frame { size, factor, origin };
            assert_eq!(frame.is_of(&picture), expected, "{frame:?}");
        };
        check((39, 23), 8, (-1.0, 0.0), true);
        check((5, 3), 1, (0.0, 0.0), true);
        check((41, 23), 8, (0.0, 0.0), false);
        check((39, 23), 0, (0.0, 0.0), false);
        check((15, 9), 3, (0.0, 0.0), false);
        check((5, 3), 1, (f64::NAN, 0.0), false);
        check((5, 3), 1, (0.0, -1.0), false);
        check((39, 23), 8, (0.0, 1e300), false);
    }

    #[test]
    fn damage_anywhere_is_noticed_and_never_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = std::fs::read(written(folder.path())).unwrap();
        let path = folder.path().join("damaged");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            std::fs::write(&path, &damaged).unwrap();
            let whole = open(&path).map_or(0, |(map, entries)| {
                entries.iter().filter(|entry| entry.is_whole(&map) && entry.part(&map).is_some()).count()
            });
            assert!(whole < 4, "a changed byte at {at} was not noticed");
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(open(&path).is_none(), "cut at {at}");
        }
    }
}
