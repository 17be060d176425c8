//! Whether the probabilities mean what they say, as a diagram and in a sentence.

use std::fmt::Write;

use super::chart::{Axis, Chart, EDGE, Line};
use super::run::Run;
use crate::evaluate::{Bin, Calibration};

pub fn section(run: &Run) -> String {
    let Some(figures) = run.figures() else { return String::new() };
    let calibration = &figures.calibration;
    format!(
        "<section><h2>Can its confidence be believed?</h2>\n<div class=\"pair\">\n{}<div>{}</div></div></section>\n",
        diagram(&calibration.bins),
        words(calibration)
    )
}

fn words(of: &Calibration) -> String {
    let mut text = format!(
        "<p>A dot is a group of test pictures of similar confidence. On the dashed line confidence is exactly as often right as it \
         says; dots below it are too sure, dots above it not sure enough. Larger dots hold more pictures.</p>\n\
         <p>Expected calibration error <b>{:.3}</b>: how far confidence and accuracy are apart on average.</p>\n",
        of.error
    );
    if of.temperature == 1.0 {
        text += "<p>No temperature was fitted: validation made no mistake to fit it by, or there is no validation.</p>\n";
    } else {
        let _ = writeln!(
            text,
            "<p>Logits are divided by a temperature of <b>{:.3}</b>, fitted on the validation pictures and stored in the model; without it \
             the error would be {:.3}.</p>",
            of.temperature, of.error_before
        );
    }
    text
}

fn diagram(bins: &[Bin]) -> String {
    let percent = || {
        let ticks = (0..=5).map(|n| (f64::from(n) / 5.0, format!("{}", 20 * n))).collect();
        Axis { from: 0.0, to: 1.0, ticks }
    };
    let filled: Vec<&Bin> = bins.iter().filter(|bin| bin.samples > 0).collect();
    let most = filled.iter().map(|bin| bin.samples).max().unwrap_or(1) as f64;
    let mut ground = format!("<path class=\"ideal\" d=\"M0 {EDGE}L{EDGE} 0\"/>\n");
    for bin in &filled {
        let (x, y) = (bin.confidence * EDGE, (1.0 - bin.accuracy) * EDGE);
        let share = (bin.samples as f64 / most).sqrt();
        // What few pictures say is said softly.
        let (ideal, faint) = ((1.0 - bin.confidence) * EDGE, 0.3 + 0.7 * share);
        let _ =
            writeln!(ground, "<path class=\"gap\" opacity=\"{faint:.2}\" d=\"M{x:.1} {y:.1}V{ideal:.1}\"/>");
        let width = 5.0 + 17.0 * share;
        let _ = writeln!(
            ground,
            "<path class=\"dots only\" style=\"stroke-width:{width:.1}px\" d=\"M{x:.1} {y:.1}h.01\"><title>{} pictures: said {:.0} %, right {:.0} %</title></path>",
            bin.samples,
            100.0 * bin.confidence,
            100.0 * bin.accuracy
        );
    }
    Chart {
        title: "Right",
        note: "% of the pictures, by confidence in %",
        across: percent(),
        up: percent(),
        lines: Vec::<Line>::new(),
        marks: Vec::new(),
        ground,
        class: "square",
    }
    .html()
}
