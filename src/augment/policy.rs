//! What happens to a picture on its way to training, and in which order. Every operation draws from its own
//! named key, so switching one on or off leaves the draws of the others alone.

use super::crop::{Crop, erased};
use super::mix::Mix;
use super::{colour, geometry};
use crate::chance::Key;
use crate::config::Augment;
use crate::dataset::{Look, Need, Part, Picture, PictureError, Preprocess};

/// Strengths of all operations. `Policy::none()` changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Without one, the picture is cut as for evaluation.
    pub crop: Option<Crop>,
    /// Probabilities.
    pub flip: f64,
    pub flip_vertical: f64,
    /// Largest angle either way, in degrees.
    pub rotate: f64,
    /// Largest change either way; factors lie between 1 - x and 1 + x.
    pub brightness: f64,
    pub contrast: f64,
    pub saturation: f64,
    /// Largest turn either way, as a share of the colour circle.
    pub hue: f64,
    /// Probability that a rectangle is replaced by the mean colour.
    pub erase: f64,
    /// What the pictures of a batch do to each other.
    pub mix: Mix,
}

impl Policy {
    /// Pictures as evaluation sees them.
    pub const fn none() -> Self {
        Self {
            crop: None,
            flip: 0.0,
            flip_vertical: 0.0,
            rotate: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
            erase: 0.0,
            mix: Mix { mixup: 0.0, cutmix: 0.0, probability: 0.0 },
        }
    }

    /// The picture as this key's training step sees it: `size` x `size` of the preprocessing, RGB, 8 bits.
    pub fn views(&self, part: &Part, preprocess: &Preprocess, key: Key) -> Result<Picture, PictureError> {
        let mut view = self.cut(part, preprocess, key)?;
        let width = view.width() as usize;
        view.expect_rgb8("augmentation")?;
        let pixels = view.as_rgb8_mut().unwrap_or_default();
        self.turn(pixels, width, key);
        self.recolour(pixels, key.named("colour"));
        if key.named("erase").draws().chance(self.erase) {
            let mean = preprocess.mean.map(|share| (share * 255.0).round() as u8);
            erase(pixels, width, mean, key.named("patch"));
        }
        Ok(view)
    }

    /// The crop is resized from the original in one go, so small crops stay as sharp as the picture allows.
    fn cut(&self, part: &Part, preprocess: &Preprocess, key: Key) -> Result<Picture, PictureError> {
        let Some(crop) = &self.crop else {
            return preprocess.apply_to(part);
        };
        let (width, height) = part.size();
        part.see(&look(crop, preprocess, width, height, key))
    }

    /// What has to be decoded of a picture of this size for this key's training step. How far it may be reduced is
    /// told by the smallest crop that could be drawn, so that all crops come from the same pixels.
    pub fn need(&self, width: u32, height: u32, preprocess: &Preprocess, key: Key) -> Need {
        let Some(crop) = &self.crop else {
            return preprocess.need(width, height);
        };
        let [columns, rows] = crop.least(width, height);
        let factor = preprocess.factor(columns.min(rows) / preprocess.size as f64);
        Need { factor, look: Some(look(crop, preprocess, width, height, key)) }
    }

    fn turn(&self, pixels: &mut [u8], width: usize, key: Key) {
        if key.named("flip").draws().chance(self.flip) {
            geometry::flip(pixels, width);
        }
        if key.named("flip vertical").draws().chance(self.flip_vertical) {
            geometry::flip_vertical(pixels, width);
        }
        if self.rotate > 0.0 {
            let degrees = key.named("rotate").draws().between(-self.rotate, self.rotate);
            let height = pixels.len() / (3 * width.max(1));
            pixels.copy_from_slice(&geometry::rotate(pixels, width, height, degrees));
        }
    }

    /// The four colour operations in random order, as torchvision's ColorJitter has them.
    fn recolour(&self, pixels: &mut [u8], key: Key) {
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

impl From<&Augment> for Policy {
    fn from(settings: &Augment) -> Self {
        let Augment { crop_scale: scale, crop_ratio: ratio, .. } = *settings;
        Self {
            crop: (scale != [1.0, 1.0]).then_some(Crop { scale, ratio }),
            flip: settings.flip,
            flip_vertical: settings.flip_vertical,
            rotate: settings.rotate,
            brightness: settings.brightness,
            contrast: settings.contrast,
            saturation: settings.saturation,
            hue: settings.hue,
            erase: settings.erase,
            mix: Mix {
                mixup: settings.mixup,
                cutmix: settings.cutmix,
                probability: settings.mix_probability,
            },
        }
    }
}

fn look(crop: &Crop, preprocess: &Preprocess, width: u32, height: u32, key: Key) -> Look {
    let (region, size) = (crop.region(width, height, key.named("crop")), preprocess.size as u32);
    Look { region, width: size, height: size, interpolation: preprocess.interpolation }
}

fn erase(pixels: &mut [u8], width: usize, colour: [u8; 3], key: Key) {
    let rows = pixels.as_chunks_mut::<3>().0;
    let height = rows.len() / width.max(1);
    let Some([columns, lines]) = erased(width, height, key) else { return };
    for row in rows.chunks_exact_mut(width).skip(lines.start).take(lines.len()) {
        row[columns.clone()].fill(colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Interpolation;

    fn strong() -> Policy {
        Policy {
            crop: Some(Crop { scale: [0.2, 1.0], ratio: [0.75, 1.5] }),
            flip: 0.5,
            flip_vertical: 0.5,
            rotate: 30.0,
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.4,
            hue: 0.1,
            erase: 0.5,
            mix: Mix { mixup: 0.2, cutmix: 1.0, probability: 1.0 },
        }
    }

    fn picture() -> Picture {
        let pixels = (0..60 * 40 * 3).map(|i| ((i % 180) + (i / 180) * 2) as u8).collect();
        Picture::rgb8(60, 40, pixels).unwrap()
    }

    fn preprocess() -> Preprocess {
        Preprocess::image_net(32, 0.875, Interpolation::Bicubic)
    }

    fn view(policy: &Policy, sample: u64) -> Vec<u8> {
        let view =
            policy.views(&Part::whole(picture()), &preprocess(), Key::new(4).with(0).with(sample)).unwrap();
        assert_eq!((view.width(), view.height()), (32, 32));
        view.as_rgb8().unwrap().to_vec()
    }

    #[test]
    fn without_operations_it_is_the_preprocessing() {
        let plain = preprocess().apply(&picture()).unwrap();
        assert_eq!(view(&Policy::none(), 1), plain.as_rgb8().unwrap());
    }

    #[test]
    fn a_view_depends_on_its_key_alone() {
        assert_eq!(view(&strong(), 1), view(&strong(), 1));
        assert_ne!(view(&strong(), 1), view(&strong(), 2));
    }

    #[test]
    fn every_operation_changes_the_picture_by_itself() {
        let none = Policy::none;
        for (name, policy) in [
            ("crop", Policy { crop: strong().crop, ..none() }),
            ("flip", Policy { flip: 1.0, ..none() }),
            ("flip vertical", Policy { flip_vertical: 1.0, ..none() }),
            ("rotate", Policy { rotate: 20.0, ..none() }),
            ("brightness", Policy { brightness: 0.4, ..none() }),
            ("contrast", Policy { contrast: 0.4, ..none() }),
            ("saturation", Policy { saturation: 0.4, ..none() }),
            ("hue", Policy { hue: 0.2, ..none() }),
            ("erase", Policy { erase: 1.0, ..none() }),
        ] {
            assert_ne!(view(&policy, 3), view(&none(), 3), "{name}");
        }
    }

    #[test]
    fn switching_one_operation_off_leaves_the_draws_of_the_others() {
        let flip = Policy { flip: 0.5, ..Policy::none() };
        let both = Policy { brightness: 1e-9, ..flip.clone() };
        for sample in 0..20 {
            // Factors so close to 1 change no byte.
            assert_eq!(view(&flip, sample), view(&both, sample));
        }
    }

    #[test]
    fn erasing_puts_the_mean_colour_into_a_rectangle() {
        let (plain, erased) = (view(&Policy::none(), 5), view(&Policy { erase: 1.0, ..Policy::none() }, 5));
        let mean = [124, 116, 104];
        let changed: Vec<_> = erased.as_chunks::<3>().0.iter().zip(plain.as_chunks::<3>().0).collect();
        assert!(changed.iter().all(|(new, old)| new == old || **new == mean));
        let share = changed.iter().filter(|(new, _)| **new == mean).count() as f64 / 1024.0;
        assert!((0.01..0.36).contains(&share), "{share}");
    }
}
