//! The classes one by one, and which are taken for which.

use super::confusion;
use super::run::Run;
use crate::evaluate::{Auroc, Average, ClassScores, Scores};
use crate::page::escaped;

pub fn section(run: &Run) -> String {
    let (scores, areas, what) = match (run.figures(), &run.validation) {
        (Some(figures), _) => (&figures.scores, Some(&figures.auroc), "the test pictures".to_owned()),
        (None, Some(validation)) => {
            (&validation.scores, None, format!("the validation pictures, epoch {}", validation.epoch))
        }
        (None, None) => return String::new(),
    };
    format!(
        "<section><h2>Class by class <span>{what}</span></h2>\n<div class=\"pair\">\n{}{}</div>{}</section>\n",
        table(run, scores, areas),
        confusion::matrix(&run.classes, scores),
        sources(run)
    )
}

fn table(run: &Run, scores: &Scores, areas: Option<&Auroc>) -> String {
    let mut heads = vec!["class", "pictures", "precision", "recall", "F1"];
    if areas.is_some() {
        heads.push("AUROC");
    }
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let row = |(number, (name, class)): (usize, (&String, &ClassScores))| {
        let area = areas.map_or_else(String::new, |areas| area_cell(areas.classes[number]));
        format!(
            "<tr><th scope=\"row\"><span>{}</span> {}</th><td>{}</td><td>{:.3}</td><td>{:.3}</td>\
             <td class=\"bar\" style=\"--share:{:.1}%\">{:.3}</td>{area}</tr>\n",
            number + 1,
            escaped(name),
            class.support,
            class.precision,
            class.recall,
            100.0 * class.f1,
            class.f1
        )
    };
    let rows: String = run.classes.iter().zip(&scores.classes).enumerate().map(row).collect();
    let foot = averages(scores, areas);
    format!(
        "<div class=\"scroll\"><table class=\"classes\" data-sort><thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody>\n\
         <tfoot>{foot}</tfoot></table></div>\n"
    )
}

fn area_cell(area: Option<f64>) -> String {
    format!("<td>{}</td>", area.map_or_else(|| "–".into(), |area| format!("{area:.3}")))
}

/// The means over the classes, each alike and by its pictures. Sorting leaves them where they are.
fn averages(scores: &Scores, areas: Option<&Auroc>) -> String {
    let row = |name: &str, of: Average, area: Option<Option<f64>>| {
        format!(
            "<tr><th scope=\"row\">{name}</th><td>{}</td><td>{:.3}</td><td>{:.3}</td><td>{:.3}</td>{}</tr>\n",
            scores.samples,
            of.precision,
            of.recall,
            of.f1,
            area.map_or_else(String::new, area_cell)
        )
    };
    row("mean", Average::of_classes(&scores.classes), areas.map(|areas| areas.of_classes))
        + &row("weighted mean", Average::of_pictures(&scores.classes), areas.map(|areas| areas.of_pictures))
}

fn sources(run: &Run) -> String {
    if run.figures().is_none() || run.tested.sources.is_empty() {
        return String::new();
    }
    let rows: String = run
        .tested
        .sources
        .iter()
        .map(|source| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"bar\" style=\"--share:{:.1}%\">{:.3}</td><td>{}</td></tr>\n",
                escaped(&source.name),
                source.samples,
                100.0 * source.accuracy,
                source.accuracy,
                source.interval.map_or_else(|| "–".into(), |[from, to]| format!("{from:.3} – {to:.3}"))
            )
        })
        .collect();
    format!(
        "<h3>By source</h3>\n<div class=\"scroll\"><table class=\"classes\" data-sort><thead><tr><th scope=\"col\">source</th>\
         <th scope=\"col\">pictures</th><th scope=\"col\">accuracy</th><th scope=\"col\">95 %</th></tr></thead>\n<tbody>{rows}</tbody></table></div>\n"
    )
}
