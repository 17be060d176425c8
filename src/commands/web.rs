//! The runtime of `kiln export --format web`: fetched by npm, or taken from where `--ort-web` says.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::console::tell;
use super::failure::Failure;
use crate::dataset::archive::{self, Limits};
use crate::export::{self, web};

/// The runtime's files by their paths in the folder, each of them the one that the page is written for.
pub fn runtime(given: Option<&Path>) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let scratch = tempfile::tempdir()?;
    let package = match given {
        Some(path) => path.to_owned(),
        None => packed(scratch.path())?,
    };
    if package.is_dir() {
        return Ok(web::runtime(&package)?);
    }
    let Ok(length) = std::fs::metadata(&package).map(|data| data.len()) else {
        return Err(Failure::Usage(format!("--ort-web: {} does not exist", package.display())).into());
    };
    let unpacked = scratch.path().join("unpacked");
    archive::unpack(&package, &unpacked, Limits::of(length), &mut |_| {})
        .map_err(|error| export::Error::Runtime { path: package.clone(), reason: error.to_string() })?;
    Ok(web::runtime(&unpacked)?)
}

/// The package as npm fetches it. Where from and through what is npm's own setting.
fn packed(folder: &Path) -> Result<PathBuf> {
    let package = web::PACKAGE;
    tell(&format!("fetching {package} with npm"));
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let answer = Command::new(program).args(["pack", "--silent", package]).current_dir(folder).output();
    let reason = match answer {
        Ok(answer) if answer.status.success() => {
            let said = String::from_utf8_lossy(&answer.stdout).into_owned();
            return Ok(folder.join(said.trim().lines().last().unwrap_or_default()));
        }
        Ok(answer) => String::from_utf8_lossy(&answer.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let text = format!(
        "npm cannot fetch {package}: {reason}; run `npm pack {package}` where there is a network, and give the file with --ort-web"
    );
    Err(Failure::Weights(text).into())
}
