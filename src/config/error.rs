//! What is wrong with a configuration: each fault with its line or override, its key and the reason.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read: {source}; give the path of a TOML file, or write one with `kiln init DIR`", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// Every fault that was found, in the order of the file.
    #[error("{}", report(file, faults))]
    Refused { file: PathBuf, faults: Vec<Fault> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub at: At,
    /// The dotted key, lists by number from 1; empty where the text is no TOML at all.
    pub key: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// Counted from 1.
    Line(usize),
    /// Nowhere in particular: something is missing.
    File,
    /// As it was typed.
    Override(String),
}

impl Fault {
    fn describe(&self, file: &Path) -> String {
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        match &self.at {
            At::Line(line) => format!("{}:{line}: {key}{}", file.display(), self.reason),
            At::File => format!("{}: {key}{}", file.display(), self.reason),
            At::Override(typed) => format!("override `{typed}`: {key}{}", self.reason),
        }
    }
}

fn report(file: &Path, faults: &[Fault]) -> String {
    let lines: Vec<_> = faults.iter().map(|fault| fault.describe(file)).collect();
    lines.join("\n")
}
