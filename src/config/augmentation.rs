//! The checked settings of augmentation: every operation with its probability and its range. What is possible and
//! what each policy stands for belongs to check/augment.rs.

/// What happens to training pictures: the policy's values with the file's own put over them.
/// A strength or a probability of 0 switches an operation off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augment {
    /// Where the values come from; the values below are what counts.
    pub policy: Policy,
    /// A policy from a paper, applied behind the flips.
    pub published: Option<Published>,
    /// Share of the picture's area that a random crop keeps. [1, 1]: no random crop, the picture is prepared as in evaluation.
    pub crop_scale: [f64; 2],
    /// Width over height of a random crop before it is made square.
    pub crop_ratio: [f64; 2],
    /// Probability of mirroring left and right.
    pub flip: f64,
    /// Probability of turning upside down.
    pub flip_vertical: f64,
    /// Largest turn in degrees, either way.
    pub rotate: f64,
    /// Crops and warps beyond these.
    pub geometry: Geometry,
    /// Factors are drawn from [1 - b, 1 + b], cut at 0; likewise contrast and saturation.
    pub brightness: f64,
    pub contrast: f64,
    pub saturation: f64,
    /// Largest shift in turns of the colour circle, at most 0.5.
    pub hue: f64,
    /// What changes values beyond the jitter.
    pub colour: Colour,
    /// Probability of erasing a rectangle.
    pub erase: f64,
    pub erasing: Erasing,
    /// Beta distribution's parameter; 0: no mixup.
    pub mixup: f64,
    /// Beta distribution's parameter; 0: no cutmix.
    pub cutmix: f64,
    /// Probability that a batch is mixed at all.
    pub mix_probability: f64,
    /// Probability that a mixed batch takes cutmix, where both kinds are on.
    pub mix_switch: f64,
}

impl Augment {
    /// Whether the pictures of a batch are ever mixed with each other.
    pub fn mixes(&self) -> bool {
        self.mix_probability > 0.0 && (self.mixup > 0.0 || self.cutmix > 0.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    None,
    Light,
    Standard,
    Strong,
    RandAugment,
    TrivialAugment,
    AutoAugment,
    AugMix,
}

/// The policies from papers, with their parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Published {
    /// Cubuk et al. 2020. The magnitude counts from 0 to 30.
    RandAugment { operations: usize, magnitude: usize },
    /// Müller and Hutter 2021, with the wide ranges.
    TrivialAugment,
    /// Cubuk et al. 2019, as found for ImageNet.
    AutoAugment,
    /// Hendrycks et al. 2020. The severity counts from 1 to 10; without a depth each chain draws 1 to 3.
    AugMix { severity: usize, width: usize, depth: Option<usize>, alpha: f64 },
}

/// Which part of a picture is shown, and how it is bent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// Share of the edges that a crop of the middle keeps, before anything else. [1, 1]: all.
    pub centre_crop: [f64; 2],
    pub centre_crop_probability: f64,
    /// Probability of the random crop; else the picture is prepared as in evaluation.
    pub crop_probability: f64,
    pub rotate_probability: f64,
    /// Largest angle in degrees, either way, along both axes.
    pub shear: f64,
    pub shear_probability: f64,
    /// Largest shift as a share of the edge, either way, along both axes.
    pub translate: f64,
    pub translate_probability: f64,
    /// How far corners move inwards at most, as a share of half the edge.
    pub perspective: f64,
    pub perspective_probability: f64,
    /// Width of the border, as a share of the edge, from which a crop of the same size is taken.
    pub pad: f64,
    pub pad_probability: f64,
    /// What shows where a picture ends.
    pub fill: Fill,
    /// How values between pixels are found.
    pub interpolation: Sampling,
}

/// What shows where a picture ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    Mirror,
    Black,
    /// The mean colour of the weights' training pictures.
    Mean,
}

/// How values between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    Nearest,
    Bilinear,
}

/// Probabilities, and ranges from which amounts are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Colour {
    /// Of brightness, contrast, saturation and hue together.
    pub jitter_probability: f64,
    pub grey: f64,
    pub autocontrast: f64,
    pub equalise: f64,
    pub invert: f64,
    pub posterise: f64,
    /// Bits that are kept, of 8.
    pub posterise_bits: [usize; 2],
    pub solarise: f64,
    /// Values from here on are inverted.
    pub solarise_threshold: [usize; 2],
    pub sharpen: f64,
    /// 0 smooths, 1 changes nothing.
    pub sharpen_factor: [f64; 2],
    pub blur: f64,
    /// Standard deviation in pixels of the network's input.
    pub blur_sigma: [f64; 2],
    pub jpeg: f64,
    pub jpeg_quality: [usize; 2],
}

/// The rectangle that is erased.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Erasing {
    /// Share of the area.
    pub scale: [f64; 2],
    /// Width over height.
    pub ratio: [f64; 2],
    pub fill: EraseFill,
}

/// What a rectangle is erased with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EraseFill {
    /// The mean colour of the weights' training pictures, which they see as 0.
    Mean,
    Black,
    /// Noise of the mean and deviation of the weights' training pictures.
    Random,
}
