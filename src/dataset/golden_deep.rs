//! Every kind of picture against what Pillow and tifffile find in it (tests/golden/deep), whole, cut off and refused.

use std::path::Path;

use serde::Deserialize;

use super::levels::Window;
use super::resize::{Interpolation, Region, resize};
use super::{DecodeError, Depth, Limits, Picture, Preprocess, decode, probe};

/// What is in one file.
#[derive(Deserialize)]
struct Golden {
    name: String,
    kind: String,
    width: u32,
    height: u32,
    channels: u8,
    tolerance: f64,
    values: Vec<f64>,
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/deep").join(name)).unwrap()
}

fn goldens() -> Vec<Golden> {
    serde_json::from_slice(&read("files.json")).unwrap()
}

fn decoded(bytes: &[u8]) -> Result<Picture, DecodeError> {
    decode(bytes, [255; 3], &Limits::default())
}

/// The kind of the samples, and their values.
fn samples(depth: &Depth) -> (&'static str, Vec<f64>) {
    match depth {
        Depth::U8(samples) => ("u8", samples.iter().copied().map(f64::from).collect()),
        Depth::U16(samples) => ("u16", samples.iter().copied().map(f64::from).collect()),
        Depth::F32(samples) => ("f32", samples.iter().copied().map(f64::from).collect()),
    }
}

#[test]
fn every_kind_keeps_its_depth_and_values() {
    for file in goldens() {
        let bytes = read(&file.name);
        let found = decoded(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.name));
        assert_eq!(probe(&bytes), Ok((file.width, file.height)), "{}", file.name);
        let (kind, values) = samples(found.depth());
        let told = (found.width(), found.height(), found.channels(), kind);
        assert_eq!(told, (file.width, file.height, file.channels, file.kind.as_str()), "{}", file.name);
        let worst = values.iter().zip(&file.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{}: at most {worst} from the reference", file.name);
        assert!(worst <= file.tolerance, "{}: {worst} is more than {}", file.name, file.tolerance);
    }
}

#[test]
fn a_file_cut_anywhere_gives_an_error_or_the_very_same_picture() {
    for file in goldens() {
        let bytes = read(&file.name);
        let whole = decoded(&bytes).unwrap();
        for end in 0..bytes.len() {
            let cut = decoded(&bytes[..end]);
            assert!(cut.is_err() || cut == Ok(whole.clone()), "{} cut at {end}", file.name);
        }
    }
}

#[test]
fn the_header_alone_refuses_what_is_too_large() {
    for file in goldens() {
        let limit = u64::from(file.width) * u64::from(file.height) - 1;
        let refused = decode(&read(&file.name), [0; 3], &Limits { pixels: limit });
        assert!(matches!(refused, Err(DecodeError::TooLarge { .. })), "{}: {refused:?}", file.name);
    }
}

#[test]
fn changed_bytes_come_back_as_a_value() {
    for file in goldens() {
        let mut bytes = read(&file.name);
        let mut draws = crate::chance::Key::new(2).named(&file.name).draws();
        for _ in 0..200 {
            let at = draws.below(bytes.len());
            let kept = std::mem::replace(&mut bytes[at], draws.below(256) as u8);
            let _ = decode(&bytes, [0; 3], &Limits { pixels: 1 << 20 });
            bytes[at] = kept;
        }
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let check = |name: &str, part: &str| {
        let error = decoded(&read(name)).unwrap_err().to_string();
        let advice =
            "is not read; save it as grey or RGB of plain numbers, in PNG, JPEG or uncompressed TIFF";
        assert!(error.contains(part) && error.contains(advice), "{name}: {error}");
    };
    check("refused-palette.tiff", "TIFF file");
    check("refused-lab.tiff", "TIFF file");
    check("refused-bands.tiff", "TIFF file");
    check("refused-planes.tiff", "a TIFF with a plane for each colour");
    check("refused-tiles.tiff", "a TIFF of tiles with a plane for each colour");
    check("refused-nan.tiff", "values that are no numbers");
    check("refused-float-alpha.tiff", "a float picture with transparency");
}

#[test]
fn floats_are_resized_as_pillow_resizes_them() {
    let wanted: std::collections::BTreeMap<String, Vec<f32>> =
        serde_json::from_slice(&read("resized.json")).unwrap();
    let source = decoded(&read("float.tiff")).unwrap();
    for (name, wanted) in wanted {
        let (word, size) = name.split_once('-').unwrap();
        let (width, height) = size.split_once('x').unwrap();
        let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
        let way = if word == "bilinear" { Interpolation::Bilinear } else { Interpolation::Bicubic };
        let found = resize(&source, Region::whole(&source), width, height, way).unwrap();
        let Depth::F32(found) = found.depth() else { panic!("{name}") };
        assert_eq!(found.len(), wanted.len());
        let worst = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name}: at most {worst} from Pillow");
        assert!(worst <= 2e-6, "{name}: {worst}");
    }
}

#[test]
fn a_window_shows_what_lies_inside_it() {
    let usual = Preprocess::image_net(9, 1.0, Interpolation::Bilinear);
    let wide = Preprocess { window: Some(Window { low: -1024.0, high: 3071.0 }), ..usual.clone() };
    let picture = decoded(&read("signed16.tiff")).unwrap();
    let refused = usual.apply(&picture).unwrap_err().to_string();
    assert!(refused.contains("set data.window = [low, high]"), "{refused}");
    let Depth::F32(samples) = wide.apply(&picture).unwrap().into_depth() else { panic!("not float") };
    assert_eq!(samples.len(), 81);
    assert!(samples.iter().any(|v| *v < 0.2) && samples.iter().any(|v| *v > 0.8), "{samples:?}");
    assert!(samples.iter().all(|v| (0.0..=1.0).contains(v)));
}

#[test]
fn one_channel_or_three_come_from_grey_and_from_colours() {
    let plain = Preprocess::image_net(2, 1.0, Interpolation::Bilinear);
    let plain = Preprocess { mean: [0.25; 3], std: [0.5; 3], ..plain };
    let check = |channels, depth, expected: &[f32]| {
        let picture = Picture::new(2, 2, channels, depth).unwrap();
        let mut out = Vec::new();
        plain.normalise(&picture, expected.len() / 4, &mut out).unwrap();
        assert_eq!(out.len(), expected.len());
        let worst = out.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-6, "{out:?} is not {expected:?}");
    };
    let grey = Depth::F32(vec![0.0, 0.25, 0.5, 1.0]);
    check(1, grey.clone(), &[-0.5, 0.0, 0.5, 1.5]);
    check(1, grey, &[-0.5, 0.0, 0.5, 1.5, -0.5, 0.0, 0.5, 1.5, -0.5, 0.0, 0.5, 1.5]);
    let bytes: Vec<u8> = [0, 51, 102, 255].into_iter().flat_map(|grey| [grey; 3]).collect();
    check(3, Depth::U8(bytes.into()), &[-0.5, -0.1, 0.3, 1.5]);
    // Pillow's weights of red, green and blue.
    let pure = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
    let luma = [19_595.0, 38_470.0, 7_471.0, 65_536.0].map(|weight: f32| weight / 32_768.0 - 0.5);
    check(3, Depth::F32(pure), &luma);
}
