//! A run that was stopped, killed or damaged on the way and then resumed ends with the same bytes as one that ran
//! through. What cannot be resumed is refused by name.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use studio::{Ended, Running, Studio};

/// Twelve batches of two an epoch, so that a stop in the middle of one is likely.
const LONG: &str = r#"
[model]
width = 0.1
depth = 0.1
resolution = 32

[data]
path = "pictures"
workers = 2

[[stage]]
trains = "all"
epochs = 12
lr = 0.005

[train]
batch = 2
device = "cpu"
threads = 1
"#;

/// All that has a state: stages of every kind, accumulated gradients, averages, momentum, views, steps between saves.
const STATEFUL: &str = r#"
[model]
width = 0.1
depth = 0.1
resolution = 32
stochastic_depth = 0.3

[data]
path = "pictures"
views = 2

[[stage]]
trains = "head"
epochs = 5
lr = 0.01

[[stage]]
trains = "last 2"
epochs = 5
lr = 0.003

[[stage]]
trains = "all"
epochs = 4
lr = 0.001
layer_decay = 0.8

[optimizer]
kind = "rmsprop"

[train]
batch = 2
accumulate = 2
ema = 0.9
device = "cpu"
threads = 1

[checkpoint]
every = "3 steps"
"#;

fn studio(config: &str) -> Studio {
    let studio = Studio::new();
    studio.write("long.toml", config);
    studio
}

/// What has to be the same to the bit: metrics, and the files of the newest checkpoint.
fn outcome(studio: &Studio, run: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["metrics.jsonl", "metrics.csv"] {
        files.insert(name.to_owned(), fs::read(studio.path(&format!("checkpoints/{run}/{name}"))).unwrap());
    }
    for name in ["model.safetensors", "training.safetensors", "optimizer.safetensors", "state.json"] {
        let path = studio.newest(run, name);
        if path.exists() {
            files.insert(name.to_owned(), fs::read(path).unwrap());
        }
    }
    files.insert(
        "test".into(),
        studio.json(&format!("checkpoints/{run}/result.json"))["test"].to_string().into(),
    );
    files
}

#[track_caller]
fn check_same(studio: &Studio, runs: [&str; 2]) {
    let [whole, resumed] = runs.map(|run| outcome(studio, run));
    assert_eq!(whole.keys().collect::<Vec<_>>(), resumed.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(resumed[name] == *bytes, "{name} differs");
    }
    let left = studio.files(&format!("checkpoints/{}", runs[1]));
    assert!(!left.keys().any(|name| name.contains(".kiln-tmp")), "{:?}", left.keys());
}

/// Starts a training under the name `cut`, and waits for so many checkpoints.
fn started(studio: &Studio, checkpoints: usize) -> Running {
    let mut running = studio.start(&["train", "long.toml", "--run", "cut", "checkpoint.keep=100"]);
    running.until("checkpoints", || studio.steps("cut").len() >= checkpoints);
    running
}

/// Stops a training by SIGTERM once there are so many checkpoints.
fn stopped(studio: &Studio, checkpoints: usize) -> Ended {
    let running = started(studio, checkpoints);
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code, Some(143), "{}", ended.err);
    ended
}

#[test]
fn a_stop_is_told_apart_by_its_signal_and_says_how_to_go_on() {
    let studio = studio(LONG);
    for (run, signal, code) in [("first", "INT", 130), ("second", "TERM", 143)] {
        let mut running = studio.start(&["train", "long.toml", "--run", run]);
        running.until("a checkpoint", || !studio.steps(run).is_empty());
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        assert!(ended.err.contains(&format!("kiln resume checkpoints/{run}")), "{}", ended.err);
    }
}

fn train_whole(studio: &Studio) {
    studio.expect(0, &["train", "long.toml", "--run", "whole", "checkpoint.keep=100"]);
}

/// Whether the newest checkpoint was made between the batches of an epoch.
fn is_mid_epoch(studio: &Studio) -> bool {
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(studio.newest("cut", "state.json")).unwrap()).unwrap();
    state["batch"].as_u64().unwrap() > 0
}

#[test]
fn a_run_stopped_by_a_signal_ends_as_if_it_had_not_been() {
    check_stops(LONG);
}

#[test]
fn a_run_with_every_kind_of_state_stopped_by_a_signal_ends_as_if_it_had_not_been() {
    check_stops(STATEFUL);
}

/// Stops a run again and again, at moments that differ, until it was stopped in the middle of an epoch twice.
fn check_stops(config: &str) {
    let studio = studio(config);
    train_whole(&studio);
    stopped(&studio, 1);
    let mut stops = usize::from(is_mid_epoch(&studio));
    for pause in [7, 16, 3, 29, 11, 5, 22, 1, 13] {
        let before = studio.steps("cut").len();
        let mut running = studio.start(&["resume", "checkpoints/cut"]);
        running.until("progress", || studio.steps("cut").len() > before);
        std::thread::sleep(Duration::from_millis(pause));
        running.signal("TERM");
        let ended = running.wait();
        if ended.code == Some(0) {
            // It was at its end before the signal came.
            break;
        }
        assert_eq!(ended.code, Some(143), "{}", ended.err);
        stops += usize::from(is_mid_epoch(&studio));
        if stops >= 2 {
            break;
        }
    }
    assert!(stops > 0, "no stop fell into the middle of an epoch");
    studio.expect(0, &["resume", "checkpoints/cut"]);
    check_same(&studio, ["whole", "cut"]);
}

#[test]
fn a_run_that_was_killed_ends_as_if_it_had_not_been() {
    check_kills(LONG);
}

#[test]
fn a_run_with_every_kind_of_state_that_was_killed_ends_as_if_it_had_not_been() {
    check_kills(STATEFUL);
}

/// Kills a run at several moments, also while it saves.
fn check_kills(config: &str) {
    let studio = studio(config);
    train_whole(&studio);
    let running = started(&studio, 1);
    running.signal("KILL");
    assert_eq!(running.wait().code, None);
    for pause in [0, 5, 13, 1] {
        let before = studio.steps("cut").len();
        let mut running = studio.start(&["resume", "checkpoints/cut"]);
        running.until("progress", || studio.steps("cut").len() > before);
        std::thread::sleep(Duration::from_millis(pause));
        running.signal("KILL");
        assert_eq!(running.wait().code, None, "it ended before it was killed");
    }
    studio.expect(0, &["resume", "checkpoints/cut"]);
    check_same(&studio, ["whole", "cut"]);
}

#[test]
fn a_damaged_checkpoint_is_passed_over_by_name() {
    let studio = studio(LONG);
    train_whole(&studio);
    stopped(&studio, 3);
    let mut damaged = Vec::new();
    for (file, damage) in
        [("model.safetensors", truncate as fn(&mut Vec<u8>)), ("manifest.json", |bytes| flip(bytes))]
    {
        let path = studio.newest("cut", file);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        damaged.push(studio.steps("cut").pop().unwrap());
        let before = studio.steps("cut").len();
        let mut running = studio.start(&["resume", "checkpoints/cut"]);
        running.until("progress", || studio.steps("cut").len() > before);
        running.signal("TERM");
        let ended = running.wait();
        assert_eq!(ended.code, Some(143), "{}", ended.err);
        let named = format!("steps/{}", damaged.last().unwrap());
        assert!(ended.err.contains("passed over") && ended.err.contains(&named), "{}", ended.err);
        assert!(ended.err.contains(file), "{}", ended.err);
    }
    studio.expect(0, &["resume", "checkpoints/cut"]);
    check_same(&studio, ["whole", "cut"]);
}

fn truncate(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() / 2);
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

#[test]
fn damaged_pointers_are_passed_over() {
    let studio = studio(LONG);
    train_whole(&studio);
    stopped(&studio, 2);
    for pointer in ["latest", "best"] {
        studio.write(&format!("checkpoints/cut/{pointer}"), "000001 0000\n");
    }
    studio.expect(0, &["predict", "checkpoints/cut", "pictures/discs/00.png"]);
    studio.expect(0, &["resume", "checkpoints/cut"]);
    check_same(&studio, ["whole", "cut"]);
}

/// A process may be killed between writing the best checkpoint and pointing at it.
#[test]
fn a_best_pointer_that_was_left_behind_is_put_right() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml"]);
    let result = studio.json("checkpoints/tiny/result.json");
    let is_other = |step: &&String| !result["best"].as_str().unwrap().ends_with(step.as_str());
    let steps = studio.steps("tiny");
    let other = steps.iter().find(is_other).unwrap();
    let pointer = format!("{other} {}\n", blake3::hash(other.as_bytes()).to_hex());
    studio.write("checkpoints/tiny/best", pointer);
    fs::remove_file(studio.path("checkpoints/tiny/result.json")).unwrap();
    studio.expect(0, &["resume", "checkpoints/tiny"]);
    assert_eq!(studio.json("checkpoints/tiny/result.json"), result);
}

#[test]
fn changed_pictures_are_refused_by_name_unless_allowed() {
    let studio = studio(LONG);
    stopped(&studio, 1);
    fs::copy(studio.path("pictures/bars/00.png"), studio.path("pictures/bars/kept.png")).unwrap();
    fs::remove_file(studio.path("pictures/discs/07.png")).unwrap();
    image::RgbImage::new(48, 48).save(studio.path("pictures/checks/03.png")).unwrap();
    let before = studio.files("checkpoints/cut");
    let parts = ["bars/kept.png", "discs/07.png", "checks/03.png", "--allow-changed-data"];
    studio.refused(3, &["resume", "checkpoints/cut", "stage.1.epochs=30"], &parts);
    let mut after = studio.files("checkpoints/cut");
    after.retain(|name, _| before.contains_key(name));
    assert!(after == before, "a refusal changed the run");

    let first = studio.json("checkpoints/cut/dataset.json");
    let ended = studio.expect(0, &["resume", "checkpoints/cut", "--allow-changed-data"]);
    assert!(ended.err.contains("checks/03.png"), "{}", ended.err);
    assert_eq!(studio.json("checkpoints/cut/dataset-1.json"), first);
    assert_ne!(studio.json("checkpoints/cut/dataset.json"), first);
    assert_eq!(studio.metrics("cut").len(), 12);
}

#[test]
fn a_run_cannot_change_while_it_goes_on() {
    let studio = studio(STATEFUL);
    stopped(&studio, 1);
    let resume = |setting: &'static str| ["resume", "checkpoints/cut", setting];
    for (setting, key) in [
        ("train.batch=4", "train.batch"),
        ("stage.1.epochs=9", "stage.1.epochs"),
        ("stage.3.lr=0.1", "stage.3.lr"),
        ("train.seed=7", "train.seed"),
    ] {
        studio.refused(2, &resume(setting), &[key, "stage.3.epochs"]);
    }
    studio.refused(2, &resume("stage.3.epochs=1"), &["stage.3.epochs", "grow"]);
    studio.refused(2, &resume("train.bach=4"), &["train.bach", "`batch`"]);
}

#[test]
fn a_finished_run_can_be_given_a_longer_last_stage() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml"]);
    let first = studio.metrics("tiny");
    let ended = studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=5"]);
    assert!(ended.err.contains("5 epochs"), "{}", ended.err);
    let lines = studio.metrics("tiny");
    assert_eq!((lines.len(), &lines[..2]), (5, &first[..]));
    let rates: Vec<f64> = lines.iter().map(|line| line["learning_rate"].as_f64().unwrap()).collect();
    assert!(rates[2] > rates[1] && rates[4] < rates[2], "the schedule is that of the new length: {rates:?}");
    assert_eq!(studio.json("checkpoints/tiny/result.json")["stage_epochs"], serde_json::json!([5]));
    let ended = studio.expect(0, &["resume", "checkpoints/tiny"]);
    assert!(ended.out.contains("is finished"), "{}", ended.out);
}

#[test]
fn an_extension_that_is_interrupted_is_remembered() {
    let studio = Studio::new();
    studio.write("long.toml", LONG.replace("epochs = 12", "epochs = 2"));
    studio.expect(0, &["train", "long.toml", "--run", "whole"]);
    studio.expect(0, &["train", "long.toml", "--run", "cut"]);
    studio.expect(0, &["resume", "checkpoints/whole", "stage.1.epochs=9"]);
    let mut running = studio.start(&["resume", "checkpoints/cut", "stage.1.epochs=9"]);
    running.until("epochs", || studio.epochs("cut") > 4);
    running.signal("TERM");
    assert_eq!(running.wait().code, Some(143));
    studio.expect(0, &["resume", "checkpoints/cut"]);
    check_same(&studio, ["whole", "cut"]);
}

#[test]
fn a_run_that_is_going_on_is_left_alone() {
    let studio = studio(LONG);
    let running = started(&studio, 1);
    let id = running.id().to_string();
    studio.refused(6, &["resume", "checkpoints/cut"], &["in use", &id]);
    running.signal("TERM");
    assert_eq!(running.wait().code, Some(143));
}

#[test]
fn a_run_without_a_checkpoint_says_what_to_do() {
    let studio = studio(LONG);
    stopped(&studio, 1);
    fs::remove_dir_all(studio.path("checkpoints/cut/steps")).unwrap();
    studio.refused(6, &["resume", "checkpoints/cut"], &["checkpoints/cut", "no checkpoint", "kiln train"]);
}
