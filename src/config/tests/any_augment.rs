//! Any settings of augmentation, for the round trip through the resolved file.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::round_trip::positive;
use crate::config::*;

pub(super) fn any_augment() -> impl Strategy<Value = Augment> {
    let policy = select(vec![
        Policy::None,
        Policy::Light,
        Policy::Standard,
        Policy::Strong,
        Policy::TrivialAugment,
        Policy::AutoAugment,
    ]);
    let policy = prop_oneof![
        policy.prop_map(|policy| policy.augment()),
        (1..20_usize, 0..=30_usize).prop_map(|(operations, magnitude)| Augment {
            published: Some(Published::RandAugment { operations, magnitude }),
            ..Policy::RandAugment.augment()
        }),
        (1..=10_usize, 1..=10_usize, option::of(1..=10_usize), positive()).prop_map(
            |(severity, width, depth, alpha)| Augment {
                published: Some(Published::AugMix { severity, width, depth, alpha }),
                ..Policy::AugMix.augment()
            }
        ),
    ];
    let old = (0.01..1.0, 1.0..10.0, prop::array::uniform12(0.0..0.5));
    (policy, old, any_geometry(), any_colour(), any_erasing()).prop_map(
        |(policy, (low, high, values), geometry, colour, erasing)| {
            let [
                flip,
                flip_vertical,
                rotate,
                brightness,
                contrast,
                saturation,
                hue,
                erase,
                mixup,
                cutmix,
                mix_probability,
                mix_switch,
            ] = values;
            Augment {
                policy: policy.policy,
                published: policy.published,
                crop_scale: [low, 1.0],
                crop_ratio: [0.5, high],
                flip,
                flip_vertical,
                rotate,
                geometry,
                brightness,
                contrast,
                saturation,
                hue,
                colour,
                erase,
                erasing,
                mixup,
                cutmix,
                mix_probability,
                mix_switch,
            }
        },
    )
}

fn any_geometry() -> impl Strategy<Value = Geometry> {
    let fill = select(vec![Fill::Mirror, Fill::Black, Fill::Mean]);
    let interpolation = select(vec![Sampling::Nearest, Sampling::Bilinear]);
    (prop::array::uniform11(0.0..0.5), fill, interpolation).prop_map(|(values, fill, interpolation)| {
        let [low, crop, middle, rotate, shear, sheared, translate, translated, perspective, tilted, pad] =
            values;
        Geometry {
            centre_crop: [low + 0.1, 1.0],
            centre_crop_probability: middle,
            crop_probability: crop,
            rotate_probability: rotate,
            shear,
            shear_probability: sheared,
            translate,
            translate_probability: translated,
            perspective,
            perspective_probability: tilted,
            pad,
            pad_probability: low,
            fill,
            interpolation,
        }
    })
}

fn any_colour() -> impl Strategy<Value = Colour> {
    (prop::array::uniform12(0.1..0.5), 1..=8_usize, 0..=255_usize, 1..=100_usize).prop_map(
        |(values, bits, threshold, quality)| {
            let [
                jitter,
                grey,
                autocontrast,
                equalise,
                invert,
                posterise,
                solarise,
                sharpen,
                blur,
                jpeg,
                a,
                b,
            ] = values;
            Colour {
                jitter_probability: jitter,
                grey,
                autocontrast,
                equalise,
                invert,
                posterise,
                posterise_bits: [1, bits],
                solarise,
                solarise_threshold: [threshold, 255],
                sharpen,
                sharpen_factor: [a, 20.0],
                blur,
                blur_sigma: [b, 3.0],
                jpeg,
                jpeg_quality: [1, quality],
            }
        },
    )
}

fn any_erasing() -> impl Strategy<Value = Erasing> {
    let fill = select(vec![EraseFill::Mean, EraseFill::Black, EraseFill::Random]);
    (0.01..0.5, fill).prop_map(|(low, fill)| Erasing { scale: [low, 0.9], ratio: [low + 0.1, 3.0], fill })
}
