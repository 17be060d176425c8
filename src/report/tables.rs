//! The figures of the test as tables for other programs: predictions, classes, confusions.

use super::kept::Files;
use crate::durable;
use crate::evaluate::{Bin, Figures, Interval, Judgement};

/// A test picture and what was said of it.
pub struct Row<'a> {
    pub name: &'a str,
    pub judgement: Judgement,
}

impl Files {
    /// predictions.csv, figures.csv, reliability.csv, classes.csv and confusion.csv.
    pub fn put_tables(
        &self,
        classes: &[String],
        figures: &Figures,
        rows: &[Row],
    ) -> Result<(), durable::Error> {
        self.write("predictions.csv", &predictions(classes, rows))?;
        self.write("figures.csv", &single(figures))?;
        self.write("reliability.csv", &reliability(figures))?;
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

/// Single figures, with the ends of their intervals where they have one.
fn single(figures: &Figures) -> Vec<u8> {
    let Figures { scores, balanced_accuracy, kappa, auroc, calibration, intervals, .. } = figures;
    let lines = [
        ("pictures", Some(scores.samples as f64), None),
        ("accuracy", Some(scores.accuracy), intervals.accuracy),
        ("top5", Some(scores.top5), None),
        ("loss", Some(scores.loss), None),
        ("macro_f1", Some(scores.macro_f1), intervals.macro_f1),
        ("balanced_accuracy", Some(*balanced_accuracy), intervals.balanced_accuracy),
        ("kappa", *kappa, intervals.kappa),
        ("auroc_macro", auroc.of_classes, intervals.auroc),
        ("calibration_error", Some(calibration.error), None),
        ("temperature", Some(calibration.temperature), None),
    ];
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let head = ["figure", "value", "low", "high"].map(String::from).to_vec();
    let line = |(name, value, interval): &(&str, Option<f64>, Option<Interval>)| {
        let [low, high] = interval.map_or([None; 2], |ends| ends.map(Some));
        vec![(*name).to_owned(), number(*value), number(low), number(high)]
    };
    table(std::iter::once(head).chain(lines.iter().map(line)))
}

/// The bins that hold pictures.
fn reliability(figures: &Figures) -> Vec<u8> {
    let head = ["pictures", "confidence", "accuracy"].map(String::from).to_vec();
    let bins = figures.calibration.bins.iter().filter(|bin| bin.samples > 0);
    let line = |bin: &Bin| {
        vec![bin.samples.to_string(), format!("{:.6}", bin.confidence), format!("{:.6}", bin.accuracy)]
    };
    table(std::iter::once(head).chain(bins.map(line)))
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
