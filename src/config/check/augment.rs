//! Augmentation: the values of each policy, and the file's own put over them.

use crate::config::checked::{Augment, Policy};
use crate::config::faults::{Faults, Rule};
use crate::config::raw::{self, Key};
use crate::config::rules::{ANGLE, HUE, NOT_NEGATIVE, SHARE};

impl Policy {
    /// The values that the policy stands for.
    pub fn augment(self) -> Augment {
        let none = Augment {
            policy: self,
            crop_scale: [1.0, 1.0],
            crop_ratio: [1.0, 1.0],
            flip: 0.0,
            flip_vertical: 0.0,
            rotate: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
            erase: 0.0,
            mixup: 0.0,
            cutmix: 0.0,
            mix_probability: 1.0,
        };
        let light = Augment { crop_scale: [0.6, 1.0], crop_ratio: [0.75, 4.0 / 3.0], flip: 0.5, ..none };
        let jitter =
            |strength| Augment { brightness: strength, contrast: strength, saturation: strength, ..light };
        match self {
            Self::None => none,
            Self::Light => light,
            Self::Standard => Augment { crop_scale: [0.35, 1.0], rotate: 10.0, erase: 0.1, ..jitter(0.2) },
            Self::Strong => Augment {
                crop_scale: [0.08, 1.0],
                rotate: 15.0,
                hue: 0.1,
                erase: 0.25,
                mixup: 0.2,
                cutmix: 1.0,
                ..jitter(0.4)
            },
        }
    }
}

pub(super) fn augment(raw: &raw::Augment, faults: &mut Faults<'_>) -> Augment {
    let policy: Policy = faults.choice(&raw.policy, Policy::Standard);
    let base = policy.augment();
    Augment {
        policy,
        crop_scale: pair(&raw.crop_scale, base.crop_scale, &AREAS, faults),
        crop_ratio: pair(&raw.crop_ratio, base.crop_ratio, &RATIOS, faults),
        flip: faults.value(&raw.flip, base.flip, &SHARE),
        flip_vertical: faults.value(&raw.flip_vertical, base.flip_vertical, &SHARE),
        rotate: faults.value(&raw.rotate, base.rotate, &ANGLE),
        brightness: faults.value(&raw.brightness, base.brightness, &NOT_NEGATIVE),
        contrast: faults.value(&raw.contrast, base.contrast, &NOT_NEGATIVE),
        saturation: faults.value(&raw.saturation, base.saturation, &NOT_NEGATIVE),
        hue: faults.value(&raw.hue, base.hue, &HUE),
        erase: faults.value(&raw.erase, base.erase, &SHARE),
        mixup: faults.value(&raw.mixup, base.mixup, &NOT_NEGATIVE),
        cutmix: faults.value(&raw.cutmix, base.cutmix, &NOT_NEGATIVE),
        mix_probability: faults.value(&raw.mix_probability, base.mix_probability, &SHARE),
    }
}

const AREAS: Rule<[f64; 2]> = Rule {
    must: "two shares [low, high] with 0 < low <= high <= 1",
    holds: |[low, high]| *low > 0.0 && low <= high && *high <= 1.0,
};

const RATIOS: Rule<[f64; 2]> = Rule {
    must: "two ratios [low, high] of width to height with 0.1 <= low <= high <= 10",
    holds: |[low, high]| *low >= 0.1 && low <= high && *high <= 10.0,
};

fn pair(key: &Key<[f64; 2]>, default: [f64; 2], rule: &Rule<[f64; 2]>, faults: &mut Faults<'_>) -> [f64; 2] {
    let Some(given) = key else { return default };
    let values = *given.get_ref();
    if !(rule.holds)(&values) {
        faults.refuse(given.span(), format!("is {values:?}, must be {}", rule.must));
    }
    values
}
