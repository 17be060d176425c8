//! Indexes of shards, kept in kiln's cache folder so that gigabytes are looked through once. One is used for the very
//! shard it was made of, and only where its own bytes are intact; anything else is made anew without a word.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::samples::Index;
use crate::config::Columns;
use crate::dataset::location::Shard;
use crate::durable;

/// The version of the file's form, and of how shards are read.
const FORMAT: u32 = 2;

/// The first line of the file; the index is the rest.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    format: u32,
    shard: String,
    size: u64,
    modified: u64,
    /// The names of the fields decide which label is read.
    columns: String,
    /// BLAKE3 of the index.
    hash: String,
}

impl Head {
    fn of(shard: &Shard, columns: &Columns, index: &[u8]) -> Self {
        Self {
            format: FORMAT,
            shard: place(shard),
            size: shard.size,
            modified: shard.modified,
            columns: format!("{columns:?}"),
            hash: durable::hash(index),
        }
    }
}

pub fn find(cache: &Path, shard: &Shard, columns: &Columns) -> Option<Index> {
    let bytes = durable::read_list(&file(cache, shard)).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, index) = (&bytes[..end], &bytes[end + 1..]);
    let head: Head = serde_json::from_slice(head).ok()?;
    // Without a time nobody can tell whether the shard is still the same.
    let same = shard.modified != 0 && head == Head::of(shard, columns, index);
    let index: Index = serde_json::from_slice(index).ok().filter(|_| same)?;
    index.pictures.iter().all(|picture| picture.is_possible(shard.size)).then_some(index)
}

/// Where there is no room for it, the next run looks through the shard again.
pub fn keep(cache: &Path, shard: &Shard, columns: &Columns, index: &Index) {
    let Ok(index) = serde_json::to_vec(index) else { return };
    let Ok(mut bytes) = serde_json::to_vec(&Head::of(shard, columns, &index)) else { return };
    bytes.push(b'\n');
    bytes.extend(index);
    if durable::create_folders(&cache.join("shards")).is_ok() {
        let _ = durable::write(&file(cache, shard), &bytes);
    }
}

/// The same shard by whatever way it was named.
fn place(shard: &Shard) -> String {
    let path = fs::canonicalize(&shard.path).unwrap_or_else(|_| shard.path.clone());
    path.to_string_lossy().into_owned()
}

fn file(cache: &Path, shard: &Shard) -> PathBuf {
    let name = &durable::hash(place(shard).as_bytes())[..32];
    cache.join("shards").join(format!("{name}.index"))
}

#[cfg(test)]
mod tests {
    use super::super::samples::Picture;
    use super::*;

    #[test]
    fn an_index_is_found_for_its_shard_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let path = folder.path().join("a.tar");
        fs::write(&path, b"tar").unwrap();
        let shard = Shard::at(&path).unwrap();
        let columns = Columns::default();
        let (member, label, source) = ("a.jpg".into(), "b".into(), Some("north".into()));
        let picture = Picture { member, offset: 1, length: 2, label, weight: 0.1, source };
        assert_eq!(find(&cache, &shard, &columns), None);
        for lie in [
            Picture { length: u64::MAX, ..picture.clone() },
            Picture { length: 3, ..picture.clone() },
            Picture { weight: -1.0, ..picture.clone() },
        ] {
            keep(&cache, &shard, &columns, &Index { pictures: vec![lie], ..Index::default() });
            assert_eq!(find(&cache, &shard, &columns), None);
        }
        let index = Index { pictures: vec![picture], ..Index::default() };
        keep(&cache, &shard, &columns, &index);
        assert_eq!(find(&cache, &shard, &columns), Some(index));

        let told = Columns { label: Some("kind".into()), ..Columns::default() };
        assert_eq!(find(&cache, &shard, &told), None);
        assert_eq!(find(&cache, &Shard { size: 4, ..shard.clone() }, &columns), None);
        assert_eq!(find(&cache, &Shard { modified: 4, ..shard.clone() }, &columns), None);
        let kept = file(&cache, &shard);
        let bytes = fs::read(&kept).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        for damaged in
            [text.replace("\"b\"", "\"c\"").as_bytes(), &bytes[..bytes.len() - 3], b"", b"\n", b"{}\n{}"]
        {
            fs::write(&kept, damaged).unwrap();
            assert_eq!(find(&cache, &shard, &columns), None);
        }
    }
}
