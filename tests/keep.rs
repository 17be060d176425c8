//! Which checkpoints a run keeps, seen from outside.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use studio::{Studio, TINY};

/// It has a higher number than what is saved after it was passed over, and that must not be removed in its place.
#[test]
fn a_damaged_checkpoint_does_not_push_out_what_is_saved_after_it() {
    let studio = Studio::new();
    studio.write("long.toml", TINY.replace("batch = 8", "batch = 2").replace("epochs = 2", "epochs = 30"));
    stop_after(&studio, &["train", "long.toml", "--run", "cut", "checkpoint.keep=1"], 1);
    let early = studio.steps("cut").pop().unwrap();
    let files = studio.files(&format!("checkpoints/cut/steps/{early}"));
    stop_after(&studio, &["resume", "checkpoints/cut"], 8);
    // As if more than one had been kept, and the newest of them came to harm.
    let late = studio.steps("cut").pop().unwrap();
    for (name, bytes) in files {
        studio.write(&format!("checkpoints/cut/steps/{early}/{name}"), bytes);
    }
    let mut model = fs::read(studio.newest("cut", "model.safetensors")).unwrap();
    model.truncate(model.len() / 2);
    fs::write(studio.newest("cut", "model.safetensors"), model).unwrap();
    let damaged = studio.files(&format!("checkpoints/cut/steps/{late}"));

    let known = studio.steps("cut");
    let mut running = studio.start(&["resume", "checkpoints/cut"]);
    running.until("a new checkpoint", || studio.steps("cut").iter().any(|step| !known.contains(step)));
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code, Some(143), "{}", ended.err);
    assert!(ended.err.contains("passed over"), "{}", ended.err);
    let said = ended.err.split("stopped and saved ").nth(1).unwrap();
    let saved = studio.path(said.split_whitespace().next().unwrap());
    assert!(saved.join("manifest.json").is_file(), "{}: {:?}", ended.err, studio.steps("cut"));
    studio.expect(0, &["resume", "checkpoints/cut"]);
    assert!(
        studio.files(&format!("checkpoints/cut/steps/{late}")) == damaged,
        "it was passed over, and is gone"
    );
}

/// Stops a command by SIGTERM once the run has so many epochs.
fn stop_after(studio: &Studio, command: &[&str], epochs: usize) {
    let mut running = studio.start(command);
    running.until("epochs", || studio.epochs("cut") >= epochs);
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code, Some(143), "{}", ended.err);
}
