//! The TOML as it is spelled: every key may be absent, keys that are not here are refused.
//! What the values mean and which are possible belongs to check/.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
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
    pub workers: Key<Auto<usize>>,
    pub views: Key<usize>,
    pub cache: Key<String>,
    pub cache_precision: Key<String>,
    pub cache_limit: Key<Amount>,
    pub cache_memory: Key<Amount>,
    pub sampler: Key<Sampler>,
    pub bad: Key<String>,
    pub reduced_jpeg: Key<bool>,
    #[serde(default)]
    pub split: Split,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    pub val: Key<f64>,
    pub test: Key<f64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Augment {
    pub policy: Key<String>,
    pub crop_scale: Key<[f64; 2]>,
    pub crop_ratio: Key<[f64; 2]>,
    pub flip: Key<f64>,
    pub flip_vertical: Key<f64>,
    pub rotate: Key<f64>,
    pub brightness: Key<f64>,
    pub contrast: Key<f64>,
    pub saturation: Key<f64>,
    pub hue: Key<f64>,
    pub erase: Key<f64>,
    pub mixup: Key<f64>,
    pub cutmix: Key<f64>,
    pub mix_probability: Key<f64>,
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
    pub batch: Key<usize>,
    pub seed: Key<u64>,
    pub device: Key<String>,
    pub force_device: Key<bool>,
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
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub every: Key<Every>,
    pub keep: Key<usize>,
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
#[serde(untagged, expecting = "must be \"epoch\", or a number of steps such as 200")]
pub(super) enum Every {
    Steps(usize),
    Text(String),
}
