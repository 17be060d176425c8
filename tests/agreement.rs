//! All that runs a model of ours on the same pictures: kiln, tract, ONNX Runtime, and the exported Rust crate. Prints on how many
//! pictures they name the same class, and how far probabilities are off. Takes minutes and a trained run:
//! `KILN_RUN=checkpoints/flowers cargo test --release --features onnx-check --test agreement -- --ignored --nocapture`

// What prepares the pictures is no test function, but belongs to the tests all the same.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod assets;
mod runtimes;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use kiln::dataset::{Limits, Part, Picture, Preprocess};
use kiln::export::onnx::{bytes, check};
use kiln::export::{Model, rust};
use runtimes::{built, by_crate, in_onnx_runtime, python};
use tempfile::TempDir;

/// What probabilities may be off.
const MOST: f32 = 1e-3;

/// Pictures that run together.
const BATCH: usize = 24;

fn kiln(arguments: &[&str]) -> String {
    let output = Command::cargo_bin("kiln").unwrap().args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn photographs(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().flat_map(|path| if path.is_dir() { photographs(&path) } else { vec![path] }).collect()
}

fn seen(path: &Path, preprocess: &Preprocess) -> Picture {
    let need = |width, height| preprocess.need(width, height);
    let file = std::fs::read(path).unwrap();
    let part = Part::decode(&file, preprocess.background, &Limits::default(), &need).unwrap();
    preprocess.apply_to(&part).unwrap().to_rgb8().into_owned()
}

/// Rows of probabilities by kiln, and by somebody who runs the file.
type Rows = Vec<Vec<f32>>;

fn rows(model: &Model, pictures: &[Picture], run: &dyn Fn(&check::Question) -> Rows) -> Rows {
    let classes = model.identity.classes.len();
    let batches = pictures.chunks(BATCH).map(|batch| {
        let question = check::question(&model.identity, rust::OPTIONS, batch).unwrap();
        let values = run(&question).swap_remove(0);
        values.chunks(classes).map(<[f32]>::to_vec).collect::<Rows>()
    });
    batches.flatten().collect()
}

fn best(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best })
}

/// How far the highest probability is above the next.
fn lead(row: &[f32]) -> f32 {
    let first = best(row);
    let next = (0..row.len()).filter(|&at| at != first).map(|at| row[at]).fold(0.0, f32::max);
    row[first] - next
}

/// Prints how two agree, and on which pictures the class hangs on less than they are apart. Those alone may be given different ones.
fn hold(name: &str, paths: &[PathBuf], wanted: &Rows, found: &Rows) {
    let off = |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    let largest = wanted.iter().zip(found).map(|(a, b)| off(a, b)).fold(0.0, f32::max);
    let differ: Vec<usize> = (0..wanted.len()).filter(|&at| best(&wanted[at]) != best(&found[at])).collect();
    println!(
        "{name}: same class on {} of {}, probabilities {largest:.1e} off at most",
        wanted.len() - differ.len(),
        wanted.len()
    );
    let close: Vec<usize> = (0..wanted.len()).filter(|&at| lead(&wanted[at]) <= largest).collect();
    println!("  {} pictures whose two highest probabilities lie closer than that", close.len());
    close.iter().for_each(|&at| println!("  {}: {:.1e}", paths[at].display(), lead(&wanted[at])));
    assert!(differ.iter().all(|at| close.contains(at)), "{name}: {differ:?}");
    assert!(largest <= MOST, "{name}: {largest}");
}

#[test]
#[ignore = "takes minutes and a trained run: KILN_RUN"]
fn all_name_the_same_classes() {
    let Some(run) = std::env::var_os("KILN_RUN") else { return println!("skipped: KILN_RUN names no run") };
    let Some(folder) = assets::asset("datasets/flowers12/test") else { return };
    let place = TempDir::new().unwrap();
    let file = place.path().join("model.safetensors");
    kiln(&["export", run.to_str().unwrap(), "--out", file.to_str().unwrap()]);
    let model = kiln::export::read(&file).unwrap();
    let paths = photographs(&folder);
    let pictures: Vec<Picture> = paths.iter().map(|path| seen(path, &model.identity.preprocess)).collect();
    let answers =
        |batch: &[Picture]| check::answers(&model, rust::OPTIONS, batch).unwrap().swap_remove(0).values;
    let classes = model.identity.classes.len();
    let wanted: Rows = pictures
        .chunks(BATCH)
        .flat_map(|batch| answers(batch).chunks(classes).map(<[f32]>::to_vec).collect::<Rows>())
        .collect();
    let network = bytes(&model, rust::OPTIONS).unwrap();
    #[cfg(feature = "onnx-check")]
    hold(
        "tract",
        &paths,
        &wanted,
        &rows(&model, &pictures, &|question| check::run(&network, question).unwrap()),
    );
    if let Some(python) = python() {
        let found = rows(&model, &pictures, &|question| in_onnx_runtime(&python, &network, question));
        hold("ONNX Runtime", &paths, &wanted, &found);
    }
    let made = place.path().join("crate");
    kiln(&["export", run.to_str().unwrap(), "--format", "rust", "--out", made.to_str().unwrap()]);
    let Some(program) = built(&made) else { return };
    let found = by_crate(&program, &paths);
    let row = |path: &PathBuf| {
        let shares: std::collections::BTreeMap<_, _> = found[path].iter().cloned().collect();
        let share = |class: &String| shares[class] as f32;
        model.identity.classes.iter().map(share).collect::<Vec<f32>>()
    };
    hold("the Rust crate", &paths, &wanted, &paths.iter().map(row).collect());
}
