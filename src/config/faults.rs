//! Collects faults while a configuration is checked, so that many are reported at once.
//! Its readers give a usable value in any case: what was wrong is on the list.

use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use toml::Spanned;

use super::error::{At, Fault};
use super::origin::Origin;
use super::raw::{Auto, Key, Off};
use super::section::nearest;
use super::words::Choice;

pub(super) struct Faults<'a> {
    origin: &'a Origin<'a>,
    names: Vec<(Range<usize>, String)>,
    list: Vec<(usize, Fault)>,
}

/// What a value must be, in words and as a test.
pub(super) struct Rule<T> {
    pub must: &'static str,
    pub holds: fn(&T) -> bool,
}

impl<'a> Faults<'a> {
    pub fn new(origin: &'a Origin<'a>, names: Vec<(Range<usize>, String)>) -> Self {
        Self { origin, names, list: Vec::new() }
    }

    /// The faults in the order of the file, the overrides' last.
    pub fn into_list(mut self) -> Vec<Fault> {
        self.list.sort_by_key(|(position, _)| *position);
        self.list.into_iter().map(|(_, fault)| fault).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Refuses the value at this place; its key is found by the place.
    pub fn refuse(&mut self, span: Range<usize>, reason: impl Into<String>) {
        let exact = self.names.iter().rev().find(|(range, _)| *range == span);
        let around = || {
            let holding = self.names.iter().filter(|(range, _)| range.contains(&span.start));
            holding.min_by_key(|(range, _)| range.len())
        };
        let name = exact.or_else(around).map(|(_, name)| name.clone()).unwrap_or_default();
        self.refuse_key(span, name, reason);
    }

    pub fn refuse_key(&mut self, span: Range<usize>, key: String, reason: impl Into<String>) {
        self.push(span.start, self.origin.at(span.start), key, reason.into());
    }

    /// Says what is missing, at the table it is missing from, unless something is wrong there already.
    pub fn missing(&mut self, key: &str, reason: impl Into<String>) {
        if self.list.iter().any(|(_, fault)| fault.key.starts_with(key)) {
            return;
        }
        let table = key.rsplit_once('.').map_or(key, |(table, _)| table);
        let place = self.names.iter().find(|(_, name)| name == table).map(|(range, _)| range.start);
        let at = place.map_or(At::File, |position| self.origin.at(position));
        self.push(place.unwrap_or(0), at, key.to_string(), reason.into());
    }

    fn push(&mut self, position: usize, at: At, key: String, reason: String) {
        if key.is_empty() || !self.list.iter().any(|(_, fault)| fault.key == key) {
            self.list.push((position, Fault { at, key, reason }));
        }
    }

    /// A value that must keep a rule, or the default where the key is absent.
    pub fn value<T: Copy + Display>(&mut self, key: &Key<T>, default: T, rule: &Rule<T>) -> T {
        match key {
            None => default,
            Some(given) => {
                self.keeps(given.span(), given.get_ref(), rule);
                *given.get_ref()
            }
        }
    }

    /// A value that has no default.
    pub fn needed<T: Copy + Display>(&mut self, key: &Key<T>, name: &str, fallback: T, rule: &Rule<T>) -> T {
        if key.is_none() {
            self.missing(name, format!("is missing; it must be {}", rule.must));
        }
        self.value(key, fallback, rule)
    }

    pub fn auto<T: Copy + Display>(&mut self, key: &Key<Auto<T>>, rule: &Rule<T>) -> Option<T> {
        let given = key.as_ref()?;
        match given.get_ref() {
            Auto::Auto(_) => None,
            Auto::Value(value) => {
                self.keeps(given.span(), value, rule);
                Some(*value)
            }
        }
    }

    pub fn unless_off<T: Copy + Display>(&mut self, key: &Key<Off<T>>, rule: &Rule<T>) -> Option<T> {
        let given = key.as_ref()?;
        match given.get_ref() {
            Off::Off(_) => None,
            Off::Value(value) => {
                self.keeps(given.span(), value, rule);
                Some(*value)
            }
        }
    }

    fn keeps<T: Display>(&mut self, span: Range<usize>, value: &T, rule: &Rule<T>) {
        if !(rule.holds)(value) {
            self.refuse(span, format!("is {value}, must be {}", rule.must));
        }
    }

    /// A word among a few.
    pub fn choice<T: Choice>(&mut self, key: &Key<String>, default: T) -> T {
        key.as_ref().and_then(|given| self.chosen(given)).unwrap_or(default)
    }

    /// None where the word is not known; the fault is on the list.
    pub fn chosen<T: Choice>(&mut self, given: &Spanned<String>) -> Option<T> {
        let found = T::all().into_iter().find(|case| case.word() == given.get_ref());
        if found.is_none() {
            let words: Vec<_> = T::all().into_iter().map(T::word).collect();
            self.refuse(given.span(), unknown_word(given.get_ref(), &words));
        }
        found
    }

    /// A text with a grammar of its own.
    pub fn parsed<T: FromStr<Err = String>>(&mut self, given: &Spanned<String>, fallback: T) -> T {
        given.get_ref().parse().unwrap_or_else(|reason: String| {
            self.refuse(given.span(), reason);
            fallback
        })
    }

    /// A text that is not empty.
    pub fn text(&mut self, given: &Spanned<String>) -> String {
        if given.get_ref().trim().is_empty() {
            self.refuse(given.span(), "is empty");
        }
        given.get_ref().clone()
    }

    /// An absolute path that TOML can hold, since the resolved file is written as TOML.
    pub fn path(&mut self, given: &Spanned<String>) -> PathBuf {
        self.text(given);
        let path = self.origin.path(given);
        if path.to_str().is_none() {
            self.refuse(
                given.span(),
                "lies in a folder whose name is not UTF-8, which TOML cannot hold; rename it",
            );
        }
        path
    }
}

fn unknown_word(word: &str, words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let all = quoted.join(", ");
    match nearest(word, words) {
        Some(near) => format!("{word:?} is not known; did you mean \"{near}\"? Possible are {all}"),
        None => format!("{word:?} is not known; possible are {all}"),
    }
}
