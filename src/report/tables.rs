//! The figures of the test as tables for other programs: predictions, classes, confusions.

use super::kept::Files;
use crate::durable;
use crate::evaluate::{Bin, Figures, Interval, Judgement, Source};

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

    /// sources.csv, where the pictures come from several.
    pub(super) fn put_sources(&self, sources: &[Source]) -> Result<(), durable::Error> {
        if sources.is_empty() { Ok(()) } else { self.write("sources.csv", &per_source(sources)) }
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
    let (by_class, by_picture) = (figures.macro_average, figures.weighted_average);
    let lines = [
        ("pictures", Some(scores.samples as f64), None),
        ("accuracy", Some(scores.accuracy), intervals.accuracy),
        ("top5", Some(scores.top5), intervals.top5),
        ("loss", Some(scores.loss), None),
        ("macro_precision", Some(by_class.precision), None),
        ("macro_recall", Some(by_class.recall), None),
        ("macro_f1", Some(scores.macro_f1), intervals.macro_f1),
        ("weighted_precision", Some(by_picture.precision), None),
        ("weighted_recall", Some(by_picture.recall), None),
        ("weighted_f1", Some(by_picture.f1), None),
        ("balanced_accuracy", Some(*balanced_accuracy), intervals.balanced_accuracy),
        ("kappa", *kappa, intervals.kappa),
        ("auroc_macro", auroc.of_classes, intervals.auroc),
        ("auroc_weighted", auroc.of_pictures, None),
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

fn per_source(sources: &[Source]) -> Vec<u8> {
    let head = ["source", "pictures", "accuracy", "low", "high"].map(String::from).to_vec();
    let line = |source: &Source| {
        let ends =
            source.interval.map_or([const { String::new() }; 2], |ends| ends.map(|end| format!("{end:.6}")));
        let start = vec![source.name.clone(), source.samples.to_string(), format!("{:.6}", source.accuracy)];
        [start, ends.to_vec()].concat()
    };
    table(std::iter::once(head).chain(sources.iter().map(line)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Answers, Provenance, sources};

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    /// The answers of scikit-learn's example in `evaluate::scores`.
    fn answers() -> Answers {
        let logits = vec![2., 0., 0., 0., 2., 0., 0., 2., 0., 0., 2., 0., 2., 0., 0.];
        Answers::new(logits, vec![0, 0, 1, 1, 2], 3)
    }

    #[test]
    fn all_averages_and_intervals_are_among_the_figures() {
        let figures = answers().figures(1.0, 0);
        let text = text(single(&figures));
        let of = |name: &str| {
            let line = text.lines().find(|line| line.split(',').next() == Some(name));
            line.unwrap_or_else(|| panic!("{name}: {text}")).split(',').map(String::from).collect::<Vec<_>>()
        };
        // scikit-learn's classification_report: macro 0.39, 0.50, 0.43; weighted 0.47, 0.60, 0.52.
        let expected = [("macro_precision", 7.0 / 18.0), ("macro_recall", 0.5), ("macro_f1", 1.3 / 3.0)];
        let weighted = [("weighted_precision", 7.0 / 15.0), ("weighted_recall", 0.6), ("weighted_f1", 0.52)];
        for (name, value) in expected.into_iter().chain(weighted) {
            let found: f64 = of(name)[1].parse().unwrap();
            assert!((found - value).abs() < 1e-9, "{name}: {found}");
        }
        let [low, high] = figures.intervals.top5.unwrap();
        assert_eq!(of("top5")[2..], [low.to_string(), high.to_string()]);
    }

    #[test]
    fn sources_have_a_table_of_their_own() {
        let judgements = answers().judgements(1.0);
        let names = ["a/1.jpg", "b/1.jpg", "a/2.jpg", "b/2.jpg", "3.jpg"];
        let pictures = names.map(|name| Provenance { name, told: None });
        let text = text(per_source(&sources(&pictures, &judgements)));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "source,pictures,accuracy,low,high");
        assert_eq!(lines[1], "-,1,0.000000,0.000000,0.000000");
        assert_eq!(lines[2], "a,2,1.000000,1.000000,1.000000");
        assert_eq!(lines[3], "b,2,0.500000,0.000000,1.000000");
    }
}
