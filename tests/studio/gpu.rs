//! The GPU that tests compute on: what wgpu reaches first (Mesa's software driver will do), or with KILN_GPU=cuda the first card
//! that CUDA knows. Where there is none and none was named, tests say that they were skipped.

// Each file of tests uses a part of it, and what it skips it says.
#![allow(dead_code, clippy::print_stdout)]

use kiln::devices::{Kind, Listed, list};

/// Whether tests go through CUDA.
fn through_cuda() -> bool {
    match std::env::var("KILN_GPU").as_deref() {
        Ok("cuda") => true,
        Ok("wgpu") | Err(_) => false,
        Ok(other) => panic!("KILN_GPU={other} is neither cuda nor wgpu"),
    }
}

pub fn kind() -> Kind {
    if through_cuda() { Kind::Cuda } else { Kind::Wgpu }
}

/// What a run needs to train there: the tests of the devices check it, and nothing is tuned by itself.
pub fn settings() -> [&'static str; 3] {
    let device = if through_cuda() { "train.device=cuda" } else { "train.device=wgpu" };
    [device, "train.force_device=true", "train.tune=off"]
}

/// How many of them there are: of one kind with one driver.
pub fn count() -> usize {
    let Some(first) = listed() else { return 0 };
    let same = |one: &Listed| (one.kind, &one.name, &one.driver) == (first.kind, &first.name, &first.driver);
    list().into_iter().filter(|one| one.is_present() && same(one)).count()
}

/// Whether it is a driver that computes on the processor.
pub fn is_software() -> bool {
    listed().is_some_and(|listed| listed.software)
}

pub fn listed() -> Option<Listed> {
    let found = list().into_iter().find(|listed| listed.kind == kind() && listed.is_present());
    if found.is_none() {
        assert!(std::env::var_os("KILN_GPU").is_none(), "KILN_GPU names a device that is not here");
        println!("skipped: {} knows no device here", if through_cuda() { "CUDA" } else { "wgpu" });
    }
    found
}
