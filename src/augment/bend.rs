//! The geometric operations of `[augment]` behind the crop: turns, shears, shifts, perspective and padding, each with
//! its own draws.

use super::draw::{amount, either_way, strikes};
use super::warp::{Look, Map, Surroundings, warp};
use super::{Shape, geometry};
use crate::chance::Key;
use crate::config::{Geometry, Sampling};

/// Turns by up to so many degrees, then does what else is on.
pub fn bend(settings: &Geometry, rotate: f64, pixels: &mut [u8], shape: Shape, look: Look, key: Key) {
    if rotate > 0.0 && strikes(key, "rotate", settings.rotate_probability) {
        turn(pixels, shape, look, either_way(key.named("rotate"), rotate));
    }
    if settings.shear > 0.0 && strikes(key, "shear", settings.shear_probability) {
        let [x, y] = ["shear x", "shear y"].map(|name| either_way(key.named(name), settings.shear));
        let map = Map::shear_about_middle(x.to_radians().tan(), y.to_radians().tan(), shape);
        warp(pixels, shape, &map, look);
    }
    if settings.translate > 0.0 && strikes(key, "translate", settings.translate_probability) {
        let [x, y] =
            ["translate x", "translate y"].map(|name| either_way(key.named(name), settings.translate));
        let map = Map::translation(x * shape.width as f64, y * shape.height as f64);
        warp(pixels, shape, &map, look);
    }
    if settings.perspective > 0.0
        && strikes(key, "perspective", settings.perspective_probability)
        && let Some(map) = tilted(settings.perspective, shape, key.named("perspective"))
    {
        warp(pixels, shape, &map, look);
    }
    if settings.pad > 0.0 && strikes(key, "pad", settings.pad_probability) {
        let [x, y] = [("pad x", shape.width), ("pad y", shape.height)].map(|(name, edge)| {
            let border = (settings.pad * edge as f64).round();
            amount(key.named(name), [-border, border + 1.0]).floor()
        });
        // A border all around and a crop of the old size is the same as a shift by whole pixels.
        warp(pixels, shape, &Map::translation(x, y), Look { sampling: Sampling::Nearest, ..look });
    }
}

fn turn(pixels: &mut [u8], shape: Shape, look: Look, degrees: f64) {
    let usual = Look { sampling: Sampling::Bilinear, surroundings: Surroundings::Mirrored };
    if look == usual && shape.channels == 3 {
        pixels.copy_from_slice(&geometry::rotate(pixels, shape.width, shape.height, degrees));
    } else {
        warp(pixels, shape, &Map::rotation(degrees, shape), look);
    }
}

/// Each corner moves inwards by its own draw, as in torchvision's RandomPerspective.
fn tilted(distortion: f64, shape: Shape, key: Key) -> Option<Map> {
    let (right, bottom) = (shape.width as f64 - 1.0, shape.height as f64 - 1.0);
    let mut draws = key.draws();
    let mut inwards = |edge: usize| {
        let furthest = (distortion * (edge / 2) as f64) as usize;
        draws.below(furthest + 1) as f64
    };
    let corners = [[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]];
    let moved = corners.map(|[x, y]| {
        let (across, down) = (inwards(shape.width), inwards(shape.height));
        [if x > 0.0 { x - across } else { across }, if y > 0.0 { y - down } else { down }]
    });
    Map::perspective(corners, moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { width: 20, height: 10, channels: 3 };
    const BLACK: Look = Look { sampling: Sampling::Bilinear, surroundings: Surroundings::Colour([0; 3]) };

    fn bent(settings: Geometry, rotate: f64, number: u64) -> Vec<u8> {
        let mut pixels = vec![200; 20 * 10 * 3];
        bend(&settings, rotate, &mut pixels, SHAPE, BLACK, Key::new(1).with(number));
        pixels
    }

    /// Black pixels in the whole picture.
    fn uncovered(pixels: &[u8]) -> usize {
        pixels.as_chunks::<3>().0.iter().filter(|pixel| **pixel == [0; 3]).count()
    }

    #[test]
    fn padding_shifts_by_whole_pixels_up_to_the_border() {
        let settings = Geometry { pad: 0.1, ..Geometry::off() };
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..200 {
            let pixels = bent(settings, 0.0, number);
            assert!(pixels.iter().all(|value| [0, 200].contains(value)));
            let rows = pixels.chunks(60).filter(|row| row.iter().all(|value| *value == 0)).count();
            let columns = (uncovered(&pixels) - rows * 20) / (10 - rows);
            seen.insert((columns, rows));
        }
        let expected = (0..=2).flat_map(|columns| [(columns, 0), (columns, 1)]).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn each_operation_uncovers_what_lies_outside() {
        let off = Geometry::off();
        for (name, settings, rotate) in [
            ("rotate", off, 40.0),
            ("shear", Geometry { shear: 30.0, ..off }, 0.0),
            ("translate", Geometry { translate: 0.4, ..off }, 0.0),
            ("perspective", Geometry { perspective: 0.6, ..off }, 0.0),
        ] {
            let all: usize = (0..20).map(|number| uncovered(&bent(settings, rotate, number))).sum();
            assert!((200..3000).contains(&all), "{name}: {all}");
        }
        assert_eq!(uncovered(&bent(off, 0.0, 1)), 0);
    }

    #[test]
    fn perspective_moves_corners_inwards_only() {
        for number in 0..100 {
            let map = tilted(1.0, SHAPE, Key::new(3).with(number));
            // Where all corners meet on a line there is no such map.
            assert!(map.is_none_or(|map| matches!(map, Map::Perspective(_))));
        }
        let identity = tilted(0.0, SHAPE, Key::new(3)).unwrap();
        let mut pixels: Vec<u8> = (0..600).map(|i| (i % 251) as u8).collect();
        let before = pixels.clone();
        warp(&mut pixels, SHAPE, &identity, Look { sampling: Sampling::Nearest, ..BLACK });
        assert_eq!(pixels, before);
    }
}
