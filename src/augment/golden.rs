//! The operations against what Pillow and torchvision make of the same pictures; tests/golden/make_augment.py
//! says how the expected values came about. What draws boxes or mixes a batch stands in the files beneath.

mod erasing;
mod mixing;
mod places;

use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;

use super::{colour, geometry};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/augment/operations.json")).unwrap()
}

/// What torchvision makes of kiln's own draws, by make_torchvision.py.
fn drawn<T: for<'a> Deserialize<'a>>(part: &str) -> T {
    let all: Value =
        serde_json::from_str(include_str!("../../tests/golden/augment/torchvision.json")).unwrap();
    T::deserialize(&all[part]).unwrap()
}

/// Left, top, width, height.
type Rect = [usize; 4];

fn box_of([columns, rows]: [Range<usize>; 2]) -> Rect {
    [columns.start, rows.start, columns.len(), rows.len()]
}

fn bytes(hex: &Value) -> Vec<u8> {
    from_hex(hex.as_str().unwrap())
}

fn from_hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn colours_are_those_of_pillow_and_torchvision() {
    let golden = golden();
    let cases = golden["colour"].as_array().unwrap();
    assert_eq!(cases.len(), 24);
    for case in cases {
        let (name, amount) = (case["operation"].as_str().unwrap(), case["amount"].as_f64().unwrap());
        let mut pixels = bytes(&golden["picture"]);
        match name {
            "brightness" => colour::brightness(&mut pixels, amount),
            "contrast" => colour::contrast(&mut pixels, amount),
            "saturation" => colour::saturation(&mut pixels, amount),
            _ => colour::hue(&mut pixels, amount),
        }
        assert_eq!(pixels, bytes(&case["pixels"]), "{name} {amount}");
    }
}

#[test]
fn neutral_amounts_change_nothing() {
    // Every byte as a grey, and colours of all kinds.
    let greys = (0..=255).flat_map(|value| [value; 3]);
    let colours = (0..30_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).take(90_000);
    let original: Vec<u8> = greys.chain(colours).collect();
    let operations: [(colour::Operation, f64); 5] = [
        (colour::brightness, 1.0),
        (colour::contrast, 1.0),
        (colour::saturation, 1.0),
        (colour::hue, 0.0),
        (colour::hue, 1.0),
    ];
    for (number, (operation, neutral)) in operations.into_iter().enumerate() {
        let mut pixels = original.clone();
        operation(&mut pixels, neutral);
        assert!(pixels == original, "operation {number}");
        operation(&mut [], neutral);
    }
}

#[test]
fn rotation_is_that_of_pillow_where_no_edge_shows() {
    let golden = golden();
    let edge = golden["slopes"]["edge"].as_u64().unwrap() as usize;
    let slopes = bytes(&golden["slopes"]["pixels"]);
    let middle = (edge as f64 - 1.0) / 2.0;
    for case in golden["rotations"].as_array().unwrap() {
        let degrees = case["degrees"].as_f64().unwrap();
        let (turned, expected) = (geometry::rotate(&slopes, edge, edge, degrees), bytes(&case["pixels"]));
        for (at, (own, theirs)) in turned.iter().zip(&expected).enumerate() {
            let (x, y) = ((at / 3 % edge) as f64 - middle, (at / 3 / edge) as f64 - middle);
            // Pillow cuts off where kiln rounds.
            assert!(x.hypot(y) > middle || own.abs_diff(*theirs) <= 1, "{degrees} at {at}: {own} {theirs}");
        }
    }
}
