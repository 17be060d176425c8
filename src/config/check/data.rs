//! The pictures: where they are, how they are split, and what their loading is told. How they are labelled is in
//! `labels`.

use toml::Spanned;

use super::amounts::{limit, limit_or_auto};
use super::labels;
use crate::config::checked::{
    Bad, CachePlace, Data, DataOffline, Leakage, Precision, Sampler, Source, SplitShares,
};
use crate::config::faults::Faults;
use crate::config::raw::{self, Key};
use crate::config::rules::{BELOW_ONE, COUNT, DEPTH, PIXELS, SHARE as POWER, WORKERS};

/// Cached outputs on the disk, and decoded pictures as well: 20 GiB.
const CACHE_LIMIT: u64 = 20 << 30;
/// Shares of the validation and of the test pictures, each.
const SHARE: f64 = 0.15;

pub(super) fn data(raw: &raw::Data, faults: &mut Faults<'_>) -> Data {
    Data {
        source: source(raw, faults),
        offline: offline(raw, faults),
        split: split(&raw.split, faults),
        image_size: faults.auto(&raw.image_size, &PIXELS),
        window: window(&raw.window, faults),
        workers: faults.auto(&raw.workers, &WORKERS),
        views: faults.value(&raw.views, 1, &COUNT),
        cache: cache(&raw.cache, faults),
        cache_precision: faults.choice(&raw.cache_precision, Precision::F32),
        cache_limit: limit(&raw.cache_limit, faults).unwrap_or(CACHE_LIMIT),
        cache_memory: limit_or_auto(&raw.cache_memory, faults),
        sampler: sampler(&raw.sampler, faults),
        bad: faults.choice(&raw.bad, Bad::Skip),
        leakage: faults.choice(&raw.leakage, Leakage::Refuse),
        classes: labels::classes(&raw.classes, faults),
        depth: faults.value(&raw.depth, 1, &DEPTH),
        columns: labels::columns(raw.columns.as_ref(), faults),
        reduced_jpeg: raw.reduced_jpeg.as_ref().is_none_or(|given| *given.get_ref()),
        licence: licence(&raw.licence, faults),
    }
}

/// Words that go out with the model, on a line.
fn licence(key: &Key<String>, faults: &mut Faults<'_>) -> Option<String> {
    let given = key.as_ref()?;
    let licence = faults.text(given).trim().to_owned();
    let advice = "name the licence, such as \"CC-BY-4.0\"";
    if licence.contains(char::is_control) {
        faults.refuse(given.span(), format!("is more than a line; {advice}"));
    } else if licence.starts_with('/') || licence.contains('\\') {
        faults.refuse(given.span(), format!("is a path, which tells nobody else anything; {advice}"));
    }
    Some(licence)
}

/// Memory has a second name.
fn cache(key: &Key<String>, faults: &mut Faults<'_>) -> CachePlace {
    match key {
        Some(given) if given.get_ref() == "ram" => CachePlace::Memory,
        key => faults.choice(key, CachePlace::Auto),
    }
}

fn sampler(key: &Key<raw::Sampler>, faults: &mut Faults<'_>) -> Sampler {
    let Some(given) = key else { return Sampler::Shuffle };
    match given.get_ref() {
        raw::Sampler::Power(power) => {
            Sampler::Power(faults.value(&Some(Spanned::new(given.span(), *power)), 1.0, &POWER))
        }
        raw::Sampler::Word(word) => match word.as_str() {
            "shuffle" => Sampler::Shuffle,
            "sqrt" => Sampler::Power(0.5),
            "balanced" => Sampler::Power(0.0),
            word => {
                let words = "\"shuffle\", \"balanced\", \"sqrt\", or a number from 0 to 1";
                faults.refuse(given.span(), format!("{word:?} is not known; say {words}"));
                Sampler::Shuffle
            }
        },
    }
}

fn window(key: &Key<[f64; 2]>, faults: &mut Faults<'_>) -> Option<[f64; 2]> {
    let given = key.as_ref()?;
    let [low, high] = *given.get_ref();
    if !(low < high && (high - low).is_finite()) {
        let reason = format!("is [{low}, {high}], must be two finite numbers [low, high] with low < high");
        faults.refuse(given.span(), reason);
    }
    Some([low, high])
}

fn source(raw: &raw::Data, faults: &mut Faults<'_>) -> Source {
    if !raw.files.is_empty() {
        for other in [&raw.path, &raw.dataset].into_iter().flatten() {
            faults.refuse(other.span(), "`files` are given too; keep one of `path`, `dataset` and `files`");
        }
        return Source::Files(labels::files(&raw.files, faults));
    }
    match (&raw.path, &raw.dataset) {
        (Some(path), Some(dataset)) => {
            faults.refuse(dataset.span(), "`path` is given too; keep one of `path` and `dataset`");
            Source::Path(faults.path(path))
        }
        (Some(path), None) => Source::Path(faults.path(path)),
        (None, Some(dataset)) => {
            let name = faults.text(dataset);
            if !name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)) {
                faults.refuse(
                    dataset.span(),
                    format!("{name:?} is no recipe's name; for a folder say path = {name:?}"),
                );
            }
            Source::Dataset(name)
        }
        (None, None) => {
            faults.missing("data", "has no pictures; say path = \"FOLDER\", or dataset = \"flowers\"");
            Source::Path(".".into())
        }
    }
}

fn offline(raw: &raw::Data, faults: &mut Faults<'_>) -> DataOffline {
    if let (Some(offline), Some(_)) = (&raw.offline, &raw.path) {
        faults
            .refuse(offline.span(), "is for a data set that is fetched; `path` fetches nothing, take it out");
    }
    faults.choice(&raw.offline, DataOffline::Fail)
}

fn split(raw: &raw::Split, faults: &mut Faults<'_>) -> SplitShares {
    let val = faults.value(&raw.val, SHARE, &BELOW_ONE);
    let test = faults.value(&raw.test, SHARE, &BELOW_ONE);
    if let Some(given) = raw.test.as_ref().or(raw.val.as_ref())
        && val + test >= 1.0
    {
        let reason =
            format!("val {val} and test {test} leave nothing to train on; together they must stay below 1");
        faults.refuse(given.span(), reason);
    }
    let keep_alike = raw.keep_alike.as_ref().is_some_and(|given| *given.get_ref());
    SplitShares { val, test, keep_alike }
}
