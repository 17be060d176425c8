//! The page of a run: there while it trains, made again from what lies in the folder, and harmless whatever is written
//! in it. And what eval says: that the test of a training was right.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use studio::{CLASSES, Studio};

const REPORT: &str = "checkpoints/tiny/report.html";

fn page(studio: &Studio) -> String {
    fs::read_to_string(studio.path(REPORT)).unwrap_or_default()
}

#[test]
fn a_finished_run_has_a_page_that_needs_nothing_else_and_can_be_made_again() {
    let studio = Studio::new();
    let ended = studio.expect(0, &["train", "tiny.toml"]);
    assert!(ended.err.contains(REPORT), "{}", ended.err);
    let page = page(&studio);
    for outside in ["http://", "https://", "src=\"/", "<link", "http-equiv", "@import"] {
        assert!(!page.contains(outside), "{outside} in the page");
    }
    let parts = [
        "test accuracy",
        "How training went",
        "Class by class",
        "weighted mean",
        "What training sees",
        "kiln train tiny.toml",
        "EfficientNet b-w0.1-d0.1-r32",
        ", Burn ",
        "PNG files",
    ];
    for part in parts {
        assert!(page.contains(part), "{part} is not in the page");
    }
    for (file, lines) in [("predictions.csv", 10), ("classes.csv", 4), ("confusion.csv", 4)] {
        let text = fs::read_to_string(studio.path(&format!("checkpoints/tiny/report/{file}"))).unwrap();
        assert!(text.lines().count() >= lines.min(4), "{file}: {text}");
    }
    let figures = fs::read_to_string(studio.path("checkpoints/tiny/report/figures.csv")).unwrap();
    for name in ["macro_precision", "weighted_recall", "weighted_f1"] {
        assert!(figures.lines().any(|line| line.starts_with(&format!("{name},"))), "{name}: {figures}");
    }
    let top5 = figures.lines().find(|line| line.starts_with("top5,")).unwrap();
    assert!(top5.split(',').all(|field| !field.is_empty()), "{top5}");
    fs::remove_file(studio.path(REPORT)).unwrap();
    let said = studio.expect(0, &["report", "checkpoints/tiny", "--json"]).json();
    assert_eq!((&said["finished"], &said["epochs"]), (&true.into(), &2.into()));
    assert_eq!(self::page(&studio), page);
    // What an older kiln left has less to show.
    fs::remove_dir_all(studio.path("checkpoints/tiny/report")).unwrap();
    studio.expect(0, &["report", "checkpoints/tiny", "--out", "old.html"]);
    assert!(fs::read_to_string(studio.path("old.html")).unwrap().contains("How training went"));
    studio.refused(2, &["report", "pictures"], &["pictures"]);
}

#[test]
fn a_page_follows_the_training_and_says_that_it_was_stopped() {
    let studio = Studio::new();
    let mut running = studio.start(&["train", "tiny.toml", "stage.1.epochs=4000", "checkpoint.keep=1"]);
    running.until("a page that looks again", || page(&studio).contains("http-equiv=\"refresh\""));
    running.signal("TERM");
    assert_eq!(running.wait().code, Some(143));
    let page = page(&studio);
    assert!(!page.contains("http-equiv") && page.contains("can be resumed"), "{}", &page[..500]);
}

#[test]
fn a_page_that_cannot_be_written_stops_nothing() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    fs::remove_file(studio.path(REPORT)).unwrap();
    fs::create_dir_all(studio.path(REPORT).join("in the way")).unwrap();
    let ended = studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=3"]);
    assert_eq!(ended.err.matches("WARNING: the report is not up to date").count(), 1, "{}", ended.err);
    assert_eq!(studio.metrics("tiny").len(), 3);
}

#[test]
fn names_never_become_markup() {
    let studio = Studio::new();
    let evil = "<script>alert('1')&\"";
    fs::rename(studio.path("pictures/bars"), studio.path(&format!("pictures/{evil}"))).unwrap();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    let page = page(&studio);
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert"), "the name is markup");
}

#[test]
fn eval_gives_the_figures_of_the_test_again() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    let figures = studio.expect(0, &["eval", "checkpoints/tiny", "--json"]).json();
    let test = &studio.json("checkpoints/tiny/result.json")["test"];
    for name in test.as_object().unwrap().keys() {
        assert_eq!(figures[name], test[name], "{name}");
    }
    let accuracy = figures["accuracy"].as_f64().unwrap();
    let interval = figures["intervals"]["accuracy"].as_array().unwrap();
    assert!(interval[0].as_f64().unwrap() <= accuracy && accuracy <= interval[1].as_f64().unwrap());
    let wrong = figures["samples"].as_f64().unwrap() * (1.0 - accuracy);
    assert_eq!(figures["mistakes"].as_array().unwrap().len(), wrong.round() as usize);
    let words = studio.expect(0, &["eval", "checkpoints/tiny", "--tta", "crops"]).out;
    assert!(CLASSES.iter().all(|class| words.contains(class)) && words.contains("Cohen's kappa"), "{words}");
    let flipped =
        studio.expect(0, &["predict", "checkpoints/tiny", "pictures/discs/00.png", "--tta", "flip"]);
    assert!(flipped.out.contains("discs/00.png: "), "{}", flipped.out);
}

#[test]
fn runs_are_compared() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml"]);
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1", "train.seed=3"]);
    let runs = ["compare", "checkpoints/tiny", "checkpoints/tiny-2"];
    let said = studio.expect(0, &[&runs[..], &["--json"]].concat()).json();
    assert_eq!((&said["runs"][0]["epochs"], &said["runs"][1]["epochs"]), (&2.into(), &1.into()));
    let ended = studio.expect(0, &[&runs[..], &["--html", "both.html"]].concat());
    assert!(ended.out.contains("checkpoints/tiny-2"), "{}", ended.out);
    // Another seed splits the pictures in another way.
    assert!(ended.err.contains("not made with the same data"), "{}", ended.err);
    let page = fs::read_to_string(studio.path("both.html")).unwrap();
    assert!(page.contains("Validation accuracy") && page.contains("not made with the same data"), "{page}");
    studio.refused(2, &runs[..2], &["<RUNS>"]);
}
