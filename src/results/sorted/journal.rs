//! The journal of a sorting: a CSV file with a line for each file, written before the file is touched.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::super::Error;
use crate::durable::{Appender, read_list};

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Move,
    Link,
    Copy,
}

/// One line: a file, and the name that it was to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub how: How,
    pub from: PathBuf,
    pub to: PathBuf,
}

pub struct Journal {
    file: Appender,
    path: PathBuf,
}

const NAME: &str = "sorted";
const HEAD: [&str; 3] = ["how", "from", "to"];

/// By its new name, the file that earlier sortings into a folder wrote down for it. A journal that cannot be read tells nothing.
pub fn earlier(folder: &Path) -> HashMap<PathBuf, PathBuf> {
    let journals = (1..).map(|number| folder.join(name(number))).take_while(|path| path.exists());
    journals.filter_map(|path| read(&path).ok()).flatten().map(|entry| (entry.to, entry.from)).collect()
}

fn name(number: usize) -> String {
    if number == 1 { format!("{NAME}.csv") } else { format!("{NAME}-{number}.csv") }
}

impl Journal {
    /// Begins the next journal in a folder: `sorted.csv`, `sorted-2.csv`, ...
    pub fn begin(folder: &Path) -> Result<Self, Error> {
        let mut number = 1;
        loop {
            let path = folder.join(name(number));
            match Appender::create(&path) {
                Err(crate::durable::Error::Exists { .. }) => number += 1,
                made => {
                    let mut file = made?;
                    file.line(&HEAD.join(","))?;
                    return Ok(Self { file, path });
                }
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes entries down for good.
    pub fn add(&mut self, entries: &[Entry]) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        for Entry { how, from, to } in entries {
            // Writing to memory does not fail.
            let _ = writer.write_record([&how.to_string(), &*from.to_string_lossy(), &*to.to_string_lossy()]);
        }
        let text = String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default();
        self.file.line(text.trim_end_matches('\n'))?;
        Ok(self.file.sync()?)
    }
}

/// The entries of a journal, oldest first. A last line that was cut off had not been acted upon.
pub fn read(path: &Path) -> Result<Vec<Entry>, Error> {
    let wrong = |line, reason: &str| Error::Journal { path: path.to_owned(), line, reason: reason.into() };
    let bytes = read_list(path).map_err(|error| Error::Write {
        path: path.to_owned(),
        reason: format!("cannot be read: {error}"),
    })?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&bytes[..whole]);
    let head = reader.headers().map_err(|error| wrong(1, &error.to_string()))?;
    if head != HEAD.as_slice() {
        return Err(wrong(1, &format!("its first line should be {}", HEAD.join(","))));
    }
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong(0, &error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let [how, from, to] = [0, 1, 2].map(|field| record.get(field).unwrap_or_default());
        let how = How::read(how).ok_or_else(|| wrong(line, "it begins with none of move, link, copy"))?;
        let (from, to) = (PathBuf::from(from), PathBuf::from(to));
        if !from.is_absolute() || !to.is_absolute() || record.len() != HEAD.len() {
            return Err(wrong(line, "it does not hold two whole paths"));
        }
        entries.push(Entry { how, from, to });
    }
    Ok(entries)
}

impl How {
    fn read(word: &str) -> Option<Self> {
        [Self::Move, Self::Link, Self::Copy].into_iter().find(|how| how.to_string() == word)
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Move => "move",
            Self::Link => "link",
            Self::Copy => "copy",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(folder.path()).unwrap();
        let entry = |how, name: &str| Entry {
            how,
            from: Path::new("/in").join(name),
            to: Path::new("/out/rose").join(name),
        };
        let entries = [entry(How::Move, "a.jpg"), entry(How::Link, "b, \"c\"\nd.jpg"), entry(How::Copy, "é")];
        journal.add(&entries[..1]).unwrap();
        journal.add(&[]).unwrap();
        journal.add(&entries[1..]).unwrap();
        assert_eq!(read(journal.path()).unwrap(), entries);
        let next = Journal::begin(folder.path()).unwrap();
        assert_eq!(next.path(), folder.path().join("sorted-2.csv"));
        assert_eq!(read(next.path()).unwrap(), []);
        let known = earlier(folder.path());
        assert_eq!((known.len(), &known[&entries[0].to]), (3, &entries[0].from));
    }

    #[test]
    fn what_is_no_journal_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let check = |text: &str, part: &str| {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check("path,rank\n", "line 1");
        check("how,from,to\nburn,/a,/b\n", "none of move");
        check("how,from,to\nmove,a,/b\n", "two whole paths");
        check("how,from,to\nmove,/a,/b,/c\n", "two whole paths");
        std::fs::write(&path, "how,from,to\nmove,/a,/b\nmove,/c,/").unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
        assert!(read(&folder.path().join("absent.csv")).is_err());
    }
}
