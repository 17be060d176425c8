//! Each rule of the house: a function from the sources to what stands against it.

use std::fs;

use super::source::{File, Tree};

/// A file and what is wrong with it.
pub type Violation = (String, String);

/// The rooms as data flows through them. A room may use itself and what stands before it.
const ROOMS: [&str; 22] = [
    "chance",
    "durable",
    "page",
    "canvas",
    "scaling",
    "config",
    "dataset",
    "augment",
    "loader",
    "kernels",
    "model",
    "devices",
    "weights",
    "evaluate",
    "checkpoint",
    "train",
    "export",
    "track",
    "report",
    "serve",
    "results",
    "commands",
];

const LONGEST: usize = 400;
const LONGEST_MAIN: usize = 60;
const LONGEST_OPENING: usize = 5;

/// Files that may be longer, and why.
const LONG_FOR_A_REASON: [(&str, &str); 0] = [];

const EMPTY_NAMES: [&str; 8] = ["util", "utils", "utilities", "common", "helper", "helpers", "misc", "stuff"];

/// What the root may hold. Build outputs and tools' own folders are no part of it.
const ROOT: [&str; 21] = [
    ".ci",
    ".git",
    ".gitignore",
    ".gitattributes",
    ".github",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "checkpoints",
    "clippy.toml",
    "configs",
    "datasets",
    "docs",
    "examples",
    // A package of its own, which no build of kiln knows.
    "fuzz",
    "rustfmt.toml",
];
const ROOT_CODE: [&str; 4] = ["src", "tests", "target", "rust-toolchain.toml"];

pub fn imports(tree: &Tree) -> Vec<Violation> {
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut found = Vec::new();
    for file in tree.sources() {
        let Some(room) = file.room() else { continue };
        let Some(here) = place(room) else {
            found.push((file.path.clone(), format!("room {room} has no place in the order; give it one")));
            continue;
        };
        for used in rooms_used(file) {
            if place(&used).is_some_and(|there| there > here) {
                found.push((file.path.clone(), format!("uses {used}, which stands to the right of {room}")));
            }
        }
    }
    found
}

/// The first names of all paths that begin at the crate.
fn rooms_used(file: &File) -> Vec<String> {
    let code = &file.shipped;
    let up = "super::".repeat(file.depth());
    let mut used = Vec::new();
    for root in ["crate::", up.as_str()] {
        for (at, _) in code.match_indices(root) {
            let in_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if !in_word {
                used.extend(first_names(&code[at + root.len()..]));
            }
        }
    }
    used
}

/// `a::b` gives a; `{a, b::c}` gives a and b.
fn first_names(path: &str) -> Vec<String> {
    let Some(group) = path.trim_start().strip_prefix('{') else { return vec![word(path)] };
    let mut names = vec![word(group)];
    let mut depth = 0_usize;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(word(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

pub fn lengths(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.files {
        let lines = file.text.lines().count();
        let limit = if file.path == "src/main.rs" { LONGEST_MAIN } else { LONGEST };
        let excused = LONG_FOR_A_REASON.iter().any(|(path, _)| *path == file.path);
        if lines > limit && !excused {
            found.push((
                file.path.clone(),
                format!("{lines} lines, {limit} are allowed: split it or list a reason"),
            ));
        }
    }
    found
}

pub fn names(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.files {
        let in_path = file.path.split('/').map(|part| part.trim_end_matches(".rs").to_owned());
        let declared =
            file.code.match_indices("mod ").map(|(at, found)| word(&file.code[at + found.len()..]));
        for name in in_path.chain(declared) {
            if EMPTY_NAMES.contains(&name.as_str()) {
                found.push((file.path.clone(), format!("\"{name}\" does not say what is inside")));
            }
        }
    }
    found
}

pub fn unsafe_code(tree: &Tree) -> Vec<Violation> {
    let allowed = |path: &str| path.starts_with("src/kernels/") || path == "src/durable/map.rs";
    let files = tree.files.iter().filter(|file| !allowed(&file.path));
    files.flat_map(|file| lines_with(file, &file.code, "unsafe")).collect()
}

pub fn durable_calls(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.sources().filter(|file| file.room() != Some("durable")) {
        for call in ["sync_all", "sync_data", "fsync", "persist", "persist_noclobber"] {
            found.extend(lines_with(file, &file.shipped, call));
        }
        if file.shipped.contains("fs::rename") {
            found.push((file.path.clone(), "renames a file; durable/ does that".to_owned()));
        }
    }
    found
}

/// One violation where a word stands in the code, as a word.
fn lines_with(file: &File, code: &str, wanted: &str) -> Option<Violation> {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let stands = code
        .match_indices(wanted)
        .any(|(at, _)| !code[..at].ends_with(is_letter) && !code[at + wanted.len()..].starts_with(is_letter));
    stands.then(|| (file.path.clone(), format!("`{wanted}` does not belong here")))
}

pub fn openings(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.files {
        let lines = file.text.lines().take_while(|line| line.starts_with("//!")).count();
        if lines == 0 || lines > LONGEST_OPENING {
            let what = format!("opens with {lines} lines of `//!`; 1 to {LONGEST_OPENING} say what it owns");
            found.push((file.path.clone(), what));
        }
    }
    found
}

pub fn edge_only(tree: &Tree) -> Vec<Violation> {
    let inside = tree.sources().filter(|file| file.room().is_some_and(|room| room != "commands"));
    let words = ["anyhow", "println", "eprintln", "print", "eprint"];
    inside
        .flat_map(|file| {
            words.iter().filter_map(|word| match *word {
                "anyhow" => lines_with(file, &file.shipped, word),
                macro_name => {
                    let call = format!("{macro_name}!");
                    let stands = file.shipped.contains(&call);
                    stands.then(|| {
                        (file.path.clone(), format!("prints; return it or take a callback ({call})"))
                    })
                }
            })
        })
        .collect()
}

/// The library is rooms and nothing beside them; each has a row in the map.
pub fn rooms(tree: &Tree) -> Vec<Violation> {
    let map = fs::read_to_string(tree.root.join("ARCHITECTURE.md")).ok();
    let mut found = Vec::new();
    for file in tree.sources() {
        let Some(room) = file.room() else {
            if !["src/lib.rs", "src/main.rs"].contains(&file.path.as_str()) {
                found.push((file.path.clone(), "lies in no room".to_owned()));
            }
            continue;
        };
        if map.as_ref().is_some_and(|map| !map.contains(&format!("\n| {room} |"))) {
            found.push(("ARCHITECTURE.md".to_owned(), format!("has no row for {room}")));
        }
    }
    found
}

pub fn root(tree: &Tree) -> Vec<Violation> {
    let entries = fs::read_dir(&tree.root).expect("the root can be listed").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let unknown = names.filter(|name| !ROOT.contains(&name.as_str()) && !ROOT_CODE.contains(&name.as_str()));
    unknown.map(|name| (name, "does not belong in the root".to_owned())).collect()
}

pub fn configurations(tree: &Tree) -> Vec<Violation> {
    let Ok(entries) = fs::read_dir(tree.root.join("configs")) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let text = fs::read_to_string(&path).unwrap_or_default();
        let opening: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        if !opening.contains(&format!("train configs/{name}")) {
            found.push((format!("configs/{name}"), "does not open with its command".to_owned()));
        }
    }
    found
}

#[test]
fn paths_name_the_rooms_they_use() {
    let check = |path: &str, code: &str, expected: &[&str]| {
        let mut used = rooms_used(&File::new(path, code.to_owned()));
        used.sort();
        used.dedup();
        assert_eq!(used, expected, "{code}");
    };
    check(
        "src/model/block.rs",
        "use crate::kernels::{a, b}; let x = crate::scaling::Plan;",
        &["kernels", "scaling"],
    );
    check(
        "src/train/run.rs",
        "use crate::{durable, model::{Cut, Network}, train};",
        &["durable", "model", "train"],
    );
    check("src/train/run.rs", "use super::super::export::write; use super::epoch;", &["export"]);
    check("src/train/mod.rs", "use super::export; mycrate::commands::x();", &["export"]);
    check("src/train/run.rs", "#[cfg(test)] mod tests { use crate::commands; } use super::loss;", &[]);
}
