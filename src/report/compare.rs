//! Several runs on one page: their figures in a table, their curves over each other.

use super::chart::{Axis, Chart, Line};
use super::run::{Epoch, Run};
use super::time::length;
use crate::evaluate::Interval;
use crate::page::{Document, escaped};

/// What is said of a run beside others.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Summary {
    pub run: String,
    pub epochs: usize,
    pub seconds: f64,
    pub best_epoch: Option<usize>,
    pub val_accuracy: Option<f64>,
    pub val_loss: Option<f64>,
    pub test_accuracy: Option<f64>,
    pub test_interval: Option<Interval>,
    pub macro_f1: Option<f64>,
    pub calibration_error: Option<f64>,
    /// BLAKE3 over the data: figures on other data are no comparison.
    pub data: String,
}

/// Classes of the style sheet, a colour for each; more runs begin again.
const COLOURS: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "s5"];

impl Summary {
    pub fn of(run: &Run) -> Self {
        let best = run.epochs.iter().rfind(|epoch| epoch.best);
        let figures = run.figures();
        Self {
            run: run.folder.display().to_string(),
            epochs: run.epochs.len(),
            seconds: run.times.iter().map(|time| time.seconds).sum(),
            best_epoch: run.best_epoch(),
            val_accuracy: best.and_then(|epoch| epoch.val_accuracy),
            val_loss: best.and_then(|epoch| epoch.val_loss),
            test_accuracy: figures.map(|figures| figures.scores.accuracy),
            test_interval: figures.and_then(|figures| figures.intervals.accuracy),
            macro_f1: figures.map(|figures| figures.scores.macro_f1),
            calibration_error: figures.map(|figures| figures.calibration.error),
            data: run.data.fingerprint.clone(),
        }
    }
}

pub fn page(runs: &[Run]) -> String {
    let body = format!(
        "<main><header><p class=\"kicker\">kiln · comparison</p><h1>{} runs</h1></header>\n<section><h2>Figures</h2>\n{}{}</section>\n\
         <section><h2>Curves</h2>\n<div class=\"charts\">{}{}</div></section></main>\n<script>\n{}</script>\n",
        runs.len(),
        table(runs),
        data(runs),
        chart(runs, "Validation accuracy", "%, by epoch", |epoch| epoch
            .val_accuracy
            .map(|share| 100.0 * share)),
        chart(runs, "Validation loss", "cross-entropy, by epoch", |epoch| epoch.val_loss),
        super::SCRIPT
    );
    Document { title: "kiln compare", style: super::STYLE, body: &body, refresh: None }.html()
}

/// Whether the figures compare at all.
fn data(runs: &[Run]) -> &'static str {
    match runs.windows(2).all(|pair| pair[0].data.fingerprint == pair[1].data.fingerprint) {
        true => "",
        false => {
            "<div class=\"warnings\"><ul><li>These runs were not made with the same data, so their figures do not \
             compare.</li></ul></div>\n"
        }
    }
}

fn table(runs: &[Run]) -> String {
    let heads = ["run", "epochs", "time", "val", "test", "95 % interval", "macro F1"];
    let cells = |values: [String; 6]| {
        let cell = |(head, value): (&&str, String)| format!("<td data-label=\"{head}\">{value}</td>");
        heads[1..].iter().zip(values).map(cell).collect::<String>()
    };
    let figure = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.4}"));
    let row = |(number, run): (usize, &Run)| {
        let of = Summary::of(run);
        let interval =
            of.test_interval.map_or_else(|| "–".into(), |[from, to]| format!("{from:.3} – {to:.3}"));
        let values = [
            of.epochs.to_string(),
            length(of.seconds),
            figure(of.val_accuracy),
            figure(of.test_accuracy),
            interval,
            figure(of.macro_f1),
        ];
        format!(
            "<tr><th scope=\"row\" class=\"{}\">{}</th>{}</tr>\n",
            COLOURS[number % COLOURS.len()],
            escaped(&run.name),
            cells(values)
        )
    };
    let titles: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let rows: String = runs.iter().enumerate().map(row).collect();
    format!(
        "<div class=\"scroll\"><table class=\"classes runs\" data-sort><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>\n"
    )
}

fn chart(runs: &[Run], title: &str, note: &str, value: impl Fn(&Epoch) -> Option<f64>) -> String {
    let line = |(number, run): (usize, &Run)| {
        let epochs = run.epochs.iter().enumerate();
        let points: Vec<(f64, f64)> =
            epochs.filter_map(|(at, epoch)| Some(((at + 1) as f64, value(epoch)?))).collect();
        Line {
            class: COLOURS[number % COLOURS.len()],
            dots: points.len() == 1,
            points,
            name: run.name.clone(),
        }
    };
    let lines: Vec<Line> = runs.iter().enumerate().map(line).collect();
    let values: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|point| point.1).collect();
    let (low, high) = values.iter().fold((f64::NAN, f64::NAN), |(low, high), &y| (y.min(low), y.max(high)));
    let last = runs.iter().map(|run| run.epochs.len()).max().unwrap_or(1).max(1);
    let mut across = Axis::exactly(0.0, last as f64, 5);
    across.ticks.retain(|(at, _)| at.fract() == 0.0);
    across.ticks.iter_mut().for_each(|(at, word)| *word = format!("{at:.0}"));
    let up = Axis::over(low, high, 4);
    Chart { title, note, across, up, lines, marks: Vec::new(), ground: String::new(), class: "" }.html()
}
