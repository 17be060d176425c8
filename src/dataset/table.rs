//! Tables of pictures and their labels: comma or tab separated, and lines of JSON. Every fault names its line. Leaves
//! what the rows mean together to `labels`.

use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use serde_json::{Map, Value};

use super::fields::{self, Field};
use super::{Error, Split};
use crate::config::Columns;
use crate::durable;

/// A picture as a table names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub line: u64,
    pub path: String,
    /// Empty where the table has none for it.
    pub label: String,
    pub split: Option<Split>,
    pub weight: f32,
    /// Where the picture is from, where a column was told that says it.
    pub source: Option<String>,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Separated(u8),
    Json,
}

impl Form {
    /// By the ending, as nothing else tells tabs from commas for certain.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Separated(b',')),
            "tsv" => Some(Self::Separated(b'\t')),
            "jsonl" | "ndjson" => Some(Self::Json),
            _ => None,
        }
    }
}

/// What is wrong with a row goes to `fault`, which refuses the table or has the other rows read.
pub fn read(
    path: &Path,
    form: Form,
    columns: &Columns,
    fault: &mut dyn FnMut(u64, Error) -> Result<(), Error>,
) -> Result<Vec<Row>, Error> {
    let bytes = durable::read_list(path).map_err(Error::unreadable(path))?;
    let mut rows = Vec::new();
    for row in all(&bytes, form, columns).map_err(|(line, reason)| Error::said(path, line, reason))? {
        match row {
            Ok(row) => rows.push(row),
            Err((line, reason)) => fault(line, Error::said(path, line, reason))?,
        }
    }
    Ok(rows)
}

/// A line and what is wrong with it.
type Fault = (u64, String);
/// Row by row. A fault is that row's and nobody else's.
type Rows<'a> = Box<dyn Iterator<Item = Result<Row, Fault>> + 'a>;

fn all<'a>(bytes: &'a [u8], form: Form, columns: &'a Columns) -> Result<Rows<'a>, Fault> {
    match form {
        Form::Separated(separator) => separated(bytes, separator, columns),
        Form::Json => json_lines(bytes, columns),
    }
}

fn text(bytes: &[u8]) -> Result<&[u8], Fault> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err((1, "the table is in UTF-16; save it as UTF-8".into()));
    }
    // Some programs begin a file with a byte-order mark.
    Ok(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

fn separated<'a>(bytes: &'a [u8], separator: u8, columns: &Columns) -> Result<Rows<'a>, Fault> {
    let bytes = text(bytes)?;
    let mut lines = Lines { bytes, at: 0, line: 1 };
    let mut reader = ReaderBuilder::new().delimiter(separator).trim(Trim::All).from_reader(bytes);
    let head = reader.headers().cloned().map_err(|error| (1, words(&error)))?;
    let head = Head::of(&head, separator, columns).map_err(|reason| (1, reason))?;
    let mut record = StringRecord::new();
    Ok(Box::new(std::iter::from_fn(move || {
        let start = reader.position().byte();
        let is_there = reader.read_record(&mut record);
        let line = lines.of(start);
        match is_there {
            Ok(false) => None,
            Ok(true) => Some(head.row(&record, line).map_err(|reason| (line, reason))),
            Err(error) => Some(Err((line, words(&error)))),
        }
    })))
}

/// Where a table's fields stand.
struct Head {
    path: usize,
    label: usize,
    split: Option<usize>,
    weight: Option<usize>,
    source: Option<usize>,
}

impl Head {
    fn of(names: &StringRecord, separator: u8, columns: &Columns) -> Result<Self, String> {
        let names: Vec<&str> = names.iter().collect();
        if names.is_empty() {
            return Err(
                "the table is empty; its first line has to name the columns, such as path,label".into()
            );
        }
        let advice = |reason: String| match names.as_slice() {
            [only] if only.contains([';', '\t', ',']) => {
                let (kind, name) = if separator == b',' { (".csv", "commas") } else { (".tsv", "tabs") };
                format!("{reason}. The columns of a {kind} are separated by {name}")
            }
            _ => format!("{reason}. The first line has to name the columns"),
        };
        Ok(Self {
            path: Field::Path.needed(columns, &names).map_err(advice)?,
            label: Field::Label.needed(columns, &names).map_err(advice)?,
            split: Field::Split.find(columns, &names)?,
            weight: Field::Weight.find(columns, &names)?,
            source: Field::Source.find(columns, &names)?,
        })
    }

    fn row(&self, record: &StringRecord, line: u64) -> Result<Row, String> {
        let cell = |index: usize| record.get(index).unwrap_or_default();
        let (path, label) = (cell(self.path), cell(self.label));
        let source = self.source.map_or("", cell);
        // A quote that is left open takes in all lines up to the next one.
        if let Some(broken) = [path, label, source].into_iter().find(|text| text.contains(['\n', '\r'])) {
            let first = broken.lines().next().unwrap_or_default();
            return Err(format!("'{first}' goes on in the next line; is a quote left open?"));
        }
        if path.is_empty() {
            return Err("it names no picture: its path is empty".into());
        }
        Ok(Row {
            line,
            path: path.into(),
            label: label.into(),
            split: fields::split(self.split.map_or("", cell))?,
            weight: fields::weight(self.weight.map_or("", cell))?,
            source: fields::source(source),
        })
    }
}

fn words(error: &csv::Error) -> String {
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => format!(
            "it has {len} fields, and the first line has {expected_len}; put what holds a separator into quotes"
        ),
        ErrorKind::Utf8 { .. } => "it is not UTF-8; save the table as UTF-8".into(),
        _ => error.to_string(),
    }
}

/// Counts lines, in one way through the file. A record begins after the breaks and empty lines before it.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, start: u64) -> u64 {
        let start = usize::try_from(start).unwrap_or(self.bytes.len()).clamp(self.at, self.bytes.len());
        let blank = self.bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.bytes[self.at..start + blank];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = start + blank;
        self.line
    }
}

fn json_lines<'a>(bytes: &'a [u8], columns: &'a Columns) -> Result<Rows<'a>, Fault> {
    let lines = (1..).zip(text(bytes)?.split(|byte| *byte == b'\n'));
    let filled = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let row = |(number, line)| json_row(line, number, columns).map_err(|reason| (number, reason));
    Ok(Box::new(filled.map(row)))
}

fn json_row(line: &[u8], number: u64, columns: &Columns) -> Result<Row, String> {
    let object: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("it is no JSON object: {error}"))?;
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    Field::Path.needed(columns, &names)?;
    Field::Label.needed(columns, &names)?;
    let path = json_value(&object, Field::Path, columns)?;
    if path.is_empty() {
        return Err("it names no picture: its path is empty".into());
    }
    Ok(Row {
        line: number,
        path,
        label: json_value(&object, Field::Label, columns)?,
        split: fields::split(&json_value(&object, Field::Split, columns)?)?,
        weight: fields::weight(&json_value(&object, Field::Weight, columns)?)?,
        source: fields::source(&json_value(&object, Field::Source, columns)?),
    })
}

/// A field of an object as text; empty where it is absent or null.
pub(super) fn json_value(
    object: &Map<String, Value>,
    field: Field,
    columns: &Columns,
) -> Result<String, String> {
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let Some(index) = field.find(columns, &names)? else { return Ok(String::new()) };
    match (&object[names[index]], field) {
        (Value::Null, _) => Ok(String::new()),
        (Value::String(text), _) => Ok(text.clone()),
        (Value::Number(number), Field::Weight) => Ok(number.to_string()),
        (Value::Number(number), Field::Label | Field::Source) if number.is_u64() => Ok(number.to_string()),
        (other, Field::Label) => {
            Err(format!("'{}' is {other}; a label is a name or a whole number of 0 or more", names[index]))
        }
        (other, _) => Err(format!("'{}' is {other}, which it cannot be", names[index])),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each row as `line path label split weight`.
    fn rows(form: Form, bytes: &[u8]) -> Result<Vec<String>, Fault> {
        let columns = Columns::default();
        let shown = |row: Row| {
            let split = row.split.map_or("-", Split::name);
            format!("{} {} {} {split} {}", row.line, row.path, row.label, row.weight)
        };
        all(bytes, form, &columns)?.map(|row| row.map(shown)).collect()
    }

    fn check(form: Form, text: &str, expected: &[&str]) {
        assert_eq!(rows(form, text.as_bytes()).unwrap(), expected, "{text:?}");
    }

    fn check_fault(form: Form, bytes: &[u8], line: u64, part: &str) {
        let (at, reason) = rows(form, bytes).unwrap_err();
        assert!(at == line && reason.contains(part), "{at}: {reason}");
    }

    const COMMAS: Form = Form::Separated(b',');

    #[test]
    fn tables_are_read_with_their_quotes_and_lines() {
        check(COMMAS, "path,label\na.jpg,cat\nb.jpg,dog\n", &["2 a.jpg cat - 1", "3 b.jpg dog - 1"]);
        check(
            COMMAS,
            "\u{feff}Class,File,weight,Split\r\n,\"a, \"\"b\"\".jpg\" ,2, test\r\n\r\nz,c.jpg,,\r\n",
            &["2 a, \"b\".jpg  test 2", "4 c.jpg z - 1"],
        );
        check(Form::Separated(b'\t'), "label\tpath\ncat, tabby\ta b.jpg", &["2 a b.jpg cat, tabby - 1"]);
        check(COMMAS, "path,label,note\na,b,\"two\nlines\"\nc,d,e\n", &["2 a b - 1", "4 c d - 1"]);
        check(COMMAS, "path,label\n", &[]);
    }

    #[test]
    fn faults_of_tables_name_the_line() {
        check_fault(COMMAS, b"", 1, "is empty");
        check_fault(COMMAS, b"a.jpg,cat\nb.jpg,dog\n", 1, "The first line has to name the columns");
        check_fault(COMMAS, b"path;label\na.jpg;cat\n", 1, "separated by commas");
        check_fault(COMMAS, b"path,label\r\n\r\na.jpg,cat\r\nb.jpg,dog,1\r\n", 4, "has 3 fields");
        check_fault(COMMAS, b"path,label\na,b\n\"c.jpg,cat\nd.jpg,dog\n", 3, "has 1 fields");
        check_fault(COMMAS, b"path,label\na.jpg,\"cat\nd.jpg,dog\n", 2, "is a quote left open?");
        check_fault(COMMAS, b"path,label\n\n,cat\n", 3, "path is empty");
        check_fault(COMMAS, b"path,label,split\na,b,dev\n", 2, "the split is 'dev'");
        check_fault(COMMAS, b"path,label,weight\na,b,1\na,b,-1\n", 3, "the weight is '-1'");
        check_fault(COMMAS, b"path,label\na,b\na\xff,b\n", 3, "UTF-8");
        check_fault(COMMAS, b"path,label\xff\na,b\n", 1, "UTF-8");
        check_fault(COMMAS, b"\xff\xfep\0a\0", 1, "UTF-16");
    }

    #[test]
    fn a_fault_is_that_of_its_row_alone() {
        let columns = Columns::default();
        let lines = |form, bytes: &[u8]| {
            let line = |row: Result<Row, Fault>| row.map(|row| row.line).map_err(|(line, _)| line);
            all(bytes, form, &columns).unwrap().map(line).collect::<Vec<_>>()
        };
        let bytes = b"path,label,split\na,x,\nb,x,dev\nc,x\nd\xff,x,\n,x,\ne,x,val\n";
        assert_eq!(lines(COMMAS, bytes), [Ok(2), Err(3), Err(4), Err(5), Err(6), Ok(7)]);
        let bytes = b"{\"path\": \"a\", \"label\": 1}\n[1]\n{\"path\": \"b\", \"label\": 2}\n";
        assert_eq!(lines(Form::Json, bytes), [Ok(1), Err(2), Ok(3)]);
    }

    #[test]
    fn where_pictures_are_from_is_read_where_a_column_was_told() {
        let columns = |name: Option<&str>| Columns { source: name.map(str::to_owned), ..Columns::default() };
        let sources = |form, text: &str, name| {
            let columns = columns(name);
            let rows = all(text.as_bytes(), form, &columns)?.map(|row| row.map(|row| row.source));
            rows.collect::<Result<Vec<_>, _>>()
        };
        let check = |form, text: &str, name, expected: &[&str]| {
            let found: Vec<_> =
                sources(form, text, name).unwrap().into_iter().map(Option::unwrap_or_default).collect();
            assert_eq!(found, expected, "{text}");
        };
        let table = "path,label,site,source\na,x, north ,u\nb,x,,v\n";
        check(COMMAS, table, Some("site"), &["north", ""]);
        check(COMMAS, table, None, &["", ""]);
        let lines =
            "{\"path\": \"a\", \"label\": 1, \"cam\": 3}\n{\"path\": \"b\", \"label\": 1, \"cam\": null}\n";
        check(Form::Json, lines, Some("cam"), &["3", ""]);
        let fault = |form, text, name, line, part: &str| {
            let (at, reason) = sources(form, text, Some(name)).unwrap_err();
            assert!(at == line && reason.contains(part), "{at}: {reason}");
        };
        let missing = "'where', as data.columns.source says; the names are path, label, site, source";
        fault(COMMAS, table, "where", 1, missing);
        fault(COMMAS, "path,label,site\na,x,\"north\nb,x,\n", "site", 2, "is a quote left open?");
        fault(Form::Json, lines, "site", 1, "'site', as data.columns.source says");
        let list = "{\"path\": \"a\", \"label\": 1, \"cam\": [3]}";
        fault(Form::Json, list, "cam", 1, "'cam' is [3], which it cannot be");
    }

    proptest! {
        #[test]
        fn no_text_panics(bytes in "(path|label|,|\"|\n|\r|\t|é|1|\\{|\\}|:| ){0,40}") {
            for form in [COMMAS, Form::Separated(b'\t'), Form::Json] {
                let lines = bytes.split('\n').count() as u64;
                match rows(form, bytes.as_bytes()) {
                    Ok(rows) => prop_assert!(rows.len() as u64 <= lines),
                    Err((line, _)) => prop_assert!((1..=lines).contains(&line)),
                }
            }
        }
    }

    #[test]
    fn lines_of_json_are_rows() {
        check(
            Form::Json,
            "\u{feff}{\"image\": \"a.jpg\", \"label\": 3, \"x\": [1]}\r\n\n{\"path\":\"b\",\"class\":\"d\",\"weight\":0.5,\"split\":\"val\"}",
            &["1 a.jpg 3 - 1", "3 b d val 0.5"],
        );
        check(Form::Json, "{\"path\": \"a\", \"label\": null, \"split\": null}", &["1 a  - 1"]);
        let fault = |line: &str, part: &str| {
            let text = format!("{{\"path\": \"a\", \"label\": \"b\"}}\n{line}\n");
            check_fault(Form::Json, text.as_bytes(), 2, part);
        };
        fault("[1]", "no JSON object");
        fault("{\"path\": \"a\"", "no JSON object");
        fault("{\"path\": \"a\"}", "nothing here is called label");
        fault("{\"label\": \"a\"}", "nothing here is called path");
        fault("{\"path\": \"a\", \"label\": 1.5}", "'label' is 1.5");
        fault("{\"path\": \"a\", \"label\": true}", "'label' is true");
        fault("{\"path\": 1, \"label\": 1}", "'path' is 1");
        fault("{\"path\": \"a\", \"label\": 1, \"weight\": 0}", "the weight is '0'");
    }
}
