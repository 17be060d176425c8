//! Who runs exported models beside kiln: ONNX Runtime in a Python, and the exported Rust crate. Each is absent, said aloud,
//! where a machine does not have what it takes.

// Not every test asks all of them.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kiln::export::onnx::check::{Numbers, Question};
use tempfile::TempDir;

/// Looks for the packages without the seconds that importing them takes.
const PROBE: &str =
    "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ['onnx', 'onnxruntime', 'numpy'])))";

/// A Python that has them, or None, said aloud. KILN_PYTHON names one.
pub fn python() -> Option<String> {
    let python = std::env::var("KILN_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", PROBE]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    println!("skipped: {python} has no onnx and onnxruntime (set KILN_PYTHON to a Python that has)");
    None
}

pub fn in_onnx_runtime(python: &str, model: &[u8], question: &Question) -> Vec<Vec<f32>> {
    let folder = TempDir::new().unwrap();
    let [file, input] = ["model.onnx", "input"].map(|name| folder.path().join(name));
    fs::write(&file, model).unwrap();
    let numbers = match &question.numbers {
        Numbers::Uint8(bytes) => bytes.clone(),
        Numbers::Float(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    fs::write(&input, numbers).unwrap();
    let shape = question.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/check_onnx.py");
    let output = Command::new(python).arg(script).args([file, input]).arg(shape).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<(String, Vec<f32>)> = serde_json::from_slice(&output.stdout).unwrap();
    found.into_iter().map(|(_, values)| values).collect()
}

fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    // A folder of its own within kiln's target, so that tract is built once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exported-crate");
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target);
    // Quicker to build; the numbers are the same.
    command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").output().unwrap()
}

/// The program in the exported crate, or None where its dependencies cannot be fetched.
pub fn built(folder: &Path) -> Option<PathBuf> {
    let fetched = cargo(folder, &["fetch"]);
    if !fetched.status.success() {
        println!("skipped: its crates cannot be had: {}", String::from_utf8_lossy(&fetched.stderr));
        return None;
    }
    let output = cargo(folder, &["build", "--release", "--message-format=json-render-diagnostics"]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(!log.contains("warning: unused"), "{log}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let messages = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs.next_back()
}

/// Path, classes and probabilities, as the exported program prints them.
pub fn by_crate(program: &Path, pictures: &[PathBuf]) -> BTreeMap<PathBuf, Vec<(String, f64)>> {
    let output = Command::new(program).args(["--top", "9999"]).args(pictures).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split('\t').collect();
        let classes = words[1..].chunks(2).map(|pair| (pair[0].to_owned(), pair[1].parse().unwrap()));
        (PathBuf::from(words[0]), classes.collect())
    });
    lines.collect()
}
