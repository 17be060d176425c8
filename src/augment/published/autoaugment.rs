//! AutoAugment as it was found for ImageNet: 25 pairs of operations (Cubuk et al. 2019, table 9), one of them for
//! each picture.

use super::levels::spaces;
use super::operation::Operation::{
    self, AutoContrast, Contrast, Equalise, Invert, Posterise, Rotate, Saturation, Sharpness, ShearX,
    Solarise,
};
use crate::augment::Shape;
use crate::augment::warp::Look;
use crate::chance::Key;

/// An operation, its probability and its bin.
pub type Chosen = (Operation, f64, Option<usize>);

pub const SUB_POLICIES: [[Chosen; 2]; 25] = [
    [(Posterise, 0.4, Some(8)), (Rotate, 0.6, Some(9))],
    [(Solarise, 0.6, Some(5)), (AutoContrast, 0.6, None)],
    [(Equalise, 0.8, None), (Equalise, 0.6, None)],
    [(Posterise, 0.6, Some(7)), (Posterise, 0.6, Some(6))],
    [(Equalise, 0.4, None), (Solarise, 0.2, Some(4))],
    [(Equalise, 0.4, None), (Rotate, 0.8, Some(8))],
    [(Solarise, 0.6, Some(3)), (Equalise, 0.6, None)],
    [(Posterise, 0.8, Some(5)), (Equalise, 1.0, None)],
    [(Rotate, 0.2, Some(3)), (Solarise, 0.6, Some(8))],
    [(Equalise, 0.6, None), (Posterise, 0.4, Some(6))],
    [(Rotate, 0.8, Some(8)), (Saturation, 0.4, Some(0))],
    [(Rotate, 0.4, Some(9)), (Equalise, 0.6, None)],
    [(Equalise, 0.0, None), (Equalise, 0.8, None)],
    [(Invert, 0.6, None), (Equalise, 1.0, None)],
    [(Saturation, 0.6, Some(4)), (Contrast, 1.0, Some(8))],
    [(Rotate, 0.8, Some(8)), (Saturation, 1.0, Some(2))],
    [(Saturation, 0.8, Some(8)), (Solarise, 0.8, Some(7))],
    [(Sharpness, 0.4, Some(7)), (Invert, 0.6, None)],
    [(ShearX, 0.6, Some(5)), (Equalise, 1.0, None)],
    [(Saturation, 0.4, Some(0)), (Equalise, 0.6, None)],
    [(Equalise, 0.4, None), (Solarise, 0.2, Some(4))],
    [(Solarise, 0.6, Some(5)), (AutoContrast, 0.6, None)],
    [(Invert, 0.6, None), (Equalise, 1.0, None)],
    [(Saturation, 0.6, Some(4)), (Contrast, 1.0, Some(8))],
    [(Equalise, 0.8, None), (Equalise, 0.6, None)],
];

pub fn apply(pixels: &mut [u8], shape: Shape, look: Look, key: Key) {
    let pair = SUB_POLICIES[key.draws().below(SUB_POLICIES.len())];
    for (number, (operation, probability, bin)) in (0..).zip(pair) {
        let mut draws = key.with(number).draws();
        if draws.chance(probability) {
            spaces::AUTO_AUGMENT.step(operation, bin, &mut draws, shape).apply(pixels, shape, look);
        }
    }
}
