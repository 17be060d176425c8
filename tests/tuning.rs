//! Kernels for products of matrices are measured once for a device, and several GPUs have to be there. Needs a driver that answers (Mesa's
//! software driver will do), and is skipped where there is none.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use studio::{Studio, gpu};

/// The frozen layers make few products, so there is little to compile.
const SETTINGS: [&str; 4] = ["tiny.toml", "stage.1.trains=head", "stage.1.epochs=1", "data.cache=off"];
const BEGUN: &str = "tuning products of matrices";

fn on_gpu() -> Option<(Studio, [&'static str; 3])> {
    gpu::listed().map(|_| (Studio::new(), gpu::settings()))
}

fn products(studio: &Studio) -> PathBuf {
    let kept = fs::read_dir(studio.path("cache/devices")).unwrap();
    let mut files = kept.map(|file| file.unwrap().path());
    files.find(|file| file.to_string_lossy().ends_with("-products.json")).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The last validation's loss of a run.
fn loss(studio: &Studio, run: &str) -> f64 {
    let text = fs::read_to_string(studio.path(&format!("checkpoints/{run}/metrics.jsonl"))).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["val_loss"].as_f64().unwrap()
}

#[test]
fn products_are_measured_once_and_training_goes_on_by_what_was_found() {
    let Some((studio, [device, force, _])) = on_gpu() else { return };
    let train = |run: &str, tune: &str| {
        let tune = format!("train.tune={tune}");
        studio.expect(0, &[&["train"], &SETTINGS[..], &[device, force, &tune, "--run", run]].concat()).err
    };
    // By itself no software driver is tuned.
    let untuned = if gpu::is_software() { "auto" } else { "off" };
    assert!(!train("untuned", untuned).contains(BEGUN));
    let said = train("tuned", "on");
    assert!(said.contains(BEGUN) && said.contains("products measured: "), "{said}");
    let file = products(&studio);
    assert!(said.contains(&*file.to_string_lossy()), "{said}");
    let mut kept = json(&file);
    let picks = kept["picks"].as_array().unwrap();
    assert!(picks.len() >= 10, "{kept}");
    for pick in picks {
        assert!(pick["own_ms"].as_f64().unwrap() > 0.0, "{pick}");
        assert_eq!(pick["wrong"], serde_json::json!({}), "{pick}");
    }
    assert!(!train("again", "on").contains(BEGUN));
    // Whatever multiplies, the numbers are the same but for the last bits.
    for pick in kept["picks"].as_array_mut().unwrap() {
        pick["kernel"] = "plain".into();
    }
    fs::write(&file, kept.to_string()).unwrap();
    assert!(!train("plain", "on").contains(BEGUN));
    for run in ["tuned", "again", "plain"] {
        let (expected, found) = (loss(&studio, "untuned"), loss(&studio, run));
        assert!((found - expected).abs() < 1e-4, "{run}: {found}, not {expected}");
    }
    // Another batch makes other products.
    let other =
        [&["train"], &SETTINGS[..], &["train.tune=on", "train.batch=5", "--run", "other", device, force]]
            .concat();
    assert!(studio.expect(0, &other).err.contains(BEGUN));
    assert!(json(&file)["picks"].as_array().unwrap().len() > picks_of(&kept));
}

#[test]
fn tuning_ends_when_its_time_is_over() {
    let Some((studio, [device, ..])) = on_gpu() else { return };
    let device = device.split('=').next_back().unwrap();
    let bench = "--variant lite0 --side 32 --batch 2 --steps 1 --json --tune --tune-for 1";
    let mut args = vec!["bench", "--device", device];
    args.extend(bench.split(' '));
    let ended = studio.expect(0, &args);
    assert!(ended.err.contains("stopped; products measured: "), "{}", ended.err);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert!(report["median_ms"].as_f64().unwrap() > 0.0, "{report}");
}

fn picks_of(kept: &Value) -> usize {
    kept["picks"].as_array().unwrap().len()
}

#[test]
fn gpus_that_are_not_there_are_not_shared_with() {
    let studio = Studio::new();
    let two = ["train", "tiny.toml", "train.gpus=2"];
    studio.refused(2, &two, &["train.gpus: is 2", "accumulate, which is 1, must be a multiple of it"]);
    let two = [&two[..], &["train.accumulate=2"]].concat();
    studio.refused(2, &two, &["train.gpus = 2, but 0 of device cpu"]);
    let Some((studio, [device, force, _])) = on_gpu() else { return };
    let more = gpu::count() + 1;
    let (gpus, accumulate) = (format!("train.gpus={more}"), format!("train.accumulate={more}"));
    let wanted = format!("train.gpus = {more}, but ");
    let settings = [&["train"], &SETTINGS[..], &[device, force, &gpus, &accumulate]].concat();
    studio.refused(2, &settings, &[&wanted, "leave train.gpus out"]);
}
