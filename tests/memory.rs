//! Memory: a batch is found that fits, running out of it becomes advice, and it does not grow while a run goes on. The tests on a GPU
//! need a driver that answers (Mesa's software driver will do) and are skipped where there is none.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use serde_json::Value;
use studio::{Running, Studio, gpu};

#[test]
fn a_batch_that_fits_is_kept_by_the_run() {
    let studio = Studio::new();
    let settings = ["train", "tiny.toml", "train.batch=auto", "train.effective_batch=6", "stage.1.epochs=1"];
    let ended = studio.expect(0, &settings);
    assert!(ended.err.contains("train.batch = 6: what fits into memory"), "{}", ended.err);
    let config = fs::read_to_string(studio.path("checkpoints/tiny/config.toml")).unwrap();
    assert!(config.contains("\nbatch = 6\n") && config.contains("\naccumulate = 1\n"), "{config}");
    assert!(!config.contains("effective_batch"), "{config}");
    // On resume nothing is looked for.
    let ended = studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=2"]);
    assert!(!ended.err.contains("what fits"), "{}", ended.err);
}

#[test]
fn a_gpus_batch_is_found_by_trying() {
    let Some((studio, [device, force, tune])) = on_gpu() else { return };
    if !gpu::is_software() {
        return println!("skipped: a card may hold what a software driver has no buffer for");
    }
    // The pictures of the whole step are too large for one buffer, and a prime has no other parts than itself and 1.
    let step = "train.effective_batch=16411";
    let settings = ["train", "tiny.toml", "train.batch=auto", step, "stage.1.epochs=1", device, force, tune];
    let ended = studio.expect(0, &settings);
    for line in [
        "trying train.batch = 16411",
        "trying train.batch = 1 ",
        "train.batch = 1 with train.accumulate = 16411",
    ] {
        assert!(ended.err.contains(line), "{}", ended.err);
    }
    let config = fs::read_to_string(studio.path("checkpoints/tiny/config.toml")).unwrap();
    assert!(config.contains("\nbatch = 1\n") && config.contains("\naccumulate = 16411\n"), "{config}");
    let (held, most) =
        (device_memory(&studio), studio.json("checkpoints/tiny/result.json")["device_memory"].as_u64());
    assert!(held.iter().all(|bytes| *bytes > 0), "{held:?}");
    assert_eq!(held.last().copied(), most);
}

#[test]
fn a_device_out_of_memory_becomes_advice() {
    let Some((studio, [device, force, tune])) = on_gpu() else { return };
    let size = "data.image_size=3000";
    let settings = [
        "train",
        "tiny.toml",
        size,
        "train.batch=2",
        "train.accumulate=3",
        "augment.policy=none",
        device,
        force,
        tune,
    ];
    let ended = studio.refused(2, &settings, &["is out of memory", "train 2 pictures at once (train.batch)"]);
    for part in ["train.batch = 1 should fit; train.accumulate = 6", "train.batch = \"auto\" finds"] {
        assert!(ended.err.contains(part), "{}", ended.err);
    }
    let report = fs::read_to_string(studio.path("checkpoints/tiny/report.html")).unwrap();
    assert!(report.contains("out of memory"));
}

#[test]
fn what_will_not_fit_into_a_software_drivers_memory_is_said_beforehand() {
    let Some((studio, [device, force, tune])) = on_gpu() else { return };
    if !gpu::is_software() {
        return println!("skipped: this is no software driver");
    }
    let small = ["train", "tiny.toml", "--dry-run", device, force, tune];
    let ended = studio.expect(0, &small);
    assert!(!ended.err.contains("will probably not fit"), "{}", ended.err);
    let ended = studio.expect(0, &[&small[..], &["train.batch=65536", "data.image_size=3000"]].concat());
    let warning = ended.err.lines().find(|line| line.contains("will probably not fit")).unwrap();
    assert!(warning.contains("stage 1 (all)") && warning.contains("train.batch = 65536"), "{warning}");
    let (before, _) = warning.split_once(" MiB are free. ").unwrap();
    let free: f64 = before.rsplit("and ").next().unwrap().replace(',', "").parse().unwrap();
    // The machine's, or less where a cgroup says so.
    assert!(free > 0.0 && free < 1.5 * available_mib(), "{warning}");
}

fn available_mib() -> f64 {
    let told = fs::read_to_string("/proc/meminfo").unwrap();
    let line = told.lines().find(|line| line.starts_with("MemAvailable:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Updates from which on memory must not grow, and until when. On GPUs the allocator needs about as many: it sizes the pages of
/// kernels' scalars by a moving average, which comes to rest in ever smaller steps.
const SETTLED: u64 = 300;
const LATER: u64 = SETTLED + 1000;
/// Pages that allocators and caches take now and then; a leak of one picture a step would be 12 MiB. 0.3 were measured.
const SLACK_MIB: f64 = 4.0;

#[test]
fn the_processors_memory_does_not_grow_over_a_thousand_steps() {
    let studio = Studio::new();
    // Small batches make many steps.
    let mut running = studio.start(&["train", "tiny.toml", "stage.1.epochs=100000", "train.batch=2"]);
    let [before, after] = [SETTLED, LATER].map(|step| {
        wait_for(&studio, &mut running, step);
        resident_mib(running.id())
    });
    running.signal("INT");
    assert_eq!(running.wait().code, Some(130));
    println!("{before:.1} MiB after {SETTLED} steps, {after:.1} after {LATER}");
    assert!(after < before + SLACK_MIB, "{before} MiB became {after}");
}

/// What a software driver's process may take in 500 updates, which keeps compiled shaders and freed pages. It takes more at
/// once now and then (13 MiB were seen), but what grows grows in either half; a batch lost in each step would be 12 MiB.
const DRIVERS_SLACK_MIB: f64 = 4.0;
/// What a device's allocator may take meanwhile: it hands out 32 bytes at least, so a number lost in each step would be 32 KiB.
/// 224 bytes were measured.
const DEVICE_SLACK: u64 = 16 << 10;

#[test]
fn a_gpus_memory_does_not_grow_over_a_thousand_steps() {
    // The classifier alone is quick on a software driver, and its inputs are uploaded anew in every step.
    keeps_its_memory(&["stage.1.trains=head", "stage.1.epochs=100000"]);
}

#[test]
#[ignore = "takes a quarter of an hour on a software driver (docs/gpu.md)"]
fn a_gpus_memory_does_not_grow_while_all_layers_train() {
    keeps_its_memory(&["stage.1.epochs=100000"]);
}

/// Trains on a GPU, and looks at the memory of the device and of the process at two times.
fn keeps_its_memory(more: &[&str]) {
    let Some((studio, [device, force, tune])) = on_gpu() else { return };
    let settings = [&["train", "tiny.toml", "train.batch=2", device, force, tune], more].concat();
    let mut running = studio.start(&settings);
    let [before, halfway, after] = [SETTLED, SETTLED + 500, LATER].map(|step| {
        wait_for(&studio, &mut running, step);
        (*device_memory(&studio).last().unwrap(), resident_mib(running.id()))
    });
    running.signal("INT");
    assert_eq!(running.wait().code, Some(130));
    println!("device: {} bytes after {SETTLED} steps, {} after {LATER}", before.0, after.0);
    println!(
        "process: {:.1} MiB after {SETTLED} steps, {:.1}, {:.1} after 500 more each",
        before.1, halfway.1, after.1
    );
    assert!(after.0 <= before.0 + DEVICE_SLACK, "{} bytes on the device became {}", before.0, after.0);
    let grown = f64::min(halfway.1 - before.1, after.1 - halfway.1);
    assert!(grown < DRIVERS_SLACK_MIB, "{} MiB became {} and {}", before.1, halfway.1, after.1);
}

/// Waits until a run has made so many updates.
fn wait_for(studio: &Studio, running: &mut Running, step: u64) {
    // In pieces, because each is waited for only so long.
    for part in (20..=step).step_by(20) {
        running.until("enough steps", || steps(studio) >= part);
    }
}

/// Updates that are written down so far; the last line may be half there.
fn steps(studio: &Studio) -> u64 {
    let text = fs::read_to_string(studio.path("checkpoints/tiny/metrics.jsonl")).unwrap_or_default();
    let last = text.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
    last.and_then(|line| line["step"].as_u64()).unwrap_or(0)
}

fn resident_mib(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// What the device held, epoch by epoch; the last line may be half there.
fn device_memory(studio: &Studio) -> Vec<u64> {
    let text = fs::read_to_string(studio.path("checkpoints/tiny/timing.jsonl")).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|line| line["device_memory_bytes"].as_u64().unwrap()).collect()
}

fn on_gpu() -> Option<(Studio, [&'static str; 3])> {
    gpu::listed().map(|_| (Studio::new(), gpu::settings()))
}
