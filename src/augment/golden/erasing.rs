//! Random erasing against torchvision's of the same draws: boxes to the pixel, the mean colour and black to the level,
//! noise to one level of 255. kiln's `ratio` is width over height, torchvision's is height over width.

use serde::Deserialize;

use super::{Rect, box_of, drawn, from_hex};
use crate::augment::Shape;
use crate::augment::crop::{Crop, erased};
use crate::augment::erase::erase;
use crate::chance::Key;
use crate::config::{EraseFill, Erasing};
use crate::dataset::{Interpolation, Preprocess};

#[derive(Deserialize)]
struct Erased {
    size: [usize; 2],
    scale: [f64; 2],
    ratio: [f64; 2],
    boxes: Vec<Option<Rect>>,
}

/// A deliberate difference: torchvision may draw a box of no columns or no rows and erases nothing. kiln draws again.
#[test]
fn boxes_are_those_of_torchvision() {
    let cases: Vec<Erased> = drawn("erased");
    assert_eq!(cases.len(), 18);
    let (mut compared, mut empty) = (0, 0);
    for Erased { size: [width, height], scale, ratio, boxes } in cases {
        for (number, wanted) in (0..).zip(boxes) {
            let found = erased(width, height, &Crop { scale, ratio }, Key::new(number)).map(box_of);
            if wanted.is_some_and(|[_, _, columns, rows]| columns == 0 || rows == 0) {
                empty += 1;
                assert!(found.is_none_or(|[_, _, columns, rows]| columns > 0 && rows > 0), "{found:?}");
            } else {
                compared += 1;
                assert_eq!(found, wanted, "{width}x{height}, {scale:?}, {ratio:?}, {number}");
            }
        }
    }
    assert!(compared > 120 && empty > 2, "{compared} {empty}");
}

#[derive(Deserialize)]
struct Fills {
    size: [usize; 2],
    picture: String,
    scale: [f64; 2],
    ratio: [f64; 2],
    cases: Vec<Fill>,
}

#[derive(Deserialize)]
struct Fill {
    fill: String,
    number: u64,
    pixels: String,
}

/// torchvision erases the mean colour and noise in normalised pixels, which may lie between bytes and beyond them:
/// the expected ones are the nearest bytes.
#[test]
fn pixels_are_those_of_torchvision() {
    let Fills { size: [width, height], picture, scale, ratio, cases } = drawn("erased_pixels");
    assert_eq!(cases.len(), 12);
    let shape = Shape { width, height, channels: 3 };
    let preprocess = Preprocess::image_net(64, 0.875, Interpolation::Bilinear);
    for Fill { fill, number, pixels } in cases {
        let (fill, tolerance) = match fill.as_str() {
            "mean" => (EraseFill::Mean, 0),
            "black" => (EraseFill::Black, 0),
            _ => (EraseFill::Random, 1),
        };
        let mut found = from_hex(&picture);
        erase(&Erasing { scale, ratio, fill }, &mut found, shape, &preprocess, Key::new(number));
        assert!(found != from_hex(&picture), "{fill:?} {number} erases nothing");
        for (at, (own, theirs)) in found.iter().zip(from_hex(&pixels)).enumerate() {
            assert!(own.abs_diff(theirs) <= tolerance, "{fill:?} {number} at {at}: {own} {theirs}");
        }
    }
}
