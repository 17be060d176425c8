//! The TOML as it is spelled: every key may be absent, keys that are not here are refused.
//! What the values mean and which are possible belongs to check/.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use toml::Spanned;

/// A setting with the place it was read from.
pub(super) type Key<T> = Option<Spanned<T>>;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub name: Key<String>,
    pub model: Model,
    pub data: Data,
    pub augment: Augment,
    pub stage: Vec<Stage>,
    pub optimizer: Optimizer,
    pub schedule: Schedule,
    pub train: Train,
    pub checkpoint: Checkpoint,
    pub track: Track,
    pub scratch: Scratch,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scratch {
    pub image_size: Key<Auto<usize>>,
    pub epochs: Key<Auto<usize>>,
    pub lr: Key<Auto<f64>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    pub variant: Key<String>,
    pub phi: Key<f64>,
    pub alpha: Key<f64>,
    pub beta: Key<f64>,
    pub gamma: Key<f64>,
    pub family: Key<String>,
    pub width: Key<f64>,
    pub depth: Key<f64>,
    pub resolution: Key<usize>,
    pub max_macs: Key<Amount>,
    pub max_params: Key<Amount>,
    pub max_memory: Key<Amount>,
    pub channels: Key<usize>,
    pub pretrained: Key<Pretrained>,
    pub offline: Key<String>,
    pub dropout: Key<Auto<f64>>,
    pub stochastic_depth: Key<f64>,
    pub padding: Key<String>,
    pub norm_eps: Key<Auto<f64>>,
    pub norm_momentum: Key<Auto<f64>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    pub path: Key<String>,
    pub dataset: Key<String>,
    pub offline: Key<String>,
    pub image_size: Key<Auto<usize>>,
    pub window: Key<[f64; 2]>,
    pub workers: Key<Auto<usize>>,
    pub views: Key<usize>,
    pub cache: Key<String>,
    pub cache_precision: Key<String>,
    pub cache_limit: Key<Amount>,
    pub cache_memory: Key<Amount>,
    pub sampler: Key<Sampler>,
    pub bad: Key<String>,
    pub leakage: Key<String>,
    pub classes: Key<Vec<String>>,
    pub depth: Key<usize>,
    pub reduced_jpeg: Key<bool>,
    pub licence: Key<String>,
    #[serde(default)]
    pub split: Split,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Files>,
}

/// What the columns of a table are called.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Columns {
    pub path: Key<String>,
    pub label: Key<String>,
    pub split: Key<String>,
    pub weight: Key<String>,
    pub source: Key<String>,
}

/// The pictures that a pattern matches.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Files {
    pub glob: Key<String>,
    pub class: Key<String>,
    pub split: Key<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    pub val: Key<f64>,
    pub test: Key<f64>,
    pub keep_alike: Key<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Augment {
    pub policy: Key<String>,
    pub randaugment_operations: Key<usize>,
    pub randaugment_magnitude: Key<usize>,
    pub augmix_severity: Key<usize>,
    pub augmix_width: Key<usize>,
    pub augmix_depth: Key<Auto<usize>>,
    pub augmix_alpha: Key<f64>,
    pub centre_crop: Key<[f64; 2]>,
    pub centre_crop_probability: Key<f64>,
    pub crop_scale: Key<[f64; 2]>,
    pub crop_ratio: Key<[f64; 2]>,
    pub crop_probability: Key<f64>,
    pub flip: Key<f64>,
    pub flip_vertical: Key<f64>,
    pub rotate: Key<f64>,
    pub rotate_probability: Key<f64>,
    pub shear: Key<f64>,
    pub shear_probability: Key<f64>,
    pub translate: Key<f64>,
    pub translate_probability: Key<f64>,
    pub perspective: Key<f64>,
    pub perspective_probability: Key<f64>,
    pub pad: Key<f64>,
    pub pad_probability: Key<f64>,
    pub fill: Key<String>,
    pub interpolation: Key<String>,
    pub brightness: Key<f64>,
    pub contrast: Key<f64>,
    pub saturation: Key<f64>,
    pub hue: Key<f64>,
    pub jitter_probability: Key<f64>,
    pub grey: Key<f64>,
    pub autocontrast: Key<f64>,
    pub equalise: Key<f64>,
    pub invert: Key<f64>,
    pub posterise: Key<f64>,
    pub posterise_bits: Key<[usize; 2]>,
    pub solarise: Key<f64>,
    pub solarise_threshold: Key<[usize; 2]>,
    pub sharpen: Key<f64>,
    pub sharpen_factor: Key<[f64; 2]>,
    pub blur: Key<f64>,
    pub blur_sigma: Key<[f64; 2]>,
    pub jpeg: Key<f64>,
    pub jpeg_quality: Key<[usize; 2]>,
    pub erase: Key<f64>,
    pub erase_scale: Key<[f64; 2]>,
    pub erase_ratio: Key<[f64; 2]>,
    pub erase_fill: Key<String>,
    pub mixup: Key<f64>,
    pub cutmix: Key<f64>,
    pub mix_probability: Key<f64>,
    pub mix_switch: Key<f64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stage {
    pub trains: Key<String>,
    pub epochs: Key<usize>,
    pub lr: Key<f64>,
    pub layer_decay: Key<f64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Optimizer {
    pub kind: Key<String>,
    pub betas: Key<[f64; 2]>,
    pub alpha: Key<f64>,
    pub eps: Key<f64>,
    pub momentum: Key<f64>,
    pub nesterov: Key<bool>,
    pub weight_decay: Key<f64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    pub kind: Key<String>,
    pub min: Key<f64>,
    pub every_epochs: Key<f64>,
    pub factor: Key<f64>,
    pub warmup: Key<f64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Train {
    pub batch: Key<Batch>,
    pub effective_batch: Key<usize>,
    pub seed: Key<u64>,
    pub device: Key<String>,
    pub force_device: Key<bool>,
    pub tune: Key<String>,
    pub gpus: Key<usize>,
    pub precision: Key<String>,
    pub threads: Key<Auto<usize>>,
    pub clip_norm: Key<Off<f64>>,
    pub accumulate: Key<usize>,
    pub ema: Key<Off<f64>>,
    pub label_smoothing: Key<f64>,
    pub loss: Key<String>,
    pub focal_gamma: Key<f64>,
    pub class_weights: Key<ClassWeights>,
    pub class_weights_beta: Key<f64>,
    pub batch_norm: Key<String>,
    pub monitor: Key<String>,
    pub early_stopping: Key<Off<usize>>,
    pub on_divergence: Key<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub every: Key<Every>,
    pub keep: Key<usize>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Track {
    pub tensorboard: Key<bool>,
    pub mlflow: Key<String>,
    pub experiment: Key<String>,
}

/// A value, or the word "auto".
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a number, whole where it counts something, or \"auto\"")]
pub(super) enum Auto<T> {
    Value(T),
    Auto(AutoWord),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AutoWord {
    Auto,
}

/// A number of pictures, or the word "auto". Read by hand, so that a wrong type is named as elsewhere.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Batch {
    Auto,
    #[serde(untagged)]
    Pictures(usize),
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BatchVisitor)
    }
}

struct BatchVisitor;

impl Visitor<'_> for BatchVisitor {
    type Value = Batch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("usize, or \"auto\"")
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Batch, E> {
        let refused = |_| E::invalid_value(Unexpected::Signed(count), &self);
        count.try_into().map(Batch::Pictures).map_err(refused)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Batch, E> {
        match word {
            "auto" => Ok(Batch::Auto),
            _ => Err(E::invalid_type(Unexpected::Str(word), &self)),
        }
    }
}

/// A value, or `false`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a number, whole where it counts something, or false")]
pub(super) enum Off<T> {
    Value(T),
    Off(False),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub(super) struct False;

impl TryFrom<bool> for False {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Err("only false") } else { Ok(Self) }
    }
}

impl From<False> for bool {
    fn from(False: False) -> Self {
        false
    }
}

/// A count or a size, as a number or with its unit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be an amount such as 400000000, \"400M\", \"2.5G\" or \"4GiB\"")]
pub(super) enum Amount {
    Whole(u64),
    Number(f64),
    Text(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be \"none\", \"imagenet\", the name of an entry, or a path")]
pub(super) enum Pretrained {
    None(False),
    Text(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "must be \"none\", \"balanced\", \"effective\", a list of numbers, or a table of numbers by class"
)]
pub(super) enum ClassWeights {
    Word(String),
    List(Vec<f64>),
    Table(BTreeMap<String, f64>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be \"shuffle\", \"balanced\", \"sqrt\", or a number from 0 to 1")]
pub(super) enum Sampler {
    Word(String),
    Power(f64),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "must be \"epoch\", a number of steps such as 200, or a time such as \"10 min\""
)]
pub(super) enum Every {
    Steps(usize),
    Text(String),
}
