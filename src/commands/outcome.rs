//! Where predictions go: words, JSON or CSV on standard output, or a file, and then the numbers of it on standard output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use super::console::print;
use crate::checkpoint::Identity;
use crate::results::{Form, Lines, Marks, Predictions, Row, csv_head};

/// What was asked for.
pub enum Shape<'a> {
    Words,
    Json,
    Csv,
    File { path: &'a Path, form: Form, json: bool },
}

pub struct Output {
    to: To,
    marks: Marks,
    tally: Tally,
}

enum To {
    Words,
    Lines(Lines),
    File { file: Predictions, path: PathBuf, json: bool },
}

/// How many pictures were called what.
#[derive(Default)]
pub struct Tally {
    pub classes: BTreeMap<String, usize>,
    pub unreadable: usize,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    file: String,
    drawn: bool,
    from_scratch: bool,
    pictures: usize,
    unreadable: usize,
    classes: &'a BTreeMap<String, usize>,
}

impl Output {
    pub fn begin(shape: Shape, identity: &Identity, with_answers: bool) -> Result<Self> {
        let marks = Marks { drawn: identity.drawn, from_scratch: identity.start.instead_of_pretrained };
        let to = match shape {
            Shape::Words => To::Words,
            Shape::Json => To::Lines(Lines::Json(marks)),
            Shape::Csv => {
                print(csv_head(with_answers))?;
                To::Lines(Lines::Csv { with_answers })
            }
            Shape::File { path, form, json } => {
                let file = Predictions::begin(path, form, marks, with_answers)?;
                To::File { file, path: path.to_owned(), json }
            }
        };
        Ok(Self { to, marks, tally: Tally::default() })
    }

    pub fn add(&mut self, rows: &[Row]) -> Result<()> {
        self.tally.count(rows);
        match &mut self.to {
            To::Words => print(&rows.iter().map(words).collect::<String>()),
            To::Lines(lines) => print(&rows.iter().map(|row| lines.of(row)).collect::<String>()),
            To::File { file, .. } => Ok(file.add(rows)?),
        }
    }

    /// Makes what was written last, and says how much it was.
    pub fn finish(self) -> Result<Tally> {
        if let To::File { file, path, json } = self.to {
            file.finish()?;
            let text = match json {
                true => self.tally.json(&path, self.marks)?,
                false => self.tally.table(&path),
            };
            print(&text)?;
        }
        Ok(self.tally)
    }
}

impl Tally {
    fn count(&mut self, rows: &[Row]) {
        for row in rows {
            match row.answer.or(row.guesses.first().map(|best| best.class)) {
                Some(class) => *self.classes.entry(class.to_owned()).or_default() += 1,
                None => self.unreadable += 1,
            }
        }
    }

    fn pictures(&self) -> usize {
        self.classes.values().sum()
    }

    fn table(&self, path: &Path) -> String {
        let width = self.classes.keys().map(|class| class.chars().count()).max().unwrap_or(0);
        let line = |(class, count): (&String, &usize)| format!("{class:width$} {count:8}\n");
        let lines: String = self.classes.iter().map(line).collect();
        format!("{lines}{} pictures in {}\n", self.pictures(), path.display())
    }

    fn json(&self, path: &Path, marks: Marks) -> Result<String> {
        let report = Report {
            schema: 1,
            file: path.display().to_string(),
            drawn: marks.drawn,
            from_scratch: marks.from_scratch,
            pictures: self.pictures(),
            unreadable: self.unreadable,
            classes: &self.classes,
        };
        Ok(serde_json::to_string_pretty(&report)? + "\n")
    }
}

fn words(row: &Row) -> String {
    if row.error.is_some() {
        return String::new();
    }
    let shown: Vec<String> =
        row.guesses.iter().map(|guess| format!("{} {:.4}", guess.class, guess.probability)).collect();
    let shown = shown.join(", ");
    match (row.answer, row.guesses.first()) {
        (Some(answer), Some(best)) if answer != best.class => format!("{}: {answer} ({shown})\n", row.path),
        _ => format!("{}: {shown}\n", row.path),
    }
}
