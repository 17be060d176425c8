//! The whole road on a tiny scale, as a user walks it: train, look at the run, measure it, predict with it.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;
use std::path::Path;

use serde_json::Value;
use studio::{CLASSES, PER_CLASS, STAGED, Studio, TINY};

#[test]
fn a_training_leaves_a_run_folder_that_nothing_touches_again() {
    let studio = Studio::new();
    let first = studio.expect(0, &["train", "tiny.toml"]);
    assert!(first.out.contains("test accuracy"), "{}", first.out);
    for file in [
        "config.toml",
        "classes.json",
        "dataset.json",
        "steps/000006/model.safetensors",
        "steps/000006/optimizer.safetensors",
        "steps/000006/state.json",
        "steps/000006/manifest.json",
        "latest",
        "best",
        "metrics.jsonl",
        "metrics.csv",
        "timing.jsonl",
        "result.json",
    ] {
        assert!(studio.path("checkpoints/tiny").join(file).is_file(), "{file}");
    }
    assert_eq!(studio.steps("tiny"), ["000003", "000006"]);
    assert_eq!(studio.json("checkpoints/tiny/classes.json"), serde_json::json!(CLASSES));
    check_metrics(&studio, "tiny", 2);
    check_dataset(&studio.json("checkpoints/tiny/dataset.json"));

    let before = studio.files("checkpoints/tiny");
    studio.expect(0, &["train", "tiny.toml"]);
    // For programs: one object on standard output, the words beside it.
    let named = studio.expect(0, &["train", "tiny.toml", "--run", "named", "--json"]);
    assert_eq!(named.json()["run"], "checkpoints/named");
    assert!(named.err.contains("test accuracy"), "{}", named.err);
    let again = studio.expect(0, &["resume", "checkpoints/named", "--json"]);
    assert_eq!(again.json(), named.json());
    assert_eq!(named.json()["test"], studio.json("checkpoints/named/result.json")["test"]);
    let plan = studio.expect(0, &["train", "tiny.toml", "--dry-run", "--json"]).json();
    assert!(plan["parameters"].as_u64().is_some_and(|count| count > 0), "{plan}");
    for name in ["", "../named", "a/b", ".hidden"] {
        studio.refused(2, &["train", "tiny.toml", "--run", name], &["--run", "checkpoints/"]);
    }
    assert!(studio.path("checkpoints/tiny-2/result.json").is_file());
    assert!(studio.path("checkpoints/named/result.json").is_file());
    let resumed = studio.expect(0, &["resume", "checkpoints/tiny"]);
    assert!(resumed.out.contains("checkpoints/tiny is finished"), "{}", resumed.out);
    assert!(studio.files("checkpoints/tiny") == before);
}

/// An epoch a line in all three files, and every number finite.
fn check_metrics(studio: &Studio, run: &str, epochs: usize) {
    let lines = studio.metrics(run);
    assert_eq!(lines.len(), epochs);
    for line in &lines {
        for key in ["learning_rate", "train_loss", "train_accuracy", "val_loss", "val_accuracy"] {
            assert!(line[key].as_f64().is_some_and(f64::is_finite), "{key} of {line}");
        }
    }
    for (file, heading) in [("metrics.csv", 1), ("timing.jsonl", 0)] {
        let text = fs::read_to_string(studio.path(&format!("checkpoints/{run}/{file}"))).unwrap();
        assert_eq!(text.lines().count(), epochs + heading, "{file}");
    }
}

fn check_dataset(record: &Value) {
    let counts = &record["counts"];
    let total = CLASSES.len() * PER_CLASS;
    let sum: u64 = ["train", "val", "test"].iter().map(|split| counts[split].as_u64().unwrap()).sum();
    assert_eq!((sum, counts["found"].as_u64()), (total as u64, Some(total as u64)), "{counts}");
    let hash = record["samples"][0]["hash"].as_str().unwrap();
    assert_eq!(hash.len(), 64, "{hash}");
}

#[test]
fn eval_and_predict_agree_with_the_training() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml"]);
    let scores = studio.expect(0, &["eval", "checkpoints/tiny", "--json"]).json();
    assert_eq!(scores["schema"], 1);
    assert_eq!(scores["accuracy"], studio.json("checkpoints/tiny/result.json")["test"]["accuracy"]);

    let record = studio.json("checkpoints/tiny/dataset.json");
    let tests = samples_of(&record, "test");
    let paths: Vec<&str> = tests.iter().map(|(path, _)| path.as_str()).collect();
    let lines = predictions(&studio, &paths);
    let right = lines.iter().zip(&tests).filter(|(line, (_, class))| line["classes"][0]["class"] == *class);
    assert_eq!(scores["samples"], tests.len());
    assert_eq!(scores["accuracy"].as_f64().unwrap(), right.count() as f64 / tests.len() as f64);

    let whole = studio.expect(0, &["eval", "checkpoints/tiny", "--data", "pictures", "--json"]).json();
    assert_eq!(whole["samples"], CLASSES.len() * PER_CLASS);
    let text = studio.expect(0, &["eval", "checkpoints/tiny", "--split", "val"]).out;
    assert!(CLASSES.iter().all(|class| text.contains(class)) && text.contains("accuracy"), "{text}");
}

/// Paths and class names of a split.
fn samples_of(record: &Value, split: &str) -> Vec<(String, String)> {
    let samples = record["samples"].as_array().unwrap().iter().filter(|sample| sample["split"] == split);
    let path = |sample: &Value| format!("pictures/{}", sample["relative"].as_str().unwrap());
    let class = |sample: &Value| CLASSES[sample["class"].as_u64().unwrap() as usize].to_owned();
    samples.map(|sample| (path(sample), class(sample))).collect()
}

fn predictions(studio: &Studio, paths: &[&str]) -> Vec<Value> {
    let args = [&["predict", "checkpoints/tiny", "--json", "--top", "3"], paths].concat();
    studio.expect(0, &args).out.lines().map(studio::json).collect()
}

#[test]
fn predictions_come_as_text_json_and_csv() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    let line = &predictions(&studio, &["pictures/discs/03.png"])[0];
    assert_eq!((&line["schema"], &line["path"]), (&1.into(), &"pictures/discs/03.png".into()));
    let guesses = line["classes"].as_array().unwrap();
    let shares: Vec<f64> = guesses.iter().map(|guess| guess["probability"].as_f64().unwrap()).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{line}");

    let top = guesses[0]["class"].as_str().unwrap();
    let args = ["predict", "checkpoints/tiny", "pictures/discs/03.png"];
    let csv = studio.expect(0, &[&args[..], &["--csv", "--top", "2"]].concat()).out;
    let rows: Vec<Vec<&str>> = csv.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!(rows[0], ["path", "rank", "class", "probability", "error"]);
    assert_eq!(rows[1][..3], ["pictures/discs/03.png", "1", top]);
    assert_eq!((rows.len(), rows[2][1]), (3, "2"));
    let text = studio.expect(0, &args).out;
    assert_eq!(text, format!("pictures/discs/03.png: {top} {:.4}\n", shares[0]));
}

#[test]
fn a_broken_picture_does_not_keep_the_others_from_their_predictions() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    studio.write("pictures/discs/05.png", &fs::read(studio.path("pictures/discs/05.png")).unwrap()[..60]);
    let ended = studio.expect(3, &["predict", "checkpoints/tiny", "pictures", "--json"]);
    assert!(ended.err.contains("05.png"), "{}", ended.err);
    let lines: Vec<Value> = ended.out.lines().map(studio::json).collect();
    assert_eq!(lines.len(), CLASSES.len() * PER_CLASS);
    let bad: Vec<&Value> = lines.iter().filter(|line| !line["error"].is_null()).collect();
    assert_eq!((bad.len(), &bad[0]["path"]), (1, &"pictures/discs/05.png".into()));
    let ended = studio.expect(3, &["eval", "checkpoints/tiny", "--data", "pictures", "--json"]);
    assert!(ended.err.contains("05.png"), "{}", ended.err);
    assert_eq!(ended.json()["unreadable"], 1);
    assert_eq!(ended.json()["samples"], CLASSES.len() * PER_CLASS - 1);
}

#[test]
fn a_picture_has_the_same_probabilities_alone_and_among_others() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    // 36 pictures: a whole batch of 32 and a rest.
    let all = predictions(&studio, &["pictures"]);
    for index in [0, 17, 31, 35] {
        let path = all[index]["path"].as_str().unwrap();
        assert_eq!(predictions(&studio, &[path])[0], all[index], "{path}");
    }
}

#[test]
fn paths_may_come_from_standard_input() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    let command = studio.command(&["predict", "checkpoints/tiny", "-", "--json"]);
    let mut command = assert_cmd::Command::from_std(command);
    let output = command.write_stdin("pictures/bars/01.png\n\npictures/discs/02.png\n").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
}

#[test]
fn every_optimizer_and_schedule_trains() {
    let studio = Studio::new();
    check_one_epoch(&studio, "tiny.toml", &["optimizer.kind=adamw", "optimizer.weight_decay=0.1"]);
    check_one_epoch(&studio, "tiny.toml", &["optimizer.kind=sgd", "schedule.kind=constant"]);
    check_one_epoch(&studio, "tiny.toml", &["optimizer.kind=sgd", "optimizer.nesterov=false"]);
    check_one_epoch(&studio, "tiny.toml", &["optimizer.kind=rmsprop", "schedule.kind=step"]);
    check_one_epoch(&studio, "tiny.toml", &["schedule.kind=cosine", "schedule.warmup=1"]);
}

#[test]
fn every_setting_of_the_loop_trains() {
    let studio = Studio::new();
    check_one_epoch(&studio, "tiny.toml", &["train.ema=0.9"]);
    check_one_epoch(&studio, "tiny.toml", &["train.accumulate=2"]);
    check_one_epoch(&studio, "tiny.toml", &["train.class_weights=balanced"]);
    check_one_epoch(&studio, "tiny.toml", &["train.class_weights=[1.0, 2.0, 0.5]"]);
    check_one_epoch(&studio, "tiny.toml", &["train.label_smoothing=0.3", "train.clip_norm=0.5"]);
    check_one_epoch(&studio, "tiny.toml", &["train.early_stopping=1", "train.monitor=loss"]);
    check_one_epoch(&studio, "tiny.toml", &["train.batch_norm=stored", "model.padding=same"]);
    check_one_epoch(&studio, "tiny.toml", &["model.family=lite", "model.dropout=0.5"]);
}

#[test]
fn every_augmentation_trains() {
    let studio = Studio::new();
    for policy in ["none", "light", "standard", "strong"] {
        check_one_epoch(&studio, "tiny.toml", &[&format!("augment.policy={policy}")]);
    }
    check_one_epoch(&studio, "tiny.toml", &["augment.mixup=0.4"]);
    check_one_epoch(&studio, "tiny.toml", &["augment.cutmix=1.0"]);
}

fn check_one_epoch(studio: &Studio, config: &str, settings: &[&str]) {
    let run = settings.join(" ").replace(|c: char| !c.is_alphanumeric(), "-");
    studio.expect(0, &[&["train", config, "--run", &run, "stage.1.epochs=1"], settings].concat());
    check_metrics(studio, &run, 1);
}

#[test]
fn every_kind_of_stage_trains() {
    let studio = Studio::new();
    studio.write("staged.toml", STAGED);
    studio.expect(0, &["train", "staged.toml", "data.views=2"]);
    check_metrics(&studio, "staged", 3);
    let ended = studio.expect(0, &["train", "staged.toml", "augment.policy=strong", "--run", "mixed"]);
    assert!(ended.err.contains("not cached"), "{}", ended.err);
    check_metrics(&studio, "mixed", 3);
}

#[test]
fn what_is_frozen_keeps_its_bits() {
    let studio = Studio::new();
    studio.write("staged.toml", STAGED);
    let args = ["train", "staged.toml", "stage.1.epochs=3", "stage.2.epochs=2", "checkpoint.keep=100"];
    studio.expect(0, &[&args[..], &["train.ema=0.9"]].concat());
    let steps = studio.steps("staged");
    let model = |step: &str| studio.path(&format!("checkpoints/staged/steps/{step}/model.safetensors"));
    // Three epochs of the head, then two of the last two blocks, of three steps each.
    let [head, last] = [&steps[..3], &steps[2..5]];
    let changed = |a: &str, b: &str| changed_arrays(&model(a), &model(b));
    assert!(changed(&head[0], &head[2]).iter().all(|name| name.starts_with("classifier")), "{steps:?}");
    let names = changed(&last[0], &last[2]);
    assert!(!names.iter().any(|name| name.starts_with("stem") || name.starts_with("blocks.0.")), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("head")), "{names:?}");
}

/// The names of the arrays that differ.
fn changed_arrays(before: &Path, after: &Path) -> Vec<String> {
    let (before, after) = (fs::read(before).unwrap(), fs::read(after).unwrap());
    let [before, after] =
        [&before, &after].map(|bytes| safetensors::SafeTensors::deserialize(bytes).unwrap());
    let differ = |name: &str| before.tensor(name).unwrap().data() != after.tensor(name).unwrap().data();
    before.names().into_iter().filter(|name| differ(name)).map(str::to_owned).collect()
}

#[test]
fn early_stopping_ends_a_stage_that_gains_nothing() {
    let studio = Studio::new();
    let settings =
        ["stage.1.lr=1e-12", "stage.1.epochs=9", "train.early_stopping=2", "train.monitor=accuracy"];
    studio.expect(0, &[&["train", "tiny.toml", "schedule.kind=constant"], &settings[..]].concat());
    assert!(studio.metrics("tiny").len() < 9);
    let ended = studio.expect(0, &["resume", "checkpoints/tiny"]);
    assert!(ended.out.contains("is finished"), "{}", ended.out);
    let before = studio.metrics("tiny").len();
    studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=12"]);
    let gained = studio.metrics("tiny").len() - before;
    assert!(gained >= 2, "a longer run has patience again, but it trained {gained} epochs more");
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_is_never_the_best() {
    let studio = Studio::new();
    let settings = ["stage.1.lr=1e30", "optimizer.kind=sgd", "train.label_smoothing=0"];
    let ended = studio.expect(5, &[&["train", "tiny.toml"], &settings[..]].concat());
    assert!(ended.err.contains("at step") && ended.err.contains("stage.1.lr"), "{}", ended.err);
    assert!(studio.metrics("tiny").iter().all(|line| line["val_loss"].as_f64().is_some()));
}

#[test]
fn the_resolved_configuration_trains_the_same_run_again() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "train.ema=0.9", "stage.1.lr=0.02"]);
    studio.expect(0, &["train", "checkpoints/tiny/config.toml", "--run", "again"]);
    let bytes = |run: &str| fs::read(studio.path(&format!("checkpoints/{run}/metrics.jsonl"))).unwrap();
    assert_eq!(bytes("tiny"), bytes("again"));
}

#[test]
fn equal_seeds_give_equal_bytes_whatever_the_workers_and_threads() {
    let studio = Studio::new();
    let model = |run: &str, settings: &[&str]| {
        studio.expect(0, &[&["train", "tiny.toml", "--run", run], settings].concat());
        fs::read(studio.newest(run, "model.safetensors")).unwrap()
    };
    let first = model("first", &[]);
    assert!(first == model("two-workers", &["data.workers=2"]));
    assert!(first == model("workers", &["data.workers=3"]));
    assert!(first == model("threads", &["train.threads=2"]));
    assert!(first != model("seed", &["train.seed=2"]));
}

#[test]
fn init_writes_a_configuration_that_train_accepts() {
    let studio = Studio::new();
    let ended = studio.expect(0, &["init", "pictures"]);
    assert_eq!(ended.out, "pictures.toml\n");
    // The weights that it names are not fetched here.
    let plan = studio.expect(0, &["train", "pictures.toml", "--dry-run", "model.pretrained=none"]).out;
    for part in ["network", "stage 1", "MiB", "time"] {
        assert!(plan.contains(part), "{plan}");
    }
    assert!(!studio.path("checkpoints").exists());
    studio.refused(2, &["init", "pictures"], &["pictures.toml", "--out"]);
}

#[test]
fn a_dry_run_leaves_nothing() {
    let studio = Studio::new();
    studio.write("tiny.toml", TINY);
    studio.expect(0, &["train", "tiny.toml", "--dry-run"]);
    assert!(!studio.path("checkpoints").exists());
}

#[test]
fn scale_knows_the_published_networks() {
    let studio = Studio::empty();
    let text = studio.expect(0, &["scale", "--variant", "b0"]).out;
    assert!(text.contains("5,288,548"), "{text}");
    let all = studio.expect(0, &["scale", "--json"]).json();
    let networks = all["networks"].as_array().unwrap();
    assert_eq!((&all["schema"], networks.len()), (&1.into(), 13));
    assert_eq!(networks[0]["parameters"], 5_288_548);
    let within = studio.expect(0, &["scale", "--max-params", "9M", "--json"]).json();
    assert!(within["networks"][0]["parameters"].as_u64().unwrap() <= 9_000_000, "{within}");
    studio.expect(0, &["scale", "--phi", "1.5"]);
}

#[test]
fn weights_are_listed_with_source_and_licence() {
    let list = Studio::empty().expect(0, &["weights", "list", "--json"]).json();
    assert_eq!(list["schema"], 1);
    let entries = list["weights"].as_array().unwrap();
    assert!(entries.len() > 20);
    for entry in entries {
        for key in ["id", "variant", "source", "licence", "padding"] {
            assert!(entry[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {entry}");
        }
        assert!(entry["top1_percent"].as_f64().is_some_and(|share| share > 60.0), "{entry}");
    }
}

#[test]
fn drawn_flowers_come_in_five_folders_and_say_what_they_are() {
    let studio = Studio::empty();
    let ended = studio.expect(0, &["data", "draw", "flowers", "--per-class", "2"]);
    assert!(ended.err.contains("DRAWN DATA"), "{}", ended.err);
    let files = studio.files("flowers");
    let pictures = files.keys().filter(|name| name.ends_with(".jpg"));
    assert_eq!(pictures.count(), 10);
    for kind in ["daisy", "dandelion", "roses", "sunflowers", "tulips"] {
        assert!(files.contains_key(&format!("{kind}/0001.jpg")), "{kind}");
    }
    studio.refused(2, &["data", "draw", "flowers", "--per-class", "1"], &["flowers", "already there"]);
    assert!(studio.files("flowers") == files);
}
