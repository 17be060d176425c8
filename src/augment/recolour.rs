//! The operations of `[augment]` that change values and not places: the colour jitter, then the others in a fixed
//! order, each with its own draws.

use super::draw::{amount, strikes, whole};
use super::jpeg::jpeg;
use super::{Shape, colour, filter, tone};
use crate::chance::Key;
use crate::config::Colour;
use crate::dataset::PictureError;

/// Strengths of brightness, contrast, saturation and hue.
pub struct Jitter {
    pub brightness: f64,
    pub contrast: f64,
    pub saturation: f64,
    pub hue: f64,
}

impl Jitter {
    /// The four colour operations in random order, as torchvision's ColorJitter has them.
    pub fn apply(&self, pixels: &mut [u8], key: Key) {
        let mut order: [(_, _, _, colour::Operation); 4] = [
            ("brightness", self.brightness, 1.0, colour::brightness),
            ("contrast", self.contrast, 1.0, colour::contrast),
            ("saturation", self.saturation, 1.0, colour::saturation),
            ("hue", self.hue, 0.0, colour::hue),
        ];
        key.named("order").draws().shuffle(&mut order);
        for (name, strength, neutral, operation) in order {
            if strength > 0.0 {
                // Factors stop at 0: a negative one would invert the picture.
                let lowest = neutral - strength.min(1.0);
                operation(pixels, key.named(name).draws().between(lowest, neutral + strength));
            }
        }
    }
}

/// Everything of `Colour`, in its order.
pub fn recolour(settings: &Colour, pixels: &mut [u8], shape: Shape, key: Key) -> Result<(), PictureError> {
    let strikes = |name, probability| strikes(key, name, probability);
    if strikes("grey", settings.grey) {
        colour::saturation(pixels, 0.0);
    }
    if strikes("autocontrast", settings.autocontrast) {
        tone::autocontrast(pixels, shape.channels);
    }
    if strikes("equalise", settings.equalise) {
        tone::equalise(pixels, shape.channels);
    }
    if strikes("invert", settings.invert) {
        tone::invert(pixels);
    }
    if strikes("posterise", settings.posterise) {
        tone::posterise(pixels, whole(key.named("posterise"), settings.posterise_bits) as u32);
    }
    if strikes("solarise", settings.solarise) {
        tone::solarise(pixels, whole(key.named("solarise"), settings.solarise_threshold) as f64);
    }
    if strikes("sharpen", settings.sharpen) {
        filter::sharpness(pixels, shape, amount(key.named("sharpen"), settings.sharpen_factor));
    }
    if strikes("blur", settings.blur) {
        filter::blur(pixels, shape, amount(key.named("blur"), settings.blur_sigma));
    }
    if strikes("jpeg", settings.jpeg) {
        jpeg(pixels, shape, whole(key.named("jpeg"), settings.jpeg_quality) as u8)?;
    }
    Ok(())
}
