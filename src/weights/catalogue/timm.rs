//! timm's weights, from the Hugging Face Hub. Sizes, crops and statistics as in timm 1.0.31, timm/models/efficientnet.py;
//! top-1 from its results/results-imagenet.csv. `efficientnet_*` were trained by timm's authors, with PyTorch's padding;
//! `tf_efficientnet_*` are Google's: aa AutoAugment, ap AdvProp, ns Noisy Student (with pictures beyond ImageNet).

use super::{BatchNorm, Entry, Pictures, Source, Top1};
use crate::dataset::preprocess::{IMAGENET_MEAN, IMAGENET_STD};
use crate::dataset::{Interpolation, Resize};
use crate::scaling::{Padding, Variant};

/// timm builds the TensorFlow networks with their eps, but with PyTorch's momentum.
const PYTORCH: BatchNorm = BatchNorm { eps: 1e-5, momentum: 0.1 };
const TENSORFLOW: BatchNorm = BatchNorm { eps: 1e-3, momentum: 0.1 };

const HALF: [f32; 3] = [0.5; 3];

/// The side of the input and the share of the resized picture that it is, in thousandths: timm's `crop_pct`.
#[derive(Clone, Copy)]
struct Crop(usize, usize);

/// Top-1, and the side at which timm measured it.
#[derive(Clone, Copy)]
struct At(f64, usize);

const fn entry(id: &'static str, variant: Variant, Crop(size, share): Crop, At(percent, side): At) -> Entry {
    Entry {
        id,
        variant,
        source: Source::Hub { repo: id, file: "model.safetensors" },
        licence: "Apache-2.0",
        top1: Top1 { percent, size: side },
        padding: Padding::Symmetric,
        norm: PYTORCH,
        pictures: Pictures {
            size,
            // Rounded down, as timm does.
            resize: Resize::Shorter(size * 1000 / share),
            interpolation: Interpolation::Bicubic,
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
        },
    }
}

const fn squashed(mut entry: Entry) -> Entry {
    entry.pictures.resize = Resize::Squash(entry.pictures.size);
    entry
}

const fn halves(mut entry: Entry) -> Entry {
    entry.pictures.mean = HALF;
    entry.pictures.std = HALF;
    entry
}

const fn bilinear(mut entry: Entry) -> Entry {
    entry.pictures.interpolation = Interpolation::Bilinear;
    entry
}

/// Google's networks, measured at the side that they were trained for.
const fn google(id: &'static str, variant: Variant, crop: Crop, percent: f64) -> Entry {
    let mut entry = entry(id, variant, crop, At(percent, crop.0));
    entry.padding = Padding::Same;
    entry.norm = TENSORFLOW;
    entry
}

const B0: Crop = Crop(224, 875);
const B1: Crop = Crop(240, 882);
const B2: Crop = Crop(260, 890);
const B3: Crop = Crop(300, 904);
const B4: Crop = Crop(380, 922);
const B5: Crop = Crop(456, 934);
const B6: Crop = Crop(528, 942);
const B7: Crop = Crop(600, 949);

#[rustfmt::skip]
pub(super) const ENTRIES: [Entry; 36] = [
    // The first entry of a variant is its default: trained on ImageNet alone, by timm where it was.
    entry("timm/efficientnet_b0.ra_in1k", Variant::B0, Crop(224, 875), At(77.694, 224)),
    entry("timm/efficientnet_b1.ft_in1k", Variant::B1, Crop(224, 875), At(78.8, 256)),
    entry("timm/efficientnet_b2.ra_in1k", Variant::B2, Crop(256, 875), At(80.61, 288)),
    entry("timm/efficientnet_b3.ra2_in1k", Variant::B3, Crop(288, 875), At(82.242, 320)),
    entry("timm/efficientnet_b4.ra2_in1k", Variant::B4, Crop(320, 875), At(83.414, 384)),
    google("timm/tf_efficientnet_b0.aa_in1k", Variant::B0, B0, 76.834),
    google("timm/tf_efficientnet_b1.aa_in1k", Variant::B1, B1, 78.83),
    google("timm/tf_efficientnet_b2.aa_in1k", Variant::B2, B2, 80.084),
    google("timm/tf_efficientnet_b3.aa_in1k", Variant::B3, B3, 81.644),
    google("timm/tf_efficientnet_b4.aa_in1k", Variant::B4, B4, 83.018),
    google("timm/tf_efficientnet_b5.aa_in1k", Variant::B5, B5, 83.688),
    google("timm/tf_efficientnet_b6.aa_in1k", Variant::B6, B6, 84.116),
    google("timm/tf_efficientnet_b7.aa_in1k", Variant::B7, B7, 84.414),
    squashed(entry("timm/efficientnet_b5.sw_in12k_ft_in1k", Variant::B5, Crop(448, 1000), At(85.892, 448))),
    halves(google("timm/tf_efficientnet_b0.ap_in1k", Variant::B0, B0, 77.09)),
    halves(google("timm/tf_efficientnet_b1.ap_in1k", Variant::B1, B1, 79.28)),
    halves(google("timm/tf_efficientnet_b2.ap_in1k", Variant::B2, B2, 80.308)),
    halves(google("timm/tf_efficientnet_b3.ap_in1k", Variant::B3, B3, 81.826)),
    halves(google("timm/tf_efficientnet_b4.ap_in1k", Variant::B4, B4, 83.25)),
    halves(google("timm/tf_efficientnet_b5.ap_in1k", Variant::B5, B5, 84.258)),
    halves(google("timm/tf_efficientnet_b6.ap_in1k", Variant::B6, B6, 84.786)),
    halves(google("timm/tf_efficientnet_b7.ap_in1k", Variant::B7, B7, 85.122)),
    google("timm/tf_efficientnet_b0.ns_jft_in1k", Variant::B0, B0, 78.67),
    google("timm/tf_efficientnet_b1.ns_jft_in1k", Variant::B1, B1, 81.394),
    google("timm/tf_efficientnet_b2.ns_jft_in1k", Variant::B2, B2, 82.378),
    google("timm/tf_efficientnet_b3.ns_jft_in1k", Variant::B3, B3, 84.056),
    google("timm/tf_efficientnet_b4.ns_jft_in1k", Variant::B4, B4, 85.162),
    google("timm/tf_efficientnet_b5.ns_jft_in1k", Variant::B5, B5, 86.088),
    google("timm/tf_efficientnet_b6.ns_jft_in1k", Variant::B6, B6, 86.456),
    google("timm/tf_efficientnet_b7.ns_jft_in1k", Variant::B7, B7, 86.84),
    halves(google("timm/tf_efficientnet_lite0.in1k", Variant::Lite0, Crop(224, 875), 74.83)),
    halves(google("timm/tf_efficientnet_lite1.in1k", Variant::Lite1, Crop(240, 882), 76.644)),
    halves(google("timm/tf_efficientnet_lite2.in1k", Variant::Lite2, Crop(260, 890), 77.464)),
    bilinear(halves(google("timm/tf_efficientnet_lite3.in1k", Variant::Lite3, Crop(300, 904), 79.808))),
    bilinear(halves(google("timm/tf_efficientnet_lite4.in1k", Variant::Lite4, Crop(380, 920), 81.532))),
    entry("timm/efficientnet_lite0.ra_in1k", Variant::Lite0, Crop(224, 875), At(75.48, 224)),
];
