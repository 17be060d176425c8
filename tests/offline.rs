//! Archives and weights that cannot be reached: what kiln says then, and what stands in for them where the
//! configuration allows it, marked wherever its figures appear. Nothing here leaves this machine.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use kiln::dataset::drawn::{Drawing, Kind};
use safetensors::SafeTensors;
use serde_json::Value;
use studio::{Ended, Studio, TINY};

/// Nothing listens at port 1.
const NOBODY: &str = "http://127.0.0.1:1";
const ARCHIVE: &str = "http://127.0.0.1:1/download.tensorflow.org/example_images/flower_photos.tgz";

const DRAWN: &str = "DRAWN DATA";
const SCRATCH: &str = "FROM SCRATCH";

/// Asks for pretrained weights, and says what to do without them: other settings than those of its stage.
const WANTING: &str = r#"
[model]
variant = "lite0"
pretrained = "imagenet"

[data]
path = "pictures"
image_size = 64
workers = 1

[[stage]]
trains = "head"
epochs = 3
lr = 0.01

[scratch]
image_size = 32
epochs = 2
lr = 0.004

[train]
batch = 8
seed = 1
device = "cpu"
threads = 1
"#;

/// On a machine that reaches nothing, has nothing in its caches, and has no Python.
fn cut_off(studio: Studio) -> Studio {
    let below = |name: &str| studio.path(name).display().to_string();
    let (hub, no_programs) = (below("hub"), below("no-programs"));
    let studio = studio.with("HF_HUB_OFFLINE", "0").with("HF_ENDPOINT", NOBODY).with("HF_HUB_CACHE", &hub);
    let studio = studio.with("PATH", &no_programs).with("NO_PROXY", "127.0.0.1");
    studio.write("datasets/flowers.toml", recipe(NOBODY));
    let away = TINY.replace("path = \"pictures\"", "dataset = \"flowers\"");
    // 800 drawings take their time: all threads may work on them.
    studio.write("away.toml", away.replace("threads = 1", ""));
    studio.write("wanting.toml", WANTING);
    studio
}

/// The shipped recipe with another server.
fn recipe(server: &str) -> String {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/flowers.toml");
    let text = fs::read_to_string(shipped).unwrap().replace("https://storage.googleapis.com", server);
    assert!(text.contains(&format!("url = \"{server}/")), "{text}");
    text
}

#[track_caller]
fn check_said(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(ended.err.contains(part), "{part:?} is not in:\n{}", ended.err);
    }
}

/// The folders of drawings that kiln keeps.
fn drawings(studio: &Studio) -> Vec<String> {
    let Ok(entries) = fs::read_dir(studio.path("cache/datasets")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("drawn") && !name.ends_with(".lock")).collect()
}

#[track_caller]
fn check_nothing_was_made(studio: &Studio) {
    assert!(!studio.path("checkpoints").exists());
    assert_eq!(drawings(studio), [""; 0]);
}

#[test]
fn an_archive_that_cannot_be_reached_is_named_with_the_way_out() {
    let studio = cut_off(Studio::empty());
    let parts = [ARCHIVE, "cannot be reached", "check the network", "HTTPS_PROXY"];
    let way_out = ["data.offline = \"drawn\""];
    studio.refused(4, &["train", "away.toml"], &[&parts[..], &way_out].concat());
    studio.refused(4, &["train", "away.toml", "data.offline=fail"], &[&parts[..], &way_out].concat());
    // Weights may be done without, pictures may not.
    studio.refused(4, &["train", "away.toml", "model.offline=scratch"], &parts);
    studio.refused(4, &["data", "fetch", "flowers"], &parts);
    check_nothing_was_made(&studio);
}

/// A server that has nothing to give; its thread ends with the tests.
fn empty_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A request that is not read would make the closing a reset.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

#[test]
fn drawings_do_not_stand_in_for_an_address_that_is_wrong() {
    let studio = cut_off(Studio::empty());
    let server = empty_server();
    studio.write("datasets/flowers.toml", recipe(&server));
    let args = ["train", "away.toml", "data.offline=drawn"];
    studio.refused(4, &args, &[&server, "status 404", "out of date"]);
    check_nothing_was_made(&studio);
}

#[test]
fn drawings_stand_in_for_photographs_and_every_figure_says_so() {
    let studio = cut_off(Studio::empty());
    let trained = studio.expect(0, &["train", "away.toml", "data.offline=drawn", "stage.1.epochs=1"]);
    check_said(&trained, &[ARCHIVE, "cannot be reached"]);
    check_marks(&studio, "away", &trained, Marks { drawn: true, from_scratch: false });
    let dataset = studio.json("checkpoints/away/dataset.json");
    let all = Drawing::default().per_class * Kind::ALL.len();
    assert_eq!(dataset["origin"]["kind"], "drawn", "{}", dataset["origin"]);
    assert_eq!(dataset["samples"].as_array().unwrap().len(), all);
    assert_eq!(studio.json("checkpoints/away/classes.json"), serde_json::json!(Kind::ALL.map(Kind::folder)));

    let [folder] = &drawings(&studio)[..] else { panic!("{:?}", drawings(&studio)) };
    let (kept, picture) = (format!("cache/datasets/{folder}"), "roses/0000.jpg");
    let readme = fs::read_to_string(studio.path(&kept).join("README.txt")).unwrap();
    assert!(readme.contains("not photographs"), "{readme}");
    let drawn_at = || fs::metadata(studio.path(&kept).join(picture)).unwrap().modified().unwrap();
    let before = drawn_at();

    // The shipped configuration on the same machine, which goes on without either; nothing is drawn again.
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/flowers.toml");
    let small = ["scratch.image_size=32", "scratch.epochs=1", "train.device=cpu"];
    let trained = studio.expect(0, &[&["train", shipped][..], &small].concat());
    check_marks(&studio, "flowers", &trained, Marks { drawn: true, from_scratch: true });
    assert_eq!((drawings(&studio).len(), drawn_at()), (1, before));

    studio.expect(0, &["export", "checkpoints/flowers", "--out", "given.safetensors"]);
    let path = format!("{kept}/{picture}");
    let later = [
        &["resume", "checkpoints/flowers"][..],
        &["predict", "checkpoints/flowers", &path],
        &["predict", "given.safetensors", &path],
    ];
    for args in later {
        check_said(&studio.expect(0, args), &[DRAWN, SCRATCH]);
    }
}

#[test]
fn weights_that_cannot_be_had_are_named_with_every_way_out() {
    let studio = cut_off(Studio::new());
    let hub = format!("{NOBODY}/timm/tf_efficientnet_lite0.in1k");
    let own = studio.path("cache/weights/efficientnet-lite0-57934424.pth").display().to_string();
    let parts = [
        "weights timm/tf_efficientnet_lite0.in1k cannot be had",
        &hub,
        "there is no Python",
        "Ways out:",
        "HTTPS_PROXY",
        "HF_ENDPOINT",
        &own,
        "set model.pretrained to the path",
        "set model.offline = \"scratch\"",
    ];
    for settings in [&[][..], &["model.offline=fail"]] {
        check_said(&studio.expect(4, &[&["train", "wanting.toml"], settings].concat()), &parts);
    }
    // Without weights there is nothing to predict with, whatever a training might do.
    check_said(&studio.expect(4, &["predict", "imagenet:lite0", "pictures/discs/00.png"]), &parts[..7]);
    check_nothing_was_made(&studio);
}

#[test]
fn training_from_scratch_stands_in_for_weights_and_every_figure_says_so() {
    let studio = cut_off(Studio::new());
    let trained = studio.expect(0, &["train", "wanting.toml", "model.offline=scratch"]);
    check_said(&trained, &["cannot be had", NOBODY]);
    check_marks(&studio, "wanting", &trained, Marks { drawn: false, from_scratch: true });
    // The table [scratch] takes the place of the stages.
    assert_eq!(studio.json("checkpoints/wanting/result.json")["stage_epochs"], serde_json::json!([2]));
    assert_eq!(studio.metrics("wanting").len(), 2);
    let written = fs::read_to_string(studio.path("checkpoints/wanting/config.toml")).unwrap();
    let written: toml::Table = written.parse().unwrap();
    let stage = &written["stage"][0];
    assert_eq!((stage["trains"].as_str(), stage["lr"].as_float()), (Some("all"), Some(0.004)));
    assert_eq!(written["data"]["image_size"].as_integer(), Some(32));
    let identity = identity(&studio, "wanting");
    assert_eq!((&identity["preprocess"]["size"], &identity["start"]["weights"]), (&32.into(), &Value::Null));
}

#[test]
fn what_was_meant_to_start_from_nothing_is_not_marked() {
    let studio = cut_off(Studio::new());
    let settings = ["model.pretrained=none", "model.offline=scratch", "stage.1.epochs=1"];
    let trained = studio.expect(0, &[&["train", "wanting.toml"][..], &settings].concat());
    check_marks(&studio, "wanting", &trained, Marks { drawn: false, from_scratch: false });
    assert_eq!(identity(&studio, "wanting")["preprocess"]["size"], 64);
}

struct Marks {
    drawn: bool,
    from_scratch: bool,
}

/// Whether a run says what it has to, and no more: on the console, in its folder, in its model, and when it is measured.
#[track_caller]
fn check_marks(studio: &Studio, run: &str, trained: &Ended, marks: Marks) {
    let Marks { drawn, from_scratch } = marks;
    let folder = format!("checkpoints/{run}");
    assert!(trained.out.contains("test accuracy"), "{}", trained.out);
    let measured = studio.expect(0, &["eval", &folder]);
    for (mark, is_due) in [(DRAWN, drawn), (SCRATCH, from_scratch)] {
        // Before the training, and beside its figures.
        assert_eq!(trained.err.matches(mark).count(), if is_due { 2 } else { 0 }, "{mark}: {}", trained.err);
        assert_eq!(measured.err.contains(mark), is_due, "{mark}: {}", measured.err);
    }
    let result = studio.json(&format!("{folder}/result.json"));
    let measured = studio.expect(0, &["eval", &folder, "--json"]).json();
    for figures in [result, measured] {
        assert_eq!((&figures["drawn"], &figures["from_scratch"]), (&drawn.into(), &from_scratch.into()));
    }
    assert_eq!(studio.json(&format!("{folder}/dataset.json"))["drawn"], drawn);
    let identity = identity(studio, run);
    assert_eq!(identity["drawn"], drawn, "{identity}");
    assert_eq!(identity["start"]["instead_of_pretrained"], from_scratch, "{identity}");
}

/// What the model file of a run says of itself.
fn identity(studio: &Studio, run: &str) -> Value {
    let bytes = fs::read(studio.newest(run, "model.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    studio::json(&header.metadata().as_ref().unwrap()["kiln"])
}
