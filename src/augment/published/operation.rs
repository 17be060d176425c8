//! The operations that the policies from papers choose among, on a picture of interleaved bytes.

use crate::augment::warp::{Look, Map, warp};
use crate::augment::{Shape, colour, filter, tone};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Saturation,
    Contrast,
    Sharpness,
    Posterise,
    Solarise,
    AutoContrast,
    Equalise,
    Invert,
}

impl Operation {
    /// Carries it out as torchvision does on PIL pictures. Operations without a strength ignore the magnitude.
    pub fn apply(self, pixels: &mut [u8], shape: Shape, magnitude: f64, look: Look) {
        match self {
            Self::Identity => {}
            Self::ShearX => warp(pixels, shape, &Map::shear(magnitude, 0.0), look),
            Self::ShearY => warp(pixels, shape, &Map::shear(0.0, magnitude), look),
            // Whole pixels.
            Self::TranslateX => warp(pixels, shape, &Map::translation(magnitude.trunc(), 0.0), look),
            Self::TranslateY => warp(pixels, shape, &Map::translation(0.0, magnitude.trunc()), look),
            Self::Rotate => warp(pixels, shape, &Map::rotation(magnitude, shape), look),
            Self::Brightness => colour::brightness(pixels, 1.0 + magnitude),
            Self::Saturation => colour::saturation(pixels, 1.0 + magnitude),
            Self::Contrast => colour::contrast(pixels, 1.0 + magnitude),
            Self::Sharpness => filter::sharpness(pixels, shape, 1.0 + magnitude),
            Self::Posterise => tone::posterise(pixels, magnitude as u32),
            Self::Solarise => tone::solarise(pixels, magnitude),
            Self::AutoContrast => tone::autocontrast(pixels, shape.channels),
            Self::Equalise => tone::equalise(pixels, shape.channels),
            Self::Invert => tone::invert(pixels),
        }
    }

    /// Whether its magnitude goes both ways.
    pub fn is_signed(self) -> bool {
        use Operation::{
            Brightness, Contrast, Rotate, Saturation, Sharpness, ShearX, ShearY, TranslateX, TranslateY,
        };
        matches!(
            self,
            ShearX
                | ShearY
                | TranslateX
                | TranslateY
                | Rotate
                | Brightness
                | Saturation
                | Contrast
                | Sharpness
        )
    }
}
