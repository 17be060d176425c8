//! What the check says of pictures that are not plain 8-bit RGB: the golden files of tests/golden as a data set.

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};

use super::super::Limits;
use super::tests::{checked_through, encoded, found, named, put, report, sound};
use super::*;

/// Sound pictures and some golden files among those of one class.
fn with(names: &[&str]) -> tempfile::TempDir {
    let root = sound();
    for name in names {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let file = name.rsplit('/').next().unwrap();
        put(root.path(), &format!("train/rose/{file}"), &fs::read(golden).unwrap());
    }
    root
}

/// Names and details of a kind, in order.
fn told<'a>(report: &'a Value, kind: &str) -> Vec<(&'a str, &'a str)> {
    let findings = report["findings"].as_array().unwrap();
    let items = findings.iter().filter(|one| one["kind"] == kind);
    let items = items.flat_map(|finding| finding["items"].as_array().unwrap());
    items.map(|item| (item["name"].as_str().unwrap(), item["detail"].as_str().unwrap_or_default())).collect()
}

/// The check passed them, and training set every one aside.
#[test]
fn floats_beyond_0_to_1_have_to_have_a_window() {
    let root =
        with(&["deep/float.tiff", "deep/signed16.tiff", "deep/whole32.tiff", "deep/float-packed.tiff"]);
    let report = checked_through(root.path(), Depth::Pixels, None);
    let of_no_use = told(&report, "no-window");
    let names: Vec<&str> = of_no_use.iter().map(|(name, _)| *name).collect();
    let expected = ["float-packed.tiff", "signed16.tiff", "whole32.tiff"];
    assert_eq!(names, expected.map(|name| format!("train/rose/{name}")));
    assert!(of_no_use[1].1.contains("from -1024 to 3071") && of_no_use[1].1.contains("data.window"));
    assert_eq!((&report["files"]["no-window"], &report["files"]["usable"]), (&json!(3), &json!(9)));
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|one| one["kind"] == "no-window" && one["mend"] == true));
    let report = checked_through(root.path(), Depth::Pixels, Some([-1024.0, 3071.0]));
    assert_eq!(named(&report, "no-window"), [""; 0]);
    assert_eq!(report["files"]["usable"], 12);
}

/// Without it a scan of numbers that are all above 1 would be white all over.
#[test]
fn pictures_are_judged_through_the_window() {
    let root = with(&["deep/grey16.tiff", "deep/signed16.tiff"]);
    let through = |window| named(&checked_through(root.path(), Depth::Pixels, window), "blank").len();
    assert_eq!(through(Some([-1024.0, 3071.0])), 0);
    assert_eq!(through(Some([1e6, 2e6])), 2);
}

/// Their headers were called damaged.
#[test]
fn headers_alone_tell_sound_deep_pictures_from_refused_ones() {
    let sound = ["float.tiff", "float-rgb.tiff", "half.tiff", "double.tiff", "signed16.tiff", "whole32.tiff"];
    let refused = ["refused-lab.tiff", "refused-palette.tiff", "refused-tiles.tiff"];
    let names: Vec<String> = sound.iter().chain(&refused).map(|name| format!("deep/{name}")).collect();
    let root = with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let report = checked_through(root.path(), Depth::Header, None);
    assert_eq!(named(&report, "undecodable"), [""; 0], "{report:#}");
    assert_eq!(named(&report, "unsupported"), refused.map(|name| format!("train/rose/{name}")));
    assert_eq!(report["files"]["usable"], 8 + sound.len());
    assert_eq!(report["modes"].get("unknown"), None);
}

#[test]
fn pictures_of_unusual_modes_are_named_and_nobody_has_to_act() {
    let root = with(&["deep/pages.tiff", "deep/moving.gif", "deep/cmyk-24-0.jpg", "decode/grey.png"]);
    put(root.path(), "train/tulip/clear.png", &encoded(DynamicImage::new_rgba8(20, 30), ImageFormat::Png));
    let report = checked_through(root.path(), Depth::Header, None);
    let expected = [
        ("train/rose/cmyk-24-0.jpg", "8-bit CMYK"),
        ("train/rose/moving.gif", "8-bit palette, animated"),
        ("train/rose/pages.tiff", "8-bit RGB, several pages"),
        ("train/tulip/clear.png", "8-bit RGB with alpha"),
    ];
    assert_eq!(told(&report, "unusual-mode"), expected);
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["mend"] == false));
    let found = found(root.path());
    let options =
        Options { depth: Depth::Header, limits: Limits::default(), window: None, minimum: 2, alike: ALIKE };
    let report = super::tests::report(&found, &options);
    assert_eq!(fixes(&report), "");
    let page = page(&report, &found);
    assert!(page.contains("8-bit RGB, several pages") && page.contains("train/rose/moving.gif"));
}

#[test]
fn the_smallest_and_the_largest_picture_are_named() {
    let root = sound();
    let sizes = |root: &Path| checked_through(root, Depth::Header, None)["sizes"].clone();
    let all = sizes(root.path());
    // Of equal ones the first.
    assert_eq!((&all["smallest_file"], &all["largest_file"]), (&all["smallest_file"], &all["smallest_file"]));
    let plain = |width, height| encoded(RgbImage::new(width, height), ImageFormat::Png);
    put(root.path(), "train/rose/small.png", &plain(7, 5));
    put(root.path(), "train/tulip/large.png", &plain(300, 200));
    let expected = json!({
        "smallest": [7, 5], "smallest_file": "train/rose/small.png", "median": [64, 64],
        "largest": [300, 200], "largest_file": "train/tulip/large.png",
    });
    assert_eq!(sizes(root.path()), expected);
    let options =
        Options { depth: Depth::Header, limits: Limits::default(), window: None, minimum: 2, alike: ALIKE };
    let found = found(root.path());
    let page = page(&report(&found, &options), &found);
    assert!(page.contains("7x5, train/rose/small.png") && page.contains("300x200, train/tulip/large.png"));
}
