//! How training went: loss, accuracy, learning rate and throughput over the epochs.

use super::chart::{Axis, Chart, Line};
use super::run::{Epoch, Run, State};
use super::time::length;
use crate::config::Trains;
use crate::train::{Place, share};

pub fn section(run: &Run) -> String {
    if run.epochs.is_empty() {
        return String::new();
    }
    let charts = charts(run).map(|chart| chart.html());
    format!(
        "<section><h2>How training went</h2>\n{}<div class=\"charts\">\n{}</div></section>\n",
        words(run),
        charts.concat()
    )
}

pub fn charts(run: &Run) -> [Chart<'static>; 4] {
    [loss(run), accuracy(run), rate(run), throughput(run)]
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

fn chart(run: &Run, title: &'static str, note: &'static str, up: Axis, lines: Vec<Line>) -> Chart<'static> {
    Chart { title, note, across: across(run), up, lines, marks: marks(run), ground: String::new(), class: "" }
}

fn loss(run: &Run) -> Chart<'static> {
    let say = |value: f64| format!("{value:.3}");
    let lines = vec![
        line("train", "train", points(run, |epoch| Some(epoch.train_loss)), say),
        line("val", "val", points(run, |epoch| epoch.val_loss), say),
    ];
    let up = Axis::over(0.0, largest(&lines), 4);
    chart(run, "Loss", "cross-entropy, by epoch", up, lines)
}

fn accuracy(run: &Run) -> Chart<'static> {
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
    chart(run, "Accuracy", "%, by epoch", up, lines)
}

/// How many points of the schedule are drawn at most.
const POINTS: usize = 400;

fn rate(run: &Run) -> Chart<'static> {
    let recorded = points(run, |epoch| Some(epoch.learning_rate));
    let points = schedule(run, &recorded).unwrap_or(recorded);
    let is_plan = run.state != State::Finished;
    let (name, note) = match is_plan {
        true => ("", "as planned, by epoch"),
        false => ("", "by epoch"),
    };
    let mut line = line("only", name, points, |value| format!("{value:.1e}"));
    line.dots = false;
    let lines = vec![line];
    let up = Axis::over(0.0, largest(&lines), 4);
    chart(run, "Learning rate", note, up, lines)
}

/// The schedule from update to update. None where the run did not keep to it: a divergence has halved it.
fn schedule(run: &Run, recorded: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let steps_per_epoch = run.epochs.first()?.step;
    let every = (run.planned() * steps_per_epoch).div_ceil(POINTS).max(1);
    let (mut begin, mut points) = (0, Vec::new());
    for (number, stage) in run.config.stages.iter().enumerate() {
        let done = run.epochs.iter().filter(|epoch| epoch.stage == number + 1).count();
        let is_over = run.state == State::Finished || run.epochs.last()?.stage > number + 1;
        let (epochs, steps) = (if is_over { done } else { stage.epochs }, steps_per_epoch * stage.epochs);
        let at = |step: usize| {
            let rate = stage.lr * share(&run.config.schedule, Place { step, steps_per_epoch, steps });
            (begin as f64 + (step + 1) as f64 / steps_per_epoch as f64, rate)
        };
        let all = epochs * steps_per_epoch;
        points.extend((0..all).filter(|step| step % every == 0 || step + 1 == all).map(at));
        let ends = (1..=done.min(epochs)).map(|epoch| at(epoch * steps_per_epoch - 1).1);
        let is_kept =
            recorded.iter().skip(begin).zip(ends).all(|(kept, end)| (kept.1 - end).abs() <= 1e-6 * stage.lr);
        if !is_kept {
            return None;
        }
        begin += epochs;
    }
    Some(points)
}

/// Where epochs differ by more than this, only powers of ten show all of them.
const WIDE: f64 = 20.0;

fn throughput(run: &Run) -> Chart<'static> {
    // An epoch that was trained again after a stop has several times; the last one counts.
    let rate = |epoch: &Epoch| {
        let time = run.times.iter().rfind(|time| time.step == epoch.step)?;
        (time.pictures_per_second > 0.0).then_some(time.pictures_per_second)
    };
    let points = points(run, rate);
    let mut lines = vec![line("only", "", points, |value| format!("{value:.0}"))];
    let (low, high) = (smallest(&lines), largest(&lines));
    let up = match high > WIDE * low {
        true => {
            lines[0].points.iter_mut().for_each(|(_, y)| *y = y.log10());
            Axis::powers(low, high)
        }
        false => Axis::over(0.0, high.max(1.0), 4),
    };
    chart(run, "Throughput", "pictures per second, with validation", up, lines)
}
