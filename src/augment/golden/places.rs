//! Crops, flips and pads against torchvision's of the same draws: boxes, flips, pads and crops of the middle to the
//! pixel, resized crops to one level of 255.

use serde::Deserialize;

use super::{Rect, drawn, from_hex};
use crate::augment::bend::bend;
use crate::augment::crop::Crop;
use crate::augment::warp::{Look, Surroundings};
use crate::augment::{Policy, Shape, geometry};
use crate::chance::Key;
use crate::config::{Geometry, Sampling};
use crate::dataset::{Interpolation, Part, Picture, Preprocess, Region, resize};

const USUAL: Crop = Crop { scale: [0.08, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0] };

#[derive(Deserialize)]
struct Source {
    size: [u32; 2],
    pixels: String,
}

fn picture() -> Picture {
    let Source { size: [width, height], pixels } = drawn("picture");
    Picture::rgb8(width, height, from_hex(&pixels)).unwrap()
}

fn box_of(region: Region) -> Rect {
    [region.left, region.top, region.width, region.height].map(|edge| edge as usize)
}

fn farthest(found: &[u8], wanted: &[u8]) -> u8 {
    assert_eq!(found.len(), wanted.len());
    found.iter().zip(wanted).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// Where this fails, chance draws other numbers than make_torchvision.py, and no other test here says anything.
#[test]
fn the_draws_are_those_that_torchvision_was_given() {
    let mut draws = Key::new(1).named("crop").draws();
    let wanted: Vec<u64> = drawn("stream");
    assert_eq!((0..4).map(|_| draws.bits()).collect::<Vec<_>>(), wanted);
}

#[derive(Deserialize)]
struct Crops {
    size: [u32; 2],
    scale: [f64; 2],
    ratio: [f64; 2],
    boxes: Vec<Rect>,
}

/// torchvision computes shapes in single precision and kiln in double; for none of these does that round otherwise.
#[test]
fn boxes_of_random_crops_are_those_of_torchvision() {
    let cases: Vec<Crops> = drawn("crops");
    assert_eq!(cases.len(), 50);
    for Crops { size: [width, height], scale, ratio, boxes } in cases {
        let crop = Crop { scale, ratio };
        let found: Vec<_> =
            (0..8).map(|number| box_of(crop.region(width, height, Key::new(number)))).collect();
        assert_eq!(found, boxes, "{width}x{height}, {crop:?}");
    }
}

#[derive(Deserialize)]
struct Resized {
    number: u64,
    interpolation: Interpolation,
    edge: usize,
    r#box: Rect,
    cut: String,
    around: String,
}

/// A deliberate difference: torchvision cuts and then resizes, kiln resizes with Pillow's box and so sees a little of
/// what lies around it. Both are the same where the filter stays inside the box.
#[test]
fn resized_crops_are_within_one_level_of_torchvision_and_pillow() {
    let cases: Vec<Resized> = drawn("resized_crops");
    assert_eq!(cases.len(), 12);
    let part = Part::whole(picture());
    let policy = Policy { crop: Some(USUAL), ..Policy::none() };
    for case in &cases {
        let preprocess = Preprocess::image_net(case.edge, 1.0, case.interpolation);
        let view = policy.views(&part, &preprocess, Key::new(case.number)).unwrap();
        let (found, cut) = (view.as_rgb8().unwrap(), from_hex(&case.cut));
        let worst = farthest(found, &from_hex(&case.around));
        assert!(worst <= 1, "{} {:?}: {worst} from Pillow", case.number, case.interpolation);
        let mut inside = 0;
        for (at, (own, theirs)) in found.iter().zip(&cut).enumerate() {
            if case.sees_only_the_box(at / 3) {
                inside += 1;
                assert!(own.abs_diff(*theirs) <= 1, "{} at {at}: {own} {theirs}", case.number);
            }
        }
        // A cubic sees beyond the box from two pixels at each edge, from three where the crop is enlarged.
        assert!(inside >= 8 * 8 * 3, "{inside}");
    }
}

impl Resized {
    fn sees_only_the_box(&self, pixel: usize) -> bool {
        let [_, _, width, height] = self.r#box;
        self.is_inside(pixel % self.edge, width) && self.is_inside(pixel / self.edge, height)
    }

    /// Whether the filter stays inside along one axis.
    fn is_inside(&self, at: usize, length: usize) -> bool {
        let scale = length as f64 / self.edge as f64;
        let (middle, reach) = ((at as f64 + 0.5) * scale, self.interpolation.support() * scale.max(1.0));
        middle - reach >= 0.0 && middle + reach <= length as f64
    }
}

#[derive(Deserialize)]
struct Middle {
    size: [u32; 2],
    share: f64,
    r#box: Rect,
    pixels: Option<String>,
}

/// A deliberate difference: where an odd number of pixels is left over, kiln always leaves the larger half to the right
/// and below; torchvision rounds to the even number.
#[test]
fn middles_are_those_of_torchvision() {
    let cases: Vec<Middle> = drawn("middles");
    assert_eq!(cases.len(), 150);
    let mut one_less = 0;
    for Middle { size, share, r#box: [left, top, width, height], pixels } in cases {
        let region = Crop::middle(share, size[0], size[1]);
        let found = box_of(region);
        assert_eq!(found[2..], [width, height], "{size:?} {share}");
        for (own, theirs, rest) in
            [(found[0], left, size[0] as usize - width), (found[1], top, size[1] as usize - height)]
        {
            let is_up = rest % 4 == 3;
            one_less += usize::from(is_up);
            assert_eq!(own + usize::from(is_up), theirs, "{size:?} {share}");
        }
        if let Some(pixels) = pixels {
            let cut = resize(&picture(), region, width as u32, height as u32, Interpolation::Bicubic);
            assert_eq!(cut.unwrap().as_rgb8().unwrap(), from_hex(&pixels), "{share}");
        }
    }
    assert!((10..100).contains(&one_less), "{one_less}");
}

#[derive(Deserialize)]
struct Evaluated {
    interpolation: Interpolation,
    shorter: usize,
    edge: usize,
    pixels: String,
}

#[test]
fn evaluation_is_within_one_level_of_torchvision() {
    let cases: Vec<Evaluated> = drawn("evaluated");
    assert_eq!(cases.len(), 8);
    for Evaluated { interpolation, shorter, edge, pixels } in cases {
        let preprocess = Preprocess::image_net_resized(edge, shorter, interpolation);
        let view = Policy::none().views(&Part::whole(picture()), &preprocess, Key::new(1)).unwrap();
        let worst = farthest(view.as_rgb8().unwrap(), &from_hex(&pixels));
        assert!(worst <= 1, "{interpolation:?} {shorter} {edge}: {worst}");
    }
}

#[derive(Deserialize)]
struct Flip {
    size: [usize; 2],
    picture: String,
    level: String,
    upright: String,
}

#[test]
fn flips_are_those_of_torchvision() {
    let cases: Vec<Flip> = drawn("flips");
    assert_eq!(cases.len(), 4);
    for Flip { size: [width, _], picture, level, upright } in cases {
        let [mut sideways, mut over] = [from_hex(&picture), from_hex(&picture)];
        geometry::flip(&mut sideways, width);
        geometry::flip_vertical(&mut over, width);
        assert_eq!([sideways, over], [from_hex(&level), from_hex(&upright)], "{width}");
    }
}

#[derive(Deserialize)]
struct Pads {
    size: [usize; 2],
    picture: String,
    cases: Vec<Pad>,
}

#[derive(Deserialize)]
struct Pad {
    fill: String,
    pad: f64,
    number: u64,
    pixels: String,
}

/// torchvision's RandomCrop with a border, of the same size as the picture.
#[test]
fn pads_are_those_of_torchvision() {
    let Pads { size: [width, height], picture, cases } = drawn("pads");
    assert_eq!(cases.len(), 24);
    let shape = Shape { width, height, channels: 3 };
    for Pad { fill, pad, number, pixels } in cases {
        let surroundings = match fill.as_str() {
            "mirror" => Surroundings::Mirrored,
            "black" => Surroundings::Colour([0; 3]),
            _ => Surroundings::Colour([124, 116, 104]),
        };
        let look = Look { sampling: Sampling::Bilinear, surroundings };
        let mut found = from_hex(&picture);
        bend(&Geometry { pad, ..Geometry::off() }, 0.0, &mut found, shape, look, Key::new(number));
        assert_eq!(found, from_hex(&pixels), "{fill} {pad} {number}");
    }
}
