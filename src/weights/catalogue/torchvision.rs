//! torchvision's weights, from download.pytorch.org. Settings as in torchvision 0.29.2, torchvision/models/efficientnet.py:
//! b0 to b4 were ported from timm, b5 to b7 from lukemelas (and so from TensorFlow, with its batch norm).

use super::{BatchNorm, Entry, Pictures, Source, Top1};
use crate::dataset::preprocess::{IMAGENET_MEAN, IMAGENET_STD};
use crate::dataset::{Interpolation, Resize};
use crate::scaling::{Padding, Variant};

const PYTORCH: BatchNorm = BatchNorm { eps: 1e-5, momentum: 0.1 };
const TENSORFLOW: BatchNorm = BatchNorm { eps: 1e-3, momentum: 0.01 };

/// A row without what all entries share: id, variant, file, first digits of its SHA-256, size of the crop, shorter edge before it, top-1, batch norm.
struct Row(&'static str, Variant, [&'static str; 3], usize, usize, f64, BatchNorm);

const fn entry(row: Row, interpolation: Interpolation) -> Entry {
    let Row(id, variant, [url, file, sha256_start], size, shorter, percent, norm) = row;
    Entry {
        id,
        variant,
        source: Source::Web { url, file, sha256_start },
        licence: "BSD-3-Clause",
        top1: Top1 { percent, size },
        padding: Padding::Symmetric,
        norm,
        pictures: Pictures {
            size,
            resize: Resize::Shorter(shorter),
            interpolation,
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
        },
    }
}

const fn bicubic(row: Row) -> Entry {
    entry(row, Interpolation::Bicubic)
}

/// The address, the name and the digits that the name ends with.
macro_rules! file {
    ($name:literal, $digits:literal) => {
        [
            concat!("https://download.pytorch.org/models/", $name, "-", $digits, ".pth"),
            concat!($name, "-", $digits, ".pth"),
            $digits,
        ]
    };
}

#[rustfmt::skip]
pub(super) const ENTRIES: [Entry; 9] = [
    bicubic(Row("torchvision/efficientnet_b0", Variant::B0, file!("efficientnet_b0_rwightman", "7f5810bc"), 224, 256, 77.692, PYTORCH)),
    bicubic(Row("torchvision/efficientnet_b1", Variant::B1, file!("efficientnet_b1_rwightman", "bac287d4"), 240, 256, 78.642, PYTORCH)),
    entry(Row("torchvision/efficientnet_b1.v2", Variant::B1, file!("efficientnet_b1", "c27df63c"), 240, 255, 79.838, PYTORCH), Interpolation::Bilinear),
    bicubic(Row("torchvision/efficientnet_b2", Variant::B2, file!("efficientnet_b2_rwightman", "c35c1473"), 288, 288, 80.608, PYTORCH)),
    bicubic(Row("torchvision/efficientnet_b3", Variant::B3, file!("efficientnet_b3_rwightman", "b3899882"), 300, 320, 82.008, PYTORCH)),
    bicubic(Row("torchvision/efficientnet_b4", Variant::B4, file!("efficientnet_b4_rwightman", "23ab8bcd"), 380, 384, 83.384, PYTORCH)),
    bicubic(Row("torchvision/efficientnet_b5", Variant::B5, file!("efficientnet_b5_lukemelas", "1a07897c"), 456, 456, 83.444, TENSORFLOW)),
    bicubic(Row("torchvision/efficientnet_b6", Variant::B6, file!("efficientnet_b6_lukemelas", "24a108a5"), 528, 528, 84.008, TENSORFLOW)),
    bicubic(Row("torchvision/efficientnet_b7", Variant::B7, file!("efficientnet_b7_lukemelas", "c5b4e57e"), 600, 600, 84.122, TENSORFLOW)),
];
