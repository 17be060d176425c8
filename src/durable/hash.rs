//! Checksums in hexadecimal: BLAKE3 for kiln's own files, SHA-256 where others publish one.

use super::{Error, system};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

/// BLAKE3 of bytes.
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// BLAKE3 of a file, read piece by piece.
pub fn hash_file(path: &Path) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    system::copy(path, &mut hasher)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// SHA-256 of a file, read piece by piece.
pub fn sha256_file(path: &Path) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    system::copy(path, &mut hasher)?;
    Ok(hexadecimal(&hasher.finalize()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // From the test vectors of FIPS 180-4 and of the BLAKE3 repository.
    const SHA256_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const BLAKE3_EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn checksums_are_the_published_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(sha256_file(&path).unwrap(), SHA256_ABC);
        assert_eq!(sha256(b"abc"), SHA256_ABC);
        assert_eq!(hash(b""), BLAKE3_EMPTY);
    }

    #[test]
    fn a_long_file_has_the_hash_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let bytes: Vec<u8> = (0..700_000u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(hash_file(&path).unwrap(), hash(&bytes));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = hash_file(Path::new("absent/file")).unwrap_err();
        assert_eq!(error.path(), Path::new("absent/file"));
    }
}
