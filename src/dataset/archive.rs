//! Unpacks .tgz, .tar and .zip into a folder that appears whole or not at all. Only plain files and folders below
//! that folder are ever made: an archive that asks for anything else is refused as a whole.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::ration::Rationed;
use crate::durable::{self, NewFolder};

/// How much an archive may unpack to; a small file can claim to hold any amount.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub entries: usize,
    pub bytes: u64,
}

impl Limits {
    /// Pictures are compressed already: fifty times its own size is no archive of pictures.
    pub fn of(archive_bytes: u64) -> Self {
        Self { entries: 5_000_000, bytes: archive_bytes.saturating_mul(50).max(1 << 30) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {reason}; it may be damaged: remove it to have it fetched again", path.display())]
    Read { path: PathBuf, reason: String },
    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: std::io::Error },
    #[error("{} is neither a .tgz, a .tar nor a .zip", path.display())]
    UnknownKind { path: PathBuf },
    #[error("the archive {} is refused: its entry '{entry}' {reason}", path.display())]
    Refused { path: PathBuf, entry: String, reason: String },
    #[error(transparent)]
    Durable(#[from] durable::Error),
}

/// Unpacks into a folder that is not there yet, and says how many files that were. Progress counts files.
pub fn unpack(
    archive: &Path,
    into: &Path,
    limits: Limits,
    progress: &mut dyn FnMut(usize),
) -> Result<usize, Error> {
    let folder = NewFolder::begin(into)?;
    let mut unpacking = Unpacking { archive, root: folder.path(), limits, entries: 0, files: 0, progress };
    match kind(archive)? {
        Kind::Gzip => unpacking.tar(MultiGzDecoder::new(open(archive)?))?,
        Kind::Tar => unpacking.tar(open(archive)?)?,
        Kind::Zip => unpacking.zip(open(archive)?)?,
    }
    let files = unpacking.files;
    folder.commit()?;
    Ok(files)
}

enum Kind {
    Gzip,
    Tar,
    Zip,
}

/// By content; names of downloads say little.
fn kind(archive: &Path) -> Result<Kind, Error> {
    let mut start = Vec::new();
    open(archive)?.take(512).read_to_end(&mut start).map_err(|error| unreadable(archive, &error))?;
    match start.as_slice() {
        [0x1f, 0x8b, ..] => Ok(Kind::Gzip),
        [b'P', b'K', ..] => Ok(Kind::Zip),
        block if block.get(257..262) == Some(b"ustar") => Ok(Kind::Tar),
        _ => Err(Error::UnknownKind { path: archive.into() }),
    }
}

struct Unpacking<'a> {
    archive: &'a Path,
    root: &'a Path,
    limits: Limits,
    entries: usize,
    files: usize,
    progress: &'a mut dyn FnMut(usize),
}

impl Unpacking<'_> {
    fn tar(&mut self, reader: impl Read) -> Result<(), Error> {
        let archive = self.archive;
        let fault = |error: std::io::Error| unreadable(archive, &error);
        let (reader, ration) = Rationed::new(reader);
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().map_err(fault)? {
            let mut entry = entry.map_err(fault)?;
            ration.lift();
            let name = entry.path().map_err(fault)?.into_owned();
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() {
                // Says nothing that pictures need.
            } else if kind.is_dir() || entry.path_bytes().ends_with(b"/") {
                // Archives older than ustar mark folders by the slash alone.
                self.folder(&name)?;
            } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
                self.file(&name, &mut entry)?;
            } else {
                return Err(self.refused(&name, "is a link or a device, neither a file nor a folder"));
            }
            ration.heads();
        }
        Ok(())
    }

    fn zip(&mut self, reader: BufReader<File>) -> Result<(), Error> {
        let archive = self.archive;
        let fault = |error: zip::result::ZipError| unreadable(archive, &error);
        let mut zip = zip::ZipArchive::new(reader).map_err(fault)?;
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).map_err(fault)?;
            // Some systems' archives have backslashes, against the standard.
            let name = PathBuf::from(entry.name().map_err(fault)?.replace('\\', "/"));
            let folder = entry.is_dir() || name.as_os_str().as_encoded_bytes().ends_with(b"/");
            if folder {
                self.folder(&name)?;
            } else if is_plain_file(entry.unix_mode()) {
                self.file(&name, &mut entry)?;
            } else {
                return Err(self.refused(&name, "is a link or a device, neither a file nor a folder"));
            }
        }
        Ok(())
    }

    fn folder(&mut self, name: &Path) -> Result<(), Error> {
        let path = self.admit(name)?;
        fs::create_dir_all(&path).map_err(|cause| Error::Write { path, cause })
    }

    fn file(&mut self, name: &Path, reader: &mut impl Read) -> Result<(), Error> {
        let path = self.admit(name)?;
        if path == self.root {
            return Err(self.refused(name, "has no name"));
        }
        if path.exists() {
            return Err(self.refused(name, "is there twice"));
        }
        self.copy(name, reader, &path)?;
        self.files += 1;
        (self.progress)(self.files);
        Ok(())
    }

    fn copy(&mut self, name: &Path, reader: &mut impl Read, path: &Path) -> Result<(), Error> {
        let unwritable = |cause| Error::Write { path: path.into(), cause };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(unwritable)?;
        }
        let mut file = File::create_new(path).map_err(unwritable)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = reader.read(&mut buffer).map_err(|error| unreadable(self.archive, &error))?;
            if count == 0 {
                return Ok(());
            }
            let Some(left) = self.limits.bytes.checked_sub(count as u64) else {
                return Err(self.refused(name, "makes it unpack to far more than pictures would"));
            };
            self.limits.bytes = left;
            file.write_all(&buffer[..count]).map_err(unwritable)?;
        }
    }

    /// Where an entry goes, if it may go anywhere.
    fn admit(&mut self, name: &Path) -> Result<PathBuf, Error> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(self.refused(name, &format!("is one more than the {} allowed", self.limits.entries)));
        }
        let mut path = self.root.to_path_buf();
        for component in name.components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(self.refused(name, "would be written outside its folder"));
                }
            }
        }
        Ok(path)
    }

    fn refused(&self, entry: &Path, reason: &str) -> Error {
        let entry = entry.to_string_lossy().into_owned();
        Error::Refused { path: self.archive.into(), entry, reason: reason.into() }
    }
}

/// A zip made on Unix says in its mode what an entry is; others say nothing, and mean a file.
fn is_plain_file(mode: Option<u32>) -> bool {
    const KIND: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    mode.is_none_or(|mode| matches!(mode & KIND, 0 | REGULAR))
}

fn open(archive: &Path) -> Result<BufReader<File>, Error> {
    File::open(archive).map(BufReader::new).map_err(|error| unreadable(archive, &error))
}

fn unreadable(archive: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Read { path: archive.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use flate2::{Compression, write::GzEncoder};
    use zip::write::SimpleFileOptions;

    use super::*;

    /// A .tgz with entries written as they are given, whatever their names.
    fn tgz(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            // `set_path` would refuse the names that matter here.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            if kind.is_symlink() || kind.is_hard_link() {
                header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
            }
            header.set_cksum();
            tar.append(&header, *content).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    /// Unpacks two folders below a new one, so that an escape would be seen.
    fn unpack(bytes: &[u8], limits: Limits) -> (tempfile::TempDir, Result<usize, Error>) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        let archive = folder.path().join("archive");
        fs::write(&archive, bytes).unwrap();
        let result = super::unpack(&archive, &folder.path().join("inner/out"), limits, &mut |_| {});
        (folder, result)
    }

    fn files_below(folder: &Path) -> usize {
        let below = |path: PathBuf| if path.is_dir() { files_below(&path) } else { 1 };
        fs::read_dir(folder).unwrap().map(|entry| below(entry.unwrap().path())).sum()
    }

    #[test]
    fn an_archive_is_unpacked_whole() {
        use tar::EntryType::{Directory, Regular};
        let bytes = tgz(&[
            ("./", Directory, b""),
            ("./a/", Directory, b""),
            ("./a/1", Regular, b"x"),
            ("b/2", Regular, b"y"),
        ]);
        let (folder, result) = unpack(&bytes, Limits::of(1000));
        assert_eq!(result.unwrap(), 2);
        assert_eq!(fs::read(folder.path().join("inner/out/b/2")).unwrap(), b"y");

        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("a/1", SimpleFileOptions::default()).unwrap();
        zip.write_all(b"x").unwrap();
        let (folder, result) = unpack(&zip.finish().unwrap().into_inner(), Limits::of(1000));
        assert_eq!(result.unwrap(), 1);
        assert_eq!(fs::read(folder.path().join("inner/out/a/1")).unwrap(), b"x");
    }

    #[test]
    fn no_entry_leaves_its_folder() {
        use tar::EntryType::{Block, Fifo, Link, Regular, Symlink};
        let check = |name: &str, kind, part: &str| {
            let bytes = tgz(&[("good", Regular, b"x"), (name, kind, b"")]);
            let (folder, result) = unpack(&bytes, Limits::of(1000));
            let message = result.unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
            // The archive itself, and nothing else.
            assert_eq!(files_below(folder.path()), 1, "{name}");
        };
        check("../escaped", Regular, "'../escaped' would be written outside");
        check("a/../../escaped", Regular, "outside");
        check("/tmp/kiln-escaped", Regular, "outside");
        check("link", Symlink, "link or a device");
        check("link", Link, "link or a device");
        check("device", Block, "link or a device");
        check("pipe", Fifo, "link or a device");
        check("good", Regular, "there twice");

        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let (_folder, result) = unpack(&zip.finish().unwrap().into_inner(), Limits::of(1000));
        assert!(result.unwrap_err().to_string().contains("link or a device"));
    }

    /// A name of any length lies in memory before anybody sees it, and gzip makes a thousandfold of it from nothing.
    #[test]
    fn a_name_as_long_as_a_file_is_refused() {
        let check = |kind, expected: bool| {
            let name = [b'n'; (1 << 20) + 1];
            let name = if expected { &name[..100] } else { &name };
            let bytes = tgz(&[("good", tar::EntryType::Regular, b"x"), ("long", kind, name)]);
            let bytes = [&bytes[..], &tgz(&[("last", tar::EntryType::Regular, b"y")])].concat();
            let (_folder, result) = unpack(&bytes, Limits::of(1 << 20));
            let message = result.map_err(|error| error.to_string());
            let refused = message.as_ref().is_err_and(|message| message.contains("takes more than"));
            assert_eq!(refused, !expected, "{kind:?}: {message:?}");
        };
        for kind in [tar::EntryType::GNULongName, tar::EntryType::GNULongLink, tar::EntryType::XHeader] {
            check(kind, true);
            check(kind, false);
        }
    }

    #[test]
    fn what_claims_too_much_or_is_damaged_leaves_nothing() {
        use tar::EntryType::Regular;
        let bytes = tgz(&[("a", Regular, &[0; 5000]), ("b", Regular, b"x")]);
        let check = |bytes: &[u8], limits, part: &str| {
            let (folder, result) = unpack(bytes, limits);
            let message = result.unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
            assert_eq!(files_below(folder.path()), 1);
        };
        check(&bytes, Limits { entries: 1, bytes: 1 << 20 }, "one more than the 1 allowed");
        check(&bytes, Limits { entries: 10, bytes: 4000 }, "far more than pictures");
        check(&bytes[..bytes.len() / 2], Limits::of(1000), "may be damaged");
        check(b"neither", Limits::of(1000), "neither a .tgz");
    }
}
