//! A training that leaves all bounds stops and says why, or goes back and learns more slowly.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use studio::Studio;

const WILD: [&str; 5] = [
    "optimizer.kind=sgd",
    "optimizer.momentum=0",
    "optimizer.nesterov=false",
    "schedule.warmup=0",
    "augment.policy=none",
];

fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "tiny.toml"], &WILD[..], more].concat()
}

#[test]
fn a_training_that_diverges_stops_and_says_why() {
    let studio = Studio::new();
    let ended =
        studio.refused(5, &train(&["stage.1.lr=1e30"]), &["diverged", "learning rate", "stage.1.lr="]);
    assert!(
        ended.err.contains("at step") && ended.err.contains("train.on_divergence=rewind"),
        "{}",
        ended.err
    );
}

#[test]
fn a_training_that_diverges_can_go_back() {
    let studio = Studio::new();
    // Halved a few times it is a rate that serves for an epoch.
    let ended =
        studio.expect(0, &train(&["stage.1.lr=20", "stage.1.epochs=1", "train.on_divergence=rewind"]));
    assert!(ended.err.contains("the learning rate halved (1 of at most 5 times)"), "{}", ended.err);
    let rates: Vec<f64> =
        studio.metrics("tiny").iter().map(|line| line["learning_rate"].as_f64().unwrap()).collect();
    assert_eq!(rates.len(), 1);
    assert!(rates[0] <= 10.0, "{rates:?}");
    studio.expect(0, &["verify", "checkpoints/tiny"]);
}

#[test]
fn going_back_ends_too() {
    let studio = Studio::new();
    let ended = studio.expect(5, &train(&["stage.1.lr=1e30", "train.on_divergence=rewind"]));
    assert!(ended.err.contains("(5 of at most 5 times)"), "{}", ended.err);
    assert!(ended.err.contains("diverged"), "{}", ended.err);
}

const OFTEN: &str = "checkpoint.every=1 steps";

/// The first update may spoil the weights, and only the second one shows it: what was saved between them is no way back.
#[test]
fn a_training_that_saves_often_goes_back_to_before_it_was_lost() {
    let studio = Studio::new();
    let settings = ["stage.1.lr=20", "stage.1.epochs=1", "train.on_divergence=rewind", OFTEN];
    for (run, keep) in [("three", "checkpoint.keep=3"), ("one", "checkpoint.keep=1")] {
        let ended = studio.expect(0, &train(&[&settings[..], &["--run", run, keep]].concat()));
        let went_back_to = |step: &str| {
            let line = format!("going back to checkpoints/{run}/steps/{step} with the learning rate halved");
            ended.err.matches(&line).count()
        };
        // Nothing spoke against it the first time.
        assert!(went_back_to("000001") + went_back_to("000002") <= 1, "{}", ended.err);
        assert!(went_back_to("000000") >= 1, "{}", ended.err);
        studio.expect(0, &["verify", &format!("checkpoints/{run}")]);
    }
}

#[test]
fn weights_that_hold_no_numbers_are_not_saved_between_updates() {
    let studio = Studio::new();
    studio.refused(5, &train(&["stage.1.lr=1e30", OFTEN]), &["at step 1", "diverged"]);
    assert_eq!(studio.steps("tiny"), [""; 0]);
    let ended = studio.expect(5, &train(&["stage.1.lr=1e30", "train.on_divergence=rewind", OFTEN]));
    assert!(ended.err.contains("(5 of at most 5 times)"), "{}", ended.err);
    assert_eq!(studio.steps("tiny-2"), ["000000"]);
}

/// Seven of eight updates are too few to say that a training has diverged, and enough not to save it.
#[test]
fn weights_far_worse_than_guessing_are_not_saved_between_updates() {
    let studio = Studio::new();
    studio.refused(5, &train(&["stage.1.lr=20", OFTEN]), &["far above", "diverged"]);
    assert_eq!(studio.steps("tiny"), ["000001"], "the loss of the second update is 36");
}

#[test]
fn a_run_that_went_back_and_was_killed_ends_as_if_it_had_not_been() {
    let studio = Studio::new();
    let settings = ["stage.1.lr=20", "stage.1.epochs=3", "train.on_divergence=rewind", OFTEN];
    let arguments = |run| train(&[&settings[..], &["checkpoint.keep=100", "--run", run]].concat());
    let whole = studio.expect(0, &arguments("whole"));
    assert!(whole.err.contains("going back to"), "{}", whole.err);
    let mut running = studio.start(&arguments("cut"));
    for checkpoints in 2.. {
        running.until("checkpoints", || studio.steps("cut").len() >= checkpoints);
        running.signal(if checkpoints % 2 == 0 { "KILL" } else { "TERM" });
        running.wait();
        running = studio.start(&["resume", "checkpoints/cut"]);
        if checkpoints == 5 {
            break;
        }
    }
    assert_eq!(running.wait().code, Some(0));
    let metrics = |run: &str| fs::read(studio.path(&format!("checkpoints/{run}/metrics.csv"))).unwrap();
    assert!(metrics("whole") == metrics("cut"));
    let newest = |run: &str| {
        let pointer = fs::read_to_string(studio.path(&format!("checkpoints/{run}/latest"))).unwrap();
        studio.files(&format!("checkpoints/{run}/steps/{}", pointer.split(' ').next().unwrap()))
    };
    assert!(newest("whole") == newest("cut"), "a stop changed to what a run comes");
}
