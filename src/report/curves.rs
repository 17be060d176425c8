//! How training went: loss, accuracy, learning rate and throughput over the epochs.

use super::chart::{Axis, Chart, Line};
use super::run::{Epoch, Run};
use super::time::length;
use crate::config::Trains;

pub fn section(run: &Run) -> String {
    if run.epochs.is_empty() {
        return String::new();
    }
    let charts = [loss(run), accuracy(run), rate(run), throughput(run)];
    format!(
        "<section><h2>How training went</h2>\n{}<div class=\"charts\">\n{}</div></section>\n",
        words(run),
        charts.concat()
    )
}

fn words(run: &Run) -> String {
    let seconds: f64 = run.times.iter().map(|time| time.seconds).sum();
    let best = run.best_epoch().map_or_else(String::new, |epoch| format!("; the best was epoch {epoch}"));
    let done = run.epochs.len();
    let epochs = if done == 1 { "1 epoch" } else { &format!("{done} epochs") };
    format!("<p>{epochs} in {}{best}.</p>\n", length(seconds))
}

/// Epochs, the same for all charts, so that they can be read beneath each other.
fn across(run: &Run) -> Axis {
    let last = run.planned().max(1) as f64;
    let mut axis = Axis::exactly(0.0, last, 5);
    axis.ticks.retain(|(value, _)| value.fract() == 0.0);
    axis.ticks.iter_mut().for_each(|(value, word)| *word = format!("{value:.0}"));
    axis
}

/// Where each stage begins.
fn marks(run: &Run) -> Vec<(f64, String)> {
    let stages = &run.config.stages;
    if stages.len() < 2 {
        return Vec::new();
    }
    let mut begin = 0;
    let mut marks = Vec::new();
    for (number, stage) in stages.iter().enumerate() {
        let word = match stage.trains {
            Trains::Head => "head".into(),
            Trains::Last(blocks) => format!("last {blocks}"),
            Trains::All => "all".into(),
        };
        marks.push((begin as f64, word));
        let done = run.epochs.iter().filter(|epoch| epoch.stage == number + 1).count();
        let is_over = run.epochs.last().is_some_and(|epoch| epoch.stage > number + 1);
        begin += if is_over { done } else { stage.epochs };
    }
    marks.retain(|(at, _)| *at < run.planned() as f64);
    marks
}

fn points(run: &Run, value: impl Fn(&Epoch) -> Option<f64>) -> Vec<(f64, f64)> {
    let values = run.epochs.iter().enumerate();
    values.filter_map(|(number, epoch)| Some(((number + 1) as f64, value(epoch)?))).collect()
}

fn largest(lines: &[Line]) -> f64 {
    lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1)
        .filter(|y| y.is_finite())
        .fold(f64::NAN, f64::max)
}

fn smallest(lines: &[Line]) -> f64 {
    lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1)
        .filter(|y| y.is_finite())
        .fold(f64::NAN, f64::min)
}

fn line(class: &'static str, name: &str, points: Vec<(f64, f64)>, say: impl Fn(f64) -> String) -> Line {
    let last = points.iter().rfind(|(_, y)| y.is_finite()).map(|point| point.1);
    let name = last.map_or_else(String::new, |value| format!("{name} {}", say(value)));
    Line { class, points, name: name.trim().to_owned(), dots: true }
}

fn chart<'a>(run: &Run, title: &'a str, note: &'a str, up: Axis, lines: Vec<Line>) -> Chart<'a> {
    Chart { title, note, across: across(run), up, lines, marks: marks(run), ground: String::new(), class: "" }
}

fn loss(run: &Run) -> String {
    let say = |value: f64| format!("{value:.3}");
    let lines = vec![
        line("train", "train", points(run, |epoch| Some(epoch.train_loss)), say),
        line("val", "val", points(run, |epoch| epoch.val_loss), say),
    ];
    let up = Axis::over(0.0, largest(&lines), 4);
    chart(run, "Loss", "cross-entropy, by epoch", up, lines).html()
}

fn accuracy(run: &Run) -> String {
    let percent = |value: f64| 100.0 * value;
    let say = |value: f64| format!("{value:.1}");
    let lines = vec![
        line("train", "train", points(run, |epoch| Some(percent(epoch.train_accuracy))), say),
        line("val", "val", points(run, |epoch| epoch.val_accuracy.map(percent)), say),
    ];
    let mut up = Axis::over(smallest(&lines).min(99.0), largest(&lines), 4);
    if up.to > 100.0 {
        up = Axis::exactly(up.from, 100.0, 4);
    }
    chart(run, "Accuracy", "%, by epoch", up, lines).html()
}

fn rate(run: &Run) -> String {
    let points = points(run, |epoch| (epoch.learning_rate > 0.0).then(|| epoch.learning_rate.log10()));
    let lines = vec![line("only", "", points, |value| short(10.0_f64.powf(value)))];
    let (low, high) = (10.0_f64.powf(smallest(&lines)), 10.0_f64.powf(largest(&lines)));
    let up = if low.is_finite() { Axis::logarithmic(low, high) } else { Axis::over(0.0, 1.0, 2) };
    chart(run, "Learning rate", "at the end of each epoch", up, lines).html()
}

/// `0.00087` as 8.7e-4.
fn short(value: f64) -> String {
    format!("{value:.1e}")
}

fn throughput(run: &Run) -> String {
    // An epoch that was trained again after a stop has several times; the last one counts.
    let rate = |epoch: &Epoch| {
        let time = run.times.iter().rfind(|time| time.step == epoch.step)?;
        Some(time.pictures_per_second)
    };
    let lines = vec![line("only", "", points(run, rate), |value| format!("{value:.0}"))];
    let up = Axis::over(0.0, largest(&lines).max(1.0), 4);
    chart(run, "Throughput", "pictures per second, with validation", up, lines).html()
}
