//! The features of many pictures as a file that grows with them: a row of numbers for each picture that could be read.

use std::path::{Path, PathBuf};

use super::Error;
use super::npy::Array;
use crate::durable::Appender;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureForm {
    Npy,
    Csv,
    Parquet,
}

impl FeatureForm {
    /// The form that a file's name means.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("npy") => Ok(Self::Npy),
            Some("csv") => Ok(Self::Csv),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(Error::Ending { path: path.to_owned(), endings: ".npy, .csv or .parquet" }),
        }
    }
}

/// A file of features that is being written.
pub enum Features {
    /// With the pictures' names in a file beside it.
    Npy {
        array: Array,
        names: Appender,
        names_path: PathBuf,
    },
    Csv(Appender),
    #[cfg(feature = "parquet")]
    Parquet(Box<super::parquet::Features>),
}

impl Features {
    /// Begins a file that is not there yet, of rows of so many numbers.
    pub fn begin(path: &Path, form: FeatureForm, width: usize) -> Result<Self, Error> {
        match form {
            FeatureForm::Npy => {
                let array = Array::begin(path, width)?;
                let names_path = path.with_extension("names.csv");
                let mut names = Appender::create(&names_path)?;
                names.line("row,path")?;
                Ok(Self::Npy { array, names, names_path })
            }
            FeatureForm::Csv => {
                let mut file = Appender::create(path)?;
                let numbers: String = (0..width).map(|number| format!(",f{number}")).collect();
                file.line(&format!("path{numbers}"))?;
                Ok(Self::Csv(file))
            }
            FeatureForm::Parquet => Self::parquet(path, width),
        }
    }

    #[cfg(feature = "parquet")]
    fn parquet(path: &Path, width: usize) -> Result<Self, Error> {
        Ok(Self::Parquet(Box::new(super::parquet::Features::begin(path, width)?)))
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(_: &Path, _: usize) -> Result<Self, Error> {
        Err(Error::NoParquet)
    }

    pub fn add(&mut self, name: &str, row: &[f32]) -> Result<(), Error> {
        match self {
            Self::Npy { array, names, .. } => {
                names.line(&record([&array.rows().to_string(), name]))?;
                array.add(row)
            }
            Self::Csv(file) => {
                let numbers: String = row.iter().map(|number| format!(",{number}")).collect();
                Ok(file.line(&(record([name]) + &numbers))?)
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(file) => file.add(name, row),
        }
    }

    /// Makes it last; also right after an interruption, with the rows so far.
    pub fn finish(self) -> Result<(), Error> {
        match self {
            Self::Npy { array, names, .. } => {
                names.sync()?;
                array.finish()
            }
            Self::Csv(file) => Ok(file.sync()?),
            #[cfg(feature = "parquet")]
            Self::Parquet(file) => file.finish(),
        }
    }

    /// Where the names lie, if not in the file itself.
    pub fn names(&self) -> Option<&Path> {
        match self {
            Self::Npy { names_path, .. } => Some(names_path),
            _ => None,
        }
    }
}

/// Fields as CSV has them, without the line's end.
fn record<const N: usize>(fields: [&str; N]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(fields);
    let text = String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default();
    text.trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_holds_numbers_that_are_read_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let row = [1.0, -0.1, f32::MIN_POSITIVE];
        let mut file = Features::begin(&path, FeatureForm::Csv, 3).unwrap();
        file.add("a, \"b\".jpg", &row).unwrap();
        file.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("path,f0,f1,f2\n\"a, \"\"b\"\".jpg\",1,-0.1,"), "{text}");
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let back = reader.records().next().unwrap().unwrap();
        let back: Vec<f32> = back.iter().skip(1).map(|field| field.parse().unwrap()).collect();
        assert_eq!(back, row);
    }

    #[test]
    fn names_stand_beside_an_array() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let mut file = Features::begin(&path, FeatureForm::Npy, 2).unwrap();
        file.add("x.jpg", &[1.0, 2.0]).unwrap();
        file.add("y, z.jpg", &[3.0, 4.0]).unwrap();
        assert_eq!(file.names(), Some(folder.path().join("a.names.csv").as_path()));
        file.finish().unwrap();
        let names = std::fs::read_to_string(folder.path().join("a.names.csv")).unwrap();
        assert_eq!(names, "row,path\n0,x.jpg\n1,\"y, z.jpg\"\n");
    }
}
