//! What a set of weights demands of its pictures: size, crop, interpolation, normalisation. Travels inside
//! model files. Decoding and random augmentation are not its business.

use super::levels::{Window, levelled};
use super::part::{Look, Need, Part};
use super::picture::{Depth, Picture, PictureError};
use super::resize::{Interpolation, Region, resize};
use super::stretch::{MIDDLE, Stretch, factor, longer, reduction};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Mean of ImageNet's training pictures, per channel.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of ImageNet's training pictures, per channel.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// The way from a decoded picture to the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Edge of the square that the network sees.
    pub size: usize,
    pub resize: Resize,
    pub crop: Crop,
    pub interpolation: Interpolation,
    /// Of red, green and blue; where the network sees grey all three are the same.
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// What shows through transparent pixels; decoding takes it from here.
    pub background: [u8; 3],
    /// What is black and white in pictures of more than 8 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Whether JPEGs much larger than needed are decoded at a reduced scale; files from before this do not say so.
    #[serde(default)]
    pub reduced: bool,
}

/// To which size a picture is brought before the crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The shorter edge gets this length, the shape stays. Smaller pictures are enlarged.
    Shorter(usize),
    /// Both edges get this length, whatever the shape.
    Squash(usize),
}

/// What is kept of the resized picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crop {
    /// The middle, `size` x `size`. Where the resized picture is smaller it gets a black border, as in torchvision.
    Center,
    /// Everything: only with `Squash(size)`.
    None,
}

impl Preprocess {
    /// timm's evaluation on ImageNet: shorter edge to `size / crop_pct` rounded down, then the middle.
    pub fn image_net(size: usize, crop_pct: f64, interpolation: Interpolation) -> Self {
        Self::image_net_resized(size, (size as f64 / crop_pct).floor() as usize, interpolation)
    }

    /// torchvision's, which states the shorter edge itself.
    pub fn image_net_resized(size: usize, shorter: usize, interpolation: Interpolation) -> Self {
        Self {
            size,
            resize: Resize::Shorter(shorter),
            crop: Crop::Center,
            interpolation,
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
            background: [255; 3],
            window: None,
            reduced: true,
        }
    }

    /// Refuses values that make no picture. What comes from a file should go through here once.
    pub fn check(&self) -> Result<(), PictureError> {
        // Far above every network here; keeps a damaged file from asking for all memory.
        const EDGE_LIMIT: usize = 16_384;
        let (Resize::Shorter(edge) | Resize::Squash(edge)) = self.resize;
        let reason = if self.size == 0 || self.size > EDGE_LIMIT || edge == 0 || edge > EDGE_LIMIT {
            format!("size {} and resize {edge} must lie between 1 and {EDGE_LIMIT}", self.size)
        } else if self.crop == Crop::None && self.resize != Resize::Squash(self.size) {
            format!("without a crop, both edges must be resized to the size, {}", self.size)
        } else if !self.std.iter().all(|std| std.is_finite() && *std > 0.0) {
            format!("std {:?} must be above 0", self.std)
        } else if !self.mean.iter().all(|mean| mean.is_finite()) {
            format!("mean {:?} must be finite", self.mean)
        } else if let Some(window) = self.window.filter(|window| !window.is_possible()) {
            format!("the window from {} to {} must be finite and have a width", window.low, window.high)
        } else {
            return Ok(());
        };
        Err(PictureError::Preprocess { reason })
    }

    /// The picture with black and white where they belong: 8-bit RGB, or floats between 0 and 1.
    pub fn levelled<'a>(&self, picture: &'a Picture) -> Result<Cow<'a, Picture>, PictureError> {
        levelled(picture, self.window.as_ref())
    }

    /// The picture as the network sees it: `size` x `size`, 8-bit RGB or float.
    pub fn apply(&self, picture: &Picture) -> Result<Picture, PictureError> {
        self.check()?;
        let picture = &*self.levelled(picture)?;
        let (x, y) = self.kept(picture.width(), picture.height());
        let Look { region, width, height, interpolation } = self.look(&x, &y);
        let kept = resize(picture, region, width, height, interpolation)?;
        self.bordered(kept, x.border, y.border)
    }

    /// A part with black and white where they belong. What is not 8-bit RGB is always a whole picture.
    pub fn levelled_part<'a>(&self, part: &'a Part) -> Result<Cow<'a, Part>, PictureError> {
        match self.levelled(part.picture())? {
            Cow::Borrowed(_) => Ok(Cow::Borrowed(part)),
            Cow::Owned(picture) => Ok(Cow::Owned(Part::whole(picture))),
        }
    }

    /// The same of a part that was decoded for it.
    pub fn apply_to(&self, part: &Part) -> Result<Picture, PictureError> {
        self.apply_at(part, [MIDDLE; 2])
    }

    /// The same with the crop elsewhere: 0 is left or top, 1 is right or bottom. All of the part has to be there.
    pub fn apply_at(&self, part: &Part, place: [f64; 2]) -> Result<Picture, PictureError> {
        self.check()?;
        let part = self.levelled_part(part)?;
        let (x, y) = self.kept_at(part.size().0, part.size().1, place);
        self.bordered(part.see(&self.look(&x, &y))?, x.border, y.border)
    }

    /// What has to be decoded of a picture of this size.
    pub fn need(&self, width: u32, height: u32) -> Need {
        let (x, y) = self.kept(width, height);
        let factor = if self.reduced { reduction(&x, &y) } else { 1 };
        Need { factor, look: Some(self.look(&x, &y)) }
    }

    /// Where the square that the network sees lies on a picture of this size, in the picture's pixels. It reaches beyond
    /// the picture where that gets a border.
    pub fn square_on(&self, width: u32, height: u32) -> Region {
        let (x, y) = self.kept(width, height);
        let ((left, width), (top, height)) = (x.whole(self.size), y.whole(self.size));
        Region { left, top, width, height }
    }

    /// By how much a picture may be reduced that is so many times finer than needed.
    pub fn factor(&self, finer: f64) -> u32 {
        if self.reduced { factor(finer) } else { 1 }
    }

    /// What the crop keeps of each axis.
    fn kept(&self, width: u32, height: u32) -> (Stretch, Stretch) {
        self.kept_at(width, height, [MIDDLE; 2])
    }

    fn kept_at(&self, width: u32, height: u32, [across, down]: [f64; 2]) -> (Stretch, Stretch) {
        let (resized_width, resized_height) = self.resized(width, height);
        let x = Stretch::at(across, width, resized_width, self.size);
        (x, Stretch::at(down, height, resized_height, self.size))
    }

    /// Only what the crop keeps is resized: a narrow strip would otherwise grow without bound.
    fn look(&self, x: &Stretch, y: &Stretch) -> Look {
        let region = Region { left: x.start, top: y.start, width: x.length, height: y.length };
        Look { region, width: x.kept as u32, height: y.kept as u32, interpolation: self.interpolation }
    }

    /// Numbers in one prepared picture of three channels.
    pub fn samples(&self) -> usize {
        3 * self.size * self.size
    }

    /// Width and height after resizing; the longer edge is rounded down, as in torchvision.
    fn resized(&self, width: u32, height: u32) -> (usize, usize) {
        match self.resize {
            Resize::Squash(edge) => (edge, edge),
            Resize::Shorter(edge) if width <= height => (edge, longer(edge, height, width)),
            Resize::Shorter(edge) => (longer(edge, width, height), edge),
        }
    }

    fn bordered(&self, kept: Picture, left: usize, top: usize) -> Result<Picture, PictureError> {
        let edge = self.size as u32;
        if (kept.width(), kept.height()) == (edge, edge) {
            return Ok(kept);
        }
        let (channels, row) = (kept.channels(), kept.width() as usize * usize::from(kept.channels()));
        let (line, left) = (self.size * usize::from(channels), left * usize::from(channels));
        let depth = match kept.into_depth() {
            Depth::U8(samples) => Depth::U8(framed(&samples, row, (self.size, line), (left, top)).into()),
            Depth::U16(samples) => Depth::U16(framed(&samples, row, (self.size, line), (left, top))),
            Depth::F32(samples) => Depth::F32(framed(&samples, row, (self.size, line), (left, top))),
        };
        Picture::new(edge, edge, channels, depth)
    }
}

/// Puts rows into the middle of `lines` black ones of some length.
fn framed<T: Copy + Default>(
    samples: &[T],
    row: usize,
    (lines, length): (usize, usize),
    (left, top): (usize, usize),
) -> Vec<T> {
    let mut whole = vec![T::default(); lines * length];
    for (row, to) in samples.chunks_exact(row).zip(whole.chunks_exact_mut(length).skip(top)) {
        to[left..][..row.len()].copy_from_slice(row);
    }
    whole
}

/// ITU-R 601-2's luma with Pillow's weights, which add up to one exactly: grey bytes stay what they are.
pub fn luma([red, green, blue]: [f32; 3]) -> f32 {
    (red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]) * (1.0 / 65_536.0)
}

/// What red, green and blue count for in grey, in 65536ths.
pub const LUMA: [f32; 3] = [19_595.0, 38_470.0, 7_471.0];

#[cfg(test)]
mod tests {
    use super::super::resize::golden::{chirp, compare, read, slope};
    use super::*;

    /// One evaluation pipeline as torchvision runs it, computed with Pillow.
    #[derive(Deserialize)]
    struct Golden {
        name: String,
        source: (u32, u32),
        resize: Resize,
        size: usize,
        interpolation: Interpolation,
    }

    #[test]
    fn every_pipeline_is_within_one_step_of_pillow() {
        let cases: Vec<Golden> = serde_json::from_slice(&read("pipelines.json")).unwrap();
        let (mut differing, mut samples) = (0, 0);
        for case in &cases {
            let source =
                if case.name.contains("lite0") { slope } else { chirp }(case.source.0, case.source.1);
            let usual = Preprocess::image_net(case.size, 0.875, case.interpolation);
            let found = Preprocess { resize: case.resize, ..usual }.apply(&source).unwrap();
            let (some, all) = compare(&found, &case.name);
            (differing, samples) = (differing + some, samples + all);
        }
        println!("in all: {differing} of {samples} samples differ");
    }

    #[test]
    fn the_shorter_edge_follows_timm() {
        let check = |size, crop_pct, expected| {
            let made = Preprocess::image_net(size, crop_pct, Interpolation::Bicubic);
            assert_eq!(made.resize, Resize::Shorter(expected));
        };
        // math.floor(size / crop_pct) for timm's tf_efficientnet b0, b1, b2 and b7.
        check(224, 0.875, 256);
        check(240, 0.882, 272);
        check(260, 0.89, 292);
        check(600, 0.949, 632);
    }

    #[test]
    fn squash_without_a_crop_keeps_everything() {
        let usual = Preprocess::image_net(9, 1.0, Interpolation::Bilinear);
        let squash = Preprocess { resize: Resize::Squash(9), crop: Crop::None, ..usual };
        let source = chirp(20, 13);
        let whole = resize(&source, Region::whole(&source), 9, 9, Interpolation::Bilinear);
        assert_eq!(squash.apply(&source), whole);
    }

    #[test]
    fn the_square_of_the_network_has_its_place_on_the_picture() {
        let check = |resize, (width, height), expected: [f64; 4]| {
            let usual = Preprocess { resize, ..Preprocess::image_net(224, 0.875, Interpolation::Bicubic) };
            let Region { left, top, width, height } = usual.square_on(width, height);
            assert_eq!([left, top, width, height], expected);
        };
        check(Resize::Shorter(256), (512, 256), [144.0, 16.0, 224.0, 224.0]);
        check(Resize::Shorter(256), (512, 1024), [32.0, 288.0, 448.0, 448.0]);
        // Resized to 112x112, with a border of 56 on every side.
        check(Resize::Shorter(112), (224, 224), [-112.0, -112.0, 448.0, 448.0]);
        check(Resize::Squash(224), (448, 112), [0.0, 0.0, 448.0, 112.0]);
    }

    #[test]
    fn a_narrow_strip_takes_no_more_memory_than_its_crop() {
        let usual = Preprocess::image_net(224, 0.875, Interpolation::Bicubic);
        let strip = Picture::filled(1, 60_000, [9, 8, 7]).unwrap();
        assert_eq!(usual.apply(&strip), Picture::filled(224, 224, [9, 8, 7]));
    }

    #[test]
    fn normalising_is_torchvisions() {
        let usual = Preprocess::image_net(2, 1.0, Interpolation::Bilinear);
        let picture = Picture::rgb8(2, 2, vec![0, 0, 0, 255, 255, 255, 10, 20, 30, 124, 116, 104]).unwrap();
        let mut out = Vec::new();
        usual.normalise(&picture, 3, &mut out).unwrap();
        // torchvision.transforms.functional.normalize of the same values, in float64.
        let expected = [
            -2.117904, 2.248908, -1.946656, 0.005566, -2.035714, 2.428571, -1.685574, -0.004902, -1.804444,
            2.64, -1.281569, 0.008192,
        ];
        for (found, wanted) in out.iter().zip(expected) {
            assert!((found - wanted).abs() < 2e-6, "{found} is not {wanted}");
        }
        assert_eq!(out.len(), expected.len());
        assert!(usual.normalise(&picture, 2, &mut out).is_err());
        let wide = Picture::filled(3, 2, [0; 3]).unwrap();
        assert!(usual.normalise(&wide, 3, &mut out).is_err());
    }

    #[test]
    fn values_that_make_no_picture_are_refused() {
        let usual = Preprocess::image_net(224, 0.875, Interpolation::Bilinear);
        let check = |broken: Preprocess, expected: &str| {
            let error = broken.apply(&chirp(3, 3)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(Preprocess { size: 0, ..usual.clone() }, "size 0 and resize 256");
        check(Preprocess { resize: Resize::Shorter(usize::MAX), ..usual.clone() }, "between 1 and 16384");
        check(Preprocess { crop: Crop::None, ..usual.clone() }, "without a crop");
        check(Preprocess { std: [1.0, 0.0, 1.0], ..usual.clone() }, "must be above 0");
        check(Preprocess { mean: [f32::NAN; 3], ..usual }, "must be finite");
    }

    #[test]
    fn what_a_model_file_carries_comes_back() {
        let usual = Preprocess::image_net(224, 0.875, Interpolation::Bicubic);
        let text = serde_json::to_string(&usual).unwrap();
        let head = r#"{"size":224,"resize":{"shorter":256},"crop":"center","interpolation":"bicubic","mean":[0.485,"#;
        assert!(text.starts_with(head), "{text}");
        assert_eq!(serde_json::from_str::<Preprocess>(&text).unwrap(), usual);
    }
}
