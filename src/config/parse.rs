//! From text to the checked configuration: the file, the overrides put over it, every section read and checked.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::checked::Config;
use super::error::{At, ConfigError, Fault};
use super::faults::Faults;
use super::origin::{self, Origin};
use super::{check, overrides, raw, section};

impl Config {
    /// Reads a file. Paths in it are relative to its folder, those in overrides to the working directory.
    pub fn load(file: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: file.to_owned(), source };
        let text = crate::durable::read_words(file).map_err(unreadable)?;
        let working = std::env::current_dir().map_err(unreadable)?;
        Self::parse(&text, file, &working, overrides)
    }

    /// The same from a text in memory; `file` is where it lies, or would lie. Reads and asks nothing else.
    pub fn parse(text: &str, file: &Path, working: &Path, typed: &[String]) -> Result<Self, ConfigError> {
        let origin = Origin::new(text, file, working, typed);
        let documents = overrides::documents(typed, &origin);
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        tree(text, &origin)
            .and_then(|tree| overrides::apply(tree, typed, &documents, &origin))
            .and_then(|tree| checked(tree, &stem, &origin))
            .map_err(|faults| ConfigError::Refused { file: file.to_owned(), faults })
    }
}

fn tree<'i>(text: &'i str, origin: &Origin<'_>) -> Result<DeTable<'i>, Vec<Fault>> {
    DeTable::parse(text).map(Spanned::into_inner).map_err(|error| {
        let at = error.span().map_or(At::File, |span| origin.at(span.start.min(text.len())));
        vec![Fault { at, key: String::new(), reason: format!("is not valid TOML: {}", error.message()) }]
    })
}

fn checked(mut tree: DeTable<'_>, stem: &str, origin: &Origin<'_>) -> Result<Config, Vec<Fault>> {
    let mut faults = Faults::new(origin, origin::names(&tree));
    let raw = sections(&mut tree, &mut faults);
    let config = check::config(&raw, stem, &mut faults);
    if faults.is_empty() { Ok(config) } else { Err(faults.into_list()) }
}

fn sections(tree: &mut DeTable<'_>, faults: &mut Faults<'_>) -> raw::File {
    raw::File {
        model: take(tree, "model", faults),
        data: data(tree, faults),
        augment: take(tree, "augment", faults),
        stage: list(
            tree.remove("stage"),
            "stage",
            "begin each stage with double brackets: [[stage]]",
            faults,
        ),
        optimizer: take(tree, "optimizer", faults),
        schedule: take(tree, "schedule", faults),
        train: take(tree, "train", faults),
        checkpoint: take(tree, "checkpoint", faults),
        track: take(tree, "track", faults),
        scratch: take(tree, "scratch", faults),
        // What is left: the name, and keys that belong nowhere.
        ..section::read(Some(Spanned::new(0..0, DeValue::Table(std::mem::take(tree)))), "", faults)
    }
}

fn take<T: DeserializeOwned + Default>(tree: &mut DeTable<'_>, name: &str, faults: &mut Faults<'_>) -> T {
    section::read(tree.remove(name), name, faults)
}

fn data(tree: &mut DeTable<'_>, faults: &mut Faults<'_>) -> raw::Data {
    let [split, columns, files] =
        ["split", "columns", "files"].map(|name| match tree.get_mut("data").map(Spanned::get_mut) {
            Some(DeValue::Table(data)) => data.remove(name),
            _ => None,
        });
    let shape = "write it as files = [{ glob = \"cats/*.jpg\", class = \"cat\" }]";
    raw::Data {
        split: section::read(split, "data.split", faults),
        columns: columns.map(|columns| section::read(Some(columns), "data.columns", faults)),
        files: list(files, "data.files", shape, faults),
        ..take(tree, "data", faults)
    }
}

fn list<T: DeserializeOwned + Default>(
    value: Option<Spanned<DeValue<'_>>>,
    name: &str,
    shape: &str,
    faults: &mut Faults<'_>,
) -> Vec<T> {
    let Some(value) = value else { return Vec::new() };
    let span = value.span();
    let DeValue::Array(list) = value.into_inner() else {
        faults.refuse(span, format!("must be a list; {shape}"));
        return Vec::new();
    };
    (1..)
        .zip(list)
        .map(|(number, part)| section::read(Some(part), &format!("{name}.{number}"), faults))
        .collect()
}
