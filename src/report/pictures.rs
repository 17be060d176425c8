//! The pictures on the page: the worst mistakes, and what training sees.

use std::fmt::Write;

use super::kept::{Mistake, Views};
use super::run::Run;
use crate::page::escaped;

pub fn mistakes(run: &Run) -> String {
    let Some(figures) = run.figures() else { return String::new() };
    let wrong = figures.scores.samples
        - figures.scores.confusion.iter().enumerate().map(|(n, row)| row[n]).sum::<usize>();
    let known = |mistake: &&Mistake| mistake.class.max(mistake.predicted) < run.classes.len();
    let cards: String = run.tested.mistakes.iter().filter(known).map(|mistake| card(run, mistake)).collect();
    if cards.is_empty() {
        return String::new();
    }
    let has_heat = run.tested.mistakes.iter().any(|mistake| mistake.heat.is_some());
    let (class, heat) = match has_heat {
        true => (
            " twice",
            " Beside each picture: where the model saw what it said; the lighter a place, the more it spoke for that \
                  (Grad-CAM). All dark: no place spoke for it. What the model does not see is pale.",
        ),
        false => ("", ""),
    };
    format!(
        "<section><h2>Worst mistakes <span>{wrong} of {}</span></h2>\n<p>The least probable truths first.{heat}</p>\n\
         <div class=\"cards{class}\">{cards}</div></section>\n",
        figures.scores.samples
    )
}

fn card(run: &Run, mistake: &Mistake) -> String {
    let Mistake { name, class, predicted, confidence, probability, picture, heat } = mistake;
    let image = picture.as_ref().map_or_else(
        || "<div class=\"missing\"></div>".into(),
        |uri| format!("<img src=\"{}\" alt=\"{}\" loading=\"lazy\">", escaped(uri), escaped(name)),
    );
    let heat = heat.as_ref().map_or_else(String::new, |uri| {
        let what = escaped(&format!("what spoke for {}", run.classes[*predicted]));
        format!("<img src=\"{}\" alt=\"{what}\" loading=\"lazy\">", escaped(uri))
    });
    let image = if heat.is_empty() { image } else { format!("<div class=\"two\">{image}{heat}</div>") };
    format!(
        "<figure>{image}<figcaption><span class=\"wrong\"><em>said</em> {} <b>{:.0}&nbsp;%</b></span><span class=\"right\"><em>is</em> {} <b>{:.0}&nbsp;%</b></span>\
         <small>{}</small></figcaption></figure>\n",
        escaped(&run.classes[*predicted]),
        100.0 * confidence,
        escaped(&run.classes[*class]),
        100.0 * probability,
        escaped(name)
    )
}

pub fn views(run: &Run) -> String {
    let Some(views) = &run.views else { return String::new() };
    let policy = escaped(&run.config.augment.policy.to_string());
    format!(
        "<section><h2>What training sees <span>policy {policy}</span></h2>\n\
         <p>Some training pictures as they are, and as the first epochs of a stage that trains all layers see them.</p>\n{}</section>\n",
        sheet(views)
    )
}

/// All tiles are cut out of one picture.
fn sheet(views: &Views) -> String {
    let Views { columns, rows, sheet } = views;
    let mut out = format!(
        "<div class=\"views\" style=\"--sheet:url({});--columns:{columns};--rows:{}\">\n",
        escaped(sheet),
        rows.len()
    );
    let share = |index: usize, count: usize| 100.0 * index as f64 / count.saturating_sub(1).max(1) as f64;
    for (row, name) in rows.iter().enumerate() {
        let _ = write!(out, "<div class=\"row\"><b>{}</b>", escaped(name));
        for column in 0..*columns {
            let what = if column == 0 { "as it is".to_owned() } else { format!("view {column}") };
            let _ = write!(
                out,
                "<span role=\"img\" aria-label=\"{}, {what}\" style=\"background-position:{:.2}% {:.2}%\"></span>",
                escaped(name),
                share(column, *columns),
                share(row, rows.len())
            );
        }
        out += "</div>\n";
    }
    out + "</div>\n"
}
