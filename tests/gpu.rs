//! Training on a GPU: what a step tells is heard late, and nothing comes of that. Needs a driver that answers (Mesa's software
//! driver will do), and is skipped where there is none.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use studio::{Studio, gpu};

/// Where the norm has to be known before an update, a step is heard before the next one; no norm is as large as this.
const PROMPT: &str = "train.clip_norm=1e30";

fn on_gpu() -> Option<(Studio, [&'static str; 3])> {
    gpu::listed().map(|_| (Studio::new(), gpu::settings()))
}

#[test]
fn what_is_heard_late_is_what_is_heard_at_once() {
    let Some((studio, [device, force, tune])) = on_gpu() else { return };
    let settings = [
        "train",
        "tiny.toml",
        "train.batch=4",
        "train.accumulate=2",
        "train.ema=0.9",
        "augment.mixup=0.4",
        "augment.cutmix=1.0",
        "checkpoint.every=3 steps",
        device,
        force,
        tune,
    ];
    studio.expect(0, &[&settings[..], &["--run", "late"]].concat());
    studio.expect(0, &[&settings[..], &["--run", "prompt", PROMPT]].concat());
    assert_eq!(studio.steps("late"), studio.steps("prompt"));
    let read = |path: &std::path::Path| fs::read(path).unwrap();
    for file in ["metrics.jsonl", "metrics.csv"] {
        let [late, prompt] =
            ["late", "prompt"].map(|run| read(&studio.path(&format!("checkpoints/{run}/{file}"))));
        assert!(late == prompt, "{file} differs");
    }
    for step in studio.steps("late") {
        for file in ["model.safetensors", "state.json"] {
            let [late, prompt] = ["late", "prompt"]
                .map(|run| read(&studio.path(&format!("checkpoints/{run}/steps/{step}/{file}"))));
            assert!(late == prompt, "{file} of step {step} differs");
        }
    }
}

#[test]
fn a_run_that_diverges_is_stopped_at_the_same_step_and_keeps_nothing_of_it() {
    let Some((studio, [device, force, tune])) = on_gpu() else { return };
    let wild = [
        "train",
        "tiny.toml",
        "optimizer.kind=sgd",
        "optimizer.momentum=0",
        "optimizer.nesterov=false",
        "schedule.warmup=0",
        "augment.policy=none",
        "stage.1.lr=1e30",
        "train.batch=4",
        "checkpoint.every=3 steps",
        device,
        force,
        tune,
    ];
    let [late, prompt] =
        [("late", "train.clip_norm=false"), ("prompt", "train.clip_norm=1e38")].map(|(run, clip)| {
            let ended =
                studio.refused(5, &[&wild[..], &["--run", run, clip]].concat(), &["diverged", "at step"]);
            let line = ended.err.lines().find(|line| line.contains("at step")).unwrap().to_owned();
            (line, studio.steps(run))
        });
    assert_eq!(late, prompt);
}

#[test]
fn a_resume_is_exact_although_steps_are_heard_late() {
    let Some((studio, [device, force, tune])) = on_gpu() else { return };
    let verdict = studio
        .expect(0, &["verify", "--resume", "tiny.toml", "--json", "train.batch=4", device, force, tune]);
    let verdict = verdict.json();
    assert_eq!(verdict["same"], true, "{verdict}");
    assert!(verdict["stops"].as_u64().unwrap() >= 1, "{verdict}");
}

#[test]
fn two_gpus_end_with_the_bytes_of_one() {
    let Some((studio, [device, force, tune])) = on_gpu() else { return };
    if gpu::count() < 2 {
        return println!("skipped: there is one GPU here");
    }
    let train = |run: &str, gpus: &str| {
        let settings = ["train", "tiny.toml", "train.batch=4", "train.accumulate=2", device, force, tune];
        studio.expect(0, &[&settings[..], &["train.ema=0.9", "--run", run, gpus]].concat());
        let newest = |file| fs::read(studio.newest(run, file)).unwrap();
        [newest("model.safetensors"), newest("optimizer.safetensors")]
    };
    assert!(train("one", "train.gpus=1") == train("two", "train.gpus=2"), "two GPUs end with other numbers");
}
