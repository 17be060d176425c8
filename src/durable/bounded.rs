//! Files read whole, up to a size: what a path names may be a device without an end, or a file that somebody has let grow.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No file of words that kiln reads is larger: settings, manifests, lists of classes.
const WORDS: u64 = 16 << 20;

/// No list is larger: a million pictures take 300 MiB in dataset.json.
const LIST: u64 = 1 << 30;

/// All bytes, where there are at most so many.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // Only a hint, and none for a device: what is read counts.
    let likely = usize::try_from(file.metadata()?.len().min(most)).unwrap_or_default();
    let mut bytes = Vec::new();
    // A claim that the memory does not hold is an error, and no end of the process.
    bytes.try_reserve_exact(likely + 1).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// Refuses what is no file of at most so many bytes, before it is opened: a pipe would keep kiln waiting, and a device has
/// no size.
pub fn expect_file(path: &Path, most: u64) -> io::Result<()> {
    let data = std::fs::metadata(path)?;
    if data.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !data.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a device or a pipe, and no file"));
    }
    if data.len() > most { Err(too_large(most)) } else { Ok(()) }
}

/// All bytes of a file, where it is one and has at most so many. For what is too large to be read only to be refused.
pub fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    expect_file(path, most)?;
    read_at_most(path, most)
}

/// All of a file that lists pictures, or has a line for each of them.
pub fn read_list(path: &Path) -> io::Result<Vec<u8>> {
    read_file(path, LIST)
}

fn too_large(most: u64) -> io::Error {
    let text = format!("it has more than {most} bytes, and no such file is larger");
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

/// All of a file of words.
pub fn read_words(path: &Path) -> io::Result<String> {
    let bytes = read_at_most(path, WORDS)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_larger_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "words").unwrap();
        assert_eq!(read_at_most(&path, 5).unwrap(), b"words");
        assert!(read_at_most(&path, 4).unwrap_err().to_string().contains("more than 4 bytes"));
        assert_eq!(read_words(&path).unwrap(), "words");
        std::fs::write(&path, b"\xff").unwrap();
        assert!(read_words(&path).unwrap_err().to_string().contains("not UTF-8"));
        assert!(read_words(folder.path()).is_err() && read_words(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn a_list_is_refused_by_its_size_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "words").unwrap();
        assert_eq!(read_list(&path).unwrap(), b"words");
        assert_eq!(read_file(&path, 5).unwrap(), b"words");
        assert_eq!(expect_file(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        // Nothing is on the disk behind its size.
        std::fs::File::options().write(true).open(&path).unwrap().set_len(LIST + 1).unwrap();
        let error = read_list(&path).unwrap_err();
        assert!(error.to_string().contains("more than 1073741824 bytes"), "{error}");
        assert_eq!(read_list(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(read_list(&folder.path().join("absent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_without_an_end_is_refused() {
        assert_eq!(read_words(Path::new("/dev/zero")).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_pipes_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        // Nobody writes into the pipe: who opened it would wait for ever.
        for path in [&pipe, &link] {
            let error = read_file(path, u64::MAX).unwrap_err();
            assert!(error.to_string().contains("no file"), "{error}");
        }
    }
}
