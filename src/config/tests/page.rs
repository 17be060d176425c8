//! docs/configuration.md names every key, no other ones, and the defaults that they have.

use std::collections::BTreeMap;

use super::super::section::sections;
use super::{DATA, MODEL, STAGE, parse};

const PAGE: &str = include_str!("../../../docs/configuration.md");

/// The keys of each heading with the cell of their default, in the page's order.
fn page() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut page: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut heading = "";
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title;
        }
        let row = line.strip_prefix("| `").and_then(|row| row.split_once("` |"));
        if let Some((key, rest)) = row {
            let default = rest.split('|').nth(1).unwrap_or_default().trim();
            page.entry(heading).or_default().push((key, default));
        }
    }
    page
}

/// What raw.rs calls the tables, as the page does.
fn heading(section: &str) -> &str {
    if section == "the top of the file" { "At the top" } else { section }
}

#[test]
fn every_key_is_on_the_page_and_no_other() {
    let page = page();
    let sections = sections();
    assert_eq!(page.len(), sections.len(), "{:?}", page.keys());
    let tables = [
        "model",
        "data",
        "augment",
        "stage",
        "optimizer",
        "schedule",
        "train",
        "checkpoint",
        "track",
        "scratch",
    ];
    for (section, keys) in sections {
        let mut found: Vec<&str> = page[heading(section)].iter().map(|(key, _)| *key).collect();
        let is_top = heading(section) == "At the top";
        let mut keys: Vec<&str> =
            keys.iter().copied().filter(|key| !(is_top && tables.contains(key))).collect();
        found.sort_unstable();
        keys.sort_unstable();
        assert_eq!(found, keys, "{section}");
    }
}

/// Says a key with the default that the page gives for it, or a choice that it stands with: nothing may change.
#[test]
fn the_defaults_on_the_page_are_those_of_kiln() {
    let mut checked = 0;
    for (heading, rows) in page() {
        let table = heading.trim_matches(['[', ']']);
        for (key, cell) in rows {
            let Some((default, rest)) = cell.strip_prefix('`').and_then(|cell| cell.split_once('`')) else {
                continue;
            };
            let choice = rest.strip_prefix(" with `").and_then(|choice| choice.strip_suffix('`'));
            assert!(choice.is_some() || rest.is_empty() || rest.starts_with(','), "{heading} {key}: {cell}");
            let table = if table == "stage" { "stage.1" } else { table };
            let said = format!("{table}.{key}={default}");
            let base = base(choice);
            let choice = choice.map(|choice| choice.replacen(" = ", "=", 1));
            let choice: Vec<&str> = choice.as_deref().into_iter().collect();
            let without = parse(&base, &choice).unwrap_or_else(|error| panic!("{said}: {error}"));
            let with: Vec<&str> = choice.iter().copied().chain([said.as_str()]).collect();
            let with = parse(&base, &with).unwrap_or_else(|error| panic!("{said}: {error}"));
            assert_eq!(without.difference(&with), Vec::<String>::new(), "{said}");
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

/// A size given in another way takes the variant's place, a recipe the folder's.
fn base(choice: Option<&str>) -> String {
    let instead = |key: &str| choice.is_some_and(|choice| choice.starts_with(key));
    let model = if instead("model.") { "[model]\n" } else { MODEL };
    let data = if instead("data.dataset") { "[data]\n" } else { DATA };
    format!("{model}{data}{STAGE}")
}
