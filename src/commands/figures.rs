//! Figures as words for the console: a table of the classes, then a line for each figure with its interval.

use crate::evaluate::{Average, Coverage, Figures, Interval, Source, confusions};

/// With more classes than this, only those are shown that do worst.
const MOST_CLASSES: usize = 40;
const WORST: usize = 20;
/// How many pairs of classes and how many pictures are named.
const NAMED: usize = 5;

/// Each class, and the means over all.
pub fn table(classes: &[String], figures: &Figures) -> String {
    let scores = &figures.scores;
    let mut shown: Vec<usize> = (0..classes.len()).collect();
    if classes.len() > MOST_CLASSES {
        shown.sort_by(|&a, &b| scores.classes[a].f1.total_cmp(&scores.classes[b].f1));
        shown.truncate(WORST);
    }
    let names = shown.iter().map(|&class| classes[class].chars().count());
    let width = names.max().unwrap_or(0).max("weighted mean".len());
    let mut text = format!("\n{:width$}  precision  recall      f1   auroc  pictures\n", "class");
    for &class in &shown {
        let of = &scores.classes[class];
        let mean = Average { precision: of.precision, recall: of.recall, f1: of.f1 };
        text += &row(&classes[class], width, mean, figures.auroc.classes[class], of.support);
    }
    if shown.len() < classes.len() {
        text += &format!("and {} classes that do better; --json has all\n", classes.len() - shown.len());
    }
    let samples = scores.samples;
    text += &row("mean", width, figures.macro_average, figures.auroc.of_classes, samples);
    text + &row("weighted mean", width, figures.weighted_average, figures.auroc.of_pictures, samples)
}

fn row(name: &str, width: usize, of: Average, auroc: Option<f64>, pictures: usize) -> String {
    let auroc = auroc.map_or_else(|| "-".into(), |area| format!("{area:.4}"));
    format!(
        "{name:width$}  {:9.4}  {:6.4}  {:6.4}  {auroc:>6}  {pictures:8}\n",
        of.precision, of.recall, of.f1
    )
}

/// A figure a line.
pub fn summary(figures: &Figures) -> String {
    let Figures { scores, intervals, calibration, .. } = figures;
    let mut text = String::new();
    let mut line = |name: &str, value: Option<f64>, interval: Option<Interval>| {
        if let Some(value) = value {
            let interval = interval.map_or_else(String::new, |[from, to]| format!("  {from:.4} to {to:.4}"));
            text += &format!("{name:18} {value:8.4}{interval}\n");
        }
    };
    line("accuracy", Some(scores.accuracy), intervals.accuracy);
    line("top 5", Some(scores.top5), intervals.top5);
    line("balanced accuracy", Some(figures.balanced_accuracy), intervals.balanced_accuracy);
    line("macro F1", Some(scores.macro_f1), intervals.macro_f1);
    line("Cohen's kappa", figures.kappa, intervals.kappa);
    line("AUROC", figures.auroc.of_classes, intervals.auroc);
    line("loss", Some(scores.loss), None);
    let before = match calibration.temperature == 1.0 {
        true => String::new(),
        false => format!(
            "  ({:.4} without the temperature of {:.3})",
            calibration.error_before, calibration.temperature
        ),
    };
    text += &format!("{:18} {:8.4}{before}\n", "calibration error", calibration.error);
    text + &format!(
        "{} pictures; intervals hold 95 % of {} bootstrap drawings\n",
        scores.samples, intervals.resamples
    )
}

/// What `predict --threshold` would do to these pictures.
pub fn words_of_coverages(thresholds: &[Coverage]) -> String {
    let line = |one: &Coverage| {
        let accuracy = one.accuracy.map_or_else(|| "-".into(), |accuracy| format!("{accuracy:.4}"));
        format!("  {:.2}  {:8.4}  {accuracy:>6}\n", one.threshold, one.answered)
    };
    let lines: String = thresholds.iter().map(line).collect();
    format!(
        "\nif what is less probable than a threshold were called unknown\n        answered   right\n{lines}"
    )
}

pub fn words_of_confusions(classes: &[String], figures: &Figures) -> String {
    let found = confusions(&figures.scores.confusion);
    let mut text = String::new();
    for &(label, predicted, count) in found.iter().take(NAMED) {
        let whole = figures.scores.classes[label].support;
        text += &format!("  {count} of {whole} {} taken for {}\n", classes[label], classes[predicted]);
    }
    if text.is_empty() { text } else { format!("\nmost often confused\n{text}") }
}

pub fn words_of_sources(sources: &[Source]) -> String {
    if sources.is_empty() {
        return String::new();
    }
    let width = sources.iter().map(|source| source.name.chars().count()).max().unwrap_or(0);
    let row = |source: &Source| {
        let interval =
            source.interval.map_or_else(String::new, |[from, to]| format!("  {from:.4} to {to:.4}"));
        let Source { name, accuracy, samples, .. } = source;
        format!("  {name:width$}  accuracy {accuracy:.4}{interval}  {samples:8} pictures\n")
    };
    format!("\nby source\n{}", sources.iter().map(row).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Answers;

    fn figures() -> (Vec<String>, Figures) {
        let logits = vec![2., 0., 0., 0., 2., 0., 0., 2., 0., 0., 2., 0., 2., 0., 0.];
        let classes = ["rose", "tulip", "daisy"].map(str::to_owned).to_vec();
        (classes, Answers::new(logits, vec![0, 0, 1, 1, 2], 3).figures(1.0, 0))
    }

    #[test]
    fn every_class_and_figure_has_its_line() {
        let (classes, figures) = figures();
        let table = table(&classes, &figures);
        let lines: Vec<&str> = table.lines().skip(1).collect();
        assert_eq!(lines[0], "class          precision  recall      f1   auroc  pictures");
        assert_eq!(lines[2], "tulip             0.6667  1.0000  0.8000  0.8333         2");
        assert_eq!(lines.len(), 6);
        let summary = summary(&figures);
        assert!(summary.contains("accuracy             0.6000  "), "{summary}");
        assert_eq!(
            words_of_confusions(&classes, &figures),
            "\nmost often confused\n  1 of 2 rose taken for tulip\n  1 of 1 daisy taken for rose\n"
        );
    }

    #[test]
    fn a_source_is_told_with_its_interval() {
        let source =
            |name: &str, interval| Source { name: name.into(), samples: 8, accuracy: 0.75, interval };
        let words = words_of_sources(&[source("a", Some([0.5, 1.0])), source("b/c", None)]);
        let expected = "\nby source\n  a    accuracy 0.7500  0.5000 to 1.0000         8 pictures\n\
                        \x20 b/c  accuracy 0.7500         8 pictures\n";
        assert_eq!(words, expected);
    }
}
