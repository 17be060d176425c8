//! What a disk does to a run that goes on: it is full for a while, or its folder is taken away. A run never ends with less
//! than it had.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;
use std::time::Duration;

use studio::Studio;
use studio::disk::Disk;

/// Long enough to be met in its midst.
const LONG: [&str; 4] = ["train", "tiny.toml", "stage.1.epochs=4000", "checkpoint.keep=1"];

#[test]
fn a_disk_that_is_full_for_a_while_is_waited_for() {
    let Some(disk) = Disk::mount("6m") else { return };
    let studio = disk.studio();
    let mut running = studio.start(&LONG);
    running.until("epochs", || studio.epochs("tiny") > 3);
    disk.fill(0);
    std::thread::sleep(Duration::from_millis(700));
    disk.make_room();
    let epochs = studio.epochs("tiny");
    running.until("more epochs", || studio.epochs("tiny") > epochs + 3);
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code, Some(143), "{}", ended.err);
    assert!(
        ended.err.contains("WARNING: cannot save") && ended.err.contains("trying again"),
        "{}",
        ended.err
    );
    let lines = studio.metrics("tiny");
    let epochs: Vec<u64> = lines.iter().map(|line| line["epoch"].as_u64().unwrap()).collect();
    assert!(
        epochs.iter().copied().eq(1..=epochs.len() as u64),
        "a line was lost or stands twice: {epochs:?}"
    );
    studio.expect(0, &["verify", "checkpoints/tiny"]);
}

#[test]
fn a_disk_without_room_for_a_checkpoint_is_noticed_before_training() {
    let Some(disk) = Disk::mount("6m") else { return };
    let studio = disk.studio();
    disk.fill(64 << 10);
    studio.refused(6, &["train", "tiny.toml"], &["no space for a checkpoint", "make room"]);
    assert!(!studio.path("checkpoints/tiny").exists());
    disk.make_room();
    // Room for what the run writes, its page included, and not for thirty checkpoints.
    disk.fill(2 << 20);
    let ended = studio.expect(0, &["train", "tiny.toml", "checkpoint.keep=30"]);
    assert!(ended.err.contains("WARNING: checkpoints has 2.0 MiB free"), "{}", ended.err);
}

#[test]
fn a_run_whose_folder_is_taken_away_says_so() {
    let studio = Studio::new();
    let mut running = studio.start(&LONG);
    running.until("epochs", || studio.epochs("tiny") > 3);
    fs::rename(studio.path("checkpoints/tiny"), studio.path("checkpoints/taken")).unwrap();
    let ended = running.wait();
    assert_eq!(ended.code, Some(6), "{}", ended.err);
    assert!(ended.err.contains("checkpoints/tiny is gone"), "{}", ended.err);
    assert!(!studio.path("checkpoints/tiny").exists());
    studio.expect(0, &["verify", "checkpoints/taken"]);
    studio.expect(0, &["predict", "checkpoints/taken", "pictures/discs/00.png"]);
}

#[test]
fn a_time_between_checkpoints_is_kept() {
    let studio = Studio::new();
    // One epoch of well over a second.
    let slow =
        ["stage.1.epochs=1", "model.resolution=256", "model.width=1.0", "train.batch=1", "data.workers=1"];
    studio.expect(
        0,
        &[&["train", "tiny.toml", "checkpoint.every=1 s", "checkpoint.keep=99"], &slow[..]].concat(),
    );
    let steps = studio.steps("tiny");
    assert!(steps.len() > 1, "only the epoch's end was saved: {steps:?}");
    studio.expect(0, &["verify", "checkpoints/tiny"]);
}
