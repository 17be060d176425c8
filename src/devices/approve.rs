//! Whether a device may train: it has to have passed the self-check once with this driver and this kiln. What
//! passed is remembered in the cache folder; what failed is not, so that a mended driver is tried again.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::check::{Report, check_in};
use super::list::{Kind, Listed};
use super::{Chosen, Error};
use crate::dataset::download;
use crate::durable;
use crate::scaling::Float;

/// Lets a device train with pictures made of such numbers, checking it where that has not been done: in 32 bits, which
/// validation takes whatever training does, and in halves where the run asks for them. `progress` hears how many operations
/// of how many are checked; it is not called where nothing has to be.
pub fn approve(
    chosen: &Chosen,
    float: Float,
    force: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), Error> {
    let cache = download::cache_folder();
    approve_in(cache.as_deref(), chosen, Float::Fp32, force, progress)?;
    match float.is_half() {
        true => approve_in(cache.as_deref(), chosen, float, force, progress),
        false => Ok(()),
    }
}

/// Keeps what a check found, for later runs.
pub fn remember(listed: &Listed, report: &Report) {
    if let Some(cache) = download::cache_folder() {
        remember_in(&cache, listed, report);
    }
}

fn approve_in(
    cache: Option<&Path>,
    chosen: &Chosen,
    float: Float,
    force: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), Error> {
    let known = cache.is_some_and(|cache| note_of(cache, &chosen.listed, float).is_file());
    if force || known || is_own(chosen.listed.kind) {
        return Ok(());
    }
    let report = check_in(float, &chosen.device, progress);
    if let Some(cache) = cache {
        remember_in(cache, &chosen.listed, &report);
    }
    verdict(chosen, &report)
}

/// The processor's backends are no drivers: they come with kiln, whose tests have checked them.
fn is_own(kind: Kind) -> bool {
    matches!(kind, Kind::Cpu | Kind::Ndarray)
}

fn verdict(chosen: &Chosen, report: &Report) -> Result<(), Error> {
    let Some(first) = report.failures().next() else { return Ok(()) };
    let reason = first
        .fault
        .clone()
        .unwrap_or_else(|| format!("error {:.1e} forward, {:.1e} backward", first.forward, first.backward()));
    // The remedy that leaves the device.
    let (instead, forced) = ("device = \"cpu\"", "train.force_device = true trains on it all the same");
    let remedy = match report.precision {
        Float::Fp32 => format!("`kiln devices` shows all. Take another driver or {instead}; {forced}"),
        half => format!(
            "it computes right in fp32: take train.precision = \"fp32\" instead of {:?}, or another driver; {forced}",
            half.name()
        ),
    };
    Err(Error::Wrong {
        name: chosen.name,
        part: chosen.listed.name.clone(),
        remedy,
        failed: report.failures().count(),
        checked: report.rows.len(),
        first: format!("{}, {} ({reason})", first.operation, first.shape),
    })
}

/// A cache that cannot be written only costs another check.
fn remember_in(cache: &Path, listed: &Listed, report: &Report) {
    let note = note_of(cache, listed, report.precision);
    if !report.passes() {
        let _ = std::fs::remove_file(note);
        return;
    }
    let kept = json!({
        "schema": 1,
        "kiln": VERSION,
        "device": listed,
        "precision": report.precision,
        "seconds": report.seconds,
    });
    if note.parent().is_some_and(|folder| durable::create_folders(folder).is_ok()) {
        let _ = durable::write(&note, kept.to_string().as_bytes());
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One small file per device, driver, version of kiln and precision.
fn note_of(cache: &Path, listed: &Listed, float: Float) -> PathBuf {
    let name = identity(listed, float);
    cache.join("devices").join(format!("{}-{name}.json", listed.kind.name()))
}

/// A short name for what is known of a device with its driver by this kiln.
pub(super) fn identity(listed: &Listed, of: impl Serialize) -> String {
    let identity = json!([VERSION, listed.kind, listed.name, listed.driver, of]).to_string();
    durable::hash(identity.as_bytes()).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::check::{Gradient, Row, TOLERANCE};

    fn gpu() -> Chosen {
        let mut chosen = Chosen::cpu().unwrap();
        chosen.listed.kind = Kind::Wgpu;
        chosen.name = "wgpu";
        chosen
    }

    fn report(forward: f64) -> Report {
        let gradients = vec![Gradient { of: "x", error: 0.0 }];
        let ok = forward <= TOLERANCE;
        let (operation, shape) = ("depthwise 5x5".to_owned(), "240 at 5x5".to_owned());
        let row = Row { operation, shape, forward, gradients, fault: None, ok };
        let (precision, tolerance) = (Float::Fp32, TOLERANCE);
        Report { reference: "cpu", precision, tolerance, seconds: 1.0, rows: vec![row] }
    }

    fn unchecked(_: usize, _: usize) {
        panic!("this must not be checked");
    }

    #[test]
    fn what_passed_is_not_checked_again_until_it_fails() {
        let cache = tempfile::tempdir().unwrap();
        let chosen = gpu();
        remember_in(cache.path(), &chosen.listed, &report(1e-6));
        approve_in(Some(cache.path()), &chosen, Float::Fp32, false, &mut unchecked).unwrap();
        let is_known = |listed, float| note_of(cache.path(), listed, float).is_file();
        let mut other = chosen.clone();
        other.listed.driver = "a newer one".to_owned();
        assert!(!is_known(&other.listed, Float::Fp32));
        // Each precision passes by itself.
        assert!(!is_known(&chosen.listed, Float::Fp16));
        let half = Report { precision: Float::Fp16, ..report(1e-6) };
        remember_in(cache.path(), &chosen.listed, &half);
        assert!(is_known(&chosen.listed, Float::Fp16) && !is_known(&chosen.listed, Float::Bf16));
        approve_in(Some(cache.path()), &chosen, Float::Fp16, false, &mut unchecked).unwrap();
        remember_in(cache.path(), &chosen.listed, &report(0.5));
        assert!(!is_known(&chosen.listed, Float::Fp32) && is_known(&chosen.listed, Float::Fp16));
    }

    #[test]
    fn a_device_that_computes_wrong_is_refused_by_name() {
        let error = verdict(&gpu(), &report(0.5)).unwrap_err().to_string();
        assert!(error.contains("depthwise 5x5, 240 at 5x5 (error 5.0e-1 forward"), "{error}");
        assert!(error.contains("train.force_device = true"), "{error}");
        verdict(&gpu(), &report(1e-6)).unwrap();
        let half = Report { precision: Float::Fp16, ..report(0.5) };
        let error = verdict(&gpu(), &half).unwrap_err().to_string();
        assert!(error.contains("take train.precision = \"fp32\" instead of \"fp16\""), "{error}");
    }

    #[test]
    fn a_forced_device_and_the_processor_are_not_checked() {
        approve_in(None, &gpu(), Float::Fp16, true, &mut unchecked).unwrap();
        approve_in(None, &Chosen::cpu().unwrap(), Float::Fp32, false, &mut unchecked).unwrap();
    }
}
