//! The manifest of a checkpoint: sizes and BLAKE3 of its files, format and version, and at its end the
//! BLAKE3 of its own bytes before that. Written last, so a folder that has one is whole.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::durable;

/// The version of the run folder's layout.
const FORMAT: u64 = 1;
const NAME: &str = "manifest.json";
const SEAL: &str = ",\n  \"blake3\": \"";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u64,
    pub kiln: String,
    pub configuration: String,
    pub data: String,
    pub files: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub bytes: u64,
    pub blake3: String,
}

impl Manifest {
    pub fn new(configuration: &str, data: &str) -> Self {
        Self {
            format: FORMAT,
            kiln: env!("CARGO_PKG_VERSION").into(),
            configuration: configuration.into(),
            data: data.into(),
            files: BTreeMap::new(),
        }
    }

    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        let entry = Entry { bytes: bytes.len() as u64, blake3: durable::hash(bytes) };
        self.files.insert(name.into(), entry);
    }

    /// The file's text: JSON whose last key seals all that stands before it.
    pub fn sealed(&self) -> String {
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        let body = json.strip_suffix("\n}").unwrap_or(&json);
        format!("{body}{SEAL}{}\"\n}}\n", durable::hash(body.as_bytes()))
    }

    fn unsealed(path: &Path, text: &str) -> Result<Self, Error> {
        let damaged = |reason: &str| Error::Damaged { path: path.to_owned(), reason: reason.into() };
        let at = text.rfind(SEAL).ok_or_else(|| damaged("it has no checksum of itself"))?;
        let (body, seal) = text.split_at(at);
        if seal != format!("{SEAL}{}\"\n}}\n", durable::hash(body.as_bytes())) {
            return Err(damaged("its checksum of itself is wrong"));
        }
        #[derive(Deserialize)]
        struct Format {
            format: u64,
        }
        let json = format!("{body}\n}}");
        let unread = |cause: serde_json::Error| damaged(&cause.to_string());
        // The format first: what another one lists may not be readable at all.
        let Format { format } = serde_json::from_str(&json).map_err(unread)?;
        if format != FORMAT {
            return Err(Error::Format { path: path.to_owned(), found: format, known: FORMAT });
        }
        let manifest: Self = serde_json::from_str(&json).map_err(unread)?;
        match manifest.files.keys().find(|name| !is_plain(name)) {
            Some(name) => Err(damaged(&format!("it lists {name:?}, which is no file of a checkpoint"))),
            None => Ok(manifest),
        }
    }
}

/// A name without a path: what a manifest lists lies beside it.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && name != ".."
}

/// Puts the manifest into a folder that is being written.
pub(super) fn finish(folder: &durable::NewFolder, manifest: &Manifest) -> Result<(), Error> {
    Ok(folder.write(NAME, manifest.sealed().as_bytes())?)
}

/// Reads a checkpoint's manifest and checks every file against it.
pub fn verify(folder: &Path) -> Result<Manifest, Error> {
    let path = folder.join(NAME);
    let text = durable::read_words(&path).map_err(Error::unreadable(&path))?;
    let manifest = Manifest::unsealed(&path, &text)?;
    for (name, entry) in &manifest.files {
        let file = folder.join(name);
        let damaged = |reason: String| Error::Damaged { path: file.clone(), reason };
        let data = std::fs::metadata(&file).map_err(|cause| Error::Read { path: file.clone(), cause })?;
        if !data.is_file() {
            return Err(damaged("it is no file".into()));
        }
        let found = data.len();
        if found != entry.bytes {
            return Err(damaged(format!("it has {found} bytes, not {}", entry.bytes)));
        }
        if durable::hash_file(&file)? != entry.blake3 {
            return Err(damaged("its checksum is wrong".into()));
        }
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_byte_of_a_manifest_is_noticed() {
        let mut manifest = Manifest::new("c", "d");
        manifest.add("model.safetensors", b"numbers");
        let text = manifest.sealed();
        let path = Path::new("manifest.json");
        assert_eq!(Manifest::unsealed(path, &text).unwrap(), manifest);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(value["blake3"].is_string());
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] ^= 1;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(Manifest::unsealed(path, &text).is_err(), "byte {i}");
            }
        }
    }

    #[test]
    fn a_manifest_lists_files_beside_it_and_no_paths() {
        let check = |name: &str, fine: bool| {
            let mut manifest = Manifest::new("c", "d");
            manifest.add(name, b"numbers");
            let read = Manifest::unsealed(Path::new("manifest.json"), &manifest.sealed());
            assert_eq!(read.is_ok(), fine, "{name:?}");
        };
        check("model.safetensors", true);
        check("state-2_a.json", true);
        for name in ["", "..", "../state.json", "a/b", "a\\b", "/etc/passwd", "a b", "ä"] {
            check(name, false);
        }
    }
}
