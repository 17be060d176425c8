//! Training on wgpu: what a step tells is heard late, and nothing comes of that. Needs a driver that answers (Mesa's software
//! driver will do), and is skipped where there is none.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use kiln::devices::{Kind, list};
use studio::Studio;

/// The software driver is checked by the tests of the devices.
const WGPU: [&str; 2] = ["train.device=wgpu", "train.force_device=true"];
/// Where the norm has to be known before an update, a step is heard before the next one; no norm is as large as this.
const PROMPT: &str = "train.clip_norm=1e30";

fn on_wgpu() -> Option<Studio> {
    let found = list().into_iter().any(|listed| listed.kind == Kind::Wgpu && listed.is_present());
    if !found {
        println!("skipped: no graphics driver answers here");
    }
    found.then(Studio::new)
}

#[test]
fn what_is_heard_late_is_what_is_heard_at_once() {
    let Some(studio) = on_wgpu() else { return };
    let settings = [
        "train",
        "tiny.toml",
        "train.batch=4",
        "train.accumulate=2",
        "train.ema=0.9",
        "augment.mixup=0.4",
        "augment.cutmix=1.0",
        "checkpoint.every=3 steps",
        WGPU[0],
        WGPU[1],
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
    let Some(studio) = on_wgpu() else { return };
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
        WGPU[0],
        WGPU[1],
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
    let Some(studio) = on_wgpu() else { return };
    let verdict =
        studio.expect(0, &["verify", "--resume", "tiny.toml", "--json", "train.batch=4", WGPU[0], WGPU[1]]);
    let verdict = verdict.json();
    assert_eq!(verdict["same"], true, "{verdict}");
    assert!(verdict["stops"].as_u64().unwrap() >= 1, "{verdict}");
}
