//! One checkpoint: writing it whole or not at all, and reading it back.

use std::path::{Path, PathBuf};

use super::manifest::{self, Manifest};
use super::{Error, Identity, Progress, read_model, read_tensors, tensor_bytes};
use crate::durable::{self, NewFolder};
use crate::model::Array;

/// What a checkpoint holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The weights that are validated and exported: the averaged ones where there are such.
    pub model: Vec<Array>,
    /// The weights that train, where they are not the same.
    pub raw: Option<Vec<Array>>,
    pub moments: Vec<Array>,
    pub identity: Identity,
    pub progress: Progress,
}

/// A checkpoint on disk that has been verified.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub folder: PathBuf,
    pub manifest: Manifest,
}

const MODEL: &str = "model.safetensors";
const RAW: &str = "training.safetensors";
const MOMENTS: &str = "optimizer.safetensors";
const STATE: &str = "state.json";

/// Writes a checkpoint into a new folder.
pub(super) fn write(folder: &Path, contents: &Contents, mut manifest: Manifest) -> Result<(), Error> {
    let new = NewFolder::begin(folder)?;
    let mut put = |name: &str, bytes: Vec<u8>| -> Result<(), Error> {
        manifest.add(name, &bytes);
        Ok(new.write(name, &bytes)?)
    };
    put(MODEL, tensor_bytes(&contents.model, Some(&contents.identity)))?;
    if let Some(raw) = &contents.raw {
        put(RAW, tensor_bytes(raw, None))?;
    }
    put(MOMENTS, tensor_bytes(&contents.moments, None))?;
    put(STATE, serde_json::to_vec_pretty(&contents.progress).unwrap_or_default())?;
    manifest::finish(&new, &manifest)?;
    Ok(new.commit()?)
}

/// The state in a folder, of which nothing else was looked at.
pub(super) fn progress(folder: &Path) -> Result<Progress, Error> {
    let path = folder.join(STATE);
    let text = durable::read_words(&path).map_err(Error::unreadable(&path))?;
    serde_json::from_str(&text).map_err(|cause| Error::Damaged { path, reason: cause.to_string() })
}

/// How often the run had gone back when this was saved. What cannot be read will be found to be damaged.
pub(super) fn rewinds(folder: &Path) -> u32 {
    progress(folder).map_or(0, |progress| progress.rewinds)
}

impl Checkpoint {
    /// Opens a checkpoint; every file is checked against the manifest.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let manifest = manifest::verify(folder)?;
        match [MODEL, MOMENTS, STATE].into_iter().find(|name| !manifest.files.contains_key(*name)) {
            Some(name) => Err(Error::Damaged {
                path: folder.to_owned(),
                reason: format!("its manifest lists no {name}"),
            }),
            None => Ok(Self { folder: folder.to_owned(), manifest }),
        }
    }

    pub fn model_path(&self) -> PathBuf {
        self.folder.join(MODEL)
    }

    pub fn progress(&self) -> Result<Progress, Error> {
        progress(&self.folder)
    }

    pub fn contents(&self) -> Result<Contents, Error> {
        let (model, identity) = read_model(&self.model_path())?;
        let raw = self.folder.join(RAW);
        let raw = if self.manifest.files.contains_key(RAW) { Some(read_tensors(&raw)?) } else { None };
        let moments = read_tensors(&self.folder.join(MOMENTS))?;
        Ok(Contents { model, raw, moments, identity, progress: self.progress()? })
    }
}
