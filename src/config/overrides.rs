//! Puts `key=value` from the command line into the parsed file. Values are TOML, or else plain text;
//! lists are numbered from 1. An override that names one way out of several drops the file's other ways.

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::error::{At, Fault};
use super::origin::Origin;
use super::section::keep;

/// Of each row's ways only one can be taken: choosing one on the command line replaces the file's.
const WAYS: [(&str, &[&[&str]]); 2] = [
    (
        "model",
        &[
            &["variant"],
            &["phi", "alpha", "beta", "gamma"],
            &["family", "width", "depth", "resolution"],
            &["max_macs", "max_params", "max_memory"],
        ],
    ),
    ("data", &[&["path"], &["files"], &["dataset", "offline"]]),
];

/// As in augment.crop_scale.1.
const DEEPEST: usize = 3;

/// Each override as a TOML document of its own, `v = value`, whose byte ranges are those of `Origin`.
pub(super) fn documents(typed: &[String], origin: &Origin<'_>) -> Vec<String> {
    typed.iter().enumerate().map(|(index, typed)| document(typed, origin.start(index))).collect()
}

/// Text that is no TOML value becomes a string.
fn document(typed: &str, start: usize) -> String {
    let (key, value) = typed.split_once('=').unwrap_or((typed, ""));
    let room = " ".repeat(start + (key.len() + 1).saturating_sub("v=".len()));
    let document = format!("{room}v={value}");
    let is_value = DeTable::parse(&document).is_ok_and(|table| table.get_ref().len() == 1);
    if is_value { document } else { format!("{room}v={}", toml::Value::from(value)) }
}

/// Puts the overrides over the file, the later ones over the earlier.
pub(super) fn apply<'i>(
    mut tree: DeTable<'i>,
    typed: &'i [String],
    documents: &'i [String],
    origin: &Origin<'_>,
) -> Result<DeTable<'i>, Vec<Fault>> {
    let mut faults = Vec::new();
    for (index, (typed, document)) in typed.iter().zip(documents).enumerate() {
        if let Err(reason) = set(&mut tree, typed, document, origin.start(index), origin) {
            faults.push(Fault { at: At::Override(typed.clone()), key: String::new(), reason });
        }
    }
    if faults.is_empty() { Ok(tree) } else { Err(faults) }
}

fn set<'i>(
    tree: &mut DeTable<'i>,
    typed: &'i str,
    document: &'i str,
    start: usize,
    origin: &Origin<'_>,
) -> Result<(), String> {
    let (key, _) = typed.split_once('=').ok_or("must be key=value, such as train.batch=8")?;
    let path: Vec<_> = key.split('.').map(str::trim).collect();
    if path.iter().any(|part| part.is_empty()) {
        return Err("has a key with an empty part; write it like train.batch=8".to_string());
    }
    if path.len() > DEEPEST {
        return Err(format!("has a key of {} parts; no setting has more than {DEEPEST}", path.len()));
    }
    let parsed = DeTable::parse(document).ok().and_then(|mut table| table.get_mut().remove("v"));
    let value = parsed.ok_or("has a value that cannot be read")?;
    if let [section, key, ..] = path[..] {
        drop_rivals(tree, origin, section, key);
    }
    Place { path: &path, depth: 0, start }.put_in_table(tree, value)
}

/// A step on the way to the key that is set.
#[derive(Clone, Copy)]
struct Place<'p, 'i> {
    path: &'p [&'i str],
    depth: usize,
    start: usize,
}

impl<'i> Place<'_, 'i> {
    fn put(self, place: &mut Spanned<DeValue<'i>>, value: Spanned<DeValue<'i>>) -> Result<(), String> {
        if self.depth == self.path.len() {
            *place = value;
            return Ok(());
        }
        match place.get_mut() {
            DeValue::Table(table) => self.put_in_table(table, value),
            DeValue::Array(list) => self.put_in_list(list, value),
            _ => Err(format!("names a part of {}, which is a single value", self.so_far())),
        }
    }

    fn put_in_table(self, table: &mut DeTable<'i>, value: Spanned<DeValue<'i>>) -> Result<(), String> {
        let part = self.path[self.depth];
        let next = Place { depth: self.depth + 1, ..self };
        if let Some(found) = table.get_mut(part) {
            return next.put(found, value);
        }
        if let Some(number) = self.path.get(next.depth).filter(|part| part.parse::<usize>().is_ok()) {
            return Err(format!("there is no {} {number}: the file has none", next.so_far()));
        }
        let here = self.start..self.start + 1;
        let mut created = Spanned::new(here.clone(), DeValue::Table(DeTable::new()));
        next.put(&mut created, value)?;
        table.insert(Spanned::new(here, DeString::Borrowed(part)), created);
        Ok(())
    }

    fn put_in_list(self, list: &mut DeArray<'i>, value: Spanned<DeValue<'i>>) -> Result<(), String> {
        let (count, part) = (list.len(), self.path[self.depth]);
        let index = part.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match index.and_then(|index| list.get_mut(index)) {
            Some(found) => Place { depth: self.depth + 1, ..self }.put(found, value),
            None => {
                Err(format!("there is no {} {part}: the file has {count}, numbered from 1", self.so_far()))
            }
        }
    }

    fn so_far(&self) -> String {
        self.path[..self.depth].join(".")
    }
}

/// Removes what the file says about the ways that were not chosen.
fn drop_rivals(root: &mut DeTable<'_>, origin: &Origin<'_>, section: &str, key: &str) {
    let Some((_, ways)) = WAYS.iter().find(|(name, _)| *name == section) else { return };
    let Some(chosen) = ways.iter().find(|way| way.contains(&key)) else { return };
    let Some(DeValue::Table(table)) = root.get_mut(section).map(Spanned::get_mut) else { return };
    keep(table, |other, value| {
        let is_rival = ways.iter().any(|way| way.contains(&other)) && !chosen.contains(&other);
        !is_rival || origin.is_override(value.span().start)
    });
}
