//! A folder with every fault at once: each has to be found, and the totals have to add up.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::Value;

use super::super::{Labels, Limits, Pictures};
use super::*;
use crate::chance::Key;

/// A picture of soft spots that only this seed has.
fn spots(seed: u64, size: u32) -> RgbImage {
    let mut draws = Key::new(seed).named("spots").draws();
    let mut number = || draws.below(1000) as f32 / 1000.0;
    let spots: Vec<[f32; 4]> =
        (0..12).map(|_| [number(), number(), 0.03 + number() / 6.0, number()]).collect();
    RgbImage::from_fn(size, size, |x, y| {
        let (x, y) = ((x as f32 + 0.5) / size as f32, (y as f32 + 0.5) / size as f32);
        let spot = |[cx, cy, radius, light]: &[f32; 4]| {
            (light - 0.5) * (-((x - cx).powi(2) + (y - cy).powi(2)) / radius.powi(2)).exp()
        };
        image::Rgb([(128.0 + 120.0 * spots.iter().map(spot).sum::<f32>()).clamp(0.0, 255.0) as u8; 3])
    })
}

pub(super) fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.into().write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn png(seed: u64) -> Vec<u8> {
    encoded(spots(seed, 64), ImageFormat::Png)
}

pub(super) fn put(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Two classes, each with `train` and `test` pictures, and nothing wrong.
pub(super) fn sound() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (class, name) in ["rose", "tulip"].iter().enumerate() {
        for i in 0..4 {
            let split = if i < 3 { "train" } else { "test" };
            put(root.path(), &format!("{split}/{name}/{i}.png"), &png(10 * class as u64 + i));
        }
    }
    root
}

pub(super) fn found(root: &Path) -> Found {
    find(&Pictures::At(root.into()), &Labels::default()).unwrap()
}

pub(super) fn report(found: &Found, options: &Options) -> Report {
    look(found, options, &|_, _, _| {}).report(found, options)
}

fn checked(root: &Path, depth: Depth) -> Value {
    checked_through(root, depth, None)
}

pub(super) fn checked_through(root: &Path, depth: Depth, window: Option<[f64; 2]>) -> Value {
    let limits = Limits { pixels: 1 << 20 };
    let options = Options { depth, limits, window: window.map(Into::into), minimum: 2, alike: ALIKE };
    let report = report(&found(root), &options);
    serde_json::to_value(&report).unwrap()
}

/// The names of a kind, in order.
pub(super) fn named<'a>(report: &'a Value, kind: &str) -> Vec<&'a str> {
    let findings = report["findings"].as_array().unwrap();
    let items = findings.iter().find(|finding| finding["kind"] == kind).map(|finding| &finding["items"]);
    items.into_iter().flat_map(|items| items.as_array().unwrap()).filter_map(|i| i["name"].as_str()).collect()
}

pub(super) fn total(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().filter_map(Value::as_u64).sum()
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let root = sound();
    for depth in [Depth::Header, Depth::Pixels] {
        let report = checked(root.path(), depth);
        assert_eq!(report["findings"], serde_json::json!([]), "{depth:?}");
        assert_eq!((report["found"].as_u64(), report["files"]["usable"].as_u64()), (Some(8), Some(8)));
        assert_eq!(report["modes"], serde_json::json!({ "8-bit RGB": 8 }));
    }
}

#[test]
fn every_fault_is_found_and_every_file_counted() {
    let root = sound();
    let jpeg = encoded(spots(50, 64), ImageFormat::Jpeg);
    let bomb = encoded(RgbImage::new(1025, 1025), ImageFormat::Png);
    let mut damaged = encoded(spots(51, 64), ImageFormat::Bmp);
    damaged[28] = 7;
    let larger = encoded(spots(3, 90), ImageFormat::Png);
    let files: [(&str, &[u8]); 17] = [
        ("train/rose/cut.jpg", &jpeg[..jpeg.len() * 2 / 3]),
        ("train/rose/zero.jpg", b""),
        ("train/rose/words.jpg", b"words"),
        ("train/rose/phone.heic", b"\0\0\0\x18ftypheic"),
        ("train/rose/bomb.png", &bomb),
        ("train/rose/damaged.bmp", &damaged),
        ("train/rose/named.png", &jpeg),
        ("train/rose/.hidden", b"x"),
        ("train/rose/readme.txt", b"words"),
        ("train/rose/long.png", &encoded(spots(52, 60).sub(60, 8), ImageFormat::Png)),
        (
            "train/rose/white.png",
            &encoded(RgbImage::from_pixel(30, 30, image::Rgb([255; 3])), ImageFormat::Png),
        ),
        ("train/rose/copy.png", &png(0)),
        ("train/tulip/other label.png", &png(1)),
        ("train/tulip/leak.png", &png(13)),
        ("train/rose/larger.png", &larger),
        ("train/ROSE/1.png", &png(60)),
        ("loose.png", &png(61)),
    ];
    files.iter().for_each(|(name, content)| put(root.path(), name, content));
    fs::create_dir_all(root.path().join("train/empty")).unwrap();
    let report = checked(root.path(), Depth::Pixels);
    let check =
        |kind: &str, expected: &[&str]| assert_eq!(named(&report, kind), expected, "{kind}: {report:#}");
    check("truncated", &["train/rose/cut.jpg"]);
    check("empty", &["train/rose/zero.jpg"]);
    check("not-a-picture", &["train/rose/words.jpg"]);
    check("undecodable", &["train/rose/damaged.bmp"]);
    check("unsupported", &["train/rose/phone.heic"]);
    check("too-large", &["train/rose/bomb.png"]);
    check("wrong-extension", &["train/rose/named.png"]);
    check("hidden", &["train/rose/.hidden"]);
    check("other", &["train/rose/readme.txt"]);
    check("extreme-aspect", &["train/rose/long.png"]);
    check("blank", &["train/rose/white.png"]);
    check("same-within-class", &["train/rose/copy.png"]);
    check("same-across-classes", &["train/rose/1.png", "train/tulip/other label.png"]);
    check("same-across-splits", &["test/tulip/3.png", "train/tulip/leak.png"]);
    check("like-across-splits", &["test/rose/3.png", "train/rose/larger.png"]);
    check("colliding-classes", &["ROSE", "rose"]);
    check("empty-class", &["empty"]);
    check("small-class", &["ROSE"]);
    check("outside", &["loose.png"]);
    assert_eq!(report["found"].as_u64(), Some(8 + files.len() as u64));
    assert_eq!(total(&report["files"]), 8 + files.len() as u64);
    assert_eq!(Some(total(&report["modes"])), report["files"]["usable"].as_u64());
}

#[test]
fn a_table_is_looked_at_row_by_row() {
    let root = sound();
    put(root.path(), "train/rose/cut.png", &png(70)[..300]);
    put(root.path(), "labels.csv", b"path,label,split\ntrain/rose/0.png,a,train\ntrain/rose/1.png,a,train\n\
        train/rose/cut.png,b,train\ntrain/tulip/0.png,b,train\ntrain/tulip/1.png,b,train\ntest/tulip/3.png,b,test\n");
    let report = checked(&root.path().join("labels.csv"), Depth::Pixels);
    assert_eq!(named(&report, "truncated"), ["train/rose/cut.png"]);
    assert_eq!(report["found"].as_u64(), Some(total(&report["files"])));
    assert_eq!(report["files"]["usable"].as_u64().unwrap() + 1, report["found"].as_u64().unwrap());
}

/// The first bad row ended the check.
#[test]
fn bad_rows_are_found_beside_everything_else() {
    let root = sound();
    put(root.path(), "train/rose/cut.png", &png(70)[..300]);
    put(root.path(), "labels.csv", b"path,label,split\ntrain/rose/0.png,a,train\ntrain/rose/1.png,a,train\n\
        train/rose/0.png,b,train\ntrain/rose/cut.png,b,train\ntrain/tulip/0.png,b,dev\ntrain/tulip/1.png,b,train\n\
        train/tulip/2.png,b,train\ntest/tulip/3.png,c,test\n");
    let report = checked(&root.path().join("labels.csv"), Depth::Pixels);
    assert_eq!(named(&report, "set-aside"), ["labels.csv:6", "train/rose/0.png"]);
    assert_eq!(named(&report, "truncated"), ["train/rose/cut.png"]);
    assert_eq!(named(&report, "empty-class"), ["c"]);
    let layout = report["findings"].as_array().unwrap().iter().find(|finding| finding["kind"] == "layout");
    let told = layout.unwrap()["items"][0]["detail"].as_str().unwrap();
    assert!(told.contains("labels.csv:6: the split is 'dev'"), "{told}");
    assert_eq!((report["found"].as_u64(), total(&report["files"])), (Some(8), 8));
}

/// The left upper part of a picture.
trait Part {
    fn sub(self, width: u32, height: u32) -> RgbImage;
}

impl Part for RgbImage {
    fn sub(self, width: u32, height: u32) -> RgbImage {
        image::imageops::crop_imm(&self, 0, 0, width, height).to_image()
    }
}

#[test]
fn threads_change_nothing() {
    let root = sound();
    for i in 0..40 {
        put(
            root.path(),
            &format!("train/rose/more {i}.png"),
            &encoded(spots(i % 9, 50 + i as u32), ImageFormat::Png),
        );
    }
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| checked(root.path(), Depth::Pixels)).to_string()
    };
    let one = with(1);
    assert!(one.contains("like-within-class"));
    assert_eq!(one, with(4));
}

#[test]
fn fixes_have_a_line_per_file() {
    let root = sound();
    put(root.path(), "train/rose/a\tb.jpg", b"words");
    put(root.path(), "train/rose/copy.png", &png(0));
    let options =
        Options { depth: Depth::Header, limits: Limits::default(), window: None, minimum: 2, alike: ALIKE };
    let report = report(&found(root.path()), &options);
    let lines: Vec<_> =
        fixes(&report).lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.len() == 3));
    assert_eq!(lines[0][0], "train/rose/a\\tb.jpg");
    assert!(lines[1][1].contains("the same as train/rose/0.png"), "{lines:?}");
}

#[test]
fn the_page_needs_nothing_else_and_trusts_no_name() {
    let root = sound();
    put(root.path(), "train/rose/<b onclick=x>.png", &png(0));
    let found = found(root.path());
    let options =
        Options { depth: Depth::Pixels, limits: Limits::default(), window: None, minimum: 2, alike: ALIKE };
    let text = page(&report(&found, &options), &found);
    assert!(text.contains("data:image/jpeg;base64,") && text.contains("&lt;b onclick=x&gt;"));
    assert!(!text.contains("<b onclick") && !text.contains("http") && !text.contains("<script"));
}

#[test]
fn a_model_is_shown_what_is_usable_and_has_a_label() {
    let root = sound();
    put(root.path(), "train/rose/copy.png", &png(1));
    put(root.path(), "train/rose/cut.png", &png(70)[..300]);
    put(root.path(), "loose.png", &png(61));
    let options =
        Options { depth: Depth::Pixels, limits: Limits::default(), window: None, minimum: 2, alike: ALIKE };
    let found = found(root.path());
    let seen = look(&found, &options, &|_, _, _| {});
    let labelled = seen.labelled(&found);
    let name = |entry: usize| found.entries[entry].name.as_str();
    assert_eq!(labelled.len(), 9);
    assert!(labelled.iter().all(|one| !["train/rose/cut.png", "loose.png"].contains(&name(one.entry))));
    let together = |group: usize| labelled.iter().filter(|one| one.group == group).count();
    for one in &labelled {
        let copied = ["train/rose/1.png", "train/rose/copy.png"].contains(&name(one.entry));
        assert_eq!(together(one.group), if copied { 2 } else { 1 });
    }
}

#[test]
fn contradicted_labels_are_a_finding_and_all_are_ranked() {
    let root = sound();
    let found = found(root.path());
    let options =
        Options { depth: Depth::Header, limits: Limits::default(), window: None, minimum: 2, alike: ALIKE };
    let mut report = report(&found, &options);
    let doubt = |entry: usize, of_given, contradicted| {
        let given = found.entries[entry].class.unwrap();
        Doubt { entry, given, suggested: 1 - given, of_given, of_suggested: 1.0 - of_given, contradicted }
    };
    let ranking = [doubt(3, 0.02, true), doubt(7, 0.3, false)];
    let ranking = ranking.iter().map(|doubt| Ranked::of(doubt, &found)).collect();
    report.add_labels(LabelCheck {
        model: "imagenet".into(),
        features: 1280,
        folds: 5,
        pictures: 2,
        agreement: 0.0,
        contradicted: 1,
        confusions: Vec::new(),
        left_out: Vec::new(),
        not_seen: Vec::new(),
        ranking,
    });
    let value = serde_json::to_value(&report).unwrap();
    let name = &found.entries[3].name;
    assert_eq!(named(&value, "contradicted-label"), [name]);
    let (given, other) = (&found.classes[found.entries[3].class.unwrap()], "looks like");
    let text = fixes(&report);
    assert!(text.starts_with(name.as_str()) && text.contains(given) && text.contains(other), "{text}");
    assert!(page(&report, &found).contains("labels that the model contradicts"));
    assert_eq!(value["labels"]["ranking"].as_array().unwrap().len(), 2);
    assert!(!report.has_to_be_mended());
}
