//! The sources as the rules read them: without comments and strings, with the parts known that only tests use.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file.
pub struct File {
    /// From the root, with slashes.
    pub path: String,
    pub text: String,
    /// Comments, strings and characters blanked; as long as the text.
    pub code: String,
    /// The same without what only tests use.
    pub shipped: String,
}

pub struct Tree {
    pub root: PathBuf,
    pub files: Vec<File>,
}

impl Tree {
    /// Reads every Rust file of src, tests, benches and examples.
    pub fn read(root: &Path) -> Self {
        let mut paths = Vec::new();
        for folder in ["src", "tests", "benches", "examples"] {
            rust_files(&root.join(folder), &mut paths);
        }
        paths.sort();
        let mut files: Vec<File> = paths.iter().map(|path| File::read(root, path)).collect();
        let only_tests: BTreeSet<String> = files.iter().flat_map(File::test_files).collect();
        for file in files.iter_mut().filter(|file| only_tests.iter().any(|test| file.path.starts_with(test)))
        {
            file.shipped.clear();
        }
        Self { root: root.to_owned(), files }
    }

    /// The files of the library and the binary.
    pub fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.starts_with("src/"))
    }
}

impl File {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("sources are text");
        let relative = path.strip_prefix(root).expect("it lies under the root");
        let names: Vec<_> = relative.iter().map(|name| name.to_string_lossy()).collect();
        Self::new(&names.join("/"), text)
    }

    pub fn new(path: &str, text: String) -> Self {
        let code = code_of(&text);
        let shipped = if path.starts_with("src/") { without_tests(&code) } else { String::new() };
        Self { path: path.to_owned(), text, code, shipped }
    }

    /// The room that a file of the library belongs to; none for lib.rs and main.rs.
    pub fn room(&self) -> Option<&str> {
        let (room, _) = self.path.strip_prefix("src/")?.split_once('/')?;
        Some(room)
    }

    /// How many modules it lies below the crate: 1 for src/room/mod.rs.
    pub fn depth(&self) -> usize {
        let names = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        names.split('/').count()
    }

    /// The beginnings of the paths of modules that it declares for tests only.
    fn test_files(&self) -> Vec<String> {
        let folder = match self.path.strip_suffix("/mod.rs") {
            Some(folder) => folder.to_owned(),
            None => self.path.trim_end_matches(".rs").to_owned(),
        };
        let modules = test_items(&self.code).into_iter().filter_map(|(start, end)| {
            let item = self.code[start..end].trim_end().strip_suffix(';')?;
            Some(item.rsplit(' ').next()?.to_owned())
        });
        modules.flat_map(|module| [format!("{folder}/{module}.rs"), format!("{folder}/{module}/")]).collect()
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().map(|entry| entry.path()) {
        if entry.is_dir() {
            rust_files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// Blanks what is no code. Lines stay where they are.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = not_code(rest, code.chars().next_back());
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (gone, left) = rest.split_at(length);
            code.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = left;
        }
    }
    code
}

/// How many bytes at the start are a comment, a string or a character.
fn not_code(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("r\"") || rest.starts_with("r#\"") || rest.starts_with("r##\"") {
        let hashes = rest.bytes().skip(1).take_while(|byte| *byte == b'#').count();
        let end = format!("\"{}", "#".repeat(hashes));
        let body = hashes + 2;
        return if in_word && before != Some('b') {
            0
        } else {
            rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len())
        };
    }
    if rest.starts_with('"') {
        return quoted(rest, '"');
    }
    // A quote that does not close after one character opens a lifetime.
    let is_character = rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'');
    if rest.starts_with('\'') && is_character { quoted(rest, '\'') } else { 0 }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !escaped && c == quote {
            return at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}

fn without_tests(code: &str) -> String {
    let mut shipped = code.to_owned();
    for (start, end) in test_items(code).into_iter().rev() {
        shipped.replace_range(start..end, "");
    }
    shipped
}

/// Where the items stand that only tests use, attribute included.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(").map(|at| from + at) {
        let end = code[at..].find(']').map_or(code.len(), |end| at + end + 1);
        let condition = &code[at..end];
        from = end;
        if ["(test)", "(test,", " test)", "(all(test"].iter().any(|form| condition.contains(form)) {
            from = item_end(code, end);
            items.push((at, from));
        }
    }
    items
}

/// The end of the item that begins here: its closing brace, or its semicolon.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[from..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return from + at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return from + at + 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_strings_and_tests_are_no_shipped_code() {
    let text = r##"//! Talks of unsafe.
use crate::a; // and of crate::b
fn f<'a>(c: char) -> &'a str { if c == '"' { "unsafe {" } else { r#"crate::c " "# } }
#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests { use crate::d; fn g() { let x = '\''; } }
fn h() {}
"##;
    let file = File::new("src/room/mod.rs", text.to_owned());
    assert_eq!(file.code.len(), text.len());
    for word in ["unsafe", "crate::b", "crate::c"] {
        assert!(!file.code.contains(word), "{word}");
    }
    assert!(file.code.contains("crate::d") && !file.shipped.contains("crate::d"));
    assert!(file.shipped.contains("crate::a") && file.shipped.contains("fn h() {}"));
    assert_eq!(file.test_files(), ["src/room/golden.rs", "src/room/golden/"]);
    assert_eq!((file.room(), file.depth()), (Some("room"), 1));
}
