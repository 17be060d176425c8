//! A training that leaves all bounds stops and says why, or goes back and learns more slowly.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

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
