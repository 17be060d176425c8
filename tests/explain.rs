//! `kiln explain` as its users meet it: heat over pictures in files that replace nothing, for the class predicted or asked for.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod assets;
mod python;
mod studio;

use std::fs;

use assets::{LITE0, asset};
use image::imageops::FilterType;
use python::{python, said};
use serde_json::Value;
use studio::Studio;

const PICTURE: &str = "pictures/discs/03.png";

fn trained() -> Studio {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    studio
}

#[test]
fn the_heat_of_the_predicted_class_is_laid_over_the_picture() {
    let studio = trained();
    let predicted = studio.expect(0, &["predict", "checkpoints/tiny", PICTURE, "--json"]).json();
    let line = studio.expect(0, &["explain", "checkpoints/tiny", PICTURE, "--json"]).json();
    let class = predicted["classes"][0]["class"].as_str().unwrap();
    assert_eq!(
        (&line["schema"], &line["class"], &line["predicted"]),
        (&1.into(), &class.into(), &class.into())
    );
    // The same bits as a prediction's.
    assert_eq!(line["probability"], predicted["classes"][0]["probability"]);
    let rows = line["heat"].as_array().unwrap();
    let shares: Vec<f64> =
        rows.iter().flat_map(|row| row.as_array().unwrap()).map(|v| v.as_f64().unwrap()).collect();
    // 32 pixels, halved five times.
    assert_eq!((rows.len(), shares.len()), (1, 1));
    assert!(shares.iter().all(|share| *share == 0.0 || *share == 1.0), "{shares:?}");
    assert_eq!(line["file"], format!("explained/03-{class}.png"));
    // 48 pixels are enlarged, and a line of words stands beneath.
    let image = image::open(studio.path(line["file"].as_str().unwrap())).unwrap();
    assert_eq!((image.width(), image.height()), (384, 384 + 16));
}

#[test]
fn nothing_is_replaced_and_the_class_may_be_chosen() {
    let studio = trained();
    let args =
        ["explain", "checkpoints/tiny", PICTURE, "pictures/bars", "--class", "checks", "--out", "why/so"];
    let first = studio.expect(0, &args).out;
    assert!(first.starts_with("pictures/discs/03.png: checks 0."), "{first}");
    let before = studio.files("why/so");
    assert_eq!(before.len(), 13);
    studio.expect(0, &args);
    let after = studio.files("why/so");
    assert_eq!(after.len(), 26);
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes));
    assert!(
        after["03-checks-2.png"] == before["03-checks.png"]
            || after["03-checks-3.png"] == before["03-checks.png"]
    );
    studio.refused(
        2,
        &["explain", "checkpoints/tiny", PICTURE, "--class", "disc"],
        &["did you mean \"discs\"?"],
    );
}

#[test]
fn a_broken_picture_does_not_keep_the_others_from_being_explained() {
    let studio = trained();
    studio.write(PICTURE, "no picture");
    let ended = studio.expect(3, &["explain", "checkpoints/tiny", "pictures/discs", "--json"]);
    let lines: Vec<Value> = ended.out.lines().map(studio::json).collect();
    let failed: Vec<_> = lines.iter().filter(|line| line["error"].is_string()).collect();
    assert_eq!((lines.len(), failed.len(), &failed[0]["path"]), (12, 1, &PICTURE.into()));
    assert!(ended.err.contains("1 of 12 files could not be read"), "{}", ended.err);
}

#[test]
fn the_report_shows_why_mistakes_were_made() {
    let studio = Studio::new();
    // One update teaches next to nothing.
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1", "train.batch=30", "stage.1.lr=1e-9"]);
    let wrong = studio.json("checkpoints/tiny/report/test.json")["mistakes"].as_array().unwrap().len();
    assert!(wrong > 0);
    let page = fs::read_to_string(studio.path("checkpoints/tiny/report.html")).unwrap();
    assert_eq!(page.matches("what spoke for").count(), wrong);
    for picture in ["curves.png", "confusion.png", "reliability.png"] {
        let path = studio.path("checkpoints/tiny/report").join(picture);
        let image = image::open(&path).unwrap();
        assert!(image.width() > 300, "{picture}");
        fs::remove_file(path).unwrap();
    }
    studio.expect(0, &["report", "checkpoints/tiny"]);
    assert!(studio.path("checkpoints/tiny/report/curves.png").is_file());
}

#[test]
fn grad_cam_on_timms_network_finds_the_same_heat() {
    let Some(python) = python(&["timm", "torch", "safetensors", "numpy", "PIL"]) else { return };
    let (Some(weights), Some(flowers)) = (asset(LITE0), asset("datasets/flowers12/test")) else { return };
    let studio = Studio::empty();
    studio.write("cache/weights/efficientnet-lite0-57934424.pth", fs::read(weights).unwrap());
    fs::create_dir_all(studio.path("resized")).unwrap();
    // As large as they are resized to.
    for class in ["daisy", "iris", "sunflower", "windflower"] {
        let file =
            fs::read_dir(flowers.join(class)).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
        let picture =
            image::imageops::resize(&image::open(file).unwrap().into_rgb8(), 224, 224, FilterType::Triangle);
        picture.save(studio.path(&format!("resized/{class}.png"))).unwrap();
    }
    let pictures = studio.path("resized").display().to_string();
    let report = studio.expect(0, &["export", "imagenet:lite0", "--layout", "timm", "--json"]).json();
    let file = &report["files"][0];
    let lines: Vec<&str> =
        file["timm"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let model = studio.path(file["path"].as_str().unwrap()).display().to_string();
    let lines = lines.join("\n").replace(file["path"].as_str().unwrap(), &model);
    for class in [&[] as &[&str], &["--class", "daisy"]] {
        let arguments =
            [&["explain", "imagenet:lite0", &pictures, "--out", "why", "--json"][..], class].concat();
        let heat = studio.expect(0, &arguments).out;
        let found = said(&python, "check_explain.py", &[&model], &format!("{lines}\n\n{heat}"));
        println!("{found}");
        for one in found.as_array().unwrap() {
            let [error, correlation, apart] =
                ["error", "correlation", "apart"].map(|key| one[key].as_f64().unwrap());
            assert_eq!((&one["shape"], &one["same_class"]), (&serde_json::json!([7, 7]), &true.into()));
            assert!(error <= 1e-4 && correlation > 0.9999 && apart > 0.5, "{one}");
        }
    }
}
