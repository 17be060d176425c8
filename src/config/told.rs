//! What a configuration says beyond the defaults: the shortest settings that read back to it. A key that is new and stands
//! at its default changes nothing here, so that a run of an older kiln can go on. Owns no setting.

use std::path::Path;

use toml::Value;

use super::checked::Config;
use super::write::{flatten, tree};

impl Config {
    /// A line for each key that does not stand at its default, in alphabetical order. Two configurations say the same
    /// only where they are the same; a default that changes changes what is said.
    pub fn told(&self) -> String {
        let lines = flatten(self.shortest()).into_iter().map(|(key, value)| format!("{key} = {value}\n"));
        lines.collect()
    }

    /// The settings without the keys that can be left out.
    pub(super) fn shortest(&self) -> Value {
        let told = tree(self);
        let keys = keys(&told);
        self.without(told, &keys)
    }

    /// Leaves out as many of these keys as can be, many at a time, because most can.
    fn without(&self, told: Value, keys: &[Vec<String>]) -> Value {
        let mut shorter = told.clone();
        keys.iter().for_each(|key| remove(&mut shorter, key));
        if self.is(&shorter) {
            return shorter;
        }
        if keys.len() < 2 {
            return told;
        }
        let (first, second) = keys.split_at(keys.len() / 2);
        self.without(self.without(told, first), second)
    }

    /// Whether these settings, with defaults for the rest, are this configuration.
    fn is(&self, settings: &Value) -> bool {
        let text = toml::to_string(settings).unwrap_or_default();
        Self::parse(&text, Path::new("/config.toml"), Path::new("/"), &[]).is_ok_and(|read| read == *self)
    }
}

/// The path to every value. Lists of tables are passed through, other lists are values.
fn keys(settings: &Value) -> Vec<Vec<String>> {
    let below = |name: String, value: &Value| {
        let with_name = move |mut rest: Vec<String>| {
            rest.insert(0, name.clone());
            rest
        };
        keys(value).into_iter().map(with_name).collect::<Vec<_>>()
    };
    match settings {
        Value::Table(table) => table.iter().flat_map(|(key, value)| below(key.clone(), value)).collect(),
        Value::Array(list) if list.iter().any(Value::is_table) => {
            list.iter().enumerate().flat_map(|(at, value)| below(at.to_string(), value)).collect()
        }
        _ => vec![Vec::new()],
    }
}

fn remove(settings: &mut Value, key: &[String]) {
    match (settings, key) {
        (Value::Table(table), [last]) => drop(table.remove(last)),
        (Value::Table(table), [first, rest @ ..]) => {
            if let Some(inside) = table.get_mut(first) {
                remove(inside, rest);
            }
        }
        (Value::Array(list), [first, rest @ ..]) => {
            if let Some(inside) = first.parse::<usize>().ok().and_then(|at| list.get_mut(at)) {
                remove(inside, rest);
            }
        }
        _ => {}
    }
}
