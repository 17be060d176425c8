//! `kiln data show` as a user runs it: the sheet, its file, and that its views are those of training.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use image::RgbImage;
use kiln::config::Config;
use kiln::dataset::{Interpolation, Preprocess};
use kiln::loader::{Batch, Item, Loader, order};
use kiln::train::{plain_spec, training_spec};
use serde_json::Value;
use studio::{CLASSES, PER_CLASS, Studio};

const EDGE: u32 = 32;

/// A column's tile of a row, without paper and words.
fn tile(sheet: &RgbImage, report: &Value, column: usize, row: usize) -> RgbImage {
    let at = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let (x, y) = (at(&report["columns"][column]["x"]), at(&report["rows"][row]["y"]));
    image::imageops::crop_imm(sheet, x, y, EDGE, EDGE).to_image()
}

/// One picture of a batch as bytes, by its place in it.
fn picture(batch: &Batch, place: usize) -> RgbImage {
    let preprocess = preprocess();
    let plane = (EDGE * EDGE) as usize;
    let values = &batch.pixels[place * 3 * plane..][..3 * plane];
    RgbImage::from_fn(EDGE, EDGE, |x, y| {
        image::Rgb([0, 1, 2].map(|c: usize| {
            let value = values[c * plane + (y * EDGE + x) as usize];
            ((value * preprocess.std[c] + preprocess.mean[c]) * 255.0).round() as u8
        }))
    })
}

/// Where no weights say otherwise.
fn preprocess() -> Preprocess {
    Preprocess::image_net(EDGE as usize, 0.875, Interpolation::Bicubic)
}

fn shown(studio: &Studio, more: &[&str]) -> (RgbImage, Value) {
    let args = [&["data", "show", "tiny.toml", "--json"], more].concat();
    let report = studio.expect(0, &args).json();
    let sheet = image::open(studio.path(report["file"].as_str().unwrap())).unwrap().to_rgb8();
    (sheet, report)
}

#[test]
fn a_sheet_shows_originals_and_the_views_of_the_loader() {
    let studio = Studio::new();
    let (sheet, report) = shown(
        &studio,
        &["--views", "2", "--count", "4", "augment.policy=strong", "augment.mixup=0", "augment.cutmix=0"],
    );
    assert_eq!(report["file"], "tiny-views.png");
    // Three columns of 32 with margins of 8; four rows with a line of 14 beneath each, and one above all.
    assert_eq!(sheet.dimensions(), (3 * 40 + 8, 4 * 54 + 22));
    assert_eq!((report["width"].as_u64(), report["height"].as_u64()), (Some(128), Some(238)));

    let overrides = ["augment.policy=strong", "augment.mixup=0", "augment.cutmix=0"].map(String::from);
    let config = Config::load(&studio.path("tiny.toml"), &overrides).unwrap();
    for (row, told) in report["rows"].as_array().unwrap().iter().enumerate() {
        let class = CLASSES.iter().position(|class| told["class"] == *class).unwrap();
        assert_eq!(class, row % 3);
        let path = std::path::PathBuf::from(told["path"].as_str().unwrap());
        let item = item(path, class, told["sample"].as_u64().unwrap() as usize);
        for view in 0..2 {
            let spec = training_spec(&config, view, plain_spec(&config, &preprocess(), 3, 3, 0));
            let batch = Loader::new(vec![item.clone()], spec, None).next().unwrap().unwrap();
            assert!(tile(&sheet, &report, view + 1, row) == picture(&batch, 0), "row {row} view {view}");
        }
        assert!(tile(&sheet, &report, 1, row) != tile(&sheet, &report, 2, row));
    }
}

#[test]
fn no_file_is_replaced() {
    let studio = Studio::new();
    studio.write("mine.png", "not a sheet");
    let args = ["data", "show", "tiny.toml", "--out", "mine.png", "--count", "1"];
    assert_eq!(studio.expect(0, &args).out, "mine-2.png\n");
    assert_eq!(studio.expect(0, &args).out, "mine-3.png\n");
    assert_eq!(std::fs::read(studio.path("mine.png")).unwrap(), b"not a sheet");
    let sheets = ["mine-2.png", "mine-3.png"].map(|name| std::fs::read(studio.path(name)).unwrap());
    assert!(sheets[0] == sheets[1]);
    let jpeg = studio.expect(0, &["data", "show", "tiny.toml", "--out", "new/a.jpg", "--count", "1"]);
    assert_eq!(jpeg.out, "new/a.jpg\n");
    assert!(std::fs::read(studio.path("new/a.jpg")).unwrap().starts_with(&[0xff, 0xd8]));
    studio.refused(2, &["data", "show", "tiny.toml", "--out", "a.txt"], &["a.txt", ".png or .jpg"]);
    studio.refused(2, &["data", "show", "tiny.toml", "--views", "9999999"], &["--views"]);
    studio.refused(2, &["data", "show", "tiny.toml", "augment.policy=x"], &["augment.policy", "randaugment"]);
}

#[test]
fn mixed_pictures_are_those_of_the_epochs_batches() {
    let studio = Studio::new();
    let overrides = ["augment.policy=augmix", "augment.mixup=1", "augment.cutmix=1"];
    let (sheet, report) = shown(&studio, &[&overrides[..], &["--views", "2", "--count", "3"]].concat());
    // The same numbers of the same files: a dry run of the order by hand.
    studio.expect(0, &["train", "tiny.toml"]);
    let record = studio.json("checkpoints/tiny/dataset.json");
    let samples = record["samples"].as_array().unwrap().iter().filter(|sample| sample["split"] == "train");
    let train: Vec<Item> = samples
        .enumerate()
        .map(|(number, sample)| {
            let path = studio.path("pictures").join(sample["relative"].as_str().unwrap());
            item(path, sample["class"].as_u64().unwrap() as usize, number)
        })
        .collect();
    assert!(train.len() > 3 * PER_CLASS / 2);
    let config = Config::load(&studio.path("tiny.toml"), &overrides.map(String::from)).unwrap();
    let mut mixed = 0;
    for view in 0..2 {
        let order = order::epoch(config.train.seed, view as u64, train.len());
        let items = order.iter().map(|&sample| train[sample].clone()).collect();
        let spec = training_spec(&config, view, plain_spec(&config, &preprocess(), 3, 3, 0));
        for batch in Loader::new(items, spec, None).map(Result::unwrap) {
            for (row, told) in report["rows"].as_array().unwrap().iter().enumerate() {
                let place = batch.samples.iter().position(|sample| told["sample"] == *sample);
                let Some(place) = place else { continue };
                assert!(tile(&sheet, &report, view + 1, row) == picture(&batch, place), "{view} {row}");
                let labels = told["labels"][view].as_array().unwrap();
                let sum: f64 = labels.iter().map(|label| label[1].as_f64().unwrap()).sum();
                assert!((sum - 1.0).abs() < 1e-6);
                mixed += usize::from(labels.len() == 2);
            }
        }
    }
    assert!(mixed > 0);
}

/// A picture of a file, that counts like every other.
fn item(path: std::path::PathBuf, class: usize, sample: usize) -> Item {
    Item {
        location: path.into(),
        class,
        sample,
        weight: 1.0,
        repeat: 0,
        content: String::new(),
        size: (48, 48),
    }
}
