//! `kiln predict` on many pictures, as users meet it: files of predictions, a threshold, pictures sorted into folders and taken back,
//! and what an interruption leaves.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[cfg(feature = "parquet")]
mod python;
mod studio;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use studio::{CLASSES, PER_CLASS, Studio, json};

const RUN: &str = "checkpoints/tiny";
const ALL: usize = CLASSES.len() * PER_CLASS;

/// A studio with a model that tells its classes apart somewhat, and a file that is no picture.
fn studio() -> Studio {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml"]);
    studio.write("pictures/broken.jpg", "no picture");
    studio
}

fn lines(studio: &Studio, file: &str) -> Vec<Value> {
    fs::read_to_string(studio.path(file)).unwrap().lines().map(json).collect()
}

#[test]
fn predictions_are_written_whole_though_a_picture_is_bad() {
    let studio = studio();
    let told = studio.expect(3, &["predict", RUN, "pictures", "--top", "2", "--json"]).out;
    let ended = studio.expect(3, &["predict", RUN, "pictures", "--top", "2", "--out", "said.jsonl"]);
    assert!(ended.err.contains("broken.jpg") && ended.err.contains("1 of 37 files"), "{}", ended.err);
    assert!(ended.out.ends_with("36 pictures in said.jsonl\n"), "{}", ended.out);
    assert_eq!(fs::read_to_string(studio.path("said.jsonl")).unwrap(), told);
    let broken = lines(&studio, "said.jsonl").into_iter().find(|line| line.get("error").is_some()).unwrap();
    assert_eq!(broken["path"], "pictures/broken.jpg");

    let report = studio
        .expect(3, &["predict", RUN, "pictures", "--out", "said.txt", "--format", "csv", "--json"])
        .json();
    assert_eq!((&report["pictures"], &report["unreadable"]), (&ALL.into(), &1.into()));
    let sum: u64 = report["classes"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(sum, ALL as u64);
    let csv = studio.expect(3, &["predict", RUN, "pictures", "--csv"]).out;
    assert_eq!(fs::read_to_string(studio.path("said.txt")).unwrap(), csv);

    let parts = ["said.jsonl", "already there"];
    studio.refused(2, &["predict", RUN, "pictures", "--out", "said.jsonl"], &parts);
    assert_eq!(fs::read_to_string(studio.path("said.jsonl")).unwrap(), told);
    studio.refused(2, &["predict", RUN, "pictures", "--out", "said.doc"], &[".csv, .jsonl or .parquet"]);
    studio.refused(2, &["predict", RUN, "pictures", "--format", "csv"], &["--out"]);
}

/// Whoever opens a pipe waits for somebody to write into it, for ever.
#[test]
#[cfg(unix)]
fn what_is_no_file_is_passed_over() {
    let studio = studio();
    let made = std::process::Command::new("mkfifo").arg(studio.path("pictures/pipe.jpg")).status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", studio.path("pictures/device.png")).unwrap();
    let told = |ended: studio::Ended| {
        for name in ["pipe.jpg", "device.png"] {
            let line = ended.err.lines().find(|line| line.contains(name));
            assert!(line.is_some_and(|line| line.contains("no file")), "{name}: {}", ended.err);
        }
        ended
    };
    let ended = told(studio.expect(3, &["predict", RUN, "pictures"]));
    assert!(ended.err.contains("3 of 39 files"), "{}", ended.err);
    told(studio.expect(3, &["embed", RUN, "pictures", "--out", "features.csv"]));
    told(studio.expect(3, &["explain", RUN, "pictures/pipe.jpg", "pictures/device.png"]));
}

#[test]
fn what_is_less_probable_than_the_threshold_is_unknown() {
    let studio = studio();
    fs::remove_file(studio.path("pictures/broken.jpg")).unwrap();
    let said = |threshold: &str| -> Vec<Value> {
        let arguments = ["predict", RUN, "pictures", "--json", "--threshold", threshold];
        studio.expect(0, &arguments).out.lines().map(json).collect()
    };
    let confidence = |line: &Value| line["classes"][0]["probability"].as_f64().unwrap();
    let all = said("0.000001");
    assert!(all.iter().all(|line| line["answer"] == line["classes"][0]["class"]));
    // One between those that occur.
    let mut found: Vec<f64> = all.iter().map(confidence).collect();
    found.sort_by(f64::total_cmp);
    let threshold = found[ALL / 2];
    let some = said(&threshold.to_string());
    let unknown: Vec<&Value> = some.iter().filter(|line| line["answer"] == "unknown").collect();
    let below = found.iter().filter(|confidence| **confidence < threshold).count();
    assert!(below > 0 && unknown.len() == below, "{below} {}", unknown.len());
    assert!(unknown.iter().all(|line| confidence(line) < threshold));
    let ended = studio.expect(0, &["predict", RUN, "pictures/discs/00.png", "--threshold", "1"]);
    assert!(ended.out.starts_with("pictures/discs/00.png: unknown ("), "{}", ended.out);
    studio.refused(2, &["predict", RUN, "pictures", "--threshold", "80"], &["--threshold", "up to 1"]);
    let report = studio.expect(0, &["eval", RUN, "--json"]).json();
    assert!(report["thresholds"][0]["answered"].as_f64().is_some(), "{report}");
}

#[test]
fn pictures_are_sorted_into_folders_and_taken_back() {
    let studio = studio();
    let before = studio.files("pictures");
    for by in ["copy", "link", "move"] {
        let into = format!("by-{by}");
        let arguments = ["predict", RUN, "pictures", "--out", &format!("{by}.jsonl"), "--sort-into", &into];
        let ended = studio.expect(3, &[&arguments[..], &["--by", by]].concat());
        assert!(ended.err.contains("kiln unsort"), "{}", ended.err);
        // Each file stands under the class that was said of it; equal names got numbers.
        let mut expected: BTreeMap<String, usize> = BTreeMap::new();
        for line in lines(&studio, &format!("{by}.jsonl")).iter().filter(|line| line.get("error").is_none()) {
            *expected.entry(line["classes"][0]["class"].as_str().unwrap().into()).or_default() += 1;
        }
        for (class, count) in expected {
            let names = studio.files(&format!("{into}/{class}"));
            assert_eq!(names.len(), count, "{by} {class}");
            assert!(names.values().all(|bytes| before.values().any(|held| held == bytes)));
        }
        let left = studio.files("pictures");
        assert!(if by == "move" { left.len() == 1 } else { left == before }, "{by}");
        studio.expect(0, &["unsort", &format!("{into}/sorted.csv")]);
        assert!(studio.files("pictures") == before, "{by}");
        assert_eq!(studio.files(&into).into_keys().collect::<Vec<_>>(), ["sorted.csv"]);
    }
    studio.refused(2, &["predict", RUN, "pictures", "--sort-into", "x"], &["--by"]);
    studio.refused(
        2,
        &["predict", RUN, "pictures", "--sort-into", "tiny.toml", "--by", "copy"],
        &["not a folder"],
    );
    studio.refused(3, &["unsort", "copy.jsonl"], &["copy.jsonl", "line 1"]);
}

#[test]
#[cfg(unix)]
fn an_interruption_leaves_whole_lines() {
    let studio = studio();
    let many = studio.path("many");
    fs::create_dir(&many).unwrap();
    for number in 0..20_000 {
        std::os::unix::fs::symlink(
            studio.path("pictures/discs/00.png"),
            many.join(format!("{number:05}.png")),
        )
        .unwrap();
    }
    for file in ["said.jsonl", "said.csv"] {
        let mut running = studio.start(&["predict", RUN, "many", "--out", file]);
        running.until("some lines", || fs::metadata(studio.path(file)).is_ok_and(|data| data.len() > 10_000));
        running.signal("INT");
        let ended = running.wait();
        assert_eq!(ended.code, Some(130), "{}", ended.err);
        assert!(ended.err.contains("what is written is whole"), "{}", ended.err);
        let text = fs::read_to_string(studio.path(file)).unwrap();
        assert!(text.ends_with('\n') && text.lines().count() < 20_000);
        if file.ends_with("jsonl") {
            text.lines().for_each(|line| drop(json(line)));
        }
    }
}

#[test]
#[cfg(not(feature = "parquet"))]
fn parquet_that_was_not_built_in_is_named() {
    let studio = studio();
    studio.refused(2, &["predict", RUN, "pictures", "--out", "said.parquet"], &["--features parquet"]);
    assert!(!studio.path("said.parquet").exists());
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_has_types_that_others_read() {
    let studio = studio();
    studio.expect(3, &["predict", RUN, "pictures", "--top", "2", "--threshold", "0.5", "--out", "a.parquet"]);
    studio.expect(3, &["predict", RUN, "pictures", "--top", "2", "--threshold", "0.5", "--out", "a.jsonl"]);
    let Some(python) = python::python(&["pyarrow"]) else { return };
    let table = python::said(&python, "check_parquet.py", &[studio.path("a.parquet").to_str().unwrap()], "");
    let expected = serde_json::json!({
        "path": "string", "class": "string", "probability": "double", "answer": "string",
        "top": "list<element: struct<class: string not null, probability: double not null> not null>",
        "error": "string",
    });
    assert_eq!(table["schema"], expected);
    assert_eq!(table["metadata"]["kiln.drawn"], "false");
    let rows = table["rows"].as_array().unwrap();
    let lines = lines(&studio, "a.jsonl");
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        assert_eq!(row["path"], line["path"]);
        let of = |key: &str| line.get(key).cloned().unwrap_or_default();
        assert_eq!(
            (&row["top"], &row["answer"], &row["error"]),
            (&of("classes"), &of("answer"), &of("error"))
        );
        assert_eq!(
            (&row["class"], &row["probability"]),
            (&line["classes"][0]["class"], &line["classes"][0]["probability"])
        );
    }
}
