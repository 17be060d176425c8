//! The GPU that tests compute on: what wgpu reaches first (Mesa's software driver will do), or with KILN_GPU=cuda the first card
//! that CUDA knows. Where there is none, tests say that they were skipped.

// Each file of tests uses a part of it.
#![allow(dead_code)]

use kiln::devices::{Kind, Listed, list};

/// Whether tests go through CUDA.
fn through_cuda() -> bool {
    std::env::var("KILN_GPU").is_ok_and(|name| name == "cuda")
}

pub fn kind() -> Kind {
    if through_cuda() { Kind::Cuda } else { Kind::Wgpu }
}

/// What a run needs to train there: the tests of the devices check it, and nothing is tuned by itself.
pub fn settings() -> [&'static str; 3] {
    let device = if through_cuda() { "train.device=cuda" } else { "train.device=wgpu" };
    [device, "train.force_device=true", "train.tune=off"]
}

/// How many of them there are.
pub fn count() -> usize {
    list().into_iter().filter(|listed| listed.kind == kind() && listed.is_present()).count()
}

pub fn listed() -> Option<Listed> {
    let found = list().into_iter().find(|listed| listed.kind == kind() && listed.is_present());
    if found.is_none() {
        println!("skipped: {} knows no device here", if through_cuda() { "CUDA" } else { "wgpu" });
    }
    found
}
