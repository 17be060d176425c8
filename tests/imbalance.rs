//! Classes of unequal size: what a run does about them, says of it, and keeps over a resume.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use serde_json::Value;
use studio::{CLASSES, Studio};

/// Twelve bars, nine checks and six discs.
fn uneven() -> Studio {
    let studio = Studio::new();
    for (class, gone) in [("checks", 3), ("discs", 6)] {
        for number in 0..gone {
            fs::remove_file(studio.path(&format!("pictures/{class}/{number:02}.png"))).unwrap();
        }
    }
    studio
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn a_balanced_run_shows_all_classes_alike_and_says_so() {
    let studio = uneven();
    let ended = studio.expect(0, &["train", "tiny.toml", "data.sampler=balanced"]);
    let balance = &studio.json("checkpoints/tiny/dataset.json")["balance"];
    let (pictures, per_epoch) = (numbers(&balance["pictures"]), numbers(&balance["per_epoch"]));
    assert!(pictures[0] > pictures[2], "{balance}");
    assert_eq!(pictures.iter().sum::<f64>(), per_epoch.iter().sum::<f64>());
    assert!(per_epoch.iter().all(|count| (count - per_epoch[0]).abs() <= 1.0), "{balance}");
    let line = format!("bars {}, checks {}, discs {}", per_epoch[0], per_epoch[1], per_epoch[2]);
    assert!(ended.err.contains(&line), "{}", ended.err);
    let seen = studio.metrics("tiny");
    assert!(seen.iter().all(|epoch| numbers(&epoch["class_pictures"]) == per_epoch), "{seen:?}");
    assert!(balance["weights"].is_null());
    studio.expect(0, &["train", "tiny.toml", "--run", "plain"]);
    assert!(studio.metrics("plain")[0]["class_pictures"].is_null());
}

#[test]
fn class_weights_are_used_and_named() {
    let studio = uneven();
    let weights = |run: &str, settings: &[&str]| {
        let one_epoch = ["train", "tiny.toml", "stage.1.epochs=1", "--run", run];
        let ended = studio.expect(0, &[&one_epoch[..], settings].concat());
        let weights = numbers(&studio.json(&format!("checkpoints/{run}/dataset.json"))["balance"]["weights"]);
        assert!(ended.err.contains(&format!("the classes weigh bars {:.3}", weights[0])), "{}", ended.err);
        (weights, fs::read(studio.newest(run, "model.safetensors")).unwrap())
    };
    let (inverse, model) = weights("inverse", &["train.class_weights=inverse"]);
    assert!(inverse[0] < inverse[1] && inverse[1] < inverse[2], "{inverse:?}");
    let (effective, other) =
        weights("effective", &["train.class_weights=effective", "train.class_weights_beta=0.9"]);
    assert!(effective[2] < inverse[2] && model != other, "{effective:?}");
    let (named, _) = weights("named", &["train.class_weights.discs=3", "train.class_weights.bars=0.5"]);
    assert_eq!(named, [0.5, 1.0, 3.0]);
    let wrong = ["train", "tiny.toml", "train.class_weights.disks=3"];
    studio.refused(2, &wrong, &["train.class_weights", "\"disks\"", &CLASSES.join(", ")]);
}

#[test]
fn focal_loss_trains_with_smoothing_weights_and_mixed_pictures() {
    let studio = uneven();
    let model = |run: &str, settings: &[&str]| {
        let together =
            ["train.class_weights=balanced", "augment.mixup=0.4", "stage.1.epochs=1", "--run", run];
        studio.expect(0, &[&["train", "tiny.toml"], &together[..], settings].concat());
        fs::read(studio.newest(run, "model.safetensors")).unwrap()
    };
    let plain = model("plain", &[]);
    assert!(model("focal", &["train.loss=focal"]) != plain);
    assert!(model("zero", &["train.loss=focal", "train.focal_gamma=0"]) == plain);
}

#[test]
fn a_balanced_run_taken_up_in_the_middle_of_an_epoch_ends_with_the_same_bytes() {
    let studio = uneven();
    let settings = ["data.sampler=balanced", "train.batch=4", "checkpoint.every=1", "checkpoint.keep=100"];
    for run in ["whole", "cut"] {
        studio.expect(0, &[&["train", "tiny.toml", "--run", run], &settings[..]].concat());
    }
    // As if the process had ended with the second batch of the second epoch.
    let batches = studio.steps("cut").len() / 2;
    for step in &studio.steps("cut")[batches + 2..] {
        fs::remove_dir_all(studio.path(&format!("checkpoints/cut/steps/{step}"))).unwrap();
    }
    fs::remove_file(studio.path("checkpoints/cut/result.json")).unwrap();
    studio.expect(0, &["resume", "checkpoints/cut"]);
    for file in ["model.safetensors", "state.json"] {
        assert!(
            fs::read(studio.newest("whole", file)).unwrap() == fs::read(studio.newest("cut", file)).unwrap(),
            "{file}"
        );
    }
    assert_eq!(studio.metrics("whole"), studio.metrics("cut"));
}
