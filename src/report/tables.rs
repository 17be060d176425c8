//! The figures of the test as tables for other programs: predictions, classes, confusions.

use super::kept::Files;
use crate::durable;
use crate::evaluate::{Figures, Judgement};

/// A test picture and what was said of it.
pub struct Row<'a> {
    pub name: &'a str,
    pub judgement: Judgement,
}

impl Files {
    /// predictions.csv, classes.csv and confusion.csv.
    pub fn put_tables(
        &self,
        classes: &[String],
        figures: &Figures,
        rows: &[Row],
    ) -> Result<(), durable::Error> {
        self.write("predictions.csv", &predictions(classes, rows))?;
        self.write("classes.csv", &per_class(classes, figures))?;
        self.write("confusion.csv", &confusion(classes, figures))
    }
}

fn predictions(classes: &[String], rows: &[Row]) -> Vec<u8> {
    let head =
        ["picture", "class", "predicted", "confidence", "probability_of_class"].map(String::from).to_vec();
    let line = |row: &Row| {
        let Judgement { label, predicted, confidence, probability, .. } = row.judgement;
        let numbers = [confidence, probability].map(|value| format!("{value:.6}"));
        [vec![row.name.to_owned(), classes[label].clone(), classes[predicted].clone()], numbers.to_vec()]
            .concat()
    };
    table(std::iter::once(head).chain(rows.iter().map(line)))
}

fn per_class(classes: &[String], figures: &Figures) -> Vec<u8> {
    let head = ["class", "pictures", "precision", "recall", "f1", "auroc"].map(String::from).to_vec();
    let lines =
        classes.iter().zip(&figures.scores.classes).zip(&figures.auroc.classes).map(|((name, of), area)| {
            let numbers = [of.precision, of.recall, of.f1].map(|value| format!("{value:.6}"));
            let area = area.map_or_else(String::new, |area| format!("{area:.6}"));
            [vec![name.clone(), of.support.to_string()], numbers.to_vec(), vec![area]].concat()
        });
    table(std::iter::once(head).chain(lines))
}

/// The first column is what pictures are, the first row what they were taken for.
fn confusion(classes: &[String], figures: &Figures) -> Vec<u8> {
    let head = [vec!["class".to_owned()], classes.to_vec()].concat();
    let lines = classes
        .iter()
        .zip(&figures.scores.confusion)
        .map(|(name, row)| [vec![name.clone()], row.iter().map(ToString::to_string).collect()].concat());
    table(std::iter::once(head).chain(lines))
}

fn table(rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory does not fail, and all rows are of one length.
        let _ = writer.write_record(row);
    }
    writer.into_inner().unwrap_or_default()
}
