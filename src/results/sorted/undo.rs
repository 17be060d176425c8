//! Taking a sorting back by its journal, last step first: moved files go home, links and copies go away. What is no longer
//! as the sorting left it stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::super::Error;
use super::journal::{Entry, How, read};
use crate::durable;

/// What was taken back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Undone {
    pub files: usize,
    /// What stayed, and why.
    pub remarks: Vec<String>,
}

/// Takes back what a journal tells of. The journal stays; doing it again does nothing.
pub fn undo(journal: &Path) -> Result<Undone, Error> {
    let entries = read(journal)?;
    let folders: BTreeSet<&Path> =
        entries.iter().flat_map(|entry| [&entry.from, &entry.to]).filter_map(|path| path.parent()).collect();
    for folder in folders {
        // What was killed here has left half a copy.
        let _ = durable::sweep(folder);
    }
    let mut undone = Undone::default();
    for entry in entries.iter().rev() {
        match taken_back(entry) {
            Ok(true) => undone.files += 1,
            Ok(false) => {}
            Err(reason) => undone.remarks.push(format!("{} stays: {reason}", entry.to.display())),
        }
    }
    let root = journal.parent().unwrap_or(Path::new("."));
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    remove_empty(&entries, &root);
    Ok(undone)
}

/// False where the step was never taken, or has been taken back.
fn taken_back(entry: &Entry) -> Result<bool, String> {
    let Entry { how, from, to } = entry;
    let Ok(found) = fs::symlink_metadata(to) else { return Ok(false) };
    let said = |error: durable::Error| error.to_string();
    match how {
        How::Move if fs::symlink_metadata(from).is_ok() => {
            // It broke off between the two names; the later one goes.
            durable::forget_original(to, from).map_err(|error| format!("its old name is taken: {error}"))?;
        }
        How::Move => {
            if let Some(above) = from.parent() {
                durable::create_folders(above).map_err(said)?;
                durable::name_again(to, from).map_err(said)?;
                durable::settle_folder(above).map_err(said)?;
                durable::forget_original(to, from).map_err(said)?;
            }
        }
        How::Link => match found.is_symlink() && fs::read_link(to).is_ok_and(|target| target == *from) {
            true => fs::remove_file(to).map_err(|error| error.to_string())?,
            false => return Err("it is not the link that was made".into()),
        },
        How::Copy => match found.is_file() {
            true => durable::forget_original(to, from).map_err(said)?,
            false => return Err("it is not the copy that was made".into()),
        },
    }
    Ok(true)
}

/// Folders of classes in which nothing is left.
fn remove_empty(entries: &[Entry], root: &Path) {
    let folders: BTreeSet<&Path> = entries
        .iter()
        .flat_map(|entry| entry.to.ancestors().skip(1))
        .filter(|folder| folder.starts_with(root) && *folder != root)
        .collect();
    // The deepest first; one that holds something refuses.
    for folder in folders.into_iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}
