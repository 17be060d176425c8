//! Looks through one shard for where its members lie; where it is cut short, what is whole is used. Leaves what the
//! members are to each other to `samples`.

use std::fs::File;
use std::io::{self, Read};

use super::samples::{Found, Index, Member};
use crate::config::Columns;
use crate::dataset::location::Shard;
use crate::dataset::ration::Rationed;
use crate::dataset::{Error, SetAside};

const BLOCK: u64 = 512;

impl Index {
    /// Looks through a shard.
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

impl Reading<'_> {
    fn members(&mut self, file: File) -> Result<(), Error> {
        let (file, ration) = Rationed::new(file);
        let mut archive = tar::Archive::new(file);
        // Archives put one behind the other are one shard.
        archive.set_ignore_zeros(true);
        let entries = match archive.entries_with_seek() {
            Ok(entries) => entries,
            Err(error) => return Err(Error::unreadable(&self.shard.path)(error)),
        };
        for entry in entries {
            ration.lift();
            match entry {
                Ok(mut entry) => self.member(&mut entry)?,
                Err(error) => {
                    self.cut_off(&format!("it is damaged or cut off after byte {}: {error}", self.end));
                    return Ok(());
                }
            }
            ration.heads();
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

    fn member(&mut self, entry: &mut tar::Entry<Rationed<File>>) -> Result<(), Error> {
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
        } else {
            self.found.take(Member { name, offset, length }, entry, self.columns);
        }
        Ok(())
    }
}

fn is_pax_sparse(entry: &mut tar::Entry<Rationed<File>>) -> bool {
    let Ok(Some(extensions)) = entry.pax_extensions() else { return false };
    extensions.flatten().any(|extension| extension.key_bytes().starts_with(b"GNU.sparse"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use tar::{Builder, EntryType, Header};

    use super::super::samples::Picture;
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
    fn long_names_and_folders_are_read() {
        let deep = "deep/".repeat(60);
        let names = [format!("{deep}0.jpg"), format!("{deep}1.jpg"), "é/2.jpg".to_string()];
        let [gnu, pax, plain] = &names;
        let mut tar = Builder::new(Vec::new());
        let mut add = |name: &str, content: &str, in_pax: bool| {
            let mut header = if in_pax { Header::new_ustar() } else { Header::new_gnu() };
            header.set_size(content.len() as u64);
            if in_pax {
                tar.append_pax_extensions([("path", name.as_bytes())]).unwrap();
                header.set_cksum();
                tar.append(&header, content.as_bytes()).unwrap();
            } else {
                tar.append_data(&mut header, format!("./{name}"), content.as_bytes()).unwrap();
            }
        };
        for (name, in_pax) in [(gnu, false), (pax, true), (plain, false)] {
            add(name, &format!("picture {name}"), in_pax);
            add(&name.replace("jpg", "cls"), "a", in_pax);
        }
        let whole = [shard(&[("./", ""), ("deep/", "")]), tar.into_inner().unwrap()].concat();
        let index = index(&whole).unwrap();
        assert_eq!(shown(&index), names.clone().map(|name| format!("{name} a 1")));
        assert!(index.set_aside.is_empty() && index.ignored.is_empty());
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

    proptest! {
        /// Whatever is done to a shard, it is read or refused, and no picture lies outside of it.
        #[test]
        fn no_damage_panics(
            places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in 0..7000_usize,
        ) {
            let long = format!("{}1.jpg", "long/".repeat(50));
            let mut bytes = shard(&[("a/", ""), ("0.jpg", "picture"), ("0.cls", "a"), (&long, "x")]);
            let length = (bytes.len() - 1).saturating_sub(cut) + 1;
            bytes.truncate(length);
            for (place, byte) in places {
                bytes[place.index(length)] = byte;
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.tar");
            fs::write(&path, &bytes).unwrap();
            if let Ok(index) = Index::of(&Shard::at(&path).unwrap(), &Columns::default()) {
                let inside = |p: &Picture| p.offset.checked_add(p.length).is_some_and(|end| end <= bytes.len() as u64);
                prop_assert!(index.pictures.iter().all(inside));
            }
        }
    }

    #[test]
    fn a_name_as_long_as_a_file_ends_the_listing() {
        let mut tar = Builder::new(Vec::new());
        for (name, kind, content) in [
            ("0.jpg", EntryType::Regular, b"picture 0.jpg".as_slice()),
            ("0.cls", EntryType::Regular, b"a"),
            ("././@LongLink", EntryType::GNULongName, &[b'n'; (1 << 20) + 1]),
        ] {
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(content.len() as u64);
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, content).unwrap();
        }
        let index = index(&tar.into_inner().unwrap()).unwrap();
        assert_eq!(shown(&index), ["0.jpg a 1"]);
        assert!(left(&index.set_aside)[0].contains("a name or the like takes more than 1048576 bytes"));
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
