//! The top of the page: what the run is, how far it is, and the figures that matter most.

use super::network;
use super::run::{Run, State};
use crate::evaluate::{Figures, Interval};
use crate::page::escaped;

pub fn hero(run: &Run) -> String {
    format!(
        "<header><p class=\"kicker\">kiln · training report</p>\n<h1>{}</h1>\n<p class=\"state\">{}</p>\n{}</header>\n",
        escaped(&run.name),
        state(run),
        figures(run)
    )
}

fn state(run: &Run) -> String {
    let (done, planned) = (run.epochs.len(), run.planned());
    let [train, val, test] = run.data.counts;
    let network = network::words(run).map_or_else(String::new, |network| format!("{network} · "));
    let what = format!(
        "{network}{} classes · {train} pictures to train, {val} to validate, {test} to test",
        run.classes.len()
    );
    let how = match &run.state {
        State::Training => format!(
            "<b class=\"chip\">training: epoch {done} of {planned}</b>\
             <span class=\"bar\"><span style=\"width:{:.1}%\"></span></span>",
            100.0 * done as f64 / planned.max(1) as f64
        ),
        State::Stopped(why) => {
            format!("<b class=\"chip bad\">after epoch {done} of {planned}: {}</b>", escaped(why))
        }
        State::Finished => String::new(),
    };
    format!("{how}{}", escaped(&what))
}

fn figures(run: &Run) -> String {
    if let Some(figures) = run.figures() {
        return tested(figures);
    }
    let Some(best) = run.epochs.iter().rfind(|epoch| epoch.best) else { return String::new() };
    let Some(accuracy) = best.val_accuracy else { return String::new() };
    let at = run.best_epoch().unwrap_or(0);
    let large = large("validation accuracy", accuracy, None, &format!("the best so far, in epoch {at}"));
    format!("<div class=\"figures\">{large}</div>\n")
}

fn tested(figures: &Figures) -> String {
    let Figures { scores, intervals, calibration, .. } = figures;
    let note = format!("of {} pictures, seen once", scores.samples);
    let main = large("test accuracy", scores.accuracy, intervals.accuracy, &note);
    let mut out = String::new();
    let mut small = |name: &str, value: Option<f64>, interval: Option<Interval>| {
        if let Some(value) = value {
            let interval = interval.map_or_else(String::new, |[from, to]| format!("{from:.3} – {to:.3}"));
            out += &format!("<div><span>{name}</span><b>{value:.3}</b><small>{interval}</small></div>\n");
        }
    };
    small("balanced accuracy", Some(figures.balanced_accuracy), intervals.balanced_accuracy);
    small("macro F1", Some(scores.macro_f1), intervals.macro_f1);
    if scores.classes.len() > 5 {
        small("top 5", Some(scores.top5), intervals.top5);
    }
    small("AUROC", figures.auroc.of_classes, intervals.auroc);
    small("Cohen’s κ", figures.kappa, intervals.kappa);
    small("calibration error", Some(calibration.error), None);
    format!(
        "<div class=\"figures\">{main}<div class=\"small\">{out}</div></div>\n<p class=\"fine\">Ranges hold 95 % of {} bootstrap drawings of the test pictures.</p>\n",
        intervals.resamples
    )
}

fn large(name: &str, share: f64, interval: Option<Interval>, note: &str) -> String {
    let percent = |value: f64| format!("{:.1}", 100.0 * value);
    let range =
        interval.map_or_else(String::new, |[from, to]| format!("{} – {} %<br>", percent(from), percent(to)));
    format!(
        "<div class=\"large\"><span>{name}</span><b>{}<i> %</i></b><small>{range}{}</small></div>\n",
        percent(share),
        escaped(note)
    )
}
