//! The refusals of `[augment]`, with their words.

use super::refusals::check;
use super::with;
use crate::config::*;

#[test]
fn every_key_has_its_limits_and_unknown_words_get_the_nearest() {
    check(
        "[augment]\npolicy = \"heavy\"",
        "F:10: augment.policy: \"heavy\" is not known; possible are \"none\", \"light\", \"standard\", \"strong\", \
         \"randaugment\", \"trivialaugment\", \"autoaugment\", \"augmix\"",
    );
    check(
        "[augment]\npolicy = \"randaug\"",
        "F:10: augment.policy: \"randaug\" is not known; did you mean \"randaugment\"? Possible are \"none\", \"light\", \
         \"standard\", \"strong\", \"randaugment\", \"trivialaugment\", \"autoaugment\", \"augmix\"",
    );
    check(
        "[augment]\npolicy = \"strong\"\nrandaugment_magnitude = 3",
        "F:11: augment.randaugment_magnitude: `randaugment_magnitude` belongs to policy = \"randaugment\", not to \"strong\"; take it out",
    );
    check(
        "[augment]\npolicy = \"randaugment\"\nrandaugment_magnitude = 31\naugmix_width = 0",
        "F:11: augment.randaugment_magnitude: is 31, must be a whole number from 0 to 30\n\
         F:12: augment.augmix_width: `augmix_width` belongs to policy = \"augmix\", not to \"randaugment\"; take it out",
    );
    check(
        "[augment]\npolicy = \"augmix\"\naugmix_depth = 11",
        "F:11: augment.augmix_depth: is 11, must be a whole number from 1 to 10",
    );
    check(
        "[augment]\nblur_probability = 1",
        "F:10: augment.blur_probability: unknown key; did you mean `mix_probability`?",
    );
    let check = |key: &str, value: &str, expected: &str| {
        check(&format!("[augment]\n{key} = {value}"), &format!("F:10: augment.{key}: {expected}"));
    };
    let areas = "must be two shares [low, high] with 0 < low <= high <= 1";
    check("crop_scale", "[0.5, 0.2]", &format!("is [0.5, 0.2], {areas}"));
    check("crop_scale", "[0, 1]", &format!("is [0.0, 1.0], {areas}"));
    check("crop_scale", "[nan, 1]", &format!("is [NaN, 1.0], {areas}"));
    check(
        "crop_ratio",
        "[0, 1]",
        "is [0.0, 1.0], must be two ratios [low, high] of width to height with 0.1 <= low <= high <= 10",
    );
    for share in ["flip", "flip_vertical", "erase", "mix_probability"] {
        check(share, "2", "is 2, must be a number from 0 to 1");
    }
    for strength in ["brightness", "contrast", "saturation", "mixup", "cutmix"] {
        check(strength, "-1", "is -1, must be a number of 0 or more");
    }
    check("hue", "0.6", "is 0.6, must be a number from 0 to 0.5");
    check("pad", "0.6", "is 0.6, must be a number from 0 to 0.5");
    check("shear", "89", "is 89, must be an angle from 0 to 80 degrees");
    for share in [
        "grey",
        "autocontrast",
        "equalise",
        "invert",
        "posterise",
        "solarise",
        "sharpen",
        "blur",
        "jpeg",
        "translate",
        "perspective",
        "mix_switch",
        "jitter_probability",
        "centre_crop_probability",
        "crop_probability",
        "rotate_probability",
        "shear_probability",
        "translate_probability",
        "perspective_probability",
        "pad_probability",
    ] {
        check(share, "-0.1", "is -0.1, must be a number from 0 to 1");
    }
    for (key, value, expected) in [
        ("centre_crop", "[0.5, 1.5]", &*format!("is [0.5, 1.5], {areas}")),
        ("erase_scale", "[0, 1]", &format!("is [0.0, 1.0], {areas}")),
        (
            "posterise_bits",
            "[0, 9]",
            "is [0, 9], must be two whole numbers [low, high] with 1 <= low <= high <= 8",
        ),
        (
            "solarise_threshold",
            "[9, 256]",
            "is [9, 256], must be two whole numbers [low, high] with low <= high <= 255",
        ),
        (
            "jpeg_quality",
            "[90, 30]",
            "is [90, 30], must be two whole numbers [low, high] with 1 <= low <= high <= 100",
        ),
        (
            "blur_sigma",
            "[0, 1]",
            "is [0.0, 1.0], must be two deviations [low, high] in pixels with 0.1 <= low <= high <= 20",
        ),
        (
            "sharpen_factor",
            "[-1, 1]",
            "is [-1.0, 1.0], must be two factors [low, high] with 0 <= low <= high <= 20",
        ),
        ("fill", "\"white\"", "\"white\" is not known; possible are \"mirror\", \"black\", \"mean\""),
        (
            "interpolation",
            "\"linear\"",
            "\"linear\" is not known; did you mean \"bilinear\"? Possible are \"nearest\", \"bilinear\"",
        ),
        ("erase_fill", "\"noise\"", "\"noise\" is not known; possible are \"mean\", \"black\", \"random\""),
    ] {
        check(key, value, expected);
    }
    check("rotate", "nan", "is NaN, must be an angle from 0 to 180 degrees");
}

#[test]
fn a_policy_gives_the_values_that_the_file_leaves_open() {
    let given = |text: &str| with(&format!("[augment]\n{text}")).augment;
    let rand = given("policy = \"randaugment\"\nrandaugment_magnitude = 12\nflip = 0");
    let published = Some(Published::RandAugment { operations: 2, magnitude: 12 });
    assert_eq!(rand, Augment { published, flip: 0.0, ..Policy::RandAugment.augment() });
    assert_eq!((rand.geometry.fill, rand.geometry.interpolation), (Fill::Black, Sampling::Nearest));
    let mix = given("policy = \"augmix\"\naugmix_depth = 2\nblur = 0.5\nblur_sigma = [1, 1.5]");
    let published = Some(Published::AugMix { severity: 3, width: 3, depth: Some(2), alpha: 1.0 });
    assert_eq!((mix.published, mix.colour.blur, mix.colour.blur_sigma), (published, 0.5, [1.0, 1.5]));
}

/// What the first release wrote into its runs says the same today.
#[test]
fn a_resolved_file_without_the_newer_keys_is_taken_as_it_was_meant() {
    let text = "[augment]\npolicy = \"strong\"\ncrop_scale = [0.08, 1.0]\ncrop_ratio = [0.75, 1.3333333333333333]\n\
                flip = 0.5\nflip_vertical = 0.0\nrotate = 15.0\nbrightness = 0.4\ncontrast = 0.4\nsaturation = 0.4\n\
                hue = 0.1\nerase = 0.25\nmixup = 0.2\ncutmix = 1.0\nmix_probability = 1.0\n";
    assert_eq!(with(text).augment, Policy::Strong.augment());
}
