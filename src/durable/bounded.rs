//! Files read whole, up to a size: what a path names may be a device without an end, or a file that somebody has let grow.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No file of words that kiln reads is larger: settings, manifests, lists of classes.
const WORDS: u64 = 16 << 20;

/// All bytes, where there are at most so many.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // Only a hint, and none for a device: what is read counts.
    let likely = usize::try_from(file.metadata()?.len().min(most)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(likely + 1);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {most} bytes, and no such file is larger"),
        )),
        false => Ok(bytes),
    }
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_without_an_end_is_refused() {
        assert_eq!(read_words(Path::new("/dev/zero")).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
