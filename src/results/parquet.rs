//! Predictions and features as Parquet, in row groups of bounded size. Lists have the three levels that the format
//! prescribes, so that every reader takes them for lists.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::Error;
use super::predictions::{Marks, Row};
use crate::durable::Stream;

/// Numbers that wait for their row group; with names, some tens of megabytes.
const VALUES_TOGETHER: usize = 1 << 20;
const ROWS_TOGETHER: usize = 1 << 14;

const PREDICTIONS: &str = "message predictions {
    required binary path (UTF8);
    optional binary class (UTF8);
    optional double probability;
    optional binary answer (UTF8);
    optional group top (LIST) { repeated group list { required group element {
        required binary class (UTF8);
        required double probability;
    } } }
    optional binary error (UTF8);
}";

const FEATURES: &str = "message features {
    required binary path (UTF8);
    required group features (LIST) { repeated group list { required float element; } }
}";

/// The values of a column and how deep each lies: empty levels where the schema has none.
#[derive(Default)]
struct Column<T> {
    values: Vec<T>,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl<T> Column<T> {
    fn required(&mut self, value: T) {
        self.values.push(value);
    }

    fn optional(&mut self, value: Option<T>) {
        self.definition.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    /// A list in a group of this depth; one without values counts as absent.
    fn list(&mut self, values: impl IntoIterator<Item = T>, depth: i16) {
        let before = self.values.len();
        self.values.extend(values);
        let count = self.values.len() - before;
        for number in 0..count.max(1) {
            self.repetition.push(i16::from(number > 0));
            self.definition.push(if count == 0 { 0 } else { depth });
        }
    }
}

/// A file and the row groups that are in it.
struct File {
    writer: SerializedFileWriter<Stream>,
    path: PathBuf,
}

/// The columns of a row group, in the order of the schema.
enum Values<'a> {
    Text(&'a Column<ByteArray>),
    Doubles(&'a Column<f64>),
    Floats(&'a Column<f32>),
}

impl File {
    fn begin(path: &Path, schema: &str, notes: Vec<KeyValue>) -> Result<Self, Error> {
        let stream = Stream::begin(path)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(notes))
            .set_created_by(format!("kiln version {}", env!("CARGO_PKG_VERSION")))
            .build();
        let writer = parse_message_type(schema)
            .and_then(|schema| SerializedFileWriter::new(stream, Arc::new(schema), Arc::new(properties)))
            .map_err(wrong(path))?;
        Ok(Self { writer, path: path.to_owned() })
    }

    fn put(&mut self, columns: &[Values]) -> Result<(), Error> {
        self.group(columns).map_err(wrong(&self.path))
    }

    fn group(&mut self, columns: &[Values]) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for values in columns {
            let Some(mut column) = group.next_column()? else { break };
            fn some(levels: &[i16]) -> Option<&[i16]> {
                (!levels.is_empty()).then_some(levels)
            }
            match values {
                Values::Text(of) => column.typed::<ByteArrayType>().write_batch(
                    &of.values,
                    some(&of.definition),
                    some(&of.repetition),
                )?,
                Values::Doubles(of) => column.typed::<DoubleType>().write_batch(
                    &of.values,
                    some(&of.definition),
                    some(&of.repetition),
                )?,
                Values::Floats(of) => column.typed::<FloatType>().write_batch(
                    &of.values,
                    some(&of.definition),
                    some(&of.repetition),
                )?,
            };
            column.close()?;
        }
        group.close()?;
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        let stream = self.writer.into_inner().map_err(wrong(&self.path))?;
        Ok(stream.commit()?)
    }
}

fn wrong(path: &Path) -> impl Fn(ParquetError) -> Error {
    let path = path.to_owned();
    move |error| Error::Write { path: path.clone(), reason: error.to_string() }
}

#[derive(Default)]
struct PredictionColumns {
    rows: usize,
    path: Column<ByteArray>,
    class: Column<ByteArray>,
    probability: Column<f64>,
    answer: Column<ByteArray>,
    top_class: Column<ByteArray>,
    top_probability: Column<f64>,
    error: Column<ByteArray>,
}

/// How deep the values of `top` lie: in a list, in an optional group.
const TOP: i16 = 2;
/// And those of features: in a list.
const FEATURE: i16 = 1;

pub struct Predictions {
    file: File,
    waiting: PredictionColumns,
}

impl Predictions {
    pub fn begin(path: &Path, marks: Marks) -> Result<Self, Error> {
        let note = |key: &str, value: bool| KeyValue::new(key.to_owned(), value.to_string());
        let notes = vec![note("kiln.drawn", marks.drawn), note("kiln.from_scratch", marks.from_scratch)];
        Ok(Self { file: File::begin(path, PREDICTIONS, notes)?, waiting: PredictionColumns::default() })
    }

    pub fn add(&mut self, rows: &[Row]) -> Result<(), Error> {
        for row in rows {
            let of = &mut self.waiting;
            let best = row.guesses.first();
            of.rows += 1;
            of.path.required(row.path.into());
            of.class.optional(best.map(|guess| guess.class.into()));
            of.probability.optional(best.map(|guess| guess.probability));
            of.answer.optional(row.answer.map(Into::into));
            of.top_class.list(row.guesses.iter().map(|guess| guess.class.into()), TOP);
            of.top_probability.list(row.guesses.iter().map(|guess| guess.probability), TOP);
            of.error.optional(row.error.map(Into::into));
        }
        let is_full = self.waiting.rows >= ROWS_TOGETHER
            || self.waiting.top_probability.values.len() >= VALUES_TOGETHER;
        if is_full { self.put() } else { Ok(()) }
    }

    fn put(&mut self) -> Result<(), Error> {
        let of = std::mem::take(&mut self.waiting);
        if of.rows == 0 {
            return Ok(());
        }
        self.file.put(&[
            Values::Text(&of.path),
            Values::Text(&of.class),
            Values::Doubles(&of.probability),
            Values::Text(&of.answer),
            Values::Text(&of.top_class),
            Values::Doubles(&of.top_probability),
            Values::Text(&of.error),
        ])
    }

    pub fn finish(mut self) -> Result<(), Error> {
        self.put()?;
        self.file.finish()
    }
}

pub struct Features {
    file: File,
    width: usize,
    path: Column<ByteArray>,
    features: Column<f32>,
}

impl Features {
    pub fn begin(path: &Path, width: usize) -> Result<Self, Error> {
        let file = File::begin(path, FEATURES, Vec::new())?;
        Ok(Self { file, width, path: Column::default(), features: Column::default() })
    }

    pub fn add(&mut self, name: &str, row: &[f32]) -> Result<(), Error> {
        self.path.required(name.into());
        self.features.list(row.iter().copied(), FEATURE);
        let is_full = (self.path.values.len() + 1) * self.width > VALUES_TOGETHER;
        if is_full { self.put() } else { Ok(()) }
    }

    fn put(&mut self) -> Result<(), Error> {
        let (path, features) = (std::mem::take(&mut self.path), std::mem::take(&mut self.features));
        match path.values.is_empty() {
            true => Ok(()),
            false => self.file.put(&[Values::Text(&path), Values::Floats(&features)]),
        }
    }

    pub fn finish(mut self) -> Result<(), Error> {
        self.put()?;
        self.file.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_say_where_lists_begin_and_which_are_absent() {
        let mut column = Column::default();
        column.list([1.0, 2.0], TOP);
        column.list([], TOP);
        column.list([3.0], TOP);
        assert_eq!(column.repetition, [0, 1, 0, 0]);
        assert_eq!(column.definition, [2, 2, 0, 2]);
        assert_eq!(column.values, [1.0, 2.0, 3.0]);
    }
}
