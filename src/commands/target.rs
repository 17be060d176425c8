//! Where an export goes: the place that was named, or the first free name in a folder. Nothing that is there is replaced.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::failure::Failure;
use crate::durable;
use crate::export::Form;

/// Where exports go.
pub enum Target {
    Place(PathBuf),
    /// Under the first name that is free.
    Folder {
        folder: PathBuf,
        stem: String,
    },
}

impl Target {
    /// By what was typed: a file that is not there yet, or a folder; beside the model where nothing was.
    pub fn new(out: Option<&Path>, count: usize, model: &Path, network: &str) -> Result<Self> {
        let usual = Self::beside(model, network);
        let Some(out) = out else { return Ok(usual) };
        let is_there = out.is_symlink() || out.exists();
        if out.is_dir() || (count > 1 && !is_there) {
            let Self::Folder { stem, .. } = usual else { return Ok(usual) };
            return Ok(Self::Folder { folder: out.to_owned(), stem });
        }
        if is_there {
            return Err(taken(out));
        }
        Ok(Self::Place(out.to_owned()))
    }

    /// In the run's own folder `export`; for a file beside it, and otherwise here.
    fn beside(model: &Path, network: &str) -> Self {
        let text = |name: &std::ffi::OsStr| name.to_string_lossy().into_owned();
        if model.is_dir() {
            // The name of `.` is known to the system alone.
            let whole = model.canonicalize().unwrap_or_else(|_| model.to_owned());
            let stem = whole.file_name().map_or_else(|| network.to_owned(), text);
            return Self::Folder { folder: model.join("export"), stem };
        }
        let stem = model.is_file().then(|| model.file_stem().map(text)).flatten();
        let folder = model.parent().filter(|_| stem.is_some()).map_or_else(PathBuf::new, Path::to_owned);
        Self::Folder { folder, stem: stem.unwrap_or_else(|| network.to_owned()) }
    }

    /// What the exports are called.
    pub fn stem(&self) -> String {
        match self {
            Self::Place(path) => {
                path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
            }
            Self::Folder { stem, .. } => stem.clone(),
        }
    }

    /// The folder in which the exports lie.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Place(path) => path.parent().unwrap_or(Path::new("")),
            Self::Folder { folder, .. } => folder,
        }
    }

    /// Writes something and says where. Never in place of anything else.
    pub fn put(&self, form: Form, write: &dyn Fn(&Path) -> Result<(), durable::Error>) -> Result<PathBuf> {
        match self {
            Self::Place(path) => {
                make_folder(path.parent())?;
                match write(path) {
                    Err(durable::Error::Exists { .. }) => Err(taken(path)),
                    done => Ok(done.map(|()| path.clone())?),
                }
            }
            Self::Folder { folder, stem } => {
                make_folder(Some(folder))?;
                let mut number = 1;
                loop {
                    let path = folder.join(file_name(stem, form, number));
                    match write(&path) {
                        Err(durable::Error::Exists { .. }) => number += 1,
                        done => return Ok(done.map(|()| path)?),
                    }
                }
            }
        }
    }
}

/// `flowers.safetensors`, `flowers-2.safetensors`, `flowers-timm.safetensors`, `flowers-rust`.
fn file_name(stem: &str, form: Form, number: usize) -> String {
    let [kind, ending] = form.marks();
    let number = if number == 1 { String::new() } else { format!("-{number}") };
    format!("{stem}{kind}{number}{ending}")
}

fn make_folder(folder: Option<&Path>) -> Result<()> {
    if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
        durable::create_folders(folder)?;
        // An export that was killed here has left half a file.
        let _ = durable::sweep(folder);
    }
    Ok(())
}

fn taken(path: &Path) -> anyhow::Error {
    let text = format!("{} is there already and is not replaced; give --out another name", path.display());
    Failure::Usage(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_the_run() {
        let check = |form, number, expected| assert_eq!(file_name("flowers", form, number), expected);
        check(Form::Safetensors, 1, "flowers.safetensors");
        check(Form::Safetensors, 2, "flowers-2.safetensors");
        check(Form::Timm, 3, "flowers-timm-3.safetensors");
        check(Form::Torchvision, 1, "flowers-torchvision.safetensors");
        check(Form::Burnpack, 1, "flowers.bpk");
        check(Form::Rust, 2, "flowers-rust-2");
        check(Form::Web, 1, "flowers-web");
    }
}
