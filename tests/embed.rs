//! `kiln embed` as users meet it: NumPy reads what it writes, all formats hold the same numbers, and timm computes the same from the
//! same weights.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod assets;
mod python;
mod studio;

use std::fs;

use assets::{LITE0, asset};
use image::imageops::FilterType;
use python::{python, said};
use studio::Studio;

const RUN: &str = "checkpoints/tiny";

/// The numbers of a file of CSV by picture.
fn rows(studio: &Studio, file: &str) -> Vec<(String, Vec<f32>)> {
    let mut reader = csv::Reader::from_path(studio.path(file)).unwrap();
    let row = |record: csv::StringRecord| {
        let numbers = record.iter().skip(1).map(|number| number.parse().unwrap()).collect();
        (record[0].to_owned(), numbers)
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

#[test]
fn every_format_holds_the_same_numbers() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml"]);
    studio.write("pictures/broken.jpg", "no picture");
    let report = studio.expect(3, &["embed", RUN, "pictures", "--out", "seen.npy", "--json"]).json();
    assert_eq!((&report["rows"], &report["unreadable"]), (&36.into(), &1.into()));
    studio.expect(3, &["embed", RUN, "pictures", "--out", "seen.csv"]);
    let rows = rows(&studio, "seen.csv");
    assert_eq!(rows.len(), 36);
    let bytes = fs::read(studio.path("seen.npy")).unwrap();
    let numbers: Vec<u8> =
        rows.iter().flat_map(|(_, row)| row.iter().flat_map(|n| n.to_le_bytes())).collect();
    assert_eq!(bytes[128..], numbers);
    let names = fs::read_to_string(studio.path("seen.names.csv")).unwrap();
    let names: Vec<&str> = names.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert!(names.iter().eq(rows.iter().map(|(name, _)| name)));
    studio.refused(2, &["embed", RUN, "pictures", "--out", "seen.npy"], &["seen.npy", "already there"]);
    studio.refused(2, &["embed", RUN, "pictures", "--out", "seen.txt"], &[".npy, .csv or .parquet"]);
    #[cfg(feature = "parquet")]
    check_parquet(&studio, &rows);
}

#[cfg(feature = "parquet")]
fn check_parquet(studio: &Studio, rows: &[(String, Vec<f32>)]) {
    studio.expect(3, &["embed", RUN, "pictures", "--out", "seen.parquet"]);
    let Some(python) = python(&["pyarrow"]) else { return };
    let table = said(&python, "check_parquet.py", &[studio.path("seen.parquet").to_str().unwrap()], "");
    assert_eq!(table["schema"]["features"], "list<element: float not null>");
    let found = table["rows"].as_array().unwrap();
    assert_eq!(found.len(), rows.len());
    for (found, (name, row)) in found.iter().zip(rows) {
        let numbers: Vec<f32> =
            found["features"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as f32).collect();
        assert_eq!((found["path"].as_str().unwrap(), &numbers), (name.as_str(), row));
    }
}

#[test]
fn timm_computes_the_same_features() {
    let Some(python) = python(&["timm", "torch", "safetensors", "numpy", "PIL"]) else { return };
    let (Some(weights), Some(flowers)) = (asset(LITE0), asset("datasets/flowers12/test")) else { return };
    let studio = Studio::empty();
    studio.write("cache/weights/efficientnet-lite0-57934424.pth", fs::read(weights).unwrap());
    // As large as they are resized to.
    for (number, class) in ["daisy", "sunflower"].into_iter().enumerate() {
        let file =
            fs::read_dir(flowers.join(class)).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
        let picture = image::open(file).unwrap().into_rgb8();
        let picture = image::imageops::resize(&picture, 224, 224, FilterType::Triangle);
        fs::create_dir_all(studio.path("resized")).unwrap();
        picture.save(studio.path(&format!("resized/{number}.png"))).unwrap();
    }
    studio.expect(0, &["embed", "imagenet:lite0", "resized", "--out", "seen.npy"]);
    let report = studio.expect(0, &["export", "imagenet:lite0", "--layout", "timm", "--json"]).json();
    let file = &report["files"][0];
    let lines: Vec<&str> =
        file["timm"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let paths = ["seen.npy", "seen.names.csv"].map(|name| studio.path(name).display().to_string());
    let names = fs::read_to_string(&paths[1]).unwrap();
    let whole = names.replace("resized/", &format!("{}/", studio.path("resized").display()));
    fs::write(&paths[1], whole).unwrap();
    let [model] = [studio.path(file["path"].as_str().unwrap()).display().to_string()];
    let lines = lines.join("\n").replace(file["path"].as_str().unwrap(), &model);
    let found = said(&python, "check_embed.py", &[&paths[0], &paths[1], &model], &lines);
    println!("{found}");
    let [largest, error, apart] = ["largest", "error", "apart"].map(|key| found[key].as_f64().unwrap());
    assert_eq!(found["shape"], serde_json::json!([2, 1280]));
    assert!(error <= 1e-4 * largest && apart > 0.1 * largest, "{found}");
}
