//! The predictions of many pictures as a file that grows with them. Rows come in the order of the pictures.

use std::path::Path;

use super::Error;
use super::lines::{self, Lines};
use crate::durable::Appender;

/// What a picture is called whose best class is less probable than was asked for.
pub const UNKNOWN: &str = "unknown";

/// A class and how probable it is, at the model's temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess<'a> {
    pub class: &'a str,
    pub probability: f64,
}

/// What was found out about a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    pub path: &'a str,
    /// The most probable first; none where the picture could not be read.
    pub guesses: Vec<Guess<'a>>,
    /// Where a threshold was given: the best class if it is probable enough, otherwise `UNKNOWN`.
    pub answer: Option<&'a str>,
    pub error: Option<&'a str>,
}

/// What has to be known of a model wherever its figures appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    pub drawn: bool,
    pub from_scratch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Csv,
    JsonLines,
    Parquet,
}

impl Form {
    /// The form that a file's name means.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(Error::Ending { path: path.to_owned(), endings: ".csv, .jsonl or .parquet" }),
        }
    }
}

/// A file of predictions that is being written. Lines stand in it as soon as they are known, and always whole; a Parquet
/// file is there once it is finished.
pub enum Predictions {
    Lines(Lines, Appender),
    #[cfg(feature = "parquet")]
    Parquet(Box<super::parquet::Predictions>),
}

impl Predictions {
    /// Begins a file that is not there yet.
    pub fn begin(path: &Path, form: Form, marks: Marks, with_answers: bool) -> Result<Self, Error> {
        let lines = match form {
            Form::Csv => Lines::Csv { with_answers },
            Form::JsonLines => Lines::Json(marks),
            Form::Parquet => return Self::parquet(path, marks),
        };
        let mut file = Appender::create(path)?;
        if let Lines::Csv { with_answers } = lines {
            file.line(lines::csv_head(with_answers).trim_end())?;
        }
        Ok(Self::Lines(lines, file))
    }

    #[cfg(feature = "parquet")]
    fn parquet(path: &Path, marks: Marks) -> Result<Self, Error> {
        Ok(Self::Parquet(Box::new(super::parquet::Predictions::begin(path, marks)?)))
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(_: &Path, _: Marks) -> Result<Self, Error> {
        Err(Error::NoParquet)
    }

    /// Adds rows, in one call to the system where they are lines.
    pub fn add(&mut self, rows: &[Row]) -> Result<(), Error> {
        match self {
            Self::Lines(lines, file) => {
                let text: String = rows.iter().map(|row| lines.of(row)).collect();
                match text.strip_suffix('\n') {
                    Some(text) => Ok(file.line(text)?),
                    None => Ok(()),
                }
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(file) => file.add(rows),
        }
    }

    /// Makes it last; also right after an interruption, with the rows so far.
    pub fn finish(self) -> Result<(), Error> {
        match self {
            Self::Lines(_, file) => Ok(file.sync()?),
            #[cfg(feature = "parquet")]
            Self::Parquet(file) => file.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_form() {
        let check = |name: &str, expected: Option<Form>| {
            assert_eq!(Form::of(Path::new(name)).ok(), expected, "{name}");
        };
        check("a.csv", Some(Form::Csv));
        check("a.JSONL", Some(Form::JsonLines));
        check("a.ndjson", Some(Form::JsonLines));
        check("a.parquet", Some(Form::Parquet));
        check("a.json", None);
        check("csv", None);
    }

    #[test]
    fn lines_stand_in_the_file_before_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let marks = Marks { drawn: false, from_scratch: false };
        let row = |path| Row {
            path,
            guesses: vec![Guess { class: "rose", probability: 0.75 }],
            answer: Some(UNKNOWN),
            error: None,
        };
        let mut file = Predictions::begin(&path, Form::Csv, marks, true).unwrap();
        file.add(&[row("a.jpg"), row("b, c.jpg")]).unwrap();
        file.add(&[]).unwrap();
        let expected = "path,rank,class,probability,answer,error\na.jpg,1,rose,0.750000,unknown,\n\"b, c.jpg\",1,rose,0.750000,unknown,\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        file.finish().unwrap();
        assert!(matches!(Predictions::begin(&path, Form::Csv, marks, true), Err(Error::File(_))));
    }
}
