//! Files that never replace one of the user's: a name that is taken gets a number.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::durable;

/// Writes the file under the name wanted, or with the next free number: views.png, views-2.png.
pub fn write(wanted: &Path, bytes: &[u8]) -> Result<PathBuf> {
    if let Some(parent) = wanted.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        durable::create_folders(parent)?;
    }
    let stem = wanted.file_stem().unwrap_or_default().to_string_lossy();
    let ending = wanted.extension().unwrap_or_default().to_string_lossy();
    for number in 1.. {
        let path = match number {
            1 => wanted.to_owned(),
            number => wanted.with_file_name(format!("{stem}-{number}.{ending}")),
        };
        match durable::write_new(&path, bytes) {
            Err(durable::Error::Exists { .. }) => {}
            result => return Ok(result.map(|()| path)?),
        }
    }
    unreachable!("numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("new/sheet.png");
        let names: Vec<_> = (0..3)
            .map(|n| write(&wanted, &[n]).unwrap().file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["sheet.png", "sheet-2.png", "sheet-3.png"]);
        assert_eq!(std::fs::read(wanted).unwrap(), [0]);
    }
}
