//! Reads one table of the file into its raw form and collects what does not fit: unknown keys with
//! the nearest valid one, and values of the wrong type.

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::faults::Faults;
use super::raw;

/// Reads a table; keys that do not fit are reported and left out.
pub(super) fn read<T: DeserializeOwned + Default>(
    value: Option<Spanned<DeValue<'_>>>,
    name: &str,
    faults: &mut Faults<'_>,
) -> T {
    let Some(value) = value else { return T::default() };
    let span = value.span();
    let DeValue::Table(mut table) = value.into_inner() else {
        faults.refuse(span, format!("must be a table, written as [{name}]"));
        return T::default();
    };
    refuse_unknown(&mut table, keys::<T>(), name, faults);
    loop {
        let whole = Spanned::new(span.clone(), DeValue::Table(table.clone()));
        let error = match T::deserialize(ValueDeserializer::from(whole)) {
            Ok(read) => return read,
            Err(error) => error,
        };
        let place = error.span().unwrap_or(span.clone());
        faults.refuse(place.clone(), plain(error.message()));
        let count = table.len();
        keep(&mut table, |_, value| !value.span().contains(&place.start));
        if table.len() == count {
            return T::default();
        }
    }
}

/// Reports and removes the keys that the raw form does not have.
fn refuse_unknown(table: &mut DeTable<'_>, valid: &[&str], name: &str, faults: &mut Faults<'_>) {
    for key in table.keys().filter(|key| !valid.contains(&key.as_ref().as_ref())) {
        let full =
            if name.is_empty() { key.get_ref().to_string() } else { format!("{name}.{}", key.get_ref()) };
        faults.refuse_key(key.span(), full, advice(key.get_ref(), valid));
    }
    keep(table, |key, _| valid.contains(&key));
}

/// Drops the other keys.
pub(super) fn keep<'i>(table: &mut DeTable<'i>, wanted: impl Fn(&str, &Spanned<DeValue<'i>>) -> bool) {
    let all = std::mem::take(table).into_iter();
    *table = all.filter(|(key, value)| wanted(key.get_ref(), value)).collect();
}

/// The keys of a raw table, as serde knows them.
fn keys<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut found: &'static [&'static str] = &[];
    // The capture always ends in an error: it reads no value.
    let _ = T::deserialize(Capture(&mut found));
    found
}

fn advice(key: &str, valid: &[&str]) -> String {
    if let Some((section, _)) = sections().into_iter().find(|(_, keys)| keys.contains(&key)) {
        return format!("unknown key here; `{key}` belongs to {section}");
    }
    match nearest(key, valid) {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None => format!("unknown key; the keys here are {}", valid.join(", ")),
    }
}

/// The word most like the one given, where less than half of it would have to change; of several the last.
pub(super) fn nearest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    let word = word.to_lowercase();
    let changes = words.iter().rev().map(|other| (strsim::damerau_levenshtein(&word, other), *other));
    let (count, nearest) = changes.min_by_key(|(count, _)| *count)?;
    // In names as short as "b0" one change still counts as near.
    (count * 2 < nearest.len().max(3)).then_some(nearest)
}

/// Every table with its keys.
pub(super) fn sections() -> [(&'static str, &'static [&'static str]); 14] {
    [
        ("the top of the file", keys::<raw::File>()),
        ("[model]", keys::<raw::Model>()),
        ("[data]", keys::<raw::Data>()),
        ("data.split", keys::<raw::Split>()),
        ("data.columns", keys::<raw::Columns>()),
        ("data.files", keys::<raw::Files>()),
        ("[augment]", keys::<raw::Augment>()),
        ("[[stage]]", keys::<raw::Stage>()),
        ("[optimizer]", keys::<raw::Optimizer>()),
        ("[schedule]", keys::<raw::Schedule>()),
        ("[train]", keys::<raw::Train>()),
        ("[checkpoint]", keys::<raw::Checkpoint>()),
        ("[track]", keys::<raw::Track>()),
        ("[scratch]", keys::<raw::Scratch>()),
    ]
}

/// Serde's words for types, put into the user's.
fn plain(message: &str) -> String {
    let words = [
        ("invalid type: ", "is "),
        ("invalid value: ", "is "),
        ("is sequence,", "is a list,"),
        ("is map,", "is a table,"),
        ("expected usize", "expected a whole number of 0 or more"),
        ("expected u64", "expected a whole number of 0 or more"),
        ("expected f64", "expected a number"),
        ("expected a boolean", "expected true or false"),
        ("expected an array of length 2", "expected a list of two numbers"),
        ("floating point ", "number "),
        ("integer ", "number "),
        ("is boolean ", "is "),
    ];
    words.iter().fold(message.to_string(), |text, (technical, plain)| text.replace(technical, plain))
}

/// A deserializer that only takes note of a struct's fields.
struct Capture<'a>(&'a mut &'static [&'static str]);

impl<'de> serde::Deserializer<'de> for Capture<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("no value here"))
    }

    fn deserialize_struct<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("no value here"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
