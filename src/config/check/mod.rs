//! From the raw settings to the checked ones: meaning, defaults and what is possible.

mod amounts;
mod augment;
mod data;
mod labels;
mod model;
mod optimizer;
mod policies;
mod stages;
mod track;
mod train;

use std::ops::Range;

use toml::Spanned;

use super::checked::Config;
use super::faults::Faults;
use super::raw::{self, Key};

/// The checked settings. They only count where `faults` stays empty.
pub(super) fn config(raw: &raw::File, stem: &str, faults: &mut Faults<'_>) -> Config {
    let stages = stages::stages(&raw.stage, faults);
    Config {
        name: name(&raw.name, stem, faults),
        model: model::model(&raw.model, faults),
        data: data::data(&raw.data, faults),
        augment: augment::augment(&raw.augment, faults),
        optimizer: optimizer::optimizer(&raw.optimizer, faults),
        schedule: optimizer::schedule(&raw.schedule, &stages, faults),
        train: train::train(&raw.train, faults),
        checkpoint: train::checkpoint(&raw.checkpoint, faults),
        track: track::track(&raw.track, faults),
        scratch: stages::scratch(&raw.scratch, faults),
        stages,
    }
}

/// The run's name is also its folder's.
fn name(key: &Key<String>, stem: &str, faults: &mut Faults<'_>) -> String {
    let Some(given) = key else { return stem.to_string() };
    let name = given.get_ref();
    let fits = |c: char| c.is_alphanumeric() || "._- ".contains(c);
    if name.trim().is_empty() || name.starts_with(['.', '-']) || !name.chars().all(fits) {
        faults.refuse(given.span(), format!("{name:?} cannot name a folder; use letters, digits, - and _"));
    }
    name.clone()
}

/// The name and place of a key that is present.
type Given = Option<(&'static str, Range<usize>)>;

fn given<T>(name: &'static str, key: &Key<T>) -> Given {
    key.as_ref().map(|value: &Spanned<T>| (name, value.span()))
}

/// Refuses the keys that are present though the choice made has no use for them.
fn refuse_foreign(choice: &str, keys: &[(Given, &[&str])], chosen: &str, faults: &mut Faults<'_>) {
    for (given, owners) in keys {
        if let Some((name, span)) = given
            && !owners.contains(&chosen)
        {
            let reason = format!(
                "`{name}` belongs to {choice} = \"{}\", not to \"{chosen}\"; take it out",
                owners.join("\" or \"")
            );
            faults.refuse(span.clone(), reason);
        }
    }
}
