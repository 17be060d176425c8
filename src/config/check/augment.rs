//! Augmentation: what the file says put over the values of its policy, and what is possible.

use std::fmt::Debug;

use super::{given, refuse_foreign};
use crate::config::augmentation::{Augment, Colour, Erasing, Geometry, Policy, Published};
use crate::config::faults::{Faults, Rule};
use crate::config::raw::{self, Key};
use crate::config::rules::{
    ANGLE, BORDER, BRANCHES, HUE, MAGNITUDE, NOT_NEGATIVE, OPERATIONS, POSITIVE, SHARE, SHEAR,
};
use crate::config::words::Choice;

pub(super) fn augment(raw: &raw::Augment, faults: &mut Faults<'_>) -> Augment {
    let policy: Policy = faults.choice(&raw.policy, Policy::Standard);
    let base = policy.augment();
    Augment {
        policy,
        published: published(raw, policy, faults),
        crop_scale: pair(&raw.crop_scale, base.crop_scale, &AREAS, faults),
        crop_ratio: pair(&raw.crop_ratio, base.crop_ratio, &RATIOS, faults),
        flip: faults.value(&raw.flip, base.flip, &SHARE),
        flip_vertical: faults.value(&raw.flip_vertical, base.flip_vertical, &SHARE),
        rotate: faults.value(&raw.rotate, base.rotate, &ANGLE),
        geometry: geometry(raw, base.geometry, faults),
        brightness: faults.value(&raw.brightness, base.brightness, &NOT_NEGATIVE),
        contrast: faults.value(&raw.contrast, base.contrast, &NOT_NEGATIVE),
        saturation: faults.value(&raw.saturation, base.saturation, &NOT_NEGATIVE),
        hue: faults.value(&raw.hue, base.hue, &HUE),
        colour: colour(raw, base.colour, faults),
        erase: faults.value(&raw.erase, base.erase, &SHARE),
        erasing: Erasing {
            scale: pair(&raw.erase_scale, base.erasing.scale, &AREAS, faults),
            ratio: pair(&raw.erase_ratio, base.erasing.ratio, &RATIOS, faults),
            fill: faults.choice(&raw.erase_fill, base.erasing.fill),
        },
        mixup: faults.value(&raw.mixup, base.mixup, &NOT_NEGATIVE),
        cutmix: faults.value(&raw.cutmix, base.cutmix, &NOT_NEGATIVE),
        mix_probability: faults.value(&raw.mix_probability, base.mix_probability, &SHARE),
        mix_switch: faults.value(&raw.mix_switch, base.mix_switch, &SHARE),
    }
}

fn geometry(raw: &raw::Augment, base: Geometry, faults: &mut Faults<'_>) -> Geometry {
    let mut share = |key: &Key<f64>, default| faults.value(key, default, &SHARE);
    Geometry {
        centre_crop_probability: share(&raw.centre_crop_probability, base.centre_crop_probability),
        crop_probability: share(&raw.crop_probability, base.crop_probability),
        rotate_probability: share(&raw.rotate_probability, base.rotate_probability),
        shear_probability: share(&raw.shear_probability, base.shear_probability),
        translate: share(&raw.translate, base.translate),
        translate_probability: share(&raw.translate_probability, base.translate_probability),
        perspective: share(&raw.perspective, base.perspective),
        perspective_probability: share(&raw.perspective_probability, base.perspective_probability),
        pad_probability: share(&raw.pad_probability, base.pad_probability),
        centre_crop: pair(&raw.centre_crop, base.centre_crop, &AREAS, faults),
        shear: faults.value(&raw.shear, base.shear, &SHEAR),
        pad: faults.value(&raw.pad, base.pad, &BORDER),
        fill: faults.choice(&raw.fill, base.fill),
        interpolation: faults.choice(&raw.interpolation, base.interpolation),
    }
}

fn colour(raw: &raw::Augment, base: Colour, faults: &mut Faults<'_>) -> Colour {
    let mut share = |key: &Key<f64>, default| faults.value(key, default, &SHARE);
    Colour {
        jitter_probability: share(&raw.jitter_probability, base.jitter_probability),
        grey: share(&raw.grey, base.grey),
        autocontrast: share(&raw.autocontrast, base.autocontrast),
        equalise: share(&raw.equalise, base.equalise),
        invert: share(&raw.invert, base.invert),
        posterise: share(&raw.posterise, base.posterise),
        solarise: share(&raw.solarise, base.solarise),
        sharpen: share(&raw.sharpen, base.sharpen),
        blur: share(&raw.blur, base.blur),
        jpeg: share(&raw.jpeg, base.jpeg),
        posterise_bits: pair(&raw.posterise_bits, base.posterise_bits, &BITS, faults),
        solarise_threshold: pair(&raw.solarise_threshold, base.solarise_threshold, &BYTES, faults),
        sharpen_factor: pair(&raw.sharpen_factor, base.sharpen_factor, &FACTORS, faults),
        blur_sigma: pair(&raw.blur_sigma, base.blur_sigma, &SIGMAS, faults),
        jpeg_quality: pair(&raw.jpeg_quality, base.jpeg_quality, &QUALITIES, faults),
    }
}

/// The parameters of a policy from a paper; those of another one are refused.
fn published(raw: &raw::Augment, policy: Policy, faults: &mut Faults<'_>) -> Option<Published> {
    let owners: [(_, &[&str]); 6] = [
        (given("randaugment_operations", &raw.randaugment_operations), &["randaugment"]),
        (given("randaugment_magnitude", &raw.randaugment_magnitude), &["randaugment"]),
        (given("augmix_severity", &raw.augmix_severity), &["augmix"]),
        (given("augmix_width", &raw.augmix_width), &["augmix"]),
        (given("augmix_depth", &raw.augmix_depth), &["augmix"]),
        (given("augmix_alpha", &raw.augmix_alpha), &["augmix"]),
    ];
    refuse_foreign("policy", &owners, policy.word(), faults);
    Some(match policy.augment().published? {
        Published::RandAugment { operations, magnitude } => Published::RandAugment {
            operations: faults.value(&raw.randaugment_operations, operations, &OPERATIONS),
            magnitude: faults.value(&raw.randaugment_magnitude, magnitude, &MAGNITUDE),
        },
        Published::AugMix { severity, width, alpha, .. } => Published::AugMix {
            severity: faults.value(&raw.augmix_severity, severity, &BRANCHES),
            width: faults.value(&raw.augmix_width, width, &BRANCHES),
            depth: faults.auto(&raw.augmix_depth, &BRANCHES),
            alpha: faults.value(&raw.augmix_alpha, alpha, &POSITIVE),
        },
        plain => plain,
    })
}

const AREAS: Rule<[f64; 2]> = Rule {
    must: "two shares [low, high] with 0 < low <= high <= 1",
    holds: |[low, high]| *low > 0.0 && low <= high && *high <= 1.0,
};

const RATIOS: Rule<[f64; 2]> = Rule {
    must: "two ratios [low, high] of width to height with 0.1 <= low <= high <= 10",
    holds: |[low, high]| *low >= 0.1 && low <= high && *high <= 10.0,
};

const FACTORS: Rule<[f64; 2]> = Rule {
    must: "two factors [low, high] with 0 <= low <= high <= 20",
    holds: |[low, high]| *low >= 0.0 && low <= high && *high <= 20.0,
};

const SIGMAS: Rule<[f64; 2]> = Rule {
    must: "two deviations [low, high] in pixels with 0.1 <= low <= high <= 20",
    holds: |[low, high]| *low >= 0.1 && low <= high && *high <= 20.0,
};

const BITS: Rule<[usize; 2]> = Rule {
    must: "two whole numbers [low, high] with 1 <= low <= high <= 8",
    holds: |[low, high]| *low >= 1 && low <= high && *high <= 8,
};

const BYTES: Rule<[usize; 2]> = Rule {
    must: "two whole numbers [low, high] with low <= high <= 255",
    holds: |[low, high]| low <= high && *high <= 255,
};

const QUALITIES: Rule<[usize; 2]> = Rule {
    must: "two whole numbers [low, high] with 1 <= low <= high <= 100",
    holds: |[low, high]| *low >= 1 && low <= high && *high <= 100,
};

fn pair<T: Copy + Debug>(
    key: &Key<[T; 2]>,
    default: [T; 2],
    rule: &Rule<[T; 2]>,
    faults: &mut Faults<'_>,
) -> [T; 2] {
    let Some(given) = key else { return default };
    let values = *given.get_ref();
    if !(rule.holds)(&values) {
        faults.refuse(given.span(), format!("is {values:?}, must be {}", rule.must));
    }
    values
}
