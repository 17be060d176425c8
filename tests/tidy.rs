//! The rules of the house that a program can check: which way imports point, how long files are, where unsafe,
//! rename and fsync may stand, how files open, what they are called. ARCHITECTURE.md says why.

mod tidy {
    pub mod rules;
    pub mod source;
}

use std::path::Path;

use tidy::rules::{self, Violation};
use tidy::source::Tree;

#[test]
fn imports_point_left() {
    clean(rules::imports);
}

#[test]
fn no_file_is_long_without_a_reason() {
    clean(rules::lengths);
}

#[test]
fn names_say_what_is_inside() {
    clean(rules::names);
}

#[test]
fn unsafe_stays_where_it_is_allowed() {
    clean(rules::unsafe_code);
}

#[test]
fn only_durable_renames_and_syncs() {
    clean(rules::durable_calls);
}

#[test]
fn every_file_says_what_it_owns() {
    clean(rules::openings);
}

#[test]
fn only_commands_print_and_use_anyhow() {
    clean(rules::edge_only);
}

#[test]
fn the_map_names_every_room() {
    clean(rules::rooms);
}

#[test]
fn the_root_has_only_what_is_expected() {
    clean(rules::root);
}

#[test]
fn every_configuration_opens_with_its_command() {
    clean(rules::configurations);
}

fn clean(rule: impl Fn(&Tree) -> Vec<Violation>) {
    let tree = Tree::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut lines: Vec<String> =
        rule(&tree).into_iter().map(|(file, what)| format!("  {file}: {what}")).collect();
    lines.sort();
    lines.dedup();
    assert!(lines.is_empty(), "against the rules of the house:\n{}", lines.join("\n"));
}
