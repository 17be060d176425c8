//! Labelled pictures in every layout that kiln reads, through whole commands: a folder of classes, nested classes, tables,
//! lines of JSON, patterns, and shards. How a layout is read in detail is tested beside its code.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use studio::{CLASSES, PER_CLASS, STAGED, Studio, TINY};

/// Every picture's name below `pictures`, with its class.
fn named() -> impl Iterator<Item = (String, &'static str)> {
    CLASSES.into_iter().flat_map(|class| (0..PER_CLASS).map(move |n| (format!("{class}/{n:02}.png"), class)))
}

/// A table of all pictures, in an order that is nobody's.
fn table(separator: &str) -> String {
    let mut rows: Vec<_> = named().map(|(path, class)| format!("{class}{separator}{path}\r\n")).collect();
    rows.reverse();
    format!("\u{feff}class{separator}file\r\n{}", rows.concat())
}

/// A shard of members in the order given.
fn shard(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Some pictures with their labels beside them.
fn members<'a>(studio: &Studio, names: impl Iterator<Item = (String, &'a str)>) -> Vec<(String, Vec<u8>)> {
    let pair = |(name, class): (String, &str)| {
        let picture = fs::read(studio.path(&format!("pictures/{name}"))).unwrap();
        [(name.replace(".png", ".cls"), class.as_bytes().to_vec()), (name, picture)]
    };
    names.flat_map(pair).collect()
}

/// The numbers of a run's newest checkpoint; the head of the file names the data and differs.
fn weights(studio: &Studio, run: &str) -> Vec<u8> {
    let bytes = fs::read(studio.newest(run, "model.safetensors")).unwrap();
    let head = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + head..].to_vec()
}

fn train(studio: &Studio, config: &str, run: &str, overrides: &[&str]) {
    studio.expect(0, &[&["train", config, "--run", run], overrides].concat());
}

/// How the files found by a run add up.
fn counts(studio: &Studio, run: &str) -> BTreeMap<String, u64> {
    let record = studio.json(&format!("checkpoints/{run}/dataset.json"));
    let counts: BTreeMap<String, u64> = serde_json::from_value(record["counts"].clone()).unwrap();
    let parts: u64 = counts.iter().filter(|(name, _)| *name != "found").map(|(_, count)| count).sum();
    assert_eq!(counts["found"], parts, "{counts:?}");
    counts
}

fn left_out(studio: &Studio, run: &str, list: &str) -> Vec<(String, String)> {
    let record = studio.json(&format!("checkpoints/{run}/dataset.json"));
    let text = |file: &Value, key: &str| file[key].as_str().unwrap().to_owned();
    let files = record[list].as_array().unwrap().iter();
    files.map(|file| (text(file, "relative"), text(file, "reason"))).collect()
}

#[test]
fn every_layout_of_the_same_pictures_gives_the_same_weights() {
    let studio = Studio::new();
    studio.write("pictures/labels.csv", table(","));
    studio.write("pictures/labels.tsv", table("\t"));
    let line = |(path, class)| format!("{{\"path\": \"./{path}\", \"label\": \"{class}\"}}\n");
    studio.write("pictures/labels.jsonl", named().map(line).collect::<String>());
    studio.write("shards/all.tar", shard(&members(&studio, named())));
    let patterns =
        CLASSES.map(|class| format!("{{ glob = \"pictures/{class}/*.png\", class = \"{class}\" }}"));
    let files = format!("files = [{}]", patterns.join(", "));
    studio.write("globs.toml", TINY.replace("path = \"pictures\"", &files));

    train(&studio, "tiny.toml", "folder", &[]);
    let expected = weights(&studio, "folder");
    let paths = [
        "pictures/labels.csv",
        "pictures/labels.tsv",
        "pictures/labels.jsonl",
        "shards",
        "shards/all.tar",
        "shards/*.tar",
    ];
    for (number, path) in paths.into_iter().enumerate() {
        let run = format!("run{number}");
        train(&studio, "tiny.toml", &run, &[&format!("data.path={path}")]);
        assert!(weights(&studio, &run) == expected, "{path}");
        assert_eq!(counts(&studio, &run)["found"], (CLASSES.len() * PER_CLASS) as u64, "{path}");
    }
    train(&studio, "globs.toml", "globs", &[]);
    assert!(weights(&studio, "globs") == expected, "globs");
    // What was resolved reads back: the run goes on with the same pictures.
    studio.expect(0, &["resume", "checkpoints/globs", "stage.1.epochs=3"]);
    let eval = studio.expect(0, &["eval", "checkpoints/run3", "--json"]).json();
    assert_eq!(eval["accuracy"], studio.json("checkpoints/run3/result.json")["test"]["accuracy"]);
}

#[test]
fn every_row_of_a_table_is_used_or_counted() {
    let studio = Studio::new();
    let rows: String = named()
        .enumerate()
        .map(|(number, (path, class))| {
            format!("{path},{class},{}\n", ["train", "val", "", "test"][number % 4])
        })
        .collect();
    let more = "bars/gone.png,bars,\nnotes.txt,bars,\ndiscs/00.png,discs,train\nbars/no label.png,,\n";
    studio.write("pictures/notes.txt", "no picture");
    let table = format!("image,target,split\n{rows}{more}");
    studio.write("pictures/labels.csv", &table);
    train(&studio, "tiny.toml", "csv", &["data.path=pictures/labels.csv", "stage.1.epochs=1"]);
    let counts = counts(&studio, "csv");
    assert_eq!((counts["found"], counts["train"], counts["val"], counts["test"]), (40, 18, 9, 9));
    let set_aside = left_out(&studio, "csv", "set_aside");
    let expected =
        [("bars/gone.png", "cannot be read"), ("bars/no label.png", "no label"), ("notes.txt", "no picture")];
    for ((file, reason), (name, part)) in set_aside.iter().zip(expected) {
        assert!(file == name && reason.contains(part), "{set_aside:?}");
    }
    let ignored = left_out(&studio, "csv", "ignored");
    assert_eq!(ignored, [("discs/00.png".into(), "line 40 says the same as line 26".to_string())]);

    let refused = |more: &str, overrides: &[&str], parts: &[&str]| {
        studio.write("pictures/labels.csv", format!("{table}{more}"));
        let args =
            [&["train", "tiny.toml", "--dry-run", "data.path=pictures/labels.csv"], overrides].concat();
        studio.refused(3, &args, parts);
    };
    refused("", &["data.bad=fail"], &["3 files cannot be used", "bars/gone.png"]);
    refused("bars/00.png,discs,train\n", &[], &["labels.csv:42", "labels.csv:2", "'discs'", "'bars'"]);
    refused("bars/00.png,bars,dev\n", &[], &["labels.csv:42", "'dev'"]);
    refused("bars/00.png\n", &[], &["labels.csv:42", "1 fields"]);
    refused("", &["data.columns={ label = \"kind\" }"], &["labels.csv:1", "'kind'", "data.columns.label"]);
    refused("", &["data.depth=2"], &["data.depth", "is for folders"]);
    let args = ["train", "tiny.toml", "data.columns={ label = \"kind\" }"];
    studio.refused(3, &args, &["data.columns", "is for tables"]);
    refused(
        "",
        &["data.classes=[\"bars\", \"rings\", \"checks\"]"],
        &["class 'rings' has no usable picture"],
    );
}

#[test]
fn the_order_of_the_classes_may_be_given() {
    let studio = Studio::new();
    let classes = "data.classes=[\"discs\", \"bars\", \"checks\"]";
    let labels: String = named()
        .map(|(path, class)| {
            format!("{path}\t{}\n", ["discs", "bars", "checks"].iter().position(|c| *c == class).unwrap())
        })
        .collect();
    studio.write("pictures/numbers.tsv", format!("path\tlabel\n{labels}"));
    train(&studio, "tiny.toml", "folder", &[classes, "stage.1.epochs=1"]);
    train(&studio, "tiny.toml", "numbers", &[classes, "data.path=pictures/numbers.tsv", "stage.1.epochs=1"]);
    assert_eq!(
        studio.json("checkpoints/folder/classes.json"),
        serde_json::json!(["discs", "bars", "checks"])
    );
    assert!(weights(&studio, "folder") == weights(&studio, "numbers"));
    // The model's own numbers are understood where it is measured.
    let accuracy =
        |data: &str| studio.expect(0, &["eval", "checkpoints/numbers", "--data", data, "--json"]).json();
    assert_eq!(accuracy("pictures/numbers.tsv")["accuracy"], accuracy("pictures")["accuracy"]);
}

#[test]
fn folders_in_folders_are_classes() {
    let studio = Studio::new();
    for (name, class) in named() {
        let kind = if class == "discs" { "round" } else { "square" };
        studio.write(
            &format!("nested/{kind}/{name}"),
            fs::read(studio.path(&format!("pictures/{name}"))).unwrap(),
        );
    }
    studio.expect(0, &["init", "nested", "--depth", "2"]);
    assert!(fs::read_to_string(studio.path("nested.toml")).unwrap().contains("depth = 2"));
    train(&studio, "tiny.toml", "nested", &["data.path=nested", "data.depth=2", "stage.1.epochs=1"]);
    let classes = serde_json::json!(["round/discs", "square/bars", "square/checks"]);
    assert_eq!(studio.json("checkpoints/nested/classes.json"), classes);
    let eval = studio.expect(0, &["eval", "checkpoints/nested", "--data", "nested", "--json"]).json();
    assert_eq!(eval["samples"], CLASSES.len() * PER_CLASS);
    studio.refused(
        3,
        &["eval", "checkpoints/nested", "--data", "nested", "--depth", "1"],
        &["knows no class"],
    );
}

/// Shards of all pictures, by split.
fn write_shards(studio: &Studio) {
    for (split, numbers) in [("train", 0..8), ("val", 8..10), ("test", 10..12)] {
        for class in CLASSES {
            let names = numbers.clone().map(|n| (format!("{class}/{n:02}.png"), class));
            studio.write(&format!("shards/{split}-{class}.tar"), shard(&members(studio, names)));
        }
    }
}

#[test]
fn shards_are_trained_on_measured_and_watched() {
    let studio = Studio::new();
    write_shards(&studio);
    let made = studio.expect(0, &["init", "shards"]);
    assert!(made.err.contains("36 pictures of 3 classes"), "{}", made.err);
    let plan = studio.expect(0, &["train", "tiny.toml", "data.path=shards", "--dry-run", "--json"]).json();
    assert_eq!((&plan["train_pictures"], &plan["val_pictures"]), (&24.into(), &6.into()));
    train(&studio, "tiny.toml", "shards", &["data.path=shards", "stage.1.epochs=1"]);
    let kept = fs::read_dir(studio.path("cache/shards")).unwrap().count();
    assert_eq!((counts(&studio, "shards")["test"], kept), (6, 9));
    let eval =
        |data: &str| studio.expect(0, &["eval", "checkpoints/shards", "--data", data, "--json"]).json();
    let own = studio.expect(0, &["eval", "checkpoints/shards", "--json"]).json();
    assert_eq!(
        (eval("shards")["accuracy"].clone(), eval("shards")["samples"].clone()),
        (own["accuracy"].clone(), 6.into())
    );
    // Only test shards: for measuring that is enough.
    assert_eq!(eval("shards/test-*.tar")["accuracy"], own["accuracy"]);

    let changed = |class: &'static str, content: &[u8]| {
        let mut members = members(&studio, (0..8).map(|n| (format!("bars/{n:02}.png"), "bars")));
        members[2 * 3] = ("bars/03.cls".into(), class.into());
        members[2 * 3 + 1].1 = content.to_vec();
        studio.write("shards/train-bars.tar", shard(&members));
        studio.refused(
            3,
            &["resume", "checkpoints/shards", "stage.1.epochs=2"],
            &["train-bars.tar: bars/03.png"],
        )
    };
    let picture = fs::read(studio.path("pictures/bars/03.png")).unwrap();
    let other = fs::read(studio.path("pictures/discs/03.png")).unwrap();
    assert!(changed("bars", &other).err.contains("has other content"));
    assert!(changed("discs", &picture).err.contains("was 'bars' and is 'discs'"));
    assert!(changed("bars", &picture[..60]).err.contains("cannot be used any more"));
    write_shards(&studio);
    studio.expect(0, &["resume", "checkpoints/shards", "stage.1.epochs=2"]);
}

#[test]
fn of_a_shard_cut_short_the_rest_is_used_and_the_loss_named() {
    let studio = Studio::new();
    write_shards(&studio);
    let whole = fs::read(studio.path("shards/train-discs.tar")).unwrap();
    // In the middle of the last picture, before the end mark.
    let members = members(&studio, std::iter::once(("discs/07.png".to_string(), "discs")));
    let cut = whole.len() - 1024 - members[1].1.len().next_multiple_of(512) + 100;
    studio.write("shards/train-discs.tar", &whole[..cut]);
    train(&studio, "tiny.toml", "cut", &["data.path=shards", "stage.1.epochs=1"]);
    assert_eq!(counts(&studio, "cut")["train"], 23);
    let set_aside = left_out(&studio, "cut", "set_aside");
    let names: Vec<_> = set_aside.iter().map(|(name, _)| name.as_str()).collect();
    let shard = "train-discs.tar";
    assert_eq!(names, [shard, &format!("{shard}: discs/07.cls"), &format!("{shard}: discs/07.png")]);
    studio.write("shards/train-discs.tar.gz", b"\x1f\x8b");
    studio.refused(3, &["train", "tiny.toml", "data.path=shards"], &["train-discs.tar.gz", "decompress it"]);
}

#[test]
fn weights_count_in_the_loss_whether_or_not_anything_is_cached() {
    let studio = Studio::new();
    let rows = |weight: &dyn Fn(usize) -> f32| -> String {
        let row = |(number, (path, class))| format!("{path},{class},{}\n", weight(number));
        format!("path,label,weight\n{}", named().enumerate().map(row).collect::<String>())
    };
    studio.write("pictures/even.csv", rows(&|_| 1.0));
    studio.write("pictures/uneven.csv", rows(&|number| 0.5 + number as f32));
    studio.write("staged.toml", STAGED);
    let run = |name: &str, table: &str, more: &[&str]| {
        let path = format!("data.path=pictures/{table}");
        train(&studio, "staged.toml", name, &[&[path.as_str()], more].concat());
        weights(&studio, name)
    };
    let even = run("even", "even.csv", &[]);
    assert!(even == run("folder", "", &[]));
    let uneven = run("uneven", "uneven.csv", &[]);
    assert!(uneven != even);
    assert!(uneven == run("uncached", "uneven.csv", &["data.cache=off"]));
    run(
        "mixed",
        "uneven.csv",
        &["augment.mixup=0.4", "augment.mix_probability=1", "train.label_smoothing=0.1"],
    );
    let record = studio.json("checkpoints/uneven/dataset.json");
    let weight = |at: usize| record["samples"][at]["weight"].as_f64();
    assert_eq!((weight(0), weight(1)), (Some(0.5), Some(1.5)));
    studio.write("pictures/uneven.csv", rows(&|number| 1.5 + number as f32));
    studio.refused(
        3,
        &["resume", "checkpoints/uneven", "stage.3.epochs=2"],
        &["bars/00.png has another weight"],
    );
}

#[test]
fn a_table_says_where_its_pictures_are_from_and_the_user_under_which_licence() {
    let studio = Studio::new();
    let table = |sites: [&str; 3]| -> String {
        let row = |(number, (path, class)): (usize, (String, &str))| {
            let split = ["train", "val", "train", "test"][number % 4];
            format!("{path},{class},{split},{}\n", sites[number / 4 % 3])
        };
        format!("path,label,split,site\n{}", named().enumerate().map(row).collect::<String>())
    };
    studio.write("pictures/labels.csv", table(["north", "south", ""]));
    let path = "data.path=pictures/labels.csv";
    train(&studio, "tiny.toml", "plain", &[path, "stage.1.epochs=1"]);
    let told = [path, "data.columns.source=site", "data.licence=CC-BY-4.0", "stage.1.epochs=1"];
    train(&studio, "tiny.toml", "sites", &told);

    // Nothing that is trained depends on it, and a run that says nothing of it is what it was.
    assert!(weights(&studio, "plain") == weights(&studio, "sites"));
    let [plain, sites] =
        ["plain", "sites"].map(|run| studio.json(&format!("checkpoints/{run}/dataset.json")));
    assert_eq!(plain["fingerprint"], sites["fingerprint"]);
    let source = |record: &Value, at: usize| record["samples"][at].get("source").cloned();
    assert_eq!((source(&plain, 0), source(&sites, 8)), (None, None));
    assert_eq!((source(&sites, 0), source(&sites, 4)), (Some("north".into()), Some("south".into())));

    let read = |path: &str| fs::read_to_string(studio.path(path)).unwrap();
    let lines = read("checkpoints/sites/report/sources.csv");
    let starts: Vec<_> =
        lines.lines().map(|line| line.split(',').take(2).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(starts, ["source,pictures", "-,3", "north,3", "south,3"]);
    assert!(!studio.path("checkpoints/plain/report/sources.csv").exists());
    let page = read("checkpoints/sites/report.html");
    for part in ["By source", ">north<", "CC-BY-4.0, stated by the user"] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    let names = |args: &[&str]| -> Vec<String> {
        let said = studio.expect(0, &[&["eval", "checkpoints/sites", "--json"], args].concat()).json();
        said["sources"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().into()).collect()
    };
    assert_eq!(names(&[]), ["-", "north", "south"]);
    assert_eq!(names(&["--data", "pictures/labels.csv", "--split", "val"]), ["-", "north", "south"]);

    let missing = ["train", "tiny.toml", "--dry-run", path, "data.columns.source=sit"];
    let parts = ["labels.csv:1", "'sit', as data.columns.source says", "path, label, split, site", "'site'?"];
    studio.refused(3, &missing, &parts);
    studio.refused(
        3,
        &["train", "tiny.toml", "data.columns.source=site"],
        &["data.columns", "is for tables"],
    );

    // Neither makes another run, so both may be corrected.
    let config = read("checkpoints/sites/config.toml").replace("CC-BY-4.0", "CC0-1.0");
    let taken = |card: &str, licence: &str| {
        let line = format!("- Data: the user's own pictures; licence stated by the user: {licence}\n");
        assert!(read(card).contains(&line), "{}", read(card));
    };
    studio.expect(0, &["export", "checkpoints/sites"]);
    taken("checkpoints/sites/export/MODEL_CARD.md", "CC-BY-4.0");
    studio.write("checkpoints/sites/config.toml", config);
    studio.write("pictures/labels.csv", table(["east", "south", "west"]));
    studio.expect(0, &["verify", "checkpoints/sites"]);
    studio.expect(0, &["resume", "checkpoints/sites", "stage.1.epochs=2"]);
    assert_eq!(source(&studio.json("checkpoints/sites/dataset.json"), 0), Some("east".into()));
    assert!(read("checkpoints/sites/report/sources.csv").contains("\neast,3,"));
    studio.expect(0, &["export", "checkpoints/sites", "--out", "later/model.safetensors"]);
    taken("later/MODEL_CARD.md", "CC0-1.0");
    // The model says it itself where its run is not at hand.
    studio.expect(0, &["export", "later/model.safetensors", "--out", "alone/model.safetensors"]);
    taken("alone/MODEL_CARD.md", "CC0-1.0");
}
