//! The confusion matrix: a table with numbers where there are few classes, else a picture of it; and in any case the
//! pairs that are confused most often in words.

use std::fmt::Write;

use crate::evaluate::{Scores, confusions};
use crate::page::escaped;

/// With more classes than this, cells are too small for numbers.
const MOST_NUMBERED: usize = 24;
/// How many pairs are named.
const NAMED: usize = 6;

pub fn matrix(classes: &[String], scores: &Scores) -> String {
    let drawn = if classes.len() <= MOST_NUMBERED { table(classes, scores) } else { picture(scores) };
    format!("<div class=\"confusion\">{drawn}{}</div>\n", pairs(classes, scores))
}

/// Rows are what a picture is, columns what it was taken for.
fn table(classes: &[String], scores: &Scores) -> String {
    let heads: String =
        (1..=classes.len()).map(|number| format!("<th scope=\"col\">{number}</th>")).collect();
    let mut rows = String::new();
    for (label, row) in scores.confusion.iter().enumerate() {
        let name = escaped(&classes[label]);
        let _ = write!(rows, "<tr><th scope=\"row\" title=\"{name}\"><span>{}</span> {name}</th>", label + 1);
        for (predicted, &count) in row.iter().enumerate() {
            rows += &cell(count, scores.classes[label].support, label == predicted);
        }
        rows += "</tr>\n";
    }
    format!(
        "<table class=\"matrix\"><caption>Rows are what the pictures are, columns what they were taken for.</caption>\
         <thead><tr><td></td>{heads}</tr></thead>\n<tbody>{rows}</tbody></table>\n"
    )
}

fn cell(count: usize, support: usize, is_right: bool) -> String {
    if count == 0 {
        return "<td></td>".into();
    }
    let share = count as f64 / support.max(1) as f64;
    let class = if is_right { "right" } else { "wrong" };
    let deep = match share {
        _ if share > 0.9 => " deep deepest",
        _ if share > 0.5 => " deep",
        _ => "",
    };
    format!("<td class=\"{class}{deep}\" style=\"--share:{:.0}%\">{count}</td>", 15.0 + 85.0 * share)
}

fn picture(scores: &Scores) -> String {
    let edge = scores.confusion.len();
    let mut out = format!(
        "<figure><svg class=\"matrix\" viewBox=\"0 0 {edge} {edge}\" role=\"img\" aria-label=\"confusion matrix\">\n"
    );
    for (label, row) in scores.confusion.iter().enumerate() {
        for (predicted, &count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            let class = if label == predicted { "right" } else { "wrong" };
            let share = count as f64 / scores.classes[label].support.max(1) as f64;
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{predicted}\" y=\"{label}\" width=\"1\" height=\"1\" opacity=\"{:.2}\"/>",
                0.15 + 0.85 * share
            );
        }
    }
    out + "</svg><figcaption>Rows are what the pictures are, columns what they were taken for, both in the table’s order.</figcaption></figure>\n"
}

fn pairs(classes: &[String], scores: &Scores) -> String {
    let item = |&(label, predicted, count): &(usize, usize, usize)| {
        let support = scores.classes[label].support;
        format!(
            "<li><b>{count}</b> of {support} {} <span>taken for</span> {}</li>\n",
            escaped(&classes[label]),
            escaped(&classes[predicted])
        )
    };
    let items: String = confusions(&scores.confusion).iter().take(NAMED).map(item).collect();
    match items.is_empty() {
        true => "<p class=\"good\">No picture was taken for another class.</p>\n".into(),
        false => format!("<h3>Most often confused</h3>\n<ol class=\"pairs\">{items}</ol>\n"),
    }
}
