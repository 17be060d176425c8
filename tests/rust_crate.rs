//! `kiln export --format rust`: the crate builds, depends on what it says, and gives the probabilities that `kiln predict` gives.
//! Skipped, saying so, where crates cannot be had.

// What prepares the crate is no test function, but belongs to the tests all the same.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod assets;
mod made;
mod runtimes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as System;

use assert_cmd::Command;
use kiln::scaling::{Family, Padding, Plan};
use made::run_with;
use runtimes::{built, by_crate};
use tempfile::TempDir;

/// How far probabilities may be off: both see the same pixels.
const MOST: f64 = 1e-4;

fn kiln(arguments: &[&str]) -> String {
    let output = Command::cargo_bin("kiln").unwrap().args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn by_kiln(model: &Path, pictures: &[PathBuf]) -> BTreeMap<PathBuf, BTreeMap<String, f64>> {
    let mut arguments = vec!["predict", model.to_str().unwrap(), "--json", "--top", "99", "--device", "cpu"];
    arguments.extend(pictures.iter().map(|path| path.to_str().unwrap()));
    let text = kiln(&arguments);
    let lines = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let classes = line["classes"].as_array().unwrap().iter();
        let classes = classes.map(|guess| {
            (guess["class"].as_str().unwrap().to_owned(), guess["probability"].as_f64().unwrap())
        });
        (PathBuf::from(line["path"].as_str().unwrap()), classes.collect())
    });
    lines.collect()
}

/// The largest difference of a probability.
fn apart(program: &Path, model: &Path, pictures: &[PathBuf]) -> f64 {
    let (found, wanted) = (by_crate(program, pictures), by_kiln(model, pictures));
    assert_eq!(found.len(), pictures.len());
    let pairs = found.iter().flat_map(|(path, classes)| classes.iter().map(move |pair| (path, pair)));
    pairs.map(|(path, (class, share))| (share - wanted[path][class]).abs()).fold(0.0, f64::max)
}

fn drawn(folder: &Path) -> Vec<PathBuf> {
    let paint = |number: u32| {
        let path = folder.join(format!("{number}.png"));
        let (width, height) = (60 + 31 * number, 150 - 20 * number);
        let at = |x: u32, y: u32| [x * (number + 1), y * 3 + x, (x * y) >> number].map(|value| value as u8);
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb(at(x, y))).save(&path).unwrap();
        path
    };
    (0..5).map(paint).collect()
}

fn photographs() -> Vec<PathBuf> {
    let Some(folder) = assets::asset("datasets/flowers12/test") else { return Vec::new() };
    let classes = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    classes.filter_map(|class| Some(fs::read_dir(class).ok()?.next()?.unwrap().path())).collect()
}

#[test]
fn the_crate_builds_and_agrees_with_kiln() {
    let folder = TempDir::new().unwrap();
    let plan = Plan::custom(Family::B, 0.1, 0.1, 64).unwrap();
    let run = run_with(&folder, &plan, Padding::Same, 1e-3);
    let made = kiln(&["export", run.to_str().unwrap(), "--format", "rust"]);
    let made = Path::new(made.trim());
    assert_eq!(made, run.join("export/flowers-rust"));
    // Whoever gets the crate alone gets the card with it.
    let card = fs::read(made.join("MODEL_CARD.md")).unwrap();
    assert_eq!(card, fs::read(run.join("export/MODEL_CARD.md")).unwrap());
    let Some(program) = built(made) else { return };
    let pictures = drawn(folder.path());
    let off = apart(&program, &run, &pictures);
    println!("PNG: {off:.1e} off");
    assert!(off <= MOST, "{off}");
    let photographs = photographs();
    if !photographs.is_empty() {
        let off = apart(&program, &run, &photographs);
        println!("{} JPEGs: {off:.1e} off", photographs.len());
        assert!(off <= MOST, "{off}");
    }
    let broken = folder.path().join("broken.png");
    fs::write(&broken, "no picture").unwrap();
    let output = System::new(&program).arg(&broken).arg(&pictures[0]).output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("broken.png"));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
}
