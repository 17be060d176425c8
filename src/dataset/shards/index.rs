//! What one shard holds: where each picture's bytes are, its label and its weight. Every member is a picture, the label
//! of one, or left out with a reason; where a shard is cut short, what is whole is used.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::Columns;
use crate::dataset::fields::{self, Field};
use crate::dataset::location::Shard;
use crate::dataset::table::json_value;
use crate::dataset::{Error, SetAside};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub pictures: Vec<Picture>,
    /// Members by their names; the shard itself has none.
    pub set_aside: Vec<SetAside>,
    pub ignored: Vec<SetAside>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    pub member: String,
    pub offset: u64,
    pub length: u64,
    pub label: String,
    pub weight: f32,
}

/// No label takes more bytes than this.
const LONGEST_LABEL: u64 = 1 << 20;

const BLOCK: u64 = 512;

impl Index {
    pub fn of(shard: &Shard, columns: &Columns) -> Result<Self, Error> {
        let unreadable = |error| Error::unreadable(&shard.path)(error);
        let mut file = File::open(&shard.path).map_err(unreadable)?;
        let mut start = Vec::new();
        (&mut file).take(6).read_to_end(&mut start).map_err(unreadable)?;
        if is_compressed(&start) {
            return Err(super::compressed(&shard.path));
        }
        io::Seek::rewind(&mut file).map_err(unreadable)?;
        let mut reading = Reading { shard, columns, found: Found::default(), end: 0 };
        reading.members(file)?;
        Ok(reading.found.joined())
    }
}

/// gzip, bzip2, xz and zstd.
fn is_compressed(start: &[u8]) -> bool {
    let magics: [&[u8]; 4] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"];
    magics.iter().any(|magic| start.starts_with(magic))
}

struct Reading<'a> {
    shard: &'a Shard,
    columns: &'a Columns,
    found: Found,
    /// Where the last member ends, filled up to a whole block.
    end: u64,
}

/// A member as tar describes it.
struct Member<'a> {
    name: &'a str,
    offset: u64,
    length: u64,
}

impl Reading<'_> {
    fn members(&mut self, file: File) -> Result<(), Error> {
        let mut archive = tar::Archive::new(file);
        // Archives put one behind the other are one shard.
        archive.set_ignore_zeros(true);
        let entries = match archive.entries_with_seek() {
            Ok(entries) => entries,
            Err(error) => return Err(Error::unreadable(&self.shard.path)(error)),
        };
        for entry in entries {
            match entry {
                Ok(mut entry) => self.member(&mut entry)?,
                Err(error) => {
                    self.cut_off(&format!("it is damaged or cut off after byte {}: {error}", self.end));
                    return Ok(());
                }
            }
        }
        // Tar ends with blocks of zeros; without one nobody can tell whether members are missing.
        if self.end + BLOCK > self.shard.size {
            self.cut_off(&format!(
                "it ends at byte {} without tar's end mark, so members may be missing",
                self.shard.size
            ));
        }
        Ok(())
    }

    fn cut_off(&mut self, reason: &str) {
        self.found.index.set_aside.push(SetAside { relative: String::new(), reason: reason.into() });
    }

    fn member(&mut self, entry: &mut tar::Entry<File>) -> Result<(), Error> {
        let (offset, length) = (entry.raw_file_position(), entry.size());
        self.end = offset.saturating_add(length).div_ceil(BLOCK).saturating_mul(BLOCK);
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() || kind.is_dir() || entry.path_bytes().ends_with(b"/") {
            return Ok(());
        }
        if kind.is_gnu_sparse() || is_pax_sparse(entry) {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let reason = format!("holds the sparse file {name}; make the shard anew without tar's --sparse");
            return Err(Error::Said { at: self.shard.path.display().to_string(), reason });
        }
        let bytes = entry.path_bytes().into_owned();
        let Ok(name) = str::from_utf8(&bytes) else {
            self.found.leave(&String::from_utf8_lossy(&bytes), "its name is not UTF-8; rename it");
            return Ok(());
        };
        let name = name.trim_start_matches("./");
        if !kind.is_file() && !kind.is_contiguous() {
            self.found.leave(name, "a link or a device; only files are read");
        } else if offset.saturating_add(length) > self.shard.size {
            self.found.leave(name, "the shard is cut off before its end");
        } else if !self.found.names.insert(name.to_string()) {
            self.found.leave(name, "the second member of this name");
        } else {
            self.found.take(Member { name, offset, length }, entry, self.columns);
        }
        Ok(())
    }
}

fn is_pax_sparse(entry: &mut tar::Entry<File>) -> bool {
    let Ok(Some(extensions)) = entry.pax_extensions() else { return false };
    extensions.flatten().any(|extension| extension.key_bytes().starts_with(b"GNU.sparse"))
}

/// What has been found, by the keys of the samples.
#[derive(Default)]
struct Found {
    index: Index,
    names: HashSet<String>,
    pictures: HashMap<String, usize>,
    classes: HashMap<String, Told>,
    objects: HashMap<String, Told>,
}

/// What a member says of its sample, or why it says nothing.
struct Told {
    member: String,
    label: Result<String, String>,
    weight: Result<f32, String>,
}

impl Found {
    fn leave(&mut self, name: &str, reason: &str) {
        self.index.set_aside.push(SetAside { relative: name.into(), reason: reason.into() });
    }

    fn ignore(&mut self, name: &str, reason: &str) {
        self.index.ignored.push(SetAside { relative: name.into(), reason: reason.into() });
    }

    fn take(&mut self, member: Member, bytes: &mut impl Read, columns: &Columns) {
        let Member { name, offset, length } = member;
        let base = name.rsplit('/').next().unwrap_or(name);
        if base.starts_with('.') {
            return self.ignore(name, "hidden");
        }
        let Some(dot) = base.find('.').map(|dot| name.len() - base.len() + dot) else {
            return self.ignore(name, "neither a picture nor a label, by its name");
        };
        let (key, ending) = (name[..dot].to_string(), name[dot + 1..].to_ascii_lowercase());
        match ending.as_str() {
            "cls" => {
                let label = text(bytes, length).and_then(|text| class(&text));
                self.classes.insert(key, Told { member: name.into(), label, weight: Ok(1.0) });
            }
            "json" => {
                let told = match text(bytes, length).and_then(|text| object(&text)) {
                    Ok(object) => Told::of(name, &object, columns),
                    Err(reason) => Told { member: name.into(), label: Err(reason), weight: Ok(1.0) },
                };
                self.objects.insert(key, told);
            }
            _ if !is_picture(&ending) => self.ignore(name, "neither a picture nor a label, by its name"),
            _ if self.pictures.contains_key(&key) => {
                self.leave(name, &format!("the second picture of the sample {key}"));
            }
            _ => {
                self.pictures.insert(key, self.index.pictures.len());
                let (member, label) = (name.to_string(), String::new());
                self.index.pictures.push(Picture { member, offset, length, label, weight: 1.0 });
            }
        }
    }

    /// Every picture with the label of its sample.
    fn joined(mut self) -> Index {
        let keys = std::mem::take(&mut self.pictures);
        let mut told: HashMap<usize, Result<(String, f32), String>> =
            keys.into_iter().map(|(key, at)| (at, self.told(&key))).collect();
        for (at, mut picture) in std::mem::take(&mut self.index.pictures).into_iter().enumerate() {
            match told.remove(&at).unwrap_or_else(|| Err(String::new())) {
                Ok((label, weight)) => {
                    (picture.label, picture.weight) = (label, weight);
                    self.index.pictures.push(picture);
                }
                Err(reason) => self.leave(&picture.member, &reason),
            }
        }
        let left = self.classes.drain().chain(self.objects.drain()).map(|(_, told)| told).collect::<Vec<_>>();
        for told in left {
            match told.label {
                Ok(_) => self.leave(&told.member, "its sample has no picture"),
                Err(_) => self.ignore(&told.member, "neither a picture nor a label"),
            }
        }
        self.index.set_aside.sort_by(|a, b| a.relative.cmp(&b.relative));
        self.index.ignored.sort_by(|a, b| a.relative.cmp(&b.relative));
        self.index
    }

    /// The label and the weight of a sample. What says the class alone goes first; an object beside it may still say
    /// the weight.
    fn told(&mut self, key: &str) -> Result<(String, f32), String> {
        let (class, object) = (self.classes.remove(key), self.objects.remove(key));
        let weight = object.as_ref().map_or(Ok(1.0), |told| told.weight.clone());
        let Some(told) = class.or(object) else {
            return Err(format!("it has no label: the shard holds neither {key}.cls nor {key}.json"));
        };
        let label =
            told.label.map_err(|reason| format!("its label {} cannot be used: {reason}", told.member))?;
        Ok((label, weight?))
    }
}

impl Told {
    fn of(member: &str, object: &Map<String, Value>, columns: &Columns) -> Self {
        let label = json_value(object, Field::Label, columns);
        let label =
            label.and_then(|label| if label.is_empty() { Err("it says no label".into()) } else { Ok(label) });
        let weight = json_value(object, Field::Weight, columns).and_then(|weight| fields::weight(&weight));
        Self { member: member.into(), label, weight }
    }
}

fn is_picture(ending: &str) -> bool {
    image::ImageFormat::from_extension(ending).is_some() || crate::dataset::scan::is_other_picture(ending)
}

fn text(bytes: &mut impl Read, length: u64) -> Result<String, String> {
    if length > LONGEST_LABEL {
        return Err(format!("it has {length} bytes, more than any label"));
    }
    let mut text = String::new();
    bytes.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn class(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty".into()),
        lines if lines.contains('\n') => Err("it has several lines".into()),
        label => Ok(label.into()),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tar::{Builder, EntryType, Header};

    use super::*;

    /// A shard of these members; names that end in `/` are folders.
    fn shard(members: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = Builder::new(Vec::new());
        for (name, content) in members {
            let mut header = Header::new_gnu();
            header.set_entry_type(if name.ends_with('/') {
                EntryType::Directory
            } else {
                EntryType::Regular
            });
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn index(bytes: &[u8]) -> Result<Index, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        fs::write(&path, bytes).unwrap();
        let index = Index::of(&Shard::at(&path).unwrap(), &Columns::default())?;
        for picture in &index.pictures {
            let at = picture.offset as usize..(picture.offset + picture.length) as usize;
            assert_eq!(&bytes[at], format!("picture {}", picture.member).as_bytes());
        }
        Ok(index)
    }

    fn shown(index: &Index) -> Vec<String> {
        index.pictures.iter().map(|p| format!("{} {} {}", p.member, p.label, p.weight)).collect()
    }

    /// What is set aside and ignored, as `member: reason`.
    fn left(files: &[SetAside]) -> Vec<String> {
        files.iter().map(|file| format!("{}: {}", file.relative, file.reason)).collect()
    }

    #[test]
    fn samples_share_the_key_up_to_the_first_dot() {
        let long = format!("{}/0.x.jpg", "deep/".repeat(60));
        let long = long.as_str();
        let picture = |name: &str| format!("picture {name}");
        let (one, two, three, four) =
            (picture("a/0.jpg"), picture("b.PNG"), picture("c.d/1.jpeg"), picture("e.jpg"));
        let index = index(&shard(&[
            ("./", ""),
            ("./a/", ""),
            ("./a/0.cls", "3\n"),
            ("./a/0.jpg", &one),
            ("./a/0.txt", "a caption"),
            ("b.PNG", &two),
            ("b.json", "{\"class\": \"dog\", \"weight\": 2.5}"),
            ("c.d/1.jpeg", &three),
            ("c.d/1.json", "{\"weight\": 0.5, \"size\": [1, 2]}"),
            ("c.d/1.cls", "cat"),
            ("e.jpg", &four),
            ("e.seg.png", "a mask"),
            ("e.json", "{\"label\": 7}"),
            (long, "not by this ending"),
            (".hidden.jpg", "x"),
            ("__meta__.json", "{}"),
        ]))
        .unwrap();
        assert_eq!(shown(&index), ["a/0.jpg 3 1", "b.PNG dog 2.5", "c.d/1.jpeg cat 0.5", "e.jpg 7 1"]);
        assert_eq!(left(&index.set_aside), [""; 0]);
        let neither = "neither a picture nor a label, by its name";
        let long = format!("{long}: {neither}");
        let expected = [
            ".hidden.jpg: hidden",
            "__meta__.json: neither a picture nor a label",
            "a/0.txt: ",
            &long,
            "e.seg.png: ",
        ];
        let found = left(&index.ignored);
        assert!(found.len() == 5 && found.iter().zip(expected).all(|(a, b)| a.starts_with(b)), "{found:?}");
    }

    #[test]
    fn samples_without_a_label_or_a_picture_are_set_aside() {
        let index = index(&shard(&[
            ("0.jpg", "x"),
            ("1.cls", "3"),
            ("2.jpg", "x"),
            ("2.cls", " "),
            ("3.jpg", "x"),
            ("3.json", "{\"label\": [1]}"),
            ("4.jpg", "picture 4.jpg"),
            ("4.png", "x"),
            ("4.cls", "a"),
            ("4.cls", "b"),
            ("5.jpg", "x"),
            ("5.json", "{\"label\": 1, \"weight\": -1}"),
        ]))
        .unwrap();
        assert_eq!(shown(&index), ["4.jpg a 1"]);
        let expected = [
            "0.jpg: it has no label: the shard holds neither 0.cls nor 0.json",
            "1.cls: its sample has no picture",
            "2.jpg: its label 2.cls cannot be used: it is empty",
            "3.jpg: its label 3.json cannot be used: 'label' is [1]; a label is a name or a whole number of 0 or more",
            "4.cls: the second member of this name",
            "4.png: the second picture of the sample 4",
            "5.jpg: the weight is '-1'; it has to be a finite number above 0",
        ];
        assert_eq!(left(&index.set_aside), expected);
    }

    #[test]
    fn of_a_shard_cut_short_the_whole_members_are_used() {
        let long = "1".repeat(600);
        let whole = shard(&[("0.jpg", "picture 0.jpg"), ("0.cls", "a"), ("1.cls", "b"), ("1.jpg", &long)]);
        let check = |bytes: &[u8], pictures: usize, expected: &[&str]| {
            let index = index(bytes).unwrap();
            assert_eq!(index.pictures.len(), pictures);
            let found = left(&index.set_aside);
            assert!(found.len() == expected.len(), "{found:?}");
            found.iter().zip(expected).for_each(|(found, part)| assert!(found.contains(part), "{found}"));
        };
        // 0.jpg ends at byte 1024, 0.cls at 2048, 1.cls at 3072; 1.jpg begins at 3584.
        let orphan = "1.cls: its sample has no picture";
        check(
            &whole[..4000],
            1,
            &["without tar's end mark", orphan, "1.jpg: the shard is cut off before its end"],
        );
        check(&whole[..3300], 1, &["damaged or cut off after byte 3072", orphan]);
        check(&whole[..2048], 1, &["ends at byte 2048 without tar's end mark"]);
        check(b"", 0, &["ends at byte 0"]);
        check(b"neither", 0, &["damaged or cut off after byte 0"]);
        let mut damaged = whole.clone();
        damaged[2048] ^= 1;
        check(&damaged, 1, &["damaged or cut off after byte 2048"]);
    }

    #[test]
    fn shards_one_behind_the_other_are_one() {
        let pair = |key: &str| {
            shard(&[(&format!("{key}.jpg"), &format!("picture {key}.jpg")), (&format!("{key}.cls"), key)])
        };
        let index = index(&[pair("a"), pair("b")].concat()).unwrap();
        assert_eq!(shown(&index), ["a.jpg a 1", "b.jpg b 1"]);
    }

    #[test]
    fn what_is_no_plain_file_is_left_or_refused_by_name() {
        let mut tar = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "0.jpg", "1.jpg").unwrap();
        let index_of = |tar: Builder<Vec<u8>>| index(&tar.into_inner().unwrap());
        assert_eq!(
            left(&index_of(tar).unwrap().set_aside),
            ["0.jpg: a link or a device; only files are read"]
        );

        let mut tar = Builder::new(Vec::new());
        tar.append_pax_extensions([("GNU.sparse.major", b"1".as_slice())]).unwrap();
        let mut header = Header::new_ustar();
        header.set_size(1);
        tar.append_data(&mut header, "0.jpg", b"x".as_slice()).unwrap();
        let message = index_of(tar).unwrap_err().to_string();
        assert!(message.contains("a.tar: holds the sparse file 0.jpg"), "{message}");
        let message = index(b"\x1f\x8b gzip").unwrap_err().to_string();
        assert!(message.contains("a.tar: is a compressed archive"), "{message}");
    }
}
