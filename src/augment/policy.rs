//! What happens to a picture on its way to training, and in which order; docs/augmentation.md has the table. Every
//! operation draws from its own named key, so switching one on or off leaves the draws of the others alone.

use super::bend::bend;
use super::crop::Crop;
use super::draw::{amount, strikes};
use super::erase::erase;
use super::mix::Mix;
use super::recolour::{Jitter, recolour};
use super::warp::{Look, Surroundings};
use super::{Shape, deep, geometry, published};
use crate::chance::Key;
use crate::config::{Augment, Colour, Erasing, Fill, Geometry, Published};
use crate::dataset::{self, Need, Part, Picture, PictureError, Preprocess, resize};

/// Strengths of all operations. `Policy::none()` changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Without one, the picture is cut as for evaluation.
    pub crop: Option<Crop>,
    /// Probabilities.
    pub flip: f64,
    pub flip_vertical: f64,
    /// A policy from a paper.
    pub published: Option<Published>,
    /// Largest angle either way, in degrees.
    pub rotate: f64,
    /// Other crops and warps.
    pub geometry: Geometry,
    /// Largest change either way; factors lie between 1 - x and 1 + x.
    pub brightness: f64,
    pub contrast: f64,
    pub saturation: f64,
    /// Largest turn either way, as a share of the colour circle.
    pub hue: f64,
    /// What else changes values.
    pub colour: Colour,
    /// Probability that a rectangle is replaced.
    pub erase: f64,
    pub erasing: Erasing,
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
            published: None,
            rotate: 0.0,
            geometry: Geometry::off(),
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
            colour: Colour::off(),
            erase: 0.0,
            erasing: Erasing::usual(),
            mix: Mix::OFF,
        }
    }

    /// The picture as this key's training step sees it: `size` x `size` of the preprocessing, 8-bit RGB or float.
    pub fn views(&self, part: &Part, preprocess: &Preprocess, key: Key) -> Result<Picture, PictureError> {
        let mut view = self.cut(part, preprocess, key)?;
        let shape = Shape { width: view.width() as usize, height: view.height() as usize, channels: 3 };
        let Some(pixels) = view.as_rgb8_mut() else {
            deep::augment(self, &mut view, preprocess.mean, key)?;
            return Ok(view);
        };
        let look = self.look(preprocess);
        self.flip(pixels, shape.width, key);
        if let Some(policy) = self.published {
            published::apply(policy, pixels, shape, look, key);
        }
        bend(&self.geometry, self.rotate, pixels, shape, look, key);
        if strikes(key, "colour", self.colour.jitter_probability) {
            self.jitter().apply(pixels, key.named("colour"));
        }
        recolour(&self.colour, pixels, shape, key)?;
        if key.named("erase").draws().chance(self.erase) {
            erase(&self.erasing, pixels, shape, preprocess, key);
        }
        Ok(view)
    }

    /// What has to be decoded of a picture of this size for this key's training step. How far it may be reduced is
    /// told by the smallest crop that could be drawn, so that all crops come from the same pixels.
    pub fn need(&self, width: u32, height: u32, preprocess: &Preprocess, key: Key) -> Need {
        if self.geometry.centre_crop != [1.0, 1.0] {
            return Need { factor: 1, look: None };
        }
        let plain = preprocess.need(width, height);
        let Some(crop) = &self.crop else { return plain };
        let [columns, rows] = crop.least(width, height);
        let factor = preprocess.factor(columns.min(rows) / preprocess.size as f64);
        let factor = if self.geometry.crop_probability < 1.0 { factor.min(plain.factor) } else { factor };
        match self.wanted(key) {
            Some(crop) => Need { factor, look: Some(place(&crop, preprocess, width, height, key)) },
            None => Need { factor, ..plain },
        }
    }

    /// The random crop, where this key's step makes one.
    fn wanted(&self, key: Key) -> Option<Crop> {
        self.crop.filter(|_| strikes(key, "crop", self.geometry.crop_probability))
    }

    /// The crop is resized from the original in one go, so small crops stay as sharp as the picture allows.
    fn cut(&self, part: &Part, preprocess: &Preprocess, key: Key) -> Result<Picture, PictureError> {
        let middle = self.middle(part.picture(), preprocess, key)?.map(Part::whole);
        let part = middle.as_ref().unwrap_or(part);
        let Some(crop) = self.wanted(key) else { return preprocess.apply_to(part) };
        let (width, height) = part.size();
        preprocess.levelled_part(part)?.see(&place(&crop, preprocess, width, height, key))
    }

    /// The middle of the picture at its own size, where that is cut out.
    fn middle(
        &self,
        picture: &Picture,
        preprocess: &Preprocess,
        key: Key,
    ) -> Result<Option<Picture>, PictureError> {
        let Geometry { centre_crop, centre_crop_probability, .. } = self.geometry;
        if centre_crop == [1.0, 1.0] || !strikes(key, "centre crop", centre_crop_probability) {
            return Ok(None);
        }
        let share = amount(key.named("centre crop"), centre_crop);
        let region = Crop::middle(share, picture.width(), picture.height());
        let (width, height) = (region.width as u32, region.height as u32);
        resize(picture, region, width, height, preprocess.interpolation).map(Some)
    }

    fn flip(&self, pixels: &mut [u8], width: usize, key: Key) {
        if key.named("flip").draws().chance(self.flip) {
            geometry::flip(pixels, width);
        }
        if key.named("flip vertical").draws().chance(self.flip_vertical) {
            geometry::flip_vertical(pixels, width);
        }
    }

    fn jitter(&self) -> Jitter {
        let Self { brightness, contrast, saturation, hue, .. } = *self;
        Jitter { brightness, contrast, saturation, hue }
    }

    fn look(&self, preprocess: &Preprocess) -> Look {
        let surroundings = match self.geometry.fill {
            Fill::Mirror => Surroundings::Mirrored,
            Fill::Black => Surroundings::Colour([0; 3]),
            Fill::Mean => Surroundings::Colour(preprocess.mean.map(|share| (share * 255.0).round() as u8)),
        };
        Look { sampling: self.geometry.interpolation, surroundings }
    }
}

impl From<&Augment> for Policy {
    fn from(settings: &Augment) -> Self {
        let Augment { crop_scale: scale, crop_ratio: ratio, .. } = *settings;
        Self {
            crop: (scale != [1.0, 1.0]).then_some(Crop { scale, ratio }),
            flip: settings.flip,
            flip_vertical: settings.flip_vertical,
            published: settings.published,
            rotate: settings.rotate,
            geometry: settings.geometry,
            brightness: settings.brightness,
            contrast: settings.contrast,
            saturation: settings.saturation,
            hue: settings.hue,
            colour: settings.colour,
            erase: settings.erase,
            erasing: settings.erasing,
            mix: Mix {
                mixup: settings.mixup,
                cutmix: settings.cutmix,
                probability: settings.mix_probability,
                switch: settings.mix_switch,
            },
        }
    }
}

/// Where a crop lies in a picture of this size, and what it becomes.
fn place(crop: &Crop, preprocess: &Preprocess, width: u32, height: u32, key: Key) -> dataset::Look {
    let (region, size) = (crop.region(width, height, key.named("crop")), preprocess.size as u32);
    dataset::Look { region, width: size, height: size, interpolation: preprocess.interpolation }
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
            erasing: Erasing::usual(),
            published: None,
            geometry: Geometry::off(),
            colour: Colour::off(),
            mix: Mix { mixup: 0.2, cutmix: 1.0, probability: 1.0, ..Mix::OFF },
        }
    }

    fn with_geometry(change: fn(&mut Geometry)) -> Policy {
        let mut policy = Policy::none();
        change(&mut policy.geometry);
        policy
    }

    fn with_colour(change: fn(&mut Colour)) -> Policy {
        let mut policy = Policy::none();
        change(&mut policy.colour);
        policy
    }

    fn picture() -> Picture {
        // Slopes with stripes on them.
        let value =
            |i: usize| (i % 180) + (i / 180) * 2 - if (i / 27).is_multiple_of(3) { i % 20 } else { 0 };
        let pixels = (0..60 * 40 * 3).map(|i| value(i).min(255) as u8).collect();
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
            ("centre crop", with_geometry(|g| g.centre_crop = [0.5, 0.7])),
            ("shear", with_geometry(|g| g.shear = 20.0)),
            ("translate", with_geometry(|g| g.translate = 0.3)),
            ("perspective", with_geometry(|g| g.perspective = 0.5)),
            ("pad", with_geometry(|g| g.pad = 0.3)),
            ("grey", with_colour(|c| c.grey = 1.0)),
            ("autocontrast", with_colour(|c| c.autocontrast = 1.0)),
            ("equalise", with_colour(|c| c.equalise = 1.0)),
            ("invert", with_colour(|c| c.invert = 1.0)),
            ("posterise", with_colour(|c| c.posterise = 1.0)),
            ("solarise", with_colour(|c| c.solarise = 1.0)),
            ("sharpen", with_colour(|c| c.sharpen = 1.0)),
            ("blur", with_colour(|c| c.blur = 1.0)),
            ("jpeg", with_colour(|c| c.jpeg = 1.0)),
        ] {
            assert!(view(&policy, 3) != view(&none(), 3), "{name}");
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

    /// As the code before the newer operations drew them. A change of this hash changes every run that is resumed.
    #[test]
    fn the_views_of_the_first_release_stay_as_they_were() {
        let mut hasher = blake3::Hasher::new();
        (0..50).for_each(|sample| {
            hasher.update(&view(&strong(), sample));
        });
        assert_eq!(hasher.finalize().to_hex()[..16], *"4f7af5e1675e0eb3");
    }

    #[test]
    fn a_probability_is_that_of_a_picture() {
        let policy = with_colour(|c| c.invert = 0.3);
        let plain = view(&Policy::none(), 0);
        let count = (0..300).filter(|&sample| view(&policy, sample) != plain).count();
        assert!((60..120).contains(&count), "{count}");
    }

    #[test]
    fn older_operations_draw_the_same_beside_newer_ones() {
        // Newer operations that are sure to strike and change nothing.
        let mut beside = strong();
        beside.geometry = Geometry { centre_crop: [1.0, 1.0], translate: 1e-300, ..Geometry::off() };
        beside.colour = Colour { posterise: 1.0, posterise_bits: [8, 8], sharpen: 1.0, ..Colour::off() };
        beside.colour.sharpen_factor = [1.0, 1.0];
        for sample in 0..20 {
            assert_eq!(view(&strong(), sample), view(&beside, sample));
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
