//! `kiln data check` as a user meets it, and what training makes of the same faults.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use serde_json::Value;
use studio::{CLASSES, PER_CLASS, Studio};

#[test]
fn sound_pictures_need_no_mending_and_nothing_is_changed() {
    let studio = Studio::new();
    let before = studio.files("pictures");
    // The drawn patterns of a class are much alike; that is for the flowers to test.
    let ended = studio.expect(0, &["data", "check", "pictures", "--quick", "--json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["files"]["usable"], CLASSES.len() * PER_CLASS);
    assert_eq!(report["findings"], Value::Array(Vec::new()), "{report:#}");
    let ended = studio.expect(0, &["data", "check", "tiny.toml", "--quick"]);
    assert!(ended.out.contains("nothing has to be mended"), "{}", ended.out);
    assert_eq!(studio.files("pictures"), before);
}

#[test]
fn faults_are_listed_and_no_file_is_replaced() {
    let studio = Studio::new();
    studio.write("pictures/bars/03.png", "words");
    studio.write("pictures/bars/04.png", "");
    let arguments = ["data", "check", "pictures", "--fix-list", "fixes.tsv", "--html", "check.html"];
    let ended = studio.expect(3, &arguments);
    for part in ["bars/03.png", "bars/04.png", "zero bytes", "to mend"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    let fixes = fs::read_to_string(studio.path("fixes.tsv")).unwrap();
    assert!(fixes.lines().any(|line| line.starts_with("bars/04.png\tzero bytes: it is empty\t")), "{fixes}");
    assert!(fs::read_to_string(studio.path("check.html")).unwrap().contains("<!doctype html>"));
    studio.refused(2, &arguments, &["fixes.tsv", "not replaced"]);
    studio.refused(3, &["data", "check", "no/such/folder"], &["no/such/folder", "does not exist"]);
}

#[test]
fn leakage_is_refused_by_name_until_it_is_allowed() {
    let studio = Studio::new();
    for (split, numbers) in [("train", 0..8), ("val", 8..10), ("test", 10..12)] {
        for (class, number) in CLASSES.iter().flat_map(|class| numbers.clone().map(move |n| (class, n))) {
            let bytes = fs::read(studio.path(&format!("pictures/{class}/{number:02}.png"))).unwrap();
            studio.write(&format!("split/{split}/{class}/{number:02}.png"), bytes);
        }
    }
    let bytes = fs::read(studio.path("pictures/bars/10.png")).unwrap();
    studio.write("split/train/bars/again.png", bytes);
    let train = |more: &'static str| ["train", "tiny.toml", "data.path=split", "stage.1.epochs=1", more];
    studio.refused(3, &train("train.seed=1"), &["train/bars/again.png", "test/bars/10.png", "data.leakage"]);
    assert!(!studio.path("checkpoints/tiny").exists());
    let ended = studio.expect(0, &train("data.leakage=skip"));
    assert!(ended.err.contains("24 train, 6 val, 6 test"), "{}", ended.err);
    let record = studio.json("checkpoints/tiny/dataset.json");
    assert_eq!(record["set_aside"][0]["relative"], "train/bars/again.png");
    assert_eq!((&record["counts"]["found"], &record["counts"]["train"]), (&37.into(), &24.into()));
    let ended = studio.expect(0, &train("data.leakage=allow"));
    assert!(ended.err.contains("25 train, 6 val, 6 test"), "{}", ended.err);
    let ended = studio.expect(3, &["data", "check", "split", "--quick"]);
    assert!(ended.out.contains("train/bars/again.png: the same as test/bars/10.png"), "{}", ended.out);
}

#[test]
fn labels_are_judged_by_a_run_whatever_its_classes() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    // The drawn patterns of a class are much alike; only what is the same counts as one here.
    let check = ["data", "check", "pictures", "--model", "checkpoints/tiny", "--alike", "0.99999"];
    let ended = studio.expect(0, &[&check[..], &["--json"]].concat());
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let labels = &report["labels"];
    let ranking = labels["ranking"].as_array().unwrap();
    assert_eq!((labels["pictures"].as_u64(), ranking.len()), (Some(36), CLASSES.len() * PER_CLASS));
    let probabilities: Vec<f64> =
        ranking.iter().map(|one| one["probability_of_given"].as_f64().unwrap()).collect();
    assert!(probabilities.windows(2).all(|pair| pair[0] <= pair[1]), "{probabilities:?}");
    let ended = studio.expect(0, &check);
    assert!(ended.out.contains("most in doubt first") && ended.out.contains("features of checkpoints/tiny"));
    studio.refused(2, &[&check[..], &["--quick"]].concat(), &["--quick"]);
    studio.refused(2, &["data", "check", "pictures", "--model", "no/run"], &["no/run", "does not exist"]);
    studio.write("few/a/1.png", fs::read(studio.path("pictures/bars/01.png")).unwrap());
    studio.write("few/b/2.png", fs::read(studio.path("pictures/bars/02.png")).unwrap());
    let few = ["data", "check", "few", "--model", "checkpoints/tiny"];
    studio.refused(3, &few, &["at least two classes", "not copies of each other"]);
}
