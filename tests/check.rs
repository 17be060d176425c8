//! `kiln data check` as a user meets it, and what training makes of the same faults.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use serde_json::Value;
use studio::{CLASSES, PER_CLASS, Studio, TINY};

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

/// The check said that nothing had to be mended, and training used none of them.
#[test]
fn what_needs_a_window_is_told_and_the_window_of_a_toml_counts() {
    let studio = Studio::new();
    let deep = ["a/signed16.tiff", "a/float-packed.tiff", "b/whole32.tiff", "b/double.tiff"];
    for name in deep {
        let golden = format!("{}/tests/golden/deep/{}", env!("CARGO_MANIFEST_DIR"), &name[2..]);
        studio.write(&format!("deep/{name}"), fs::read(golden).unwrap());
    }
    let window = "path = \"deep\"\nwindow = [-3, 900]";
    studio.write("deep.toml", TINY.replace("path = \"pictures\"", window));
    let files = |what: &str| {
        let ended = studio.kiln(&["data", "check", what, "--json"]);
        serde_json::from_str::<Value>(&ended.out).unwrap()["files"].clone()
    };
    assert_eq!(files("deep"), serde_json::json!({ "no-window": 4 }));
    assert_eq!(files("deep.toml"), serde_json::json!({ "usable": 4 }));
    let ended = studio.expect(3, &["data", "check", "deep"]);
    assert!(ended.out.contains("say data.window in a TOML and check that"), "{}", ended.out);
    let without = ["train", "tiny.toml", "--dry-run", "data.path=deep"];
    studio.refused(3, &without, &["4 set aside", "data.window"]);
}

#[test]
fn unusual_pictures_and_the_ends_of_the_sizes_are_named() {
    let studio = Studio::new();
    let golden = format!("{}/tests/golden/deep/moving.gif", env!("CARGO_MANIFEST_DIR"));
    studio.write("pictures/bars/moving.gif", fs::read(golden).unwrap());
    let ended = studio.expect(0, &["data", "check", "pictures", "--quick"]);
    for part in ["sizes from 13x9 (bars/moving.gif)", "bars/moving.gif: 8-bit palette, animated"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
}

/// Only `data check` said so.
#[test]
fn labels_that_contradict_each_other_are_told_when_training_begins() {
    let studio = Studio::new();
    let dry = ["train", "tiny.toml", "--dry-run"];
    assert!(!studio.expect(0, &dry).err.contains("several classes"));
    let bytes = fs::read(studio.path("pictures/bars/03.png")).unwrap();
    studio.write("pictures/discs/again.png", bytes);
    let err = studio.expect(0, &dry).err;
    let told = "1 picture lies in several classes, and the labels contradict each other: bars/03.png = discs/again.png";
    assert!(err.contains(told), "{err}");
}

/// Each ended training whatever `data.bad` said.
#[test]
#[cfg(unix)]
fn a_circle_of_links_is_set_aside_by_training_and_found_by_the_check() {
    let studio = Studio::new();
    std::os::unix::fs::symlink("..", studio.path("pictures/bars/up")).unwrap();
    let err = studio.expect(0, &["train", "tiny.toml", "--dry-run"]).err;
    assert!(err.contains("set aside: bars/up: leads back into itself"), "{err}");
    let failing = ["train", "tiny.toml", "--dry-run", "data.bad=fail"];
    studio.refused(3, &failing, &["1 files cannot be used", "bars/up"]);
    let ended = studio.expect(3, &["data", "check", "pictures", "--quick"]);
    assert!(ended.out.contains("bars/up: leads back into"), "{}", ended.out);
}

/// The first bad row ended the check.
#[test]
fn a_table_is_checked_past_its_bad_rows() {
    let studio = Studio::new();
    let rows =
        |class: &str| (0..PER_CLASS).map(|n| format!("{class}/{n:02}.png,{class}\n")).collect::<String>();
    let table = CLASSES.map(rows).concat();
    studio.write(
        "pictures/labels.csv",
        format!("path,label\n{table}bars/00.png,discs\nbars/01.png\ngone.png,bars\n"),
    );
    let ended = studio.expect(3, &["data", "check", "pictures/labels.csv", "--quick"]);
    for part in ["labels.csv:39", "bars/00.png is 'discs' here and 'bars'", "gone.png", "36 usable"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    let dry = ["train", "tiny.toml", "--dry-run", "data.path=pictures/labels.csv"];
    studio.refused(3, &dry, &["labels.csv:39", "1 fields"]);
}
