//! `kiln verify`: damage is found and named, and a resume is proven on this machine.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;

use studio::{STAGED, Studio};

fn trained() -> Studio {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml"]);
    studio
}

#[test]
fn a_whole_run_is_found_whole() {
    let studio = trained();
    let before = studio.files("checkpoints/tiny");
    let ended = studio.expect(0, &["verify", "checkpoints/tiny"]);
    assert!(ended.out.contains("all 2 checkpoints are whole"), "{}", ended.out);
    assert!(ended.out.contains("latest"), "{}", ended.out);
    let report = studio.expect(0, &["verify", "checkpoints/tiny", "--json"]).json();
    assert_eq!((&report["schema"], &report["whole"]), (&1.into(), &true.into()));
    assert_eq!(report["checkpoints"].as_array().unwrap().len(), 2);
    assert!(studio.files("checkpoints/tiny") == before, "looking changed something");
}

#[test]
fn damage_is_named_and_nothing_is_changed() {
    let check = |file: &str, damage: &dyn Fn(&mut Vec<u8>), parts: &[&str]| {
        let studio = trained();
        let path = studio.path("checkpoints/tiny").join(file);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let before = studio.files("checkpoints/tiny");
        let ended = studio.expect(6, &["verify", "checkpoints/tiny"]);
        for part in parts {
            assert!(ended.out.contains(part), "{file}: {part}\n{}", ended.out);
        }
        let report = studio.expect(6, &["verify", "checkpoints/tiny", "--json"]).json();
        assert_eq!(report["whole"], false);
        assert!(studio.files("checkpoints/tiny") == before, "looking changed something");
    };
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let halve = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    check("steps/000003/model.safetensors", &flip, &["000003", "DAMAGED", "model.safetensors", "checksum"]);
    check("steps/000006/state.json", &halve, &["000006", "DAMAGED", "state.json"]);
    check("steps/000006/manifest.json", &flip, &["000006", "DAMAGED", "manifest.json"]);
    check("latest", &flip, &["latest", "DAMAGED"]);
    check("metrics.jsonl", &halve, &["metrics.jsonl", "DAMAGED", "counts"]);
    check("config.toml", &|bytes| bytes.extend(b"qqq = 1\n"), &["config.toml", "DAMAGED", "qqq"]);
    check("classes.json", &halve, &["classes.json", "DAMAGED"]);
}

/// Each of them is whole, and resume would refuse the run.
#[test]
fn files_of_another_run_are_named() {
    let check = |file: &str, change: &dyn Fn(String) -> String, parts: &[&str]| {
        let studio = trained();
        let path = studio.path("checkpoints/tiny").join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        let before = studio.files("checkpoints/tiny");
        let ended = studio.expect(6, &["verify", "checkpoints/tiny"]);
        for part in [file, "WRONG: it does not belong to 000006, 000003", "1 does not belong"] {
            assert!(ended.out.contains(part), "{file}: {part}\n{}", ended.out);
        }
        for part in parts {
            assert!(ended.out.contains(part), "{file}: {part}\n{}", ended.out);
        }
        assert!(ended.err.contains("kiln resume") && ended.err.contains("put them back"), "{}", ended.err);
        let report = studio.expect(6, &["verify", "checkpoints/tiny", "--json"]).json();
        assert_eq!(report["whole"], false);
        let file =
            report["files"].as_array().unwrap().iter().find(|one| one["name"] == file).unwrap().clone();
        assert_eq!(file["foreign"], true);
        assert!(studio.files("checkpoints/tiny") == before, "looking changed something");
    };
    let change = |from: &'static str, to: &'static str| {
        move |text: String| {
            assert!(text.contains(from), "{text}");
            text.replace(from, to)
        }
    };
    check("config.toml", &change("batch = 8", "batch = 4"), &["it was changed"]);
    check("classes.json", &change("bars", "stripes"), &["its classes are not theirs"]);
    check("dataset.json", &change("\"classes\":[\"bars\"", "\"classes\":[\"stripes\""), &["its classes"]);
}

#[test]
fn a_longer_last_stage_belongs_to_its_run() {
    let studio = trained();
    studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=3"]);
    let ended = studio.expect(0, &["verify", "checkpoints/tiny"]);
    assert!(ended.out.contains("all 3 checkpoints are whole"), "{}", ended.out);
}

#[test]
fn what_is_no_run_is_refused() {
    let studio = Studio::new();
    studio.refused(2, &["verify"], &["which run"]);
    studio.refused(2, &["verify", "pictures"], &["pictures", "not a run folder"]);
    studio.refused(2, &["verify", "--resume", "absent.toml"], &["absent.toml"]);
    studio.refused(2, &["verify", "--resume", "tiny.toml", "train.bach=1"], &["train.bach"]);
}

#[test]
fn a_resume_is_proven_and_leaves_nothing_behind() {
    let studio = Studio::new();
    studio.write("staged.toml", STAGED);
    let before = studio.files(".");
    let settings = ["train.batch=4", "train.accumulate=2", "train.ema=0.9", "augment.policy=standard"];
    for config in ["tiny.toml", "staged.toml"] {
        let ended = studio.expect(0, &[&["verify", "--resume", config], &settings[..]].concat());
        assert!(ended.out.contains("changed no byte"), "{}", ended.out);
    }
    let verdict = studio.expect(0, &["verify", "--resume", "staged.toml", "--json"]).json();
    assert_eq!((&verdict["schema"], &verdict["same"]), (&1.into(), &true.into()));
    assert!(verdict["stops"].as_u64().unwrap() >= 6, "{verdict}");
    let mut after = studio.files(".");
    after.retain(|name, _| !name.starts_with("cache/"));
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}
