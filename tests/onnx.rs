//! ONNX files as other runtimes see them: tract (with the feature `onnx-check`), and ONNX Runtime with onnx's own checker where
//! a Python has them, give what kiln gives; and `kiln export --format onnx` as users meet it.

// What prepares the models is no test function, but belongs to the tests all the same.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod made;
mod runtimes;
#[cfg(feature = "onnx-check")]
mod studio;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use kiln::chance::Key;
use kiln::checkpoint::Identity;
use kiln::dataset::Picture;
use kiln::export::Model;
use kiln::export::onnx::check::{self, Answer, Question};
use kiln::export::onnx::{
    Input, LOGITS, Options, Outputs, PROBABILITIES, Precision, bytes, property, proto::ModelProto,
};
use kiln::scaling::{Family, Padding, Plan, Variant};
use made::{identity, model, run_with};
use prost::Message;
use runtimes::{in_onnx_runtime, python};
use tempfile::TempDir;

const ALL: Outputs = Outputs { logits: true, probabilities: true, maps: true };

/// Models that have between them all that a graph can hold.
fn cases() -> Vec<(&'static str, Identity)> {
    let tiny = |family, side| Plan::custom(family, 0.1, 0.1, side).unwrap();
    let of = |plan: &Plan, padding| identity(plan, padding, 1e-3);
    let grey = Plan { channels: 1, ..tiny(Family::Lite, 64) };
    let edge = Plan { channels: 1, marks_edge: true, ..tiny(Family::B, 64) };
    vec![
        ("b", of(&tiny(Family::B, 64), Padding::Symmetric)),
        ("b, same, odd", of(&tiny(Family::B, 75), Padding::Same)),
        ("lite, same", of(&tiny(Family::Lite, 64), Padding::Same)),
        ("grey", of(&grey, Padding::Same)),
        ("grey with its edge marked", of(&edge, Padding::Symmetric)),
    ]
}

fn options() -> Vec<Options> {
    let with = |input, precision| Options { input, precision, outputs: ALL };
    vec![
        with(Input::Float, Precision::Fp32),
        with(Input::Uint8, Precision::Fp32),
        with(Input::Float, Precision::Fp16),
        with(Input::Uint8, Precision::Fp16),
    ]
}

/// Noise, and something smooth.
fn pictures(side: usize) -> Vec<Picture> {
    let edge = side as u32;
    let mut draws = Key::new(1).draws();
    let noise = (0..3 * side * side).map(|_| draws.below(256) as u8).collect();
    let smooth = (0..3 * side * side).map(|at| (at / side * 80 / side + at % 3 * 40) as u8).collect();
    [noise, smooth].map(|bytes| Picture::rgb8(edge, edge, bytes).unwrap()).into()
}

/// What a runtime finds against what kiln finds; `run` gets the file, and what goes into it.
fn agrees(name: &str, model: &Model, options: Options, run: impl Fn(&[u8], &Question) -> Vec<Vec<f32>>) {
    let pictures = pictures(model.identity.preprocess.size);
    let wanted = check::answers(model, options, &pictures).unwrap();
    let question = check::question(&model.identity, options, &pictures).unwrap();
    let found = run(&bytes(model, options).unwrap(), &question);
    let off = check::compare(&wanted, &found, options.precision);
    println!("{name}, {:?}, {:?}: {off:.1?} off", options.input, options.precision);
    off.unwrap();
    expect_difference(&wanted);
}

/// Outputs that hardly depend on the picture would show nothing. Probabilities are made of the logits beside them: of seven
/// classes that random weights hardly tell apart they are nearly the same for every picture.
fn expect_difference(answers: &[Answer]) {
    assert!(answers.iter().any(|answer| answer.name == LOGITS));
    for Answer { name, values } in answers.iter().filter(|answer| answer.name != PROBABILITIES) {
        let (first, second) = values.split_at(values.len() / 2);
        let largest = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let apart = first.iter().zip(second).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(apart > 1e-2 * largest, "{name}: {apart} of {largest}");
    }
}

#[test]
#[cfg(feature = "onnx-check")]
fn tract_gives_what_kiln_gives() {
    for (name, identity) in cases() {
        let model = model(identity);
        for options in options() {
            agrees(name, &model, options, |bytes, question| check::run(bytes, question).unwrap());
        }
    }
}

#[test]
#[cfg(feature = "onnx-check")]
fn tract_notices_another_model() {
    let (_, identity) = cases().swap_remove(0);
    let (one, mut other) = (model(identity.clone()), model(identity));
    let values = &mut other.arrays.iter_mut().find(|array| array.name == "head.conv.weight").unwrap().values;
    values[0] += 1.0;
    let options = options()[0];
    let pictures = pictures(64);
    let wanted = check::answers(&one, options, &pictures).unwrap();
    let question = check::question(&one.identity, options, &pictures).unwrap();
    let found = check::run(&bytes(&other, options).unwrap(), &question).unwrap();
    assert!(check::compare(&wanted, &found, Precision::Fp32).unwrap_err().contains("off, more than 1e-4"));
}

// ---- ONNX Runtime ----

#[test]
fn onnx_runtime_gives_what_kiln_gives() {
    let Some(python) = python() else { return };
    let mut cases = cases();
    cases.push(("b0", identity(&Plan::variant(Variant::B0), Padding::Symmetric, 1e-5)));
    cases.push(("lite0", identity(&Plan::variant(Variant::Lite0), Padding::Same, 1e-3)));
    for (number, (name, identity)) in cases.into_iter().enumerate() {
        // One of the four for each of the small models keeps this short.
        let some = options().into_iter().enumerate().filter(|(at, _)| number == 0 || number % 4 == *at);
        let model = model(identity);
        for (_, options) in some {
            agrees(name, &model, options, |bytes, question| in_onnx_runtime(&python, bytes, question));
        }
    }
}

// ---- The binary ----

fn tiny_run(folder: &TempDir) -> PathBuf {
    run_with(folder, &Plan::custom(Family::B, 0.1, 0.1, 32).unwrap(), Padding::Symmetric, 1e-5)
}

fn kiln(arguments: &[&str], code: i32) -> (String, String) {
    let output = Command::cargo_bin("kiln").unwrap().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}{err}");
    (out, err)
}

#[test]
fn a_run_is_exported_and_the_file_says_what_it_takes() {
    let folder = TempDir::new().unwrap();
    let run = tiny_run(&folder);
    let run = run.to_str().unwrap();
    let (out, err) = kiln(&["export", run, "--format", "onnx,safetensors", "--onnx-input", "uint8"], 0);
    let files: Vec<&Path> = out.lines().map(Path::new).collect();
    assert!(files[0].ends_with("export/flowers.onnx") && files[1].ends_with("export/flowers.safetensors"));
    let told = match cfg!(feature = "onnx-check") {
        true => "run again in tract on 2 random pictures; the run's own pictures are not at hand",
        false => "not run again: this kiln was built without the feature `onnx-check`",
    };
    assert!(err.contains(told), "{err}");
    let file = ModelProto::decode(fs::read(files[0]).unwrap().as_slice()).unwrap();
    let classes = r#"["kind 0","kind 1","kind 2","kind 3","kind 4","kind 5","kind 6"]"#;
    assert_eq!(property(&file, "classes"), Some(classes));
    let graph = file.graph.unwrap();
    let outputs: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(outputs, ["probabilities"]);
    let left = fs::read_dir(files[0].parent().unwrap()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["MODEL_CARD.md", "flowers.onnx", "flowers.safetensors"]);
    let (_, err) = kiln(&["export", run, "--format", "onnx,rust"], 0);
    let times = if cfg!(feature = "onnx-check") { 0 } else { 1 };
    assert_eq!(err.matches("not run again").count(), times, "{err}");
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let (_, identity) = cases().swap_remove(0);
    let model = model(identity);
    assert_eq!(bytes(&model, options()[0]).unwrap(), bytes(&model, options()[0]).unwrap());
}

#[test]
fn options_without_the_format_and_files_of_others_are_refused() {
    let folder = TempDir::new().unwrap();
    let run = tiny_run(&folder);
    let run = run.to_str().unwrap();
    let (_, err) = kiln(&["export", run, "--onnx-precision", "fp16"], 2);
    assert!(err.contains("are for `--format onnx`"), "{err}");
    let (out, _) = kiln(&["export", run, "--format", "onnx", "--onnx-output", "features"], 0);
    let (_, err) = kiln(&["predict", out.trim(), "/dev/null"], 4);
    assert!(err.contains("ONNX files are for other programs"), "{err}");
}

/// A run's own pictures are found wherever training found them.
#[test]
#[cfg(feature = "onnx-check")]
fn real_pictures_are_tried_from_folders_and_from_shards() {
    let studio = studio::Studio::new();
    let mut tar = tar::Builder::new(Vec::new());
    for (name, picture) in studio.files("pictures") {
        let class = name.split('/').next().unwrap().as_bytes();
        for (name, content) in [(name.replace(".png", ".cls"), class), (name.clone(), picture.as_slice())] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content).unwrap();
        }
    }
    studio.write("shards/all.tar", tar.into_inner().unwrap());
    for (path, run) in [("pictures", "folder"), ("shards", "shards")] {
        let data = format!("data.path={path}");
        studio.expect(0, &["train", "tiny.toml", "--run", run, "stage.1.epochs=1", &data]);
        let run = format!("checkpoints/{run}");
        let ended = studio.expect(0, &["export", &run, "--format", "onnx"]);
        assert!(ended.err.contains("2 random pictures and 4 of the run's own: "), "{}", ended.err);
    }
}
