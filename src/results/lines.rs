//! Predictions as lines of text: CSV with a line for each class named, or an object of JSON for each picture.

use serde::Serialize;

use super::predictions::{Marks, Row};

#[derive(Debug, Clone, Copy)]
pub enum Lines {
    Csv { with_answers: bool },
    Json(Marks),
}

#[derive(Serialize)]
struct Object<'a> {
    schema: u32,
    path: &'a str,
    drawn: bool,
    from_scratch: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Class<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Class<'a> {
    class: &'a str,
    probability: f64,
}

impl Lines {
    /// The lines of a row, each with its end.
    pub fn of(self, row: &Row) -> String {
        match self {
            Self::Csv { with_answers } => csv(row, with_answers),
            Self::Json(marks) => json(row, marks),
        }
    }
}

/// The first line of CSV.
pub fn csv_head(with_answers: bool) -> &'static str {
    match with_answers {
        true => "path,rank,class,probability,answer,error\n",
        false => "path,rank,class,probability,error\n",
    }
}

fn json(row: &Row, marks: Marks) -> String {
    let classes =
        row.guesses.iter().map(|guess| Class { class: guess.class, probability: guess.probability });
    let object = Object {
        schema: 1,
        path: row.path,
        drawn: marks.drawn,
        from_scratch: marks.from_scratch,
        answer: row.answer,
        classes: classes.collect(),
        error: row.error,
    };
    serde_json::to_string(&object).unwrap_or_default() + "\n"
}

fn csv(row: &Row, with_answers: bool) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut line = |rank: &str, class: &str, probability: &str| {
        let mut fields = vec![row.path, rank, class, probability];
        if with_answers {
            fields.push(row.answer.unwrap_or_default());
        }
        fields.push(row.error.unwrap_or_default());
        // Writing to memory does not fail.
        let _ = writer.write_record(fields);
    };
    for (rank, guess) in row.guesses.iter().enumerate() {
        line(&(rank + 1).to_string(), guess.class, &format!("{:.6}", guess.probability));
    }
    if row.error.is_some() {
        line("", "", "");
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}
