//! `train.batch = "auto"`: how many of a step's pictures go through the network at once, so that they fit into the memory that
//! there is. On the processor the estimate tells; on a GPU, to which it was not fitted, it is tried.

use anyhow::Result;

use super::attempt;
use super::console::tell;
use super::failure::Failure;
use super::fits::Steps;
use super::memory;
use crate::config::Config;
use crate::devices::{Chosen, Kind, release, room};
use crate::scaling::grouped;

/// Of the memory that is free, what steps may take: caches of pictures and frozen layers want some too.
const SHARE: u64 = 2;

/// A batch that takes more than so many times what a GPU has, by the estimate, is not tried.
const HOPELESS: u64 = 2;

/// Whether the batch of a configuration is one that will have been tried.
pub fn is_tried(config: &Config, device: &Chosen) -> bool {
    config.train.auto_batch && !device.listed.is_processor()
}

/// The configuration with a batch that fits; unchanged where it names one.
pub fn settle(steps: &Steps, device: &Chosen) -> Result<Config> {
    let mut config = steps.config.clone();
    if !config.train.auto_batch {
        return Ok(config);
    }
    let wanted = config.train.batch;
    let batch = match device.listed.kind {
        Kind::Cpu | Kind::Ndarray => estimated(steps, wanted, memory::available() as u64 / SHARE),
        Kind::Wgpu | Kind::Cuda => tried(steps, wanted, device)?,
    };
    config.train.batch = batch;
    config.train.accumulate = wanted / batch;
    config.train.auto_batch = false;
    let accumulate = match config.train.accumulate {
        1 => String::new(),
        times => format!(" with train.accumulate = {times}, for steps of {wanted} pictures"),
    };
    tell(&format!("train.batch = {batch}{accumulate}: what fits into memory"));
    Ok(config)
}

/// The largest part of the wanted batch that is within the limit by the estimate. One picture is tried whatever it says.
fn estimated(steps: &Steps, wanted: usize, limit: u64) -> usize {
    let fits = |batch: &usize| steps.most(*batch) <= limit;
    parts(wanted, 1).find(fits).unwrap_or(1)
}

/// The largest part of the wanted batch that the device can take a few steps with.
fn tried(steps: &Steps, wanted: usize, device: &Chosen) -> Result<usize> {
    release(&device.device);
    let gpus = steps.config.train.gpus;
    let own = room(device, gpus).own().unwrap_or(u64::MAX);
    for batch in hopeful(steps, parts(wanted, gpus), own) {
        tell(&format!("trying train.batch = {batch} on {}", device.listed.name));
        if let Some(held) = attempt::ask(steps, batch)? {
            let mib = held.map_or_else(String::new, |bytes| format!(" with {} MiB", grouped(bytes >> 20)));
            tell(&format!("  it fits{mib}"));
            return Ok(batch);
        }
    }
    let text = "not even one picture fits into the memory of the device: take a smaller model.variant or data.image_size";
    Err(Failure::Usage(text.into()).into())
}

/// The batches that a GPU with so much memory may have room for. One picture is tried whatever the estimate says.
fn hopeful(steps: &Steps, batches: impl Iterator<Item = usize>, own: u64) -> impl Iterator<Item = usize> {
    let limit = own.saturating_mul(HOPELESS);
    batches.filter(move |batch| *batch == 1 || steps.most(*batch) <= limit)
}

/// The numbers that divide a step into equal batches, as many for each GPU, largest first.
fn parts(step: usize, gpus: usize) -> impl Iterator<Item = usize> {
    (1..=step / gpus).rev().filter(move |batch| step.is_multiple_of(*batch * gpus))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::{Frozen, Plan, Variant};
    use std::path::Path;

    #[test]
    fn a_step_is_cut_into_equal_batches() {
        let check = |step: usize, gpus: usize, expected: &[usize]| {
            assert_eq!(parts(step, gpus).collect::<Vec<_>>(), expected);
        };
        check(32, 1, &[32, 16, 8, 4, 2, 1]);
        check(12, 1, &[12, 6, 4, 3, 2, 1]);
        check(12, 2, &[6, 3, 2, 1]);
        check(12, 4, &[3, 1]);
        check(7, 1, &[7, 1]);
        check(1, 1, &[1]);
    }

    fn with_steps(then: impl Fn(&Steps)) {
        let text = "name = \"a\"\n[data]\npath = \"a\"\n[model]\nvariant = \"b0\"\n[train]\nbatch = \"auto\"\n\
                    [[stage]]\ntrains = \"all\"\nepochs = 1\nlr = 0.1\n[[stage]]\ntrains = \"head\"\nepochs = 1\nlr = 0.1\n";
        let config = Config::parse(text, Path::new("/a.toml"), Path::new("/"), &[]).unwrap();
        let plan = Plan::variant(Variant::B0);
        let through = Frozen::Shared { threads: 2 };
        then(&Steps { config: &config, plan: &plan, side: 224, classes: 1000, through });
    }

    #[test]
    fn the_estimate_decides_by_the_stage_that_needs_most() {
        // Where all of b0 trains it takes 2118 MiB at 32, 1124 at 16 and 379 at 4 (docs/memory.md).
        with_steps(|steps| {
            let check =
                |mib: u64, expected: usize| assert_eq!(estimated(steps, 32, mib << 20), expected, "{mib}");
            check(2200, 32);
            check(2100, 16);
            check(1100, 8);
            check(400, 4);
            check(1, 1);
        });
    }

    #[test]
    fn a_gpu_is_not_tried_with_far_more_than_it_has() {
        with_steps(|steps| {
            let check = |mib: u64, expected: &[usize]| {
                let batches: Vec<usize> = hopeful(steps, parts(32, 1), mib << 20).collect();
                assert_eq!(batches, expected, "{mib}");
            };
            // Half of what the estimate says is enough to be tried.
            check(1100, &[32, 16, 8, 4, 2, 1]);
            check(1000, &[16, 8, 4, 2, 1]);
            check(1, &[1]);
            assert_eq!(hopeful(steps, parts(32, 1), u64::MAX).next(), Some(32));
        });
    }
}
