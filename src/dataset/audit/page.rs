//! The report as one page that opens anywhere, without a network: the worst of each kind with small pictures.
//! Nothing in it is trusted: every name is escaped.

use rayon::prelude::*;

use super::super::thumbnail::data_uri;
use super::doubts::{LabelCheck, Ranked};
use super::find::Found;
use super::kind::Kind;
use super::report::{Finding, Item, Member, Report, Together};
use crate::page::{Document, escaped};

/// How many of a kind are shown.
const SHOWN: usize = 24;
/// How many of a group are shown.
const SHOWN_TOGETHER: usize = 6;

const STYLE: &str = include_str!("page.css");

pub fn page(report: &Report, found: &Found) -> String {
    let pictures = Pictures::of(report, found);
    let root = &report.root;
    let mut body = format!("<h1>{}</h1>\n", escaped(root));
    body += &summary(report);
    for finding in report.findings.iter().filter(|finding| !is_of_labels(finding)) {
        body += &section(finding, &pictures);
    }
    body += &report.labels.as_ref().map_or(String::new(), |check| labels(check, &pictures));
    body += &classes(report);
    let title = format!("kiln data check: {root}");
    Document { title: &title, style: STYLE, body: &body, refresh: None }.html()
}

fn summary(report: &Report) -> String {
    let verdict = match report.findings.iter().filter(|finding| finding.mend).count() {
        0 => "<p class=\"good\">Nothing has to be mended.</p>".into(),
        1 => "<p class=\"bad\">One kind of fault has to be mended.</p>".into(),
        count => format!("<p class=\"bad\">{count} kinds of faults have to be mended.</p>"),
    };
    let rows = report.files.iter().map(|(kind, count)| row(&[kind, &count.to_string()]));
    let modes = report.modes.iter().map(|(mode, count)| row(&[mode, &count.to_string()]));
    let sizes = report.sizes.as_ref().map_or(String::new(), |sizes| {
        let size = |[width, height]: [u32; 2]| format!("{width}x{height}");
        let of = |edges, file: &str| format!("{}, {file}", size(edges));
        [
            ("smallest", of(sizes.smallest, &sizes.smallest_file)),
            ("median", size(sizes.median)),
            ("largest", of(sizes.largest, &sizes.largest_file)),
        ]
        .map(|(name, words)| row(&[name, &words]))
        .concat()
    });
    format!(
        "{verdict}\n<div class=\"tables\"><table><caption>{} files found</caption>{}</table>\n\
         <table><caption>what they are made of</caption>{}{sizes}</table></div>\n",
        report.found,
        rows.collect::<String>(),
        modes.collect::<String>(),
    )
}

fn row(cells: &[&str]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
    format!("<tr>{cells}</tr>\n")
}

fn section(finding: &Finding, pictures: &Pictures) -> String {
    let class = if finding.mend { "bad" } else { "note" };
    let mut out = format!(
        "<section class=\"{class}\"><h2>{} <span>{}</span></h2>\n<p>{}</p>\n",
        escaped(finding.kind.title()),
        finding.count,
        escaped(finding.kind.advice())
    );
    let (all, what) = if finding.groups.is_empty() {
        let items: String = finding.items.iter().take(SHOWN).map(|item| card(item, pictures)).collect();
        out += &format!("<div class=\"cards\">{items}</div>\n");
        (finding.items.len(), "")
    } else {
        let groups = finding.groups.iter().take(SHOWN);
        out += &groups.map(|together| group(together, pictures)).collect::<String>();
        (finding.groups.len(), " groups")
    };
    if all > SHOWN {
        let who = if finding.kind.is_harmless() { "--json names" } else { "--json and --fix-list name" };
        out += &format!("<p>and {} more{what}; {who} them all</p>\n", all - SHOWN);
    }
    out + "</section>\n"
}

/// Labels have a section of their own, which goes on where the contradicted ones end.
fn is_of_labels(finding: &Finding) -> bool {
    finding.kind == Kind::ContradictedLabel
}

fn labels(check: &LabelCheck, pictures: &Pictures) -> String {
    let card = |one: &Ranked| {
        let mark = if one.contradicted { "contradicted: " } else { "" };
        figure(Some(one.entry), &one.name, &format!("{mark}{}", one.words()), pictures)
    };
    let cards: String = check.ranking.iter().take(SHOWN).map(card).collect();
    format!(
        "<section class=\"note\"><h2>{} <span>{}</span></h2>\n<p>by {}, of {} pictures, the most in doubt first; {}</p>\n\
         <div class=\"cards\">{cards}</div></section>\n",
        escaped(Kind::ContradictedLabel.title()),
        check.contradicted,
        escaped(&check.model),
        check.pictures,
        escaped(Kind::ContradictedLabel.advice()),
    )
}

fn card(item: &Item, pictures: &Pictures) -> String {
    figure(item.entry, &item.name, &item.detail, pictures)
}

fn group(together: &Together, pictures: &Pictures) -> String {
    let card = |member: &Member| {
        let class = member.class.as_deref().unwrap_or("no class");
        figure(Some(member.entry), &member.name, &format!("{class}, {}", member.split.name()), pictures)
    };
    let cards: String = together.files.iter().take(SHOWN_TOGETHER).map(card).collect();
    let more = together.files.len().saturating_sub(SHOWN_TOGETHER);
    let more = if more == 0 { String::new() } else { format!(", and {more} more files") };
    format!(
        "<div class=\"group\"><p>likeness {:.3}{more}</p><div class=\"cards\">{cards}</div></div>\n",
        together.likeness
    )
}

fn figure(entry: Option<usize>, name: &str, detail: &str, pictures: &Pictures) -> String {
    let picture = entry
        .and_then(|entry| pictures.get(entry))
        .map_or(String::new(), |uri| format!("<img src=\"{uri}\" alt=\"\" loading=\"lazy\">"));
    format!(
        "<figure>{picture}<figcaption><b>{}</b> {}</figcaption></figure>\n",
        escaped(name),
        escaped(detail)
    )
}

fn classes(report: &Report) -> String {
    let rows: String = report
        .classes
        .iter()
        .map(|class| {
            row(&[&class.name, &class.train.to_string(), &class.val.to_string(), &class.test.to_string()])
        })
        .collect();
    format!(
        "<section><h2>classes <span>{}</span></h2>\n<table><tr><th>class<th>train<th>val<th>test</tr>\n{rows}</table></section>\n",
        report.classes.len()
    )
}

/// The small pictures that the page shows, each made once.
struct Pictures(Vec<(usize, String)>);

impl Pictures {
    fn of(report: &Report, found: &Found) -> Self {
        let findings = report.findings.iter().filter(|finding| !is_of_labels(finding));
        let doubts =
            report.labels.iter().flat_map(|check| check.ranking.iter().take(SHOWN).map(|one| one.entry));
        let mut wanted: Vec<usize> = findings.flat_map(shown).chain(doubts).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let made =
            wanted.par_iter().filter_map(|&entry| Some((entry, data_uri(&found.entries[entry].location)?)));
        Self(made.collect())
    }

    fn get(&self, entry: usize) -> Option<&str> {
        let at = self.0.binary_search_by_key(&entry, |(entry, _)| *entry).ok()?;
        Some(&self.0[at].1)
    }
}

fn shown(finding: &Finding) -> Vec<usize> {
    if !finding.groups.is_empty() {
        let groups = finding.groups.iter().take(SHOWN);
        return groups
            .flat_map(|group| group.files.iter().take(SHOWN_TOGETHER).map(|file| file.entry))
            .collect();
    }
    match finding.kind {
        // These give no picture, whatever is tried.
        Kind::Other | Kind::Empty | Kind::NotAPicture | Kind::Unreadable | Kind::TooLarge => Vec::new(),
        _ => finding.items.iter().take(SHOWN).filter_map(|item| item.entry).collect(),
    }
}
