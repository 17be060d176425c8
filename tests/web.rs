//! `kiln export --format web`: the page, opened in headless Chromium, says of real pictures what `kiln predict` says; it does so
//! without a network too, and opened as a file it says what it needs. Skipped, saying so, where Chromium, Node or npm is absent. All
//! test pictures, with a trained run:
//! `KILN_RUN=checkpoints/flowers12 cargo test --release --features full --test web -- --ignored --nocapture`

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod assets;
mod studio;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assets::{LITE0, asset};
use serde_json::Value;
use studio::{Studio, json};

/// How far a probability may be off: the browser has its own decoder for JPEGs.
const TOLERANCE: f64 = 0.02;
/// Pictures of each class that are shown.
const PER_CLASS: usize = 2;

/// Whether a program runs here; said aloud where it does not.
fn runs(program: &str) -> bool {
    let runs = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !runs {
        println!("skipped: {program} is not here");
    }
    runs
}

/// What to give to --ort-web: KILN_ORT_WEB saves fetching it with npm.
fn runtime() -> Option<Vec<String>> {
    match std::env::var("KILN_ORT_WEB") {
        Ok(path) => Some(vec!["--ort-web".into(), path]),
        Err(_) => runs("npm").then(Vec::new),
    }
}

/// Some pictures of each class, by name.
fn pictures(folder: &Path, per_class: usize) -> Vec<PathBuf> {
    let inside = |folder: &Path| {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    inside(folder).iter().flat_map(|class| inside(class).into_iter().take(per_class)).collect()
}

/// What a page says of pictures, with and without an adapter for WebGPU.
fn shown(page: &Path, webgpu: bool, pictures: &[PathBuf]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/web.mjs");
    let mut node = Command::new("node");
    node.arg(script).arg(page).args(webgpu.then_some("--webgpu")).args(pictures);
    let output = node.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether what it takes to show pages is here; what to give to --ort-web if so.
fn browser() -> Option<Vec<String>> {
    let runs_pages = runs("chromium") && runs("node");
    runs_pages.then(runtime).flatten()
}

/// Exports a model as a page, shows it pictures, and holds what it says to `kiln predict`: what both said.
fn compared(
    studio: &Studio,
    model: &str,
    runtime: &[String],
    webgpu: bool,
    pictures: &[PathBuf],
) -> (Value, String) {
    let mut arguments = vec!["export", model, "--format", "web", "--out", "page"];
    arguments.extend(runtime.iter().map(String::as_str));
    studio.expect(0, &arguments);
    let card = fs::read_to_string(studio.path("page/MODEL_CARD.md")).unwrap();
    assert!(card.contains("## Licences"), "{card}");
    let classes = json(&fs::read_to_string(studio.path("page/model.json")).unwrap())["classes"].clone();
    let classes: Vec<String> = serde_json::from_value(classes).unwrap();
    let report = shown(&studio.path("page"), webgpu, pictures);
    let all = classes.len().to_string();
    let paths: Vec<String> = pictures.iter().map(|path| path.display().to_string()).collect();
    let arguments: Vec<&str> = ["predict", model, "--top", &all, "--json"]
        .into_iter()
        .chain(paths.iter().map(String::as_str))
        .collect();
    let said = studio.expect(0, &arguments).out;
    hold(&classes, &report, &said, pictures.len());
    (report, said)
}

/// Prints how far a page and kiln are apart. Where they name different classes, kiln's two highest probabilities must be close.
fn hold(classes: &[String], report: &Value, said: &str, pictures: usize) {
    let (mut largest, mut same, mut compared) = (0.0_f64, 0, 0);
    for (line, found) in said.lines().map(json).zip(report["probabilities"].as_array().unwrap()) {
        let guesses = line["classes"].as_array().unwrap();
        let of = |guess: &Value| {
            classes.iter().position(|class| class == guess["class"].as_str().unwrap()).unwrap()
        };
        let probability = |at: usize| guesses[at]["probability"].as_f64().unwrap();
        for (at, guess) in guesses.iter().enumerate() {
            largest = largest.max((found[of(guess)].as_f64().unwrap() - probability(at)).abs());
        }
        let best = (0..classes.len())
            .max_by(|&a, &b| found[a].as_f64().unwrap().total_cmp(&found[b].as_f64().unwrap()));
        if best == Some(of(&guesses[0])) {
            same += 1;
        } else {
            println!("  {}: {:.4} or {:.4}", line["path"], probability(0), probability(1));
            assert!(probability(0) - probability(1) < TOLERANCE, "{}", line["path"]);
        }
        compared += 1;
    }
    println!(
        "same class on {same} of {compared} pictures on {}: largest difference {largest:.5}",
        report["on"]
    );
    assert_eq!(compared, pictures);
    assert!(largest <= TOLERANCE, "{largest}");
}

/// A place with lite0's weights in it, photographs, and what to give to --ort-web, where all of it is here.
fn pretrained() -> Option<(Studio, PathBuf, Vec<String>)> {
    let (weights, flowers) = (asset(LITE0)?, asset("datasets/flowers12/test")?);
    let runtime = browser()?;
    let studio = Studio::empty();
    studio.write("cache/weights/efficientnet-lite0-57934424.pth", fs::read(weights).unwrap());
    Some((studio, flowers, runtime))
}

#[test]
fn the_page_says_what_kiln_says() {
    let Some((studio, flowers, runtime)) = pretrained() else { return };
    let mut pictures = pictures(&flowers, PER_CLASS);
    pictures.extend(turned_and_clear());
    let (report, said) = compared(&studio, "imagenet:lite0", &runtime, false, &pictures);
    check_page(&report, &said);
}

#[test]
fn the_page_says_the_same_on_webgpu() {
    let Some((studio, flowers, runtime)) = pretrained() else { return };
    // Chromium's own adapter computes on the processor, and takes its time.
    let pictures = &pictures(&flowers, 1)[..4];
    let (report, said) = compared(&studio, "imagenet:lite0", &runtime, true, pictures);
    if report["on"] == "wasm" {
        return println!("skipped: this Chromium has no adapter for WebGPU");
    }
    assert_eq!(report["on"], "webgpu");
    check_page(&report, &said);
}

#[test]
#[ignore = "takes minutes and a trained run: KILN_RUN"]
fn the_page_says_what_kiln_says_of_all_test_pictures() {
    let Some(run) = std::env::var_os("KILN_RUN") else { return println!("skipped: KILN_RUN names no run") };
    let Some(flowers) = asset("datasets/flowers12/test") else { return };
    let Some(runtime) = browser() else { return };
    let run = fs::canonicalize(run).unwrap();
    let (report, said) =
        compared(&Studio::empty(), run.to_str().unwrap(), &runtime, false, &pictures(&flowers, usize::MAX));
    check_page(&report, &said);
}

/// What a person sees, without a network and with the page opened as a file.
fn check_page(report: &Value, said: &str) {
    let firsts: Vec<Value> = said.lines().map(|line| json(line)["classes"][0]["class"].clone()).collect();
    assert_eq!(report["shown"].as_array().unwrap()[..], firsts[..3]);
    assert_eq!(report["offline"], firsts[0]);
    assert_eq!(report["local"], "block");
    assert_eq!(report["said"], serde_json::json!([]));
}

/// Pictures with an Exif orientation and with transparent pixels, as the golden tests of decoding have them.
fn turned_and_clear() -> Vec<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode");
    ["orientation-6.jpg", "orientation-3.jpg", "alpha.png", "grey.jpg"].map(|name| golden.join(name)).to_vec()
}
