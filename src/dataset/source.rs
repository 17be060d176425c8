//! Finds out how labelled pictures are laid out (folders, a table, patterns or shards) and lists them with their
//! classes. Leaves reading the pictures to `scan`.

use std::path::{Path, PathBuf};

use super::globs::{self, Pattern};
use super::labels::{self, Entry, Labels, Purpose, Source};
use super::layout::{self, Layout, is_no_picture};
use super::shards::{self, is_compressed_shard, is_shard};
use super::table::{self, Form};
use super::walk::{self, Tree};
use super::{Error, SetAside, download};
use crate::config::{Columns, Files};

/// Where labelled pictures are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pictures {
    /// A folder, a table, a shard, or a pattern for shards.
    At(PathBuf),
    /// Patterns, each with its class.
    Matching(Vec<Files>),
}

pub(super) fn list(pictures: &Pictures, labels: &Labels) -> Result<Layout, Error> {
    match pictures {
        Pictures::Matching(groups) => {
            refuse_columns(labels)?;
            refuse_depth(labels)?;
            globs::list(groups, labels)
        }
        Pictures::At(path) if globs::is_pattern(path) => matching_shards(path, labels),
        Pictures::At(path) => match (path.is_file(), Form::of(path)) {
            (true, Some(form)) => named_in(path, form, labels),
            (true, None) => one_shard(path, labels),
            (false, _) => below(path, labels),
        },
    }
}

/// What has no meaning in a layout was meant for another one. Where pictures are measured it is the model's.
fn refuse_columns(labels: &Labels) -> Result<(), Error> {
    let idle = labels.columns != Columns::default() && labels.trains();
    if idle { Err(for_others("data.columns", "tables and shards")) } else { Ok(()) }
}

fn refuse_depth(labels: &Labels) -> Result<(), Error> {
    let idle = labels.depth != 1 && labels.trains();
    if idle { Err(for_others("data.depth", "folders of classes")) } else { Ok(()) }
}

fn for_others(key: &str, layouts: &str) -> Error {
    let reason = format!("is for {layouts}, and these pictures are laid out in another way; take it out");
    Error::Said { at: key.into(), reason }
}

/// A folder of classes, or of shards.
fn below(path: &Path, labels: &Labels) -> Result<Layout, Error> {
    let tree = walk::walk(path)?;
    let mut layout = match shards_in(&tree) {
        Some(shards) => {
            let mut layout = in_shards(path, path, &shards, labels)?;
            let others = tree.files.iter().filter(|name| !shards.contains(name)).cloned();
            let reason = "not a shard, by its name";
            layout.ignored.extend(others.map(|relative| SetAside { relative, reason: reason.into() }));
            layout
        }
        None => {
            refuse_columns(labels)?;
            layout::arrange(path, &tree, labels)?
        }
    };
    layout.set_aside.extend(tree.set_aside);
    layout.set_aside.extend(tree.closed);
    layout.ignored.extend(tree.ignored);
    Ok(layout)
}

/// The shards of a folder that holds shards and nothing that may be a picture.
pub(super) fn shards_in(tree: &Tree) -> Option<Vec<String>> {
    let is_one = |name: &String| is_shard(name) || is_compressed_shard(name);
    let shards: Vec<String> = tree.files.iter().filter(|name| is_one(name)).cloned().collect();
    (!shards.is_empty() && tree.files.iter().all(|name| is_one(name) || is_no_picture(name)))
        .then_some(shards)
}

fn one_shard(path: &Path, labels: &Labels) -> Result<Layout, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !is_shard(&name) && !is_compressed_shard(&name) {
        return Err(Error::NotAFolder { path: path.into() });
    }
    in_shards(folder_of(path), path, &[name], labels)
}

fn matching_shards(path: &Path, labels: &Labels) -> Result<Layout, Error> {
    let pattern = Pattern::new(path)?;
    let tree = walk::walk(&pattern.base)?;
    let files: Vec<String> = tree.files.into_iter().filter(|name| pattern.matches(name)).collect();
    let at = path.display().to_string();
    if files.is_empty() {
        return Err(Error::Said { at, reason: "no file matches".into() });
    }
    if let Some(other) = files.iter().find(|name| !is_shard(name) && !is_compressed_shard(name)) {
        let reason = format!(
            "matches {other}, which is no .tar; for pictures say data.files = [{{ glob = \"...\", class = \"...\" }}]"
        );
        return Err(Error::Said { at, reason });
    }
    let mut layout = in_shards(&pattern.base, path, &files, labels)?;
    layout.set_aside.extend(tree.set_aside.into_iter().filter(|file| pattern.matches(&file.relative)));
    layout.set_aside.extend(tree.closed.into_iter().filter(|folder| pattern.reaches(&folder.relative)));
    Ok(layout)
}

/// The pictures that a table names, from its own folder on.
fn named_in(path: &Path, form: Form, labels: &Labels) -> Result<Layout, Error> {
    refuse_depth(labels)?;
    let mut faults = Vec::new();
    let rows = table::read(path, form, &labels.columns, &mut |line, error| match labels.purpose {
        Purpose::Checking => {
            faults.push((line, error));
            Ok(())
        }
        _ => Err(error),
    })?;
    let entry = |row: table::Row| Entry {
        relative: plain(&row.path),
        slice: None,
        label: row.label,
        split: row.split,
        weight: row.weight,
        source: row.source,
        line: row.line,
    };
    let entries = rows.into_iter().map(entry).collect();
    let mut layout = labels::arrange(folder_of(path), entries, &Source::Table(path.into()), labels)?;
    // Training reads all rows before it compares them, so theirs is the first fault.
    layout.refusal = faults.first().map(|(_, error)| error.to_string()).or(layout.refusal);
    layout.set_aside.extend(faults.into_iter().map(|(line, error)| row_aside(path, line, error)));
    Ok(layout)
}

/// A row that cannot be read, called by the table and its line.
fn row_aside(table: &Path, line: u64, error: Error) -> SetAside {
    let relative = format!("{}:{line}", table.file_name().unwrap_or_default().to_string_lossy());
    match error {
        Error::Said { reason, .. } => SetAside { relative, reason },
        other => SetAside { relative, reason: other.to_string() },
    }
}

/// A path without what means nothing in it, so that one file has one name.
fn plain(path: &str) -> String {
    let mut plain: &str = path;
    while let Some(rest) = plain.strip_prefix("./") {
        plain = rest.trim_start_matches('/');
    }
    plain.replace("/./", "/")
}

fn in_shards(root: &Path, path: &Path, shards: &[String], labels: &Labels) -> Result<Layout, Error> {
    refuse_depth(labels)?;
    shards::list(root, path, shards, labels, download::cache_folder().as_deref())
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name() {
        let check = |path: &str, expected: &str| assert_eq!(plain(path), expected);
        check("a/b.jpg", "a/b.jpg");
        check("./a/./b.jpg", "a/b.jpg");
        check("././/a.jpg", "a.jpg");
        check("/a/../b.jpg", "/a/../b.jpg");
    }

    #[test]
    fn folders_of_shards_hold_nothing_that_may_be_a_picture() {
        let check = |files: &[&str], expected: Option<usize>| {
            let files = files.iter().map(|file| (*file).to_string()).collect();
            let shards = shards_in(&Tree { files, ..Tree::default() });
            assert_eq!(shards.map(|shards| shards.len()), expected);
        };
        check(&["0.tar", "README.md", "index.json", "train/1.tar", "2.tar.gz"], Some(3));
        check(&["0.tar", "cats/1.jpg"], None);
        check(&["cats/1.jpg"], None);
        check(&["README.md"], None);
    }
}
