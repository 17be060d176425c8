//! The policies against torchvision: every operation's pixels, every bin's strength, AutoAugment's pairs.
//! tests/golden/make_policies.py says how the expected values came about.

use serde_json::Value;

use super::autoaugment::SUB_POLICIES;
use super::levels::{Space, spaces};
use super::*;
use crate::augment::warp::{Look, Map, Surroundings, warp};
use crate::augment::{colour, filter, jpeg};
use crate::config::Sampling;
use crate::dataset::{Limits, decode};

const BLACK: Look = Look { sampling: Sampling::Nearest, surroundings: Surroundings::Colour([0; 3]) };

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/augment/policies.json")).unwrap()
}

fn operation(name: &str) -> Operation {
    match name {
        "Identity" => Operation::Identity,
        "ShearX" => Operation::ShearX,
        "ShearY" => Operation::ShearY,
        "TranslateX" => Operation::TranslateX,
        "TranslateY" => Operation::TranslateY,
        "Rotate" => Operation::Rotate,
        "Brightness" => Operation::Brightness,
        "Color" => Operation::Saturation,
        "Contrast" => Operation::Contrast,
        "Sharpness" => Operation::Sharpness,
        "Posterize" => Operation::Posterise,
        "Solarize" => Operation::Solarise,
        "AutoContrast" => Operation::AutoContrast,
        "Equalize" => Operation::Equalise,
        "Invert" => Operation::Invert,
        other => panic!("{other}"),
    }
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// Does a case's operation to the pixels, and tells by how much a value may differ from what it should be.
fn made(case: &Value, pixels: &mut [u8], shape: Shape) -> u8 {
    let magnitude = case["magnitude"].as_f64().unwrap_or_default();
    let sampling = if case["interpolation"] == "bilinear" { Sampling::Bilinear } else { Sampling::Nearest };
    let look = Look { sampling, ..BLACK };
    match case["operation"].as_str().unwrap() {
        "Perspective" => {
            let (right, bottom) = (shape.width as f64 - 1.0, shape.height as f64 - 1.0);
            let corners = [[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]];
            let to = std::array::from_fn(|n| [0, 1].map(|axis: usize| case["to"][n][axis].as_f64().unwrap()));
            warp(pixels, shape, &Map::perspective(corners, to).unwrap(), look);
            0
        }
        "Grey" => {
            colour::saturation(pixels, 0.0);
            0
        }
        // Two passes of one dimension round differently from one of two.
        "Blur" => {
            filter::blur(pixels, shape, magnitude);
            1
        }
        // Another encoder and another decoder: a coefficient between two steps may fall on the other one, which
        // changes its whole block. The mean is held to two levels instead.
        "Jpeg" => {
            jpeg::jpeg(pixels, shape, magnitude as u8).unwrap();
            u8::MAX
        }
        name => {
            operation(name).apply(pixels, shape, magnitude, look);
            0
        }
    }
}

#[test]
fn pixels_are_those_of_torchvision_and_pillow() {
    let golden = golden();
    let [width, height] = ["width", "height"].map(|side| golden[side].as_u64().unwrap() as usize);
    let shape = Shape { width, height, channels: 3 };
    let strip = include_bytes!("../../../tests/golden/augment/policies.png");
    let strip = decode(strip, [0; 3], &Limits::default()).unwrap();
    let mut results = strip.as_rgb8().unwrap().chunks_exact(width * height * 3);
    let picture = results.next().unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!((cases.len(), results.len()), (70, 70));
    for (case, expected) in cases.iter().zip(results) {
        let mut pixels = picture.to_vec();
        let tolerance = made(case, &mut pixels, shape);
        let differences: Vec<u8> = pixels.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).collect();
        let worst = differences.iter().max().unwrap();
        let count = differences.iter().filter(|difference| **difference > 0).count();
        let mean = differences.iter().map(|d| f64::from(*d)).sum::<f64>() / differences.len() as f64;
        println!("{case}: {count} of {} values differ, {worst} at most, {mean:.3} on average", pixels.len());
        assert!(*worst <= tolerance && mean < 2.0, "{case}: {worst}, {mean}");
    }
}

#[test]
fn strengths_are_those_of_torchvision() {
    let golden = golden();
    let check = |policy: &str, space: &Space| {
        let expected = &golden["spaces"][policy];
        if policy != "autoaugment" {
            let mut names: Vec<_> = space.operations.iter().map(|o| format!("{o:?}")).collect();
            let mut theirs: Vec<_> =
                words(&expected["operations"]).iter().map(|name| format!("{:?}", operation(name))).collect();
            names.sort();
            theirs.sort();
            assert_eq!(names, theirs, "{policy}");
        }
        let signed = words(&expected["signed"]);
        let sizes = golden["sizes"].as_array().unwrap().iter();
        for (size, tables) in sizes.zip(expected["strengths"].as_array().unwrap()) {
            let [width, height] = ["width", "height"].map(|side| size[side].as_u64().unwrap() as usize);
            let shape = Shape { width, height, channels: 3 };
            for (name, strengths) in tables.as_object().unwrap() {
                let own = operation(name);
                assert_eq!(own.is_signed(), signed.contains(&name.as_str()), "{name}");
                let strengths = strengths.as_array().unwrap();
                assert_eq!(strengths.len(), space.bins);
                for (bin, strength) in strengths.iter().enumerate() {
                    let (found, wanted) = (space.magnitude(own, bin, shape), strength.as_f64().unwrap());
                    assert_eq!(found, wanted, "{policy} {name} {bin} {shape:?}");
                }
            }
        }
    };
    check("autoaugment", &spaces::AUTO_AUGMENT);
    check("randaugment", &spaces::RAND_AUGMENT);
    check("trivialaugment", &spaces::TRIVIAL_AUGMENT_WIDE);
    check("augmix", &spaces::AUG_MIX);
}

#[test]
fn the_pairs_of_autoaugment_are_those_of_torchvision() {
    let golden = golden();
    let pairs = golden["autoaugment"].as_array().unwrap();
    assert_eq!(pairs.len(), SUB_POLICIES.len());
    for (number, (own, theirs)) in SUB_POLICIES.iter().zip(pairs).enumerate() {
        for (own, theirs) in own.iter().zip(theirs.as_array().unwrap()) {
            let bin = theirs[2].as_u64().map(|bin| bin as usize);
            let expected = (operation(theirs[0].as_str().unwrap()), theirs[1].as_f64().unwrap(), bin);
            assert_eq!(*own, expected, "{number}");
        }
    }
}

const SHAPE: Shape = Shape { width: 24, height: 24, channels: 3 };

fn picture() -> Vec<u8> {
    (0..24 * 24 * 3).map(|i| (20 + (i * 7 + i / 72 * 13) % 200) as u8).collect()
}

fn view(policy: Published, sample: u64) -> Vec<u8> {
    let mut pixels = picture();
    apply(policy, &mut pixels, SHAPE, BLACK, Key::new(3).with(sample));
    pixels
}

const ALL: [Published; 4] = [
    Published::RandAugment { operations: 2, magnitude: 9 },
    Published::TrivialAugment,
    Published::AutoAugment,
    Published::AugMix { severity: 3, width: 3, depth: None, alpha: 1.0 },
];

#[test]
fn a_view_depends_on_its_key_alone_and_nearly_all_differ() {
    for policy in ALL {
        let views: Vec<_> = (0..60).map(|sample| view(policy, sample)).collect();
        assert_eq!(views, (0..60).map(|sample| view(policy, sample)).collect::<Vec<_>>());
        let distinct: std::collections::BTreeSet<_> = views.into_iter().collect();
        assert!(distinct.len() > 20, "{policy:?}: {}", distinct.len());
    }
}

#[test]
fn a_magnitude_of_nought_turns_nothing() {
    let policy = Published::RandAugment { operations: 1, magnitude: 0 };
    let unchanged = (0..280).filter(|&sample| view(policy, sample) == picture()).count();
    // All of the fourteen but autocontrast and equalise; solarising from 255 on leaves this picture alone.
    assert!((200..270).contains(&unchanged), "{unchanged}");
}

#[test]
fn every_operation_gets_its_turn_both_ways() {
    let space = &spaces::TRIVIAL_AUGMENT_WIDE;
    let mut draws = Key::new(8).draws();
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..4000 {
        let chosen = one_of(space, &mut draws);
        let step = space.step(chosen, Some(30), &mut draws, SHAPE);
        *seen.entry(format!("{chosen:?} {}", step.magnitude < 0.0)).or_insert(0) += 1;
    }
    // Nine of the fourteen have two ways.
    assert_eq!(seen.len(), 14 + 9, "{seen:?}");
    assert!(seen.values().all(|&count| count > 90), "{seen:?}");
}

#[test]
fn the_shares_of_augmix_sum_to_one() {
    // No operation of the lowest severity changes this colour, so only the shares could.
    let policy = Published::AugMix { severity: 1, width: 3, depth: None, alpha: 1.0 };
    for sample in 0..40 {
        let mut pixels = vec![0xf0; 24 * 24 * 3];
        apply(policy, &mut pixels, SHAPE, BLACK, Key::new(3).with(sample));
        assert!(pixels.iter().all(|value| (0xef..=0xf0).contains(value)), "{sample}");
    }
}
