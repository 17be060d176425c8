//! Training in half precision as a user meets it: refused where it would be slow or is not there, named where it was chosen,
//! and on a graphics driver (Mesa's software driver will do) as good as in fp32. The arithmetic is held to PyTorch's in golden.rs.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use kiln::devices::halves;
use kiln::scaling::Float;
use studio::{Studio, gpu};

#[test]
fn the_processor_refuses_halves_and_auto_is_fp32_there() {
    let studio = Studio::new();
    for float in ["fp16", "bf16"] {
        let precision = format!("train.precision={float}");
        let ended = studio.refused(2, &["train", "tiny.toml", &precision], &["slower", "device cpu"]);
        assert!(ended.err.contains(&format!("train.precision = \"{float}\"")), "{}", ended.err);
        studio.refused(2, &["train", "tiny.toml", &precision, "train.device=ndarray"], &["slower"]);
        studio.refused(2, &["bench", "--device", "cpu", "--precision", float], &["slower"]);
    }
    assert!(!studio.path("checkpoints").exists(), "refused before anything is made");
    let settings = ["train", "tiny.toml", "train.precision=auto", "stage.1.epochs=1"];
    let ended = studio.expect(0, &settings);
    assert!(ended.err.contains("precision: fp32"), "{}", ended.err);
    let result = studio.json("checkpoints/tiny/result.json");
    assert_eq!(result["precision"], "fp32");
    assert!(result.get("skipped_updates").is_none());
    // The run keeps what was found, and its files are those of a run that never heard of precision.
    let config = fs::read_to_string(studio.path("checkpoints/tiny/config.toml")).unwrap();
    assert!(config.contains("\nprecision = \"fp32\"\n"), "{config}");
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1", "--run", "plain"]);
    let files = |run: &str| fs::read(studio.newest(run, "model.safetensors")).unwrap();
    assert_eq!(files("tiny"), files("plain"));
    assert!(!fs::read_to_string(studio.newest("plain", "state.json")).unwrap().contains("loss_scale"));
}

/// Until nothing is left to learn. AdamW's first steps have one size whatever the gradient is, so SGD.
const LONG: [&str; 3] = ["optimizer.kind=sgd", "stage.1.lr=0.05", "stage.1.epochs=16"];

#[test]
fn a_training_in_fp16_on_a_gpu_learns_what_fp32_learns() {
    let Some(chosen) = gpu::listed() else { return };
    let chosen = chosen.open().unwrap();
    let has = halves(&chosen);
    let [device, force, tune] = gpu::settings();
    let studio = Studio::new();
    if !has.contains(&Float::Bf16) {
        let bf16 = ["train", "tiny.toml", "train.precision=bf16", device];
        studio.refused(2, &bf16, &["train.precision = \"bf16\"", gpu::kind().name(), "it has", "fp32"]);
    }
    if !has.contains(&Float::Fp16) {
        return println!("skipped: {} has no fp16", chosen.listed.name);
    }
    let best_of_the_last = |run: &str| {
        let lines = studio.metrics(run);
        let losses: Vec<f64> = lines.iter().map(|line| line["train_loss"].as_f64().unwrap()).collect();
        println!("{run}: losses {losses:.3?}");
        losses[losses.len() - 4..].iter().copied().fold(f64::INFINITY, f64::min)
    };
    let fp16 = ["train", "tiny.toml", "--run", "half", "train.precision=fp16", device, force, tune];
    let ended = studio.expect(0, &[&fp16, &LONG[..]].concat());
    assert!(ended.err.contains("precision: fp16"), "{}", ended.err);
    let result = studio.json("checkpoints/half/result.json");
    assert_eq!(result["precision"], "fp16");
    let skipped = result["skipped_updates"].as_u64().unwrap();
    assert_eq!(ended.err.matches("is left out").count() as u64, skipped, "{}", ended.err);
    let state = studio::json(&fs::read_to_string(studio.newest("half", "state.json")).unwrap());
    let scale = state["loss_scale"]["scale"].as_f64().unwrap();
    assert_eq!(scale, 65536.0 * 0.5_f64.powi(skipped as i32), "{state}");
    // Updates that are left out and rounding lead elsewhere from the first epoch on; where it ends is what counts. In fp32 five
    // seeds end between 0.35 and 0.40, of 1.1 for guessing.
    studio.expect(0, &[&["train", "tiny.toml", "--run", "full"], &LONG[..]].concat());
    let [half, full] = ["half", "full"].map(best_of_the_last);
    assert!(half < full + 0.2, "{half} and {full}");
    // Auto does not take a driver that computes on the processor for a GPU.
    if chosen.listed.software {
        let auto = ["train", "tiny.toml", "train.precision=auto", "--dry-run", device, force, tune];
        let ended = studio.expect(0, &auto);
        assert!(ended.err.contains("precision: fp32"), "{}", ended.err);
    }
}

#[test]
fn an_interrupted_run_in_fp16_goes_on_with_its_loss_scale() {
    let Some(chosen) = gpu::listed() else { return };
    let [device, force, tune] = gpu::settings();
    if !halves(&chosen.open().unwrap()).contains(&Float::Fp16) {
        return println!("skipped: {} has no fp16", chosen.name);
    }
    let studio = Studio::new();
    let fp16 = "train.precision=fp16";
    let settings = ["verify", "--resume", "tiny.toml", device, force, tune, fp16, "train.batch=4"];
    let ended = studio.expect(0, &settings);
    assert!(ended.out.contains("state.json") && ended.out.contains("changed no byte"), "{}", ended.out);
}
