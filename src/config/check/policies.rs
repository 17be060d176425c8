//! The values that each augmentation policy stands for.

use crate::config::augmentation::{
    Augment, Colour, EraseFill, Erasing, Fill, Geometry, Policy, Published, Sampling,
};

impl Policy {
    /// The values that the policy stands for.
    pub fn augment(self) -> Augment {
        match self {
            Self::None => nothing(self),
            Self::Light => light(self),
            Self::Standard => {
                Augment { crop_scale: [0.35, 1.0], rotate: 10.0, erase: 0.1, ..jittered(self, 0.2) }
            }
            Self::Strong => Augment {
                crop_scale: [0.08, 1.0],
                rotate: 15.0,
                hue: 0.1,
                erase: 0.25,
                mixup: 0.2,
                cutmix: 1.0,
                ..jittered(self, 0.4)
            },
            Self::RandAugment => {
                published(self, Published::RandAugment { operations: 2, magnitude: 9 }, Sampling::Nearest)
            }
            Self::TrivialAugment => published(self, Published::TrivialAugment, Sampling::Nearest),
            Self::AutoAugment => published(self, Published::AutoAugment, Sampling::Nearest),
            Self::AugMix => published(
                self,
                Published::AugMix { severity: 3, width: 3, depth: None, alpha: 1.0 },
                Sampling::Bilinear,
            ),
        }
    }
}

/// Pictures as in evaluation. What is off by its probability or its strength has its usual range all the same.
fn nothing(policy: Policy) -> Augment {
    Augment {
        policy,
        published: None,
        crop_scale: [1.0, 1.0],
        crop_ratio: [1.0, 1.0],
        flip: 0.0,
        flip_vertical: 0.0,
        rotate: 0.0,
        geometry: Geometry::off(),
        brightness: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        hue: 0.0,
        colour: Colour::off(),
        erase: 0.0,
        erasing: Erasing::usual(),
        mixup: 0.0,
        cutmix: 0.0,
        mix_probability: 1.0,
        mix_switch: 0.5,
    }
}

fn light(policy: Policy) -> Augment {
    Augment { crop_scale: [0.6, 1.0], crop_ratio: [0.75, 4.0 / 3.0], flip: 0.5, ..nothing(policy) }
}

fn jittered(policy: Policy, strength: f64) -> Augment {
    Augment { brightness: strength, contrast: strength, saturation: strength, ..light(policy) }
}

/// Crop and flip as torchvision's training on ImageNet has them around these policies; its interpolation and its black.
fn published(policy: Policy, published: Published, interpolation: Sampling) -> Augment {
    let light = light(policy);
    let geometry = Geometry { fill: Fill::Black, interpolation, ..light.geometry };
    Augment { published: Some(published), crop_scale: [0.08, 1.0], geometry, ..light }
}

impl Geometry {
    /// All but what the older keys of [augment] ask for.
    pub const fn off() -> Self {
        Self {
            centre_crop: [1.0, 1.0],
            centre_crop_probability: 1.0,
            crop_probability: 1.0,
            rotate_probability: 1.0,
            shear: 0.0,
            shear_probability: 1.0,
            translate: 0.0,
            translate_probability: 1.0,
            perspective: 0.0,
            perspective_probability: 1.0,
            pad: 0.0,
            pad_probability: 1.0,
            fill: Fill::Mirror,
            interpolation: Sampling::Bilinear,
        }
    }
}

impl Colour {
    pub const fn off() -> Self {
        Self {
            jitter_probability: 1.0,
            grey: 0.0,
            autocontrast: 0.0,
            equalise: 0.0,
            invert: 0.0,
            posterise: 0.0,
            posterise_bits: [4, 7],
            solarise: 0.0,
            solarise_threshold: [128, 128],
            sharpen: 0.0,
            sharpen_factor: [1.0, 2.0],
            blur: 0.0,
            blur_sigma: [0.1, 2.0],
            jpeg: 0.0,
            jpeg_quality: [30, 95],
        }
    }
}

impl Erasing {
    /// The paper's range of areas and torchvision's of shapes.
    pub const fn usual() -> Self {
        Self { scale: [0.02, 0.33], ratio: [0.3, 3.3], fill: EraseFill::Mean }
    }
}
