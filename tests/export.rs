//! `kiln export` as users meet it: what it writes predicts as the run does, nothing is overwritten, damage is named, and timm
//! and torchvision load what was written for them.

// What prepares the folders is no test function, but belongs to the tests all the same.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod made;
mod python;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use burn::tensor::{Device, Tensor, TensorData};
use kiln::export;
use kiln::model::{Network, NormSettings, Settings, numbers};
use kiln::scaling::{Family, Padding, Plan, Variant};
use made::{CLASSES, run_with};
use tempfile::TempDir;

fn tiny_run(folder: &TempDir) -> PathBuf {
    run_with(folder, &Plan::custom(Family::B, 0.1, 0.1, 32).unwrap(), Padding::Symmetric, 1e-5)
}

fn picture(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("picture.png");
    image::RgbImage::from_fn(48, 40, |x, y| image::Rgb([5 * x as u8, 6 * y as u8, (3 * x + y) as u8]))
        .save(&path)
        .unwrap();
    path
}

// ---- The binary ----

struct Answer {
    code: i32,
    out: String,
    err: String,
}

fn kiln<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Answer {
    let output = Command::cargo_bin("kiln").unwrap().args(arguments).output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn exported(run: &Path, options: &[&str]) -> Vec<PathBuf> {
    let answer = kiln(["export", run.to_str().unwrap()].iter().chain(options));
    assert_eq!(answer.code, 0, "{}", answer.err);
    answer.out.lines().map(PathBuf::from).collect()
}

fn predicted(model: &Path, picture: &Path) -> Answer {
    kiln(["predict", model.to_str().unwrap(), picture.to_str().unwrap(), "--json", "--top", "7"])
}

#[test]
fn every_format_predicts_what_the_run_predicts() {
    let folder = TempDir::new().unwrap();
    let (run, picture) = (tiny_run(&folder), picture(&folder));
    let wanted = predicted(&run, &picture);
    assert_eq!(wanted.code, 0, "{}", wanted.err);
    assert!(wanted.out.contains("kind 6"), "{}", wanted.out);
    let files = exported(&run, &["--format", "safetensors,burnpack"]);
    assert_eq!(files, [run.join("export/flowers.safetensors"), run.join("export/flowers.bpk")]);
    for file in &files {
        assert_eq!(predicted(file, &picture).out, wanted.out, "{}", file.display());
    }
    // An exported file is a model like any other: it is exported again, to the same bytes.
    let again = exported(&files[1], &[]);
    assert_eq!(again, [run.join("export/flowers-2.safetensors")]);
    assert_eq!(fs::read(&again[0]).unwrap(), fs::read(&files[0]).unwrap());
}

#[test]
fn every_format_is_read_as_weights_too() {
    let folder = TempDir::new().unwrap();
    let run = tiny_run(&folder);
    let files = exported(&run, &["--format", "safetensors,burnpack"]);
    let [safetensors, burnpack] = [&files[0], &files[1]].map(|file| kiln::weights::read(file).unwrap());
    assert_eq!(burnpack.format.to_string(), "burnpack");
    assert_eq!(safetensors.named, burnpack.named);
    let answer = kiln(["weights", "inspect", files[1].to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.out.contains("burnpack"), "{}", answer.out);
}

#[test]
fn a_step_that_was_not_saved_is_a_slip_of_the_pen() {
    let folder = TempDir::new().unwrap();
    let (run, picture) = (tiny_run(&folder), picture(&folder));
    let answer = kiln(["predict", run.to_str().unwrap(), picture.to_str().unwrap(), "--step", "987654"]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{}", answer.err);
    assert!(answer.err.contains("987654"), "{}", answer.err);
}

#[test]
fn a_model_trained_on_drawings_says_so_when_it_leaves() {
    let folder = TempDir::new().unwrap();
    let run = tiny_run(&folder);
    let answer = kiln(["export", run.to_str().unwrap(), "--json"]);
    assert!(answer.err.matches("!! ").count() >= 2, "{}", answer.err);
    let report: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["files"][0]["layout"], "kiln");
}

#[test]
fn nothing_that_is_there_is_replaced() {
    let folder = TempDir::new().unwrap();
    let run = tiny_run(&folder);
    let out = folder.path().join("new/model.safetensors");
    let to_out = ["--out", out.to_str().unwrap()];
    assert_eq!(exported(&run, &to_out), std::slice::from_ref(&out));
    fs::write(&out, "precious").unwrap();
    let refused = kiln(["export", run.to_str().unwrap()].iter().chain(&to_out));
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains(&out.display().to_string()), "{}", refused.err);
    assert_eq!(fs::read(&out).unwrap(), b"precious");
    for name in ["flowers.bpk", "flowers-2.bpk", "flowers-3.bpk"] {
        assert_eq!(exported(&run, &["--format", "burnpack"]), [run.join("export").join(name)]);
    }
}

#[test]
fn a_truncated_export_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let (run, picture) = (tiny_run(&folder), picture(&folder));
    for file in exported(&run, &["--format", "safetensors,burnpack"]) {
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        let answer = predicted(&file, &picture);
        assert_eq!((answer.code, answer.out.as_str()), (4, ""), "{}", answer.err);
        assert!(answer.err.contains(&file.display().to_string()), "{}", answer.err);
    }
}

#[test]
fn a_damaged_export_is_read_or_refused_and_never_a_panic() {
    let folder = TempDir::new().unwrap();
    let damaged = folder.path().join("damaged");
    let mut refused = 0;
    for file in exported(&tiny_run(&folder), &["--format", "safetensors,burnpack"]) {
        let bytes = fs::read(&file).unwrap();
        // Headers are where lengths and shapes lie.
        for i in (0..40).chain((40..8000).step_by(53)) {
            let mut bytes = bytes.clone();
            bytes[i] ^= 0xff;
            fs::write(&damaged, bytes).unwrap();
            refused += usize::from(export::read(&damaged).is_err());
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn what_others_cannot_hold_is_refused_before_anything_is_written() {
    let folder = TempDir::new().unwrap();
    let run = tiny_run(&folder);
    let check = |options: &[&str], expected: &str| {
        let answer = kiln(["export", run.to_str().unwrap()].iter().chain(options));
        assert_eq!((answer.code, answer.out.as_str()), (2, ""));
        assert!(answer.err.contains(expected), "{}", answer.err);
    };
    check(&["--layout", "timm"], "no timm model has the shape of b-w0.1-d0.1-r32");
    check(&["--layout", "timm", "--format", "burnpack"], "`--layout timm` is for safetensors");
    check(&["--layout", "torchvision"], "torchvision cannot hold b-w0.1-d0.1-r32");
    check(&["--layout", "torchvision", "--format", "onnx"], "`--layout torchvision` is for safetensors");
    check(&["--format", "onyx"], "onyx");
    assert!(!run.join("export").exists());
}

#[test]
fn what_torchvision_takes_is_a_model_like_any_other() {
    let folder = TempDir::new().unwrap();
    let run = run_with(&folder, &Plan::variant(Variant::B0), Padding::Symmetric, 1e-5);
    let files = exported(&run, &["--layout", "torchvision"]);
    assert_eq!(files, [run.join("export/flowers-torchvision.safetensors")]);
    let picture = picture(&folder);
    assert_eq!(predicted(&files[0], &picture).out, predicted(&run, &picture).out);
    let answer = kiln(["weights", "inspect", files[0].to_str().unwrap()]);
    assert!(answer.out.contains("torchvision"), "{}{}", answer.out, answer.err);
}

// ---- timm and torchvision ----

const SIDE: usize = 75;
const SAMPLES: usize = 2;

/// The same numbers as in check_layout.py.
fn pictures(channels: usize) -> Tensor<4> {
    let value = |i: u64| (((i * 2_654_435_761) % (1 << 32)) >> 8) as f32 / (1 << 23) as f32 - 1.0;
    let values: Vec<f32> = (0..(SAMPLES * channels * SIDE * SIDE) as u64).map(value).collect();
    Tensor::from_data(TensorData::new(values, [SAMPLES, channels, SIDE, SIDE]), &Device::flex())
}

fn logits_by_kiln(file: &Path) -> Vec<f32> {
    let export::Model { arrays, identity } = export::read(file).unwrap();
    let settings = Settings {
        padding: identity.padding,
        norm: NormSettings { eps: identity.norm_eps, momentum: identity.norm_momentum },
        classes: CLASSES,
        dropout: 0.0,
        stochastic_depth: 0.0,
    };
    let network = Network::build(&identity.plan, &settings, &Device::flex(), &mut |name, _| {
        arrays.iter().find(|array| array.name == name).unwrap().values.clone()
    });
    numbers(network.infer(pictures(identity.channels)))
}

/// Gives the script the very lines that kiln printed.
fn logits_by(library: &str, python: &str, lines: &[String], plan: &Plan) -> Vec<f32> {
    let numbers = [SAMPLES, SIDE, plan.channels].map(|number| number.to_string());
    let mut arguments = vec![library];
    arguments.extend(numbers.iter().map(String::as_str));
    arguments.extend(plan.marks_edge.then_some("ones"));
    let logits = python::said(python, "check_layout.py", &arguments, &lines.join("\n"));
    serde_json::from_value(logits).unwrap()
}

fn check_timm(variant: Variant, padding: Padding, norm_eps: f64, create: &str) {
    let create = format!("timm.create_model({create})");
    check("timm", &Plan::variant(variant), padding, norm_eps, &create);
}

fn check(library: &str, plan: &Plan, padding: Padding, norm_eps: f64, create: &str) {
    let Some(python) = python::python(&[library, "torch", "safetensors"]) else { return };
    let folder = TempDir::new().unwrap();
    let run = run_with(&folder, plan, padding, norm_eps);
    let answer = kiln(["export", run.to_str().unwrap(), "--layout", library, "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let report: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    let lines: Vec<String> = serde_json::from_value(report["files"][0][library].clone()).unwrap();
    assert_eq!(lines[0], format!("model = {create}"));
    assert!(lines.iter().all(|line| answer.err.contains(line.as_str())), "{}", answer.err);
    let found = logits_by_kiln(Path::new(report["files"][0]["path"].as_str().unwrap()));
    let wanted = logits_by(library, &python, &lines, plan);
    assert_eq!(found.len(), wanted.len());
    let largest = |values: &mut dyn Iterator<Item = f32>| values.map(f32::abs).fold(0.0, f32::max);
    let error =
        largest(&mut found.iter().zip(&wanted).map(|(a, b)| a - b)) / largest(&mut wanted.iter().copied());
    let (first, second) = wanted.split_at(CLASSES);
    let apart =
        largest(&mut first.iter().zip(second).map(|(a, b)| a - b)) / largest(&mut wanted.iter().copied());
    println!("{create}: relative error {error:.1e}; the samples' logits lie {apart:.1e} apart");
    assert!(error <= 1e-4, "{error}");
    // An output that hardly depends on the input would show nothing.
    assert!(apart > 1e-2, "{apart}");
}

#[test]
fn timm_computes_the_same_b0() {
    check_timm(Variant::B0, Padding::Symmetric, 1e-5, r#""efficientnet_b0", num_classes=7"#);
}

#[test]
fn timm_computes_the_same_lite0() {
    check_timm(Variant::Lite0, Padding::Same, 1e-3, r#""tf_efficientnet_lite0", num_classes=7"#);
}

#[test]
fn timm_computes_the_same_on_one_channel() {
    let plan = Plan { channels: 1, ..Plan::variant(Variant::Lite0) };
    let create = r#"timm.create_model("tf_efficientnet_lite0", num_classes=7, in_chans=1)"#;
    check("timm", &plan, Padding::Same, 1e-3, create);
    let plan = Plan { channels: 1, marks_edge: true, ..Plan::variant(Variant::B0) };
    let create = r#"timm.create_model("efficientnet_b0", num_classes=7, in_chans=2)"#;
    check("timm", &plan, Padding::Symmetric, 1e-5, create);
}

#[test]
fn timm_computes_the_same_with_another_eps() {
    check_timm(Variant::B0, Padding::Same, 1e-2, r#""tf_efficientnet_b0", num_classes=7, bn_eps=1e-2"#);
}

#[test]
fn torchvision_computes_the_same() {
    let create = |variant: &str| format!("torchvision.models.efficientnet_{variant}(num_classes=7)");
    check("torchvision", &Plan::variant(Variant::B0), Padding::Symmetric, 1e-5, &create("b0"));
    // The first whose batch norm has another eps there.
    check("torchvision", &Plan::variant(Variant::B5), Padding::Symmetric, 1e-3, &create("b5"));
}
