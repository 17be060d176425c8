//! The files that paths on the command line mean: pictures in folders are found by their endings, sorted, each once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::failure::Failure;
use super::paths_from_stdin;

pub fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let typed = paths.iter().flat_map(|path| match path.as_os_str() == "-" {
        true => paths_from_stdin().unwrap_or_default(),
        false => vec![path.clone()],
    });
    for path in typed {
        if path.is_dir() {
            let from = files.len();
            walk(&path, &mut files, 0)?;
            files[from..].sort();
        } else if !path.exists() && !path.is_symlink() {
            return Err(Failure::Usage(format!("{} does not exist", path.display())).into());
        } else {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Failure::Data("there is no picture under the paths given".into()).into());
    }
    Ok(each_once(files))
}

fn each_once(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = HashSet::with_capacity(files.len());
    let is_new: Vec<bool> = files.iter().map(|file| seen.insert(file.as_path())).collect();
    let mut is_new = is_new.into_iter();
    files.retain(|_| is_new.next().unwrap_or_default());
    files
}

/// Folders deeper than this are a loop of links, or no collection of pictures.
const DEEPEST: usize = 32;

const ENDINGS: [&str; 17] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "webp", "tif", "tiff", "pbm", "pgm", "ppm",
    "pnm", "pam", "qoi",
];

pub fn walk(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Failure::Data(format!("cannot read {}: {error}", folder.display())))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        if path.is_dir() {
            walk(&path, files, depth + 1)?;
        } else if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_sorted_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("b")).unwrap();
        for name in ["b/2.jpg", "b/1.PNG", "a.webp", "notes.txt", ".hidden.jpg"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let given = [at("b/2.jpg"), folder.path().to_owned(), at("notes.txt")];
        let found = listed(&given).unwrap();
        assert_eq!(found, [at("b/2.jpg"), at("a.webp"), at("b/1.PNG"), at("notes.txt")]);
        assert!(listed(&[at("absent.jpg")]).is_err());
    }
}
