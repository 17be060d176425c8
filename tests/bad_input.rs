//! Everything that can be wrong with what a user brings: each ends in an error that names it, with the right exit
//! code, without a panic, and with nothing lost.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::collections::HashMap;
use std::fs;

use safetensors::SafeTensors;
use studio::disk::Disk;
use studio::{Studio, TINY};

/// A studio with one finished run of an epoch.
fn trained() -> Studio {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    studio
}

const MODEL: &str = "checkpoints/tiny/steps/000003/model.safetensors";
const PICTURE: &str = "pictures/discs/00.png";

#[test]
fn what_was_typed_wrong_is_a_matter_of_usage() {
    let studio = Studio::empty();
    studio.refused(2, &[], &["Usage", "train"]);
    studio.refused(2, &["trian", "x.toml"], &["trian", "train"]);
    studio.refused(2, &["train"], &["CONFIG"]);
    studio.refused(2, &["train", "x.toml", "--bogus"], &["--bogus"]);
    studio.refused(2, &["predict", "model"], &["PATHS"]);
    studio.refused(2, &["scale", "--variant", "b9"], &["b9", "b0 to b7"]);
    studio.refused(2, &["scale", "--max-params", "many"], &["--max-params", "many"]);
    studio.refused(2, &["scale", "--max-params", "10"], &["smallest network"]);
    studio.refused(2, &["scale", "--phi", "nan"], &["phi"]);
    studio.refused(2, &["scale", "--batch", "0"], &["--batch", "at least 1"]);
    studio.refused(2, &["scale", "--classes", "0"], &["--classes", "at least 1"]);
    studio.refused(2, &["data", "draw", "new", "--per-class", "0"], &["--per-class", "at least 1"]);
    studio.refused(2, &["bench", "--batch", "x"], &["--batch", "whole number"]);
    for verb in ["init", "train", "resume", "eval", "predict", "export", "scale", "data", "weights"] {
        assert!(studio.expect(0, &[verb, "--help"]).out.contains("Usage"), "{verb}");
    }
    assert!(studio.expect(0, &["--version"]).out.starts_with("kiln "));
}

#[test]
fn missing_files_are_named() {
    let studio = trained();
    studio.refused(2, &["train", "absent.toml"], &["absent.toml", "kiln init"]);
    studio.refused(2, &["resume", "checkpoints/absent"], &["checkpoints/absent"]);
    studio.refused(2, &["eval", "checkpoints/absent"], &["checkpoints/absent", "does not exist"]);
    studio.refused(2, &["predict", "absent.safetensors", PICTURE], &["absent.safetensors", "does not exist"]);
    studio.refused(2, &["predict", "checkpoints/tiny", "absent.jpg"], &["absent.jpg", "does not exist"]);
    studio.refused(3, &["init", "absent"], &["absent", "does not exist"]);
    studio.refused(3, &["train", "tiny.toml", "data.path=absent"], &["absent", "does not exist"]);
    studio.refused(3, &["train", "tiny.toml", "data.path=tiny.toml"], &["tiny.toml", "is a file"]);
    studio.refused(3, &["eval", "checkpoints/tiny", "--data", "absent"], &["absent", "does not exist"]);
    studio.refused(4, &["weights", "inspect", "absent.pth"], &["absent.pth"]);
    studio.refused(4, &["train", "tiny.toml", "model.pretrained=absent.pth"], &["absent.pth"]);
}

#[test]
fn folders_that_are_no_data_set_are_told_what_they_lack() {
    let studio = trained();
    fs::create_dir_all(studio.path("empty")).unwrap();
    studio.refused(
        3,
        &["train", "tiny.toml", "data.path=empty"],
        &["empty", "one folder of pictures per class"],
    );
    studio.refused(3, &["init", "empty"], &["empty"]);
    studio.refused(3, &["predict", "checkpoints/tiny", "empty"], &["no picture"]);
    studio.refused(3, &["eval", "checkpoints/tiny", "--data", "empty"], &["empty"]);
    studio.refused(3, &["train", "tiny.toml", "data.path=pictures/discs"], &["12 files but no folder"]);

    fs::create_dir_all(studio.path("single")).unwrap();
    fs::rename(studio.path("pictures/discs"), studio.path("single/discs")).unwrap();
    studio.refused(3, &["train", "tiny.toml", "data.path=single"], &["single class", "discs"]);
    studio.refused(3, &["init", "single"], &["single class", "discs"]);
}

#[test]
fn a_class_without_pictures_is_named() {
    let studio = Studio::new();
    fs::create_dir_all(studio.path("pictures/stars")).unwrap();
    studio.refused(3, &["train", "tiny.toml"], &["stars", "no usable picture"]);
    studio.write("pictures/stars/0.jpg", "words");
    studio.refused(3, &["train", "tiny.toml"], &["stars", "1 set aside", "0.jpg"]);
    assert!(!studio.path("checkpoints").exists());
}

#[test]
fn keys_and_values_that_do_not_exist_are_refused_with_their_line_and_the_nearest_one() {
    let studio = Studio::new();
    studio.write("bad.toml", TINY.replace("batch = 8", "bacth = 8").replace("workers", "workrs"));
    let line = |word: &str| 1 + TINY.lines().position(|line| line.starts_with(word)).unwrap();
    let batch = format!("bad.toml:{}: train.bacth", line("batch"));
    let workers = format!("bad.toml:{}: data.workrs", line("workers"));
    studio.refused(2, &["train", "bad.toml"], &[&batch, "`batch`", &workers, "`workers`"]);
    studio.refused(2, &["train", "tiny.toml", "train.bacth=8"], &["train.bacth", "`batch`"]);
    studio.refused(2, &["train", "tiny.toml", "train.batch=many"], &["train.batch", "many"]);
    studio.refused(2, &["train", "tiny.toml", "stage.2.epochs=1"], &["stage 2", "the file has 1"]);
    studio.refused(
        2,
        &["train", "tiny.toml", "model.variant=b12"],
        &["model.variant", "b12", "did you mean"],
    );
    studio.refused(2, &["train", "tiny.toml", "train"], &["key=value"]);
    studio.write("broken.toml", "[model\nvariant = 1");
    studio.refused(2, &["train", "broken.toml"], &["broken.toml:1", "TOML"]);
    assert!(!studio.path("checkpoints").exists());
}

#[test]
fn pictures_too_small_for_the_network_are_refused() {
    let studio = Studio::new();
    studio.refused(2, &["train", "tiny.toml", "model.resolution=16"], &["model.resolution", "32"]);
    studio.refused(2, &["train", "tiny.toml", "data.image_size=31"], &["data.image_size", "32"]);
}

#[test]
fn weights_for_the_classes_must_be_as_many() {
    let studio = Studio::new();
    studio.refused(
        2,
        &["train", "tiny.toml", "train.class_weights=[1.0, 2.0]"],
        &["train.class_weights", "3"],
    );
}

#[test]
fn devices_that_are_not_there_are_refused() {
    let studio = trained();
    // What is not built in, or built in and not there, is refused alike.
    if !cfg!(feature = "cuda") {
        studio.refused(2, &["train", "tiny.toml", "train.device=cuda"], &["cuda"]);
        studio.refused(2, &["predict", "checkpoints/tiny", PICTURE, "--device", "cuda"], &["cuda"]);
    }
    studio.refused(2, &["predict", "checkpoints/tiny", PICTURE, "--device", "abacus"], &["abacus", "cpu"]);
    studio.refused(2, &["train", "tiny.toml", "train.device=abacus"], &["train.device", "abacus"]);
}

#[test]
fn weights_that_are_cut_short_are_refused() {
    let studio = trained();
    let bytes = fs::read(studio.path(MODEL)).unwrap();
    for length in [0, 4, 100, bytes.len() / 2, bytes.len() - 1] {
        studio.write("cut.safetensors", &bytes[..length]);
        studio.refused(4, &["train", "tiny.toml", "model.pretrained=cut.safetensors"], &["cut.safetensors"]);
        studio.refused(4, &["predict", "cut.safetensors", PICTURE], &["cut.safetensors"]);
        studio.refused(4, &["weights", "inspect", "cut.safetensors"], &["cut.safetensors"]);
    }
    assert_eq!(studio.steps("tiny-2").len(), 0);
}

#[test]
fn files_that_hold_no_weights_are_refused() {
    let studio = trained();
    studio.write("words.safetensors", "the quick brown fox jumps over the lazy dog");
    studio.write("words.pth", "the quick brown fox jumps over the lazy dog");
    for file in ["words.safetensors", "words.pth", PICTURE] {
        studio.refused(4, &["predict", file, PICTURE], &[file]);
        studio.refused(4, &["weights", "inspect", file], &[file]);
    }
    studio.refused(4, &["train", "tiny.toml", "model.pretrained=words.pth"], &["words.pth"]);
}

/// A link to a device that never ends would fill the memory, and a pipe that nobody writes into would never open.
#[cfg(target_os = "linux")]
#[test]
fn devices_and_pipes_are_no_files() {
    let studio = trained();
    let link = |name: &str| std::os::unix::fs::symlink("/dev/zero", studio.path(name)).unwrap();
    let pipe = |name: &str| {
        assert!(std::process::Command::new("mkfifo").arg(studio.path(name)).status().unwrap().success());
    };
    for (ending, make) in [("zero", &link as &dyn Fn(&str)), ("pipe", &pipe)] {
        for file in
            ["weights.safetensors", "weights.bpk", "weights.pth"].map(|name| format!("{ending}-{name}"))
        {
            make(&file);
            studio.refused(4, &["weights", "inspect", &file], &[&file]);
            let pretrained = format!("model.pretrained={file}");
            studio.refused(4, &["train", "tiny.toml", &pretrained], &[&file]);
            let ended = studio.kiln(&["predict", &file, PICTURE]);
            assert!(ended.code != Some(0) && ended.err.contains(&file), "{}", ended.err);
        }
    }
}

#[test]
fn weights_of_another_network_are_refused() {
    let studio = trained();
    let pretrained = format!("model.pretrained={MODEL}");
    studio.refused(4, &["train", "tiny.toml", "model.width=0.3", &pretrained], &["do not fit"]);
    studio.refused(
        4,
        &["train", "tiny.toml", "model.pretrained=checkpoints/tiny", "model.depth=0.9"],
        &["do not fit"],
    );
    let other = ["model.variant=b1", "model.pretrained=timm/efficientnet_b0.ra_in1k"];
    studio.refused(4, &[&["train", "tiny.toml"], &other[..]].concat(), &["b0", "b1"]);
    studio.refused(4, &["train", "tiny.toml", "model.pretrained=nobodys"], &["nobodys", "kiln weights list"]);
    studio.refused(4, &["train", "tiny.toml", "model.pretrained=imagenet"], &["no pretrained weights"]);
    // The same network takes them.
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1", "model.pretrained=checkpoints/tiny"]);
}

#[test]
fn a_checkpoint_of_another_configuration_is_refused() {
    let studio = trained();
    studio.expect(0, &["train", "tiny.toml", "--run", "wide", "model.width=0.3", "stage.1.epochs=1"]);
    studio.expect(0, &["train", "tiny.toml", "--run", "long", "stage.1.epochs=1"]);
    fs::remove_dir_all(studio.path("checkpoints/long/steps")).unwrap();
    fs::rename(studio.path("checkpoints/wide/steps"), studio.path("checkpoints/long/steps")).unwrap();
    let before = studio.files("checkpoints/long");
    studio.refused(
        6,
        &["resume", "checkpoints/long", "stage.1.epochs=3"],
        &["steps/000003", "another configuration"],
    );
    assert!(same_but_for_the_lock(&studio, "checkpoints/long", before));
}

fn same_but_for_the_lock(
    studio: &Studio,
    run: &str,
    before: std::collections::BTreeMap<String, Vec<u8>>,
) -> bool {
    let mut after = studio.files(run);
    after.retain(|name, _| name != "lock" || before.contains_key(name));
    after == before
}

#[test]
fn a_picture_that_cannot_be_read_is_set_aside_and_the_rest_goes_on() {
    let studio = Studio::new();
    let bytes = fs::read(studio.path(PICTURE)).unwrap();
    studio.write(PICTURE, &bytes[..bytes.len() / 2]);
    studio.write("pictures/bars/03.png", "words");
    studio.write("pictures/bars/04.png", "");
    let ended = studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    let aside = &studio.json("checkpoints/tiny/dataset.json")["set_aside"];
    assert_eq!(aside.as_array().unwrap().len(), 3, "{aside}");
    for name in ["discs/00.png", "bars/03.png", "bars/04.png"] {
        assert!(ended.err.contains(name), "{}", ended.err);
        assert!(aside.as_array().unwrap().iter().any(|file| file["relative"] == name), "{aside}");
    }
    studio.refused(
        3,
        &["train", "tiny.toml", "data.bad=fail"],
        &["discs/00.png", "bars/03.png", "bars/04.png"],
    );
    assert!(!studio.path("checkpoints/tiny-2").exists());
}

#[test]
fn words_named_as_a_picture_are_not_predicted() {
    let studio = trained();
    studio.write("words.jpg", "the quick brown fox");
    let ended = studio.refused(3, &["predict", "checkpoints/tiny", "words.jpg", PICTURE], &["words.jpg"]);
    assert_eq!(ended.out.lines().count(), 1, "{}", ended.out);
}

#[test]
fn a_folder_that_is_no_run_is_no_model() {
    let studio = trained();
    for verb in [&["predict", "pictures", PICTURE][..], &["eval", "pictures"], &["resume", "pictures"]] {
        studio.refused(2, verb, &["pictures", "not a run folder"]);
    }
}

#[test]
fn a_class_that_the_model_does_not_know_is_named() {
    let studio = trained();
    fs::rename(studio.path("pictures/discs"), studio.path("pictures/moons")).unwrap();
    let parts = ["moons", "bars, checks, discs"];
    studio.refused(3, &["eval", "checkpoints/tiny", "--data", "pictures"], &parts);
    studio.refused(2, &["eval", "checkpoints/tiny", "--split", "tset"], &["tset", "test"]);
    studio.refused(2, &["eval", MODEL], &["--data"]);
}

#[test]
fn formats_of_a_newer_kiln_are_refused_by_their_number() {
    let studio = trained();
    let manifest = studio.path("checkpoints/tiny/steps/000003/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, sealed(&text.replacen("\"format\": 1", "\"format\": 7", 1))).unwrap();
    studio.refused(6, &["resume", "checkpoints/tiny", "stage.1.epochs=2"], &["manifest.json", "format 7"]);
    studio.refused(6, &["predict", "checkpoints/tiny", PICTURE], &["manifest.json", "format 7"]);
    fs::write(&manifest, text).unwrap();

    let record = studio.path("checkpoints/tiny/dataset.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replacen("\"format\":1", "\"format\":8", 1)).unwrap();
    studio.refused(6, &["resume", "checkpoints/tiny", "stage.1.epochs=2"], &["dataset.json", "format 8"]);
    fs::write(&record, text).unwrap();

    lying(&studio, |identity| identity["format"] = 9.into());
    studio.refused(6, &["predict", "lying.safetensors", PICTURE], &["lying.safetensors", "format 9"]);
    studio.expect(0, &["predict", "checkpoints/tiny", PICTURE]);
}

/// A manifest with its last line, the checksum of all before it, made anew.
fn sealed(text: &str) -> String {
    let body = &text[..text.rfind(",\n  \"blake3\"").unwrap()];
    format!("{body},\n  \"blake3\": \"{}\"\n}}\n", blake3::hash(body.as_bytes()).to_hex())
}

#[test]
fn a_model_that_lies_about_itself_is_refused() {
    let studio = trained();
    type Lie = fn(&mut serde_json::Value);
    let lies: [(&str, Lie); 16] = [
        ("no classes", |identity| identity["classes"] = serde_json::json!([])),
        ("more classes", |identity| identity["classes"] = serde_json::json!(["a", "b", "c", "d"])),
        ("classes that are numbers", |identity| identity["classes"] = serde_json::json!([1, 2, 3])),
        ("another width", |identity| identity["plan"]["width"] = 0.5.into()),
        ("an endless width", |identity| identity["plan"]["width"] = 1e300.into()),
        ("no blocks", |identity| identity["plan"]["blocks"] = serde_json::json!([])),
        ("other channels", |identity| identity["channels"] = 1.into()),
        ("no channels", |identity| identity["channels"] = 0.into()),
        ("an activation that is not the network's", |identity| identity["activation"] = "relu6".into()),
        ("pictures of no size", |identity| identity["preprocess"]["size"] = 0.into()),
        ("pictures of endless size", |identity| identity["preprocess"]["size"] = 4_000_000_000_u64.into()),
        ("a deviation of nothing", |identity| identity["preprocess"]["std"] = serde_json::json!([0, 0, 0])),
        ("a mean without end", |identity| identity["preprocess"]["mean"] = serde_json::json!([1e300, 0, 0])),
        ("a temperature of nothing", |identity| identity["temperature"] = 0.into()),
        ("a negative eps", |identity| identity["norm_eps"] = (-1.0).into()),
        ("a key of its own", |identity| identity["bogus"] = 1.into()),
    ];
    for (what, lie) in lies {
        lying(&studio, lie);
        let ended = studio.kiln(&["predict", "lying.safetensors", PICTURE]);
        assert_eq!(ended.code, Some(4), "{what}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains("lying.safetensors"), "{what}: {}", ended.err);
    }
    lying(&studio, |_| {});
    studio.expect(0, &["predict", "lying.safetensors", PICTURE]);
}

/// Writes the run's model to `lying.safetensors` with something changed in what it says of itself.
fn lying(studio: &Studio, change: fn(&mut serde_json::Value)) {
    let bytes = fs::read(studio.path(MODEL)).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut identity = studio::json(&header.metadata().as_ref().unwrap()["kiln"]);
    change(&mut identity);
    let metadata = HashMap::from([("kiln".to_owned(), identity.to_string())]);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    studio.write("lying.safetensors", safetensors::serialize(tensors.tensors(), Some(metadata)).unwrap());
}

#[test]
fn a_full_disk_loses_nothing() {
    let Some(disk) = Disk::mount("6m") else { return };
    let studio = disk.studio();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    let before = studio.files("checkpoints/tiny");
    disk.fill(128 << 10);
    let ended =
        studio.refused(6, &["resume", "checkpoints/tiny", "stage.1.epochs=40"], &["checkpoints/tiny"]);
    assert!(ended.err.to_lowercase().contains("space"), "{}", ended.err);
    let after = studio.files("checkpoints/tiny");
    for (name, bytes) in before.iter().filter(|(name, _)| name.starts_with("steps/000003/")) {
        assert!(after[name] == *bytes, "{name}");
    }
    studio.expect(0, &["predict", "checkpoints/tiny", PICTURE]);
    studio.refused(
        6,
        &["train", "tiny.toml", "stage.1.epochs=40"],
        &["no space for a checkpoint in checkpoints"],
    );
    assert!(!studio.path("checkpoints/tiny-2").exists(), "there is no run where nothing could be saved");

    disk.make_room();
    studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=41"]);
    assert_eq!(studio.metrics("tiny").len(), 41);
}

#[test]
fn a_run_folder_that_cannot_be_written_loses_nothing() {
    let Some(disk) = Disk::mount("6m") else { return };
    let studio = disk.studio();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    let before = studio.files("checkpoints/tiny");
    disk.make_read_only();
    studio.refused(6, &["resume", "checkpoints/tiny", "stage.1.epochs=3"], &["checkpoints/tiny"]);
    studio.refused(6, &["train", "tiny.toml"], &["checkpoints/tiny-2"]);
    assert!(studio.files("checkpoints/tiny") == before);
    studio.expect(0, &["predict", "checkpoints/tiny", PICTURE]);
    studio.expect(0, &["eval", "checkpoints/tiny"]);
    studio.expect(0, &["resume", "checkpoints/tiny"]);
}
