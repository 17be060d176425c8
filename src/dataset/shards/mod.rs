//! Tar files of pictures in WebDataset's layout: `key.jpg` beside `key.cls` or `key.json`. Pictures are read where they
//! lie; nothing is unpacked. What is in one shard is found by `index` and `samples`, and kept by
//! `kept`.

mod index;
mod kept;
pub(super) mod samples;

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::labels::{self, Entry, Labels, Source};
use super::layout::Layout;
use super::location::{Shard, Slice};
use super::{Error, SetAside, Split};
use crate::config::Columns;
use samples::Index;

/// Endings of tar files that would have to be decompressed to reach any one picture.
const COMPRESSED: &[&str] =
    &["tar.gz", "tgz", "tar.bz2", "tbz2", "tar.xz", "txz", "tar.zst", "tzst", "tar.lz4", "tar.br", "tar.z"];

pub fn is_shard(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".tar")
}

pub fn is_compressed_shard(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    COMPRESSED.iter().any(|ending| name.strip_suffix(ending).is_some_and(|stem| stem.ends_with('.')))
}

pub fn compressed(path: &Path) -> Error {
    let at = path.display().to_string();
    let reason = "is a compressed archive, in which no picture can be reached without all before it; decompress it to \
                  a .tar (pictures are compressed already)";
    Error::Said { at, reason: reason.into() }
}

/// Lists the pictures of shards, each named by its path below the root.
pub fn list(
    root: &Path,
    path: &Path,
    shards: &[String],
    labels: &Labels,
    cache: Option<&Path>,
) -> Result<Layout, Error> {
    if let Some(name) = shards.iter().find(|name| is_compressed_shard(name)) {
        return Err(compressed(&root.join(name)));
    }
    let read = |name: &String| read(&root.join(name), &labels.columns, cache);
    let read: Vec<(Arc<Shard>, Index)> = shards.par_iter().map(read).collect::<Result<_, _>>()?;
    let (mut entries, mut set_aside, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
    for (name, (shard, index)) in shards.iter().zip(read) {
        let member = |member: &str| format!("{name}: {member}");
        let left = |file: SetAside| match file.relative.is_empty() {
            true => SetAside { relative: name.clone(), ..file },
            false => SetAside { relative: member(&file.relative), ..file },
        };
        let split = split_of(name);
        entries.extend(index.pictures.into_iter().map(|picture| Entry {
            relative: member(&picture.member),
            slice: Some(Slice { shard: shard.clone(), offset: picture.offset, length: picture.length }),
            label: picture.label,
            split,
            weight: picture.weight,
            source: picture.source,
            line: 0,
        }));
        set_aside.extend(index.set_aside.into_iter().map(left));
        ignored.extend(index.ignored.into_iter().map(left));
    }
    let mut layout = labels::arrange(root, entries, &Source::Shards(path.into()), labels)?;
    layout.set_aside.extend(set_aside);
    layout.ignored.extend(ignored);
    Ok(layout)
}

/// A shard and what is in it: as it was found before, or looked through now.
fn read(path: &Path, columns: &Columns, cache: Option<&Path>) -> Result<(Arc<Shard>, Index), Error> {
    let shard = Shard::at(path).map_err(Error::unreadable(path))?;
    if let Some(index) = cache.and_then(|cache| kept::find(cache, &shard, columns)) {
        return Ok((Arc::new(shard), index));
    }
    let index = Index::of(&shard, columns)?;
    if let Some(cache) = cache {
        kept::keep(cache, &shard, columns, &index);
    }
    Ok((Arc::new(shard), index))
}

/// The split that a word of a shard's path names: `train-0001.tar`, `flowers_val.tar`, `test/00.tar`. None where no
/// word does, or where several disagree.
fn split_of(name: &str) -> Option<Split> {
    let stem = &name[..name.len() - ".tar".len()];
    let words = stem.split(|c: char| !c.is_ascii_alphanumeric());
    let mut splits: Vec<_> =
        words.filter_map(|word| Split::named(word.trim_end_matches(|c: char| c.is_ascii_digit()))).collect();
    splits.dedup();
    match splits.as_slice() {
        [split] => Some(*split),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shards_tell_their_split() {
        let check = |name: &str, expected| assert_eq!(split_of(name), expected, "{name}");
        check("train-000.tar", Some(Split::Train));
        check("flowers_val_{1}.tar", Some(Split::Val));
        check("validation12.tar", Some(Split::Val));
        check("test/00.TAR", Some(Split::Test));
        check("train/train-0.tar", Some(Split::Train));
        check("train-test.tar", None);
        check("trains-0.tar", None);
        check("00.tar", None);
        check(".tar", None);
    }

    #[test]
    fn compressed_shards_are_known_by_name() {
        assert!(is_shard("a.TAR") && !is_shard("a.tar.gz"));
        assert!(is_compressed_shard("a.tar.gz") && is_compressed_shard("b.TGZ"));
        assert!(
            !is_compressed_shard("a.gz") && !is_compressed_shard("mytgz") && !is_compressed_shard("a.tar")
        );
    }

    #[test]
    fn shards_are_listed_and_found_again() {
        let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (name, keys) in [("train-0.tar", ["0", "1"]), ("test-0.tar", ["0", "1"])] {
            let mut tar = tar::Builder::new(Vec::new());
            for key in keys {
                for (ending, bytes) in [("jpg", format!("{name}{key}")), ("cls", key.to_string())] {
                    let mut header = tar::Header::new_gnu();
                    header.set_size(bytes.len() as u64);
                    tar.append_data(&mut header, format!("{key}.{ending}"), bytes.as_bytes()).unwrap();
                }
            }
            std::fs::write(root.path().join(name), tar.into_inner().unwrap()).unwrap();
        }
        let shards = ["test-0.tar", "train-0.tar"].map(str::to_string);
        let classes = ["zero", "one"].map(str::to_string).to_vec();
        let labels = Labels { classes, ..Labels::default() };
        for _ in 0..2 {
            let layout = list(root.path(), root.path(), &shards, &labels, Some(cache.path())).unwrap();
            let shown = |c: &super::super::layout::Candidate| {
                let bytes = c.slice.as_ref().map(|slice| slice.length);
                format!("{} {} {} {bytes:?}", c.split.name(), layout.classes[c.class], c.relative)
            };
            let shown: Vec<_> = layout.candidates.iter().map(shown).collect();
            assert_eq!(shown[0], "test zero test-0.tar: 0.jpg Some(11)");
            assert_eq!(shown[3], "train one train-0.tar: 1.jpg Some(12)");
            assert_eq!(layout.given.len(), 2);
        }
        assert_eq!(std::fs::read_dir(cache.path().join("shards")).unwrap().count(), 2);
        let error = list(root.path(), root.path(), &["a.tgz".into()], &labels, None).unwrap_err();
        assert!(error.to_string().contains("a.tgz: is a compressed archive"), "{error}");
    }
}
