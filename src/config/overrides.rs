//! Puts `key=value` from the command line into the parsed file. Values are TOML, or else plain text;
//! lists are numbered from 1. An override that names one way out of several drops the file's other ways.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::origin::Origin;

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
    ("data", &[&["path"], &["dataset", "offline"]]),
];

/// The override as a TOML document of its own, `v = value`, whose byte ranges are those of `Origin`.
/// Text that is no TOML value becomes a string.
pub(super) fn document(typed: &str, start: usize) -> String {
    let (key, value) = typed.split_once('=').unwrap_or((typed, ""));
    let room = " ".repeat(start + (key.len() + 1).saturating_sub("v=".len()));
    let document = format!("{room}v={value}");
    let is_value = DeTable::parse(&document).is_ok_and(|table| table.get_ref().len() == 1);
    if is_value { document } else { format!("{room}v={}", toml::Value::from(value)) }
}

/// Sets one override's value in the tree; the reason where there is no such place.
pub(super) fn apply<'i>(
    root: &mut Spanned<DeValue<'i>>,
    origin: &Origin<'_>,
    start: usize,
    typed: &'i str,
    document: &'i str,
) -> Result<(), String> {
    let (key, _) = typed.split_once('=').ok_or("is not of the form key=value, such as train.batch=8")?;
    let value = DeTable::parse(document)
        .ok()
        .and_then(|mut table| table.get_mut().remove("v"))
        .ok_or("has a value that cannot be read")?;
    let path: Vec<_> = key.split('.').map(str::trim).collect();
    if path.iter().any(|part| part.is_empty()) {
        return Err("has a key with an empty part; write it like train.batch=8".to_string());
    }
    if let (DeValue::Table(table), [section, key, ..]) = (root.get_mut(), &path[..]) {
        drop_rivals(table, origin, section, key);
    }
    put(root, start, &path, 0, value)
}

fn put<'i>(
    place: &mut Spanned<DeValue<'i>>,
    start: usize,
    path: &[&'i str],
    depth: usize,
    value: Spanned<DeValue<'i>>,
) -> Result<(), String> {
    let Some(&part) = path.get(depth) else {
        *place = value;
        return Ok(());
    };
    let so_far = path[..depth].join(".");
    match place.get_mut() {
        DeValue::Table(table) => {
            if !table.contains_key(part) {
                if let Some(number) = path.get(depth + 1).filter(|next| next.parse::<usize>().is_ok()) {
                    return Err(format!("there is no {part} {number}: the file has none"));
                }
                let range = start..start + 1;
                let key = Spanned::new(range.clone(), DeString::Borrowed(part));
                table.insert(key, Spanned::new(range, DeValue::Table(DeTable::new())));
            }
            match table.get_mut(part) {
                Some(next) => put(next, start, path, depth + 1, value),
                None => Err(format!("there is no {part}")),
            }
        }
        DeValue::Array(list) => {
            let count = list.len();
            let index = part.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match index.and_then(|index| list.get_mut(index)) {
                Some(next) => put(next, start, path, depth + 1, value),
                None => Err(format!("there is no {so_far} {part}: the file has {count}, numbered from 1")),
            }
        }
        _ => Err(format!("{so_far} is a single value and has no part {part:?}")),
    }
}

/// Removes what the file says about the ways that were not chosen.
fn drop_rivals(root: &mut DeTable<'_>, origin: &Origin<'_>, section: &str, key: &str) {
    let Some((_, ways)) = WAYS.iter().find(|(name, _)| *name == section) else { return };
    let Some(chosen) = ways.iter().find(|way| way.contains(&key)) else { return };
    let Some(DeValue::Table(table)) = root.get_mut(section).map(Spanned::get_mut) else { return };
    table.retain(|other, value| {
        let other = other.get_ref().as_ref();
        let is_rival = ways.iter().any(|way| way.contains(&other)) && !chosen.contains(&other);
        !is_rival || origin.is_override(value.span().start)
    });
}
