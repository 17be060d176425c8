//! A chart as inline SVG with its words beside it in HTML: the drawing stretches to whatever width there is, letters and
//! strokes keep their size. Knows points and axes, nothing of what they mean.

use std::fmt::Write;

use crate::page::escaped;

pub struct Chart<'a> {
    pub title: &'a str,
    /// What is on the upright axis, in a few words.
    pub note: &'a str,
    pub across: Axis,
    pub up: Axis,
    pub lines: Vec<Line>,
    /// Upright lines with a word at their top.
    pub marks: Vec<(f64, String)>,
    /// Other markup inside the drawing, in its own coordinates of 0 to 1000.
    pub ground: String,
    /// A further class of the figure.
    pub class: &'a str,
}

/// A stretch of numbers and the ticks on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub from: f64,
    pub to: f64,
    pub ticks: Vec<(f64, String)>,
}

pub struct Line {
    /// Its colour: a class of the style sheet.
    pub class: &'static str,
    pub points: Vec<(f64, f64)>,
    /// What stands at its end.
    pub name: String,
    pub dots: bool,
}

/// The edge of the drawing's coordinates.
pub const EDGE: f64 = 1000.0;
/// The least distance of two names at the right edge, as a share of the height.
const APART: f64 = 0.085;
/// With more points than this, dots would run into each other.
const MOST_DOTS: usize = 40;

impl Axis {
    /// Round ticks over at least these numbers, about `count` of them.
    pub fn over(from: f64, to: f64, count: usize) -> Self {
        let (from, to) = match from.is_finite() && to.is_finite() && from < to {
            true => (from, to),
            false if from.is_finite() => (from - 0.5, from + 0.5),
            false => (0.0, 1.0),
        };
        let step = round_step((to - from) / count as f64);
        let (first, last) = ((from / step + 1e-9).floor(), (to / step - 1e-9).ceil());
        let places = (-step.log10().floor()).max(0.0) as usize;
        let tick = |index: f64| (index * step, format!("{:.places$}", index * step + 0.0));
        let ticks = (0..=(last - first) as usize).map(|n| tick(first + n as f64)).collect();
        Self { from: first * step, to: last * step, ticks }
    }

    /// The same with its ends where they are given: ticks only within.
    pub fn exactly(from: f64, to: f64, count: usize) -> Self {
        let Self { mut ticks, .. } = Self::over(from, to, count);
        ticks.retain(|(value, _)| (from..=to).contains(value));
        Self { from, to, ticks }
    }

    /// Powers of ten around these numbers; values are their logarithms.
    pub fn powers(from: f64, to: f64) -> Self {
        let (low, high) = (from.log10().floor() as i32, to.log10().ceil() as i32);
        let ticks: Vec<_> = (low..=high.max(low + 1))
            .map(|power| (f64::from(power), 10.0_f64.powi(power).to_string()))
            .collect();
        Self { from: ticks[0].0, to: ticks[ticks.len() - 1].0, ticks }
    }

    /// Where a number lies, from 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    let of = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    of.into_iter().find(|step| *step >= least * 0.999).unwrap_or(of[3])
}

impl Chart<'_> {
    pub fn html(&self) -> String {
        let names: Vec<&str> = self.lines.iter().map(|line| line.name.as_str()).collect();
        format!(
            "<figure class=\"chart {}\"><figcaption><b>{}</b> {}</figcaption>\n\
             <div class=\"plot\" role=\"img\" aria-label=\"{}: {}\">\n{}{}</div></figure>\n",
            self.class,
            escaped(self.title),
            escaped(self.note),
            escaped(self.title),
            escaped(&names.join(", ")),
            self.drawing(),
            self.words()
        )
    }

    fn x(&self, value: f64) -> f64 {
        self.across.share(value) * EDGE
    }

    fn y(&self, value: f64) -> f64 {
        (1.0 - self.up.share(value)) * EDGE
    }

    fn drawing(&self) -> String {
        let mut out = format!(
            "<svg viewBox=\"0 0 {EDGE} {EDGE}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\n"
        );
        let grid: String =
            self.up.ticks.iter().map(|(value, _)| format!("M0 {:.1}H{EDGE}", self.y(*value))).collect();
        let marks: String =
            self.marks.iter().map(|(at, _)| format!("M{:.1} 0V{EDGE}", self.x(*at))).collect();
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"{grid}\"/><path class=\"mark\" d=\"{marks}\"/>\n{}",
            self.ground
        );
        for line in &self.lines {
            let _ = writeln!(out, "<path class=\"line {}\" d=\"{}\"/>", line.class, self.path(line));
            if line.dots && line.points.len() <= MOST_DOTS {
                let dots =
                    line.points.iter().map(|(x, y)| format!("M{:.1} {:.1}h.01", self.x(*x), self.y(*y)));
                let _ =
                    writeln!(out, "<path class=\"dots {}\" d=\"{}\"/>", line.class, dots.collect::<String>());
            }
        }
        out + "</svg>\n"
    }

    fn path(&self, line: &Line) -> String {
        let mut path = String::new();
        for (x, y) in line.points.iter().filter(|(_, y)| y.is_finite()) {
            let letter = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", self.x(*x), self.y(*y));
        }
        path
    }

    fn words(&self) -> String {
        let mut out = String::new();
        for (value, word) in &self.up.ticks {
            let _ = writeln!(out, "<i class=\"up\" style=\"top:{:.1}%\">{word}</i>", self.y(*value) / 10.0);
        }
        for (value, word) in &self.across.ticks {
            let _ =
                writeln!(out, "<i class=\"across\" style=\"left:{:.1}%\">{word}</i>", self.x(*value) / 10.0);
        }
        for (number, (at, word)) in self.marks.iter().enumerate() {
            let next = self.marks.get(number + 1).map_or(self.across.to, |(next, _)| *next);
            let (left, width) = (self.x(*at) / 10.0, (self.x(next) - self.x(*at)) / 10.0);
            let _ = writeln!(
                out,
                "<i class=\"mark\" style=\"left:{left:.1}%;max-width:{width:.1}%\">{}</i>",
                escaped(word)
            );
        }
        let ends = self.lines.iter().filter_map(|line| {
            let (_, y) = line.points.iter().rfind(|(_, y)| y.is_finite())?;
            (!line.name.is_empty()).then(|| (self.y(*y) / EDGE, line))
        });
        for (top, line) in spread(ends.collect()) {
            let _ = writeln!(
                out,
                "<i class=\"end {}\" style=\"top:{:.1}%\">{}</i>",
                line.class,
                top * 100.0,
                escaped(&line.name)
            );
        }
        out
    }
}

/// Names that would cover each other are moved apart: downwards first, and back up where that leaves the chart.
pub fn spread(mut ends: Vec<(f64, &Line)>) -> Vec<(f64, &Line)> {
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    for n in 1..ends.len() {
        let gap = ends[n].0 - ends[n - 1].0;
        if n == 1 && gap < APART {
            ends[0].0 -= (APART - gap) / 2.0;
        }
        ends[n].0 = ends[n].0.max(ends[n - 1].0 + APART);
    }
    let mut floor = 1.0 + APART / 2.0;
    for end in ends.iter_mut().rev() {
        end.0 = end.0.min(floor);
        floor = end.0 - APART;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_numbers() {
        let check = |from, to, expected: &[&str]| {
            let axis = Axis::over(from, to, 4);
            let words: Vec<&str> = axis.ticks.iter().map(|(_, word)| word.as_str()).collect();
            assert_eq!(words, expected);
            assert!(axis.from <= from && axis.to >= to || from >= to);
        };
        check(0.0, 1.6, &["0.0", "0.5", "1.0", "1.5", "2.0"]);
        check(0.83, 0.97, &["0.80", "0.85", "0.90", "0.95", "1.00"]);
        check(0.0, 100.0, &["0", "50", "100"]);
        check(-0.05, 0.05, &["-0.05", "0.00", "0.05"]);
        check(3.0, 3.0, &["2.5", "3.0", "3.5"]);
    }

    #[test]
    fn numbers_that_are_none_break_nothing() {
        let line =
            Line { class: "a", points: vec![(1.0, f64::NAN), (2.0, 0.5)], name: "<x>".into(), dots: true };
        let (across, up) = (Axis::over(f64::NAN, 1.0, 4), Axis::over(0.0, f64::INFINITY, 4));
        let chart = Chart {
            title: "t",
            note: "",
            across,
            up,
            lines: vec![line],
            marks: vec![],
            ground: String::new(),
            class: "",
        };
        let html = chart.html();
        assert!(html.contains("&lt;x&gt;") && !html.contains("<x>"), "{html}");
    }
}
