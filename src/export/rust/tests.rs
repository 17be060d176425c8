//! The templates, compiled here as the crate compiles them, against kiln's own decoding and preprocessing.

// The same files stand in `dataset`; here they are compiled as in the crate, with its own `lanes`.
#![allow(clippy::duplicate_mod)]

#[allow(dead_code)]
#[path = "../../dataset/baseline/mod.rs"]
mod baseline;
#[path = "../../dataset/blend.rs"]
mod blend;
#[path = "template/decode.rs"]
mod decode;
#[path = "../../dataset/jpeg.rs"]
mod jpeg;
#[path = "template/lanes.rs"]
mod lanes;
#[path = "template/prepare.rs"]
mod prepare;
#[allow(dead_code)]
#[path = "../../dataset/quick.rs"]
mod quick;
#[allow(dead_code)]
#[path = "../../dataset/region.rs"]
mod region;
#[path = "template/resize.rs"]
mod resize;
#[allow(dead_code)]
#[path = "../../dataset/stretch.rs"]
mod stretch;
#[allow(dead_code)]
#[path = "../../dataset/turn.rs"]
mod turn;

use prepare::Settings;
use resize::{Kernel, Pixels};

use super::*;
use crate::chance::Key;
use crate::dataset::{Crop, Limits, Part, Picture, Window};
use crate::scaling::{Plan, Variant};

/// What the crate is told of a preprocessing; src/model.rs holds the same as text.
fn settings(preprocess: &Preprocess) -> Settings {
    Settings {
        size: preprocess.size,
        resize: match preprocess.resize {
            Resize::Shorter(edge) => prepare::Resize::Shorter(edge),
            Resize::Squash(edge) => prepare::Resize::Squash(edge),
        },
        kernel: match preprocess.interpolation {
            Interpolation::Bilinear => Kernel::Bilinear,
            Interpolation::Bicubic => Kernel::Bicubic,
        },
        background: preprocess.background,
        window: preprocess.window.map(<[f64; 2]>::from),
        reduced: preprocess.reduced,
    }
}

fn noise(width: usize, height: usize) -> Vec<u8> {
    let mut draws = Key::new(7).with((width * 4099 + height) as u64).draws();
    (0..3 * width * height).map(|_| draws.below(256) as u8).collect()
}

#[test]
fn the_same_pixels_are_prepared_to_the_same_bytes() {
    let check = |preprocess: &Preprocess, width: usize, height: usize| {
        let bytes = noise(width, height);
        let picture = Picture::rgb8(width as u32, height as u32, bytes.clone()).unwrap();
        let wanted = preprocess.apply(&picture).unwrap();
        let picture = prepare::Picture::Bytes(Pixels { width, height, bytes });
        let found = prepare::prepare(&picture, &settings(preprocess)).unwrap();
        assert_eq!(found.bytes, wanted.as_rgb8().unwrap(), "{preprocess:?} {width}x{height}");
    };
    for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
        let usual = Preprocess::image_net(64, 0.875, interpolation);
        let squash = Preprocess { resize: Resize::Squash(64), crop: Crop::None, ..usual.clone() };
        let small = Preprocess { resize: Resize::Shorter(41), ..usual.clone() };
        for (width, height) in [(64, 64), (73, 73), (97, 61), (31, 200), (500, 333), (5, 7), (640, 37)] {
            check(&usual, width, height);
            check(&squash, width, height);
            check(&small, width, height);
        }
    }
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)).unwrap()
}

/// The largest and the mean difference of what the network sees, by kiln and by the crate.
fn apart(file: &[u8], preprocess: &Preprocess) -> (u8, f64) {
    let need = |width, height| preprocess.need(width, height);
    let part = Part::decode(file, preprocess.background, &Limits::default(), &need).unwrap();
    let wanted = preprocess.apply_to(&part).unwrap().to_rgb8().into_owned();
    let found = prepare::seen(file, &settings(preprocess)).unwrap();
    let wanted = wanted.as_rgb8().unwrap();
    assert_eq!(found.bytes.len(), wanted.len());
    let steps: Vec<u8> = found.bytes.iter().zip(wanted).map(|(a, b)| a.abs_diff(*b)).collect();
    let sum: f64 = steps.iter().copied().map(f64::from).sum();
    (steps.iter().copied().max().unwrap(), sum / steps.len() as f64)
}

#[test]
fn files_are_decoded_as_kiln_decodes_them() {
    let usual = Preprocess::image_net(24, 0.875, Interpolation::Bicubic);
    let dark = Preprocess { background: [10, 200, 30], ..usual.clone() };
    let window = Preprocess { window: Some(Window { low: 100.0, high: 50_000.0 }), ..usual.clone() };
    let check = |name: &str, preprocess: &Preprocess, most: u8| {
        let (largest, mean) = apart(&golden(name), preprocess);
        println!("{name}: {largest} steps at most, {mean:.3} on average");
        assert!(largest <= most, "{name}: {largest}");
    };
    for name in
        ["plain.gif", "plain.tiff", "alpha.png", "grey.png", "orientation-6.webp", "palette-clear.png"]
    {
        check(&format!("decode/{name}"), &usual, 0);
        check(&format!("decode/{name}"), &dark, 0);
    }
    for number in 1..=8 {
        check(&format!("decode/orientation-{number}.jpg"), &usual, 0);
    }
    for name in ["444", "422", "420", "420-restarts", "422-restarts-optimised", "grey", "one", "progressive"]
    {
        check(&format!("jpeg/{name}.jpg"), &usual, 0);
    }
    for name in ["deep.png", "deep-grey.png"] {
        check(&format!("decode/{name}"), &usual, 2);
        check(&format!("decode/{name}"), &window, 2);
    }
}

#[test]
fn a_large_jpeg_is_reduced_as_kiln_reduces_it() {
    let (width, height) = (1031, 777);
    let at = |x: u32, y: u32| {
        let wave = |period: f64, phase: f64| {
            127.0 + 120.0 * ((f64::from(x * x / 90 + y * y / 130) + phase) / period).sin()
        };
        [wave(40.0, 0.0), wave(90.0, 9.0), wave(150.0, 3.0)].map(|value| value as u8)
    };
    let image = image::RgbImage::from_fn(width, height, |x, y| image::Rgb(at(x, y)));
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Jpeg).unwrap();
    for (size, factor) in [(300, 1), (160, 2), (80, 4), (40, 8)] {
        let preprocess = Preprocess::image_net(size, 0.875, Interpolation::Bicubic);
        assert_eq!(preprocess.need(width, height).factor, factor);
        assert_eq!(apart(file.get_ref(), &preprocess), (0, 0.0), "{factor}");
    }
}

#[test]
fn a_jpeg_that_is_cut_off_is_refused() {
    let preprocess = settings(&Preprocess::image_net(24, 0.875, Interpolation::Bicubic));
    let file = golden("jpeg/420.jpg");
    let cut = prepare::seen(&file[..file.len() - 9], &preprocess);
    assert_eq!(cut, Err(decode::DecodeError::Truncated { format: "JPEG" }));
}

#[test]
fn classes_and_settings_are_written_as_rust() {
    let mut identity = Identity::sample(Plan::variant(Variant::Lite0));
    identity.classes = vec!["\"quoted\" \\ ümlaut\n".into(), "plain".into()];
    let text = constants(&identity);
    assert!(text.contains("pub const CLASSES: [&str; 2] = ["), "{text}");
    assert!(text.contains(r#"    "\"quoted\" \\ ümlaut\n","#), "{text}");
    assert!(text.contains("size: 224,\n    resize: Resize::Shorter(256),\n    kernel: Kernel::Bicubic,"));
    assert!(text.contains("background: [255, 255, 255],\n    window: None,\n    reduced: true,"));
}

#[test]
fn any_name_becomes_a_package() {
    let check = |stem, expected| assert_eq!(package_name(stem), expected);
    check("flowers", "flowers-classifier");
    check("Flowers 2", "flowers-2-classifier");
    check("17 kinds", "model-17-kinds-classifier");
    check("ümläut..", "ml-ut-classifier");
    check("", "picture-classifier");
    check("花", "picture-classifier");
}

#[test]
fn no_placeholder_is_left() {
    let identity = Identity::sample(Plan::variant(Variant::Lite0));
    let files = files(&identity, vec![1, 2], "flowers");
    for (path, bytes) in files.iter().filter(|(path, _)| *path != "model.onnx") {
        let text = String::from_utf8(bytes.clone()).unwrap();
        for word in ["CRATE", "@SUMMARY", "@DATA", "@START"] {
            assert!(!text.contains(word), "{path} still says {word}");
        }
    }
    let of = |path| String::from_utf8(files.iter().find(|file| file.0 == path).unwrap().1.clone()).unwrap();
    assert!(of("src/main.rs").contains("use flowers_classifier::{Classifier, Error};"));
    assert!(of("Cargo.toml").contains("name = \"flowers-classifier\""));
    assert!(of("README.md").contains("flowers_classifier::Classifier::new()"));
}
