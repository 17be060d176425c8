//! A device from its name in the configuration. `auto` takes a GPU in earnest or the processor, never a GPU's
//! driver that computes on the processor.

use super::list::{Kind, Listed, of_kind};
use super::open::Chosen;
use crate::config::DeviceChoice;
use crate::scaling::Float;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("device {name} is not here: {reason}; device = \"cpu\" computes on the processor")]
    Absent { name: &'static str, reason: String },

    #[error(
        "device {name} ({part}) does not answer: {reason}; see to its driver, or compute on the processor with \
         device = \"cpu\""
    )]
    Silent { name: &'static str, part: String, reason: String },

    #[error(
        "device {name} ({part}) computes wrong: {failed} of {checked} checks failed, the first is {first}; {remedy}"
    )]
    Wrong { name: &'static str, part: String, failed: usize, checked: usize, first: String, remedy: String },

    #[error(
        "train.precision = \"{float}\" on device {name} ({part}) {reason}; take \"fp32\", or \"auto\" for the best that a GPU has \
         (a run that goes on keeps the one it began with)"
    )]
    Precision { float: Float, name: &'static str, part: String, reason: String },

    #[error(
        "train.gpus = {wanted}, but {found} of device {name} ({part}) {verb} here, with the same driver; say how many there are, or \
         leave train.gpus out"
    )]
    Few { wanted: usize, found: usize, verb: &'static str, name: &'static str, part: String },

    #[error("device {name} ({part}) is out of memory")]
    Full { name: &'static str, part: String },

    #[error(
        "device {name} ({part}) gave up: {reason}; see to its driver, or compute on the processor with device = \"cpu\""
    )]
    GaveUp { name: &'static str, part: String, reason: String },
}

/// The device that a configuration asks for, opened.
pub fn choose(choice: DeviceChoice) -> Result<Chosen, Error> {
    let asked: Vec<Listed> = kinds(choice).iter().flat_map(|kind| of_kind(*kind)).collect();
    open_first(candidates(choice, &asked))
}

/// Others just like a device, so that so many of them share the work: what is right and fast on one is so on all.
pub fn alike(chosen: &Chosen, wanted: usize) -> Result<Vec<Chosen>, Error> {
    let Chosen { listed, name, .. } = chosen;
    let all = of_kind(listed.kind).into_iter().filter(|other| {
        !listed.is_processor()
            && other.is_present()
            && (&other.name, &other.driver) == (&listed.name, &listed.driver)
    });
    let all: Vec<Listed> = all.collect();
    if wanted > all.len().max(1) {
        let (found, part) = (all.len(), listed.name.clone());
        let verb = if found == 1 { "is" } else { "are" };
        return Err(Error::Few { wanted, found, verb, name, part });
    }
    all.into_iter()
        .filter(|other| other.handle != listed.handle)
        .take(wanted - 1)
        .map(|other| other.open())
        .collect()
}

/// Only what may be taken is asked for: asking for GPUs loads their drivers.
fn kinds(choice: DeviceChoice) -> &'static [Kind] {
    match choice {
        DeviceChoice::Auto => &[Kind::Cuda, Kind::Wgpu, Kind::Cpu],
        DeviceChoice::Cpu => &[Kind::Cpu],
        DeviceChoice::Ndarray => &[Kind::Ndarray],
        DeviceChoice::Wgpu => &[Kind::Wgpu],
        DeviceChoice::Cuda => &[Kind::Cuda],
    }
}

/// What may be taken, best first. One that was named may be software: it was asked for.
fn candidates(choice: DeviceChoice, asked: &[Listed]) -> Vec<&Listed> {
    match choice {
        DeviceChoice::Auto => asked.iter().filter(|one| one.is_gpu() || one.kind == Kind::Cpu).collect(),
        _ => asked.iter().collect(),
    }
}

/// The first that opens, or the first reason why none does.
fn open_first(candidates: Vec<&Listed>) -> Result<Chosen, Error> {
    let mut reason = None;
    for candidate in candidates {
        match candidate.open() {
            Ok(chosen) => return Ok(chosen),
            Err(error) => reason = reason.or(Some(error)),
        }
    }
    Err(reason.unwrap_or(Error::Absent { name: "auto", reason: "there is no device at all".to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::open::Handle;

    fn listed(kind: Kind, name: &str, software: bool, absent: Option<&str>) -> Listed {
        let absent = absent.map(str::to_owned);
        let driver = String::new();
        Listed { kind, name: name.to_owned(), driver, software, absent, handle: Handle::None }
    }

    fn check(choice: DeviceChoice, asked: &[Listed], expected: &[&str]) {
        let names: Vec<_> = candidates(choice, asked).iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn auto_takes_a_gpu_in_earnest_or_the_processor() {
        let cpu = listed(Kind::Cpu, "cpu", false, None);
        let card = listed(Kind::Wgpu, "card", false, None);
        let lavapipe = listed(Kind::Wgpu, "llvmpipe", true, None);
        let gone = listed(Kind::Cuda, "cuda", false, Some("not built"));
        check(DeviceChoice::Auto, &[gone.clone(), lavapipe.clone(), cpu.clone()], &["cpu"]);
        check(DeviceChoice::Auto, &[gone, card.clone(), lavapipe.clone(), cpu], &["card", "cpu"]);
        check(DeviceChoice::Wgpu, &[card, lavapipe.clone()], &["card", "llvmpipe"]);
        check(DeviceChoice::Wgpu, &[lavapipe], &["llvmpipe"]);
    }

    #[test]
    fn the_processor_is_always_there() {
        for (choice, name) in [(DeviceChoice::Cpu, "cpu"), (DeviceChoice::Ndarray, "ndarray")] {
            assert_eq!(choose(choice).unwrap().name, name);
        }
        assert!(!choose(DeviceChoice::Auto).unwrap().listed.software);
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn what_is_not_built_says_how_to_build_it() {
        let error = choose(DeviceChoice::Cuda).unwrap_err().to_string();
        assert!(error.contains("cargo build --release --features cuda"), "{error}");
    }
}
