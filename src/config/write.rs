//! The resolved file: every setting of a checked configuration, spelled so that it reads back to the same.
//! Also the keys in which two configurations differ.

use std::collections::BTreeMap;

use toml::Spanned;

use super::augmentation::{Augment, Published};
use super::checked::{
    Checkpoint, Columns, Config, Course, Data, Every, Files, Model, Optimizer, Pretrained, Sampler, Scale,
    Schedule, Scratch, Source, SplitShares, Stage, Track,
};
use super::keeping::NOBODY;
use super::raw::{self, Amount, Auto, AutoWord, False, Key, Off};
use super::words::{Choice, CourseKind, OptimizerKind};
use super::write_train::train;
use crate::scaling::Padding;

impl Config {
    /// Every setting with its value, defaults written out and paths absolute.
    pub fn to_toml(&self) -> String {
        // Only a whole number above 63 bits could fail, and the checks let none through.
        let settings = toml::to_string(&raw(self)).expect("checked settings are TOML");
        format!("# Every setting of this run, defaults written out.\n{settings}")
    }

    /// The dotted keys whose values differ, lists by number from 1, in alphabetical order.
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let (mine, theirs) = (settings(self), settings(other));
        let mut keys: Vec<_> =
            mine.keys().chain(theirs.keys()).filter(|key| mine.get(*key) != theirs.get(*key)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().cloned().collect()
    }
}

fn settings(config: &Config) -> BTreeMap<String, toml::Value> {
    flatten(tree(config))
}

/// Every setting, as nested as in a file.
pub(super) fn tree(config: &Config) -> toml::Value {
    // What could fail is said at `to_toml`.
    toml::Value::try_from(raw(config)).unwrap_or(toml::Value::Table(toml::Table::new()))
}

/// Settings by their dotted keys, lists by number from 1.
pub(super) fn flatten(tree: toml::Value) -> BTreeMap<String, toml::Value> {
    let mut found = BTreeMap::new();
    flatten_into(tree, String::new(), &mut found);
    found
}

/// Lists of tables are taken apart, lists of numbers are one value.
fn flatten_into(value: toml::Value, name: String, found: &mut BTreeMap<String, toml::Value>) {
    let part = |key: &str| if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
    match value {
        toml::Value::Table(table) => {
            table.into_iter().for_each(|(key, value)| flatten_into(value, part(&key), found));
        }
        toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
            for (number, value) in (1_usize..).zip(list) {
                flatten_into(value, part(&number.to_string()), found);
            }
        }
        value => {
            found.insert(name, value);
        }
    }
}

fn raw(config: &Config) -> raw::File {
    raw::File {
        name: key(config.name.clone()),
        model: model(&config.model),
        data: data(&config.data),
        augment: augment(&config.augment),
        stage: config.stages.iter().map(stage).collect(),
        optimizer: optimizer(&config.optimizer),
        schedule: schedule(&config.schedule),
        train: train(&config.train),
        checkpoint: checkpoint(&config.checkpoint),
        track: track(&config.track),
        scratch: scratch(&config.scratch),
    }
}

/// A value that comes from no file.
pub(super) fn key<T>(value: T) -> Key<T> {
    Some(Spanned::new(0..0, value))
}

pub(super) fn word(choice: impl Choice) -> Key<String> {
    key(choice.word().to_string())
}

pub(super) fn auto<T>(value: Option<T>) -> Key<Auto<T>> {
    key(value.map_or(Auto::Auto(AutoWord::Auto), Auto::Value))
}

pub(super) fn unless_off<T>(value: Option<T>) -> Key<Off<T>> {
    key(value.map_or(Off::Off(False), Off::Value))
}

fn model(model: &Model) -> raw::Model {
    raw::Model {
        channels: key(model.channels),
        pretrained: key(pretrained(&model.pretrained)),
        offline: word(model.offline),
        dropout: auto(model.dropout),
        stochastic_depth: key(model.stochastic_depth),
        padding: key(model.padding.map_or("auto", Padding::word).to_string()),
        norm_eps: auto(model.norm_eps),
        norm_momentum: auto(model.norm_momentum),
        ..scale(&model.scale)
    }
}

fn scale(scale: &Scale) -> raw::Model {
    let limit = |amount: Option<u64>| amount.and_then(|amount| key(Amount::Whole(amount)));
    let none = raw::Model::default();
    match scale {
        Scale::Variant(variant) => raw::Model { variant: word(*variant), ..none },
        Scale::Compound(compound) => raw::Model {
            phi: key(compound.phi),
            alpha: key(compound.alpha),
            beta: key(compound.beta),
            gamma: key(compound.gamma),
            ..none
        },
        Scale::Custom { family, width, depth, resolution } => raw::Model {
            family: word(*family),
            width: key(*width),
            depth: key(*depth),
            resolution: key(*resolution),
            ..none
        },
        Scale::Budget { max_macs, max_params, max_memory } => raw::Model {
            max_macs: limit(*max_macs),
            max_params: limit(*max_params),
            max_memory: limit(*max_memory),
            ..none
        },
    }
}

fn pretrained(pretrained: &Pretrained) -> raw::Pretrained {
    raw::Pretrained::Text(match pretrained {
        Pretrained::None => "none".to_string(),
        Pretrained::Imagenet => "imagenet".to_string(),
        Pretrained::Entry(name) => name.clone(),
        // The checks let no path through that is not UTF-8.
        Pretrained::File(path) => path.to_string_lossy().into_owned(),
    })
}

fn data(data: &Data) -> raw::Data {
    let (path, dataset, files) = match &data.source {
        Source::Path(path) => (key(path.to_string_lossy().into_owned()), None, Vec::new()),
        Source::Dataset(name) => (None, key(name.clone()), Vec::new()),
        Source::Files(files) => (None, None, files.iter().map(group).collect()),
    };
    raw::Data {
        offline: dataset.is_some().then(|| word(data.offline)).flatten(),
        path,
        dataset,
        image_size: auto(data.image_size),
        window: data.window.and_then(key),
        workers: auto(data.workers),
        views: key(data.views),
        cache: word(data.cache),
        cache_precision: word(data.cache_precision),
        cache_limit: key(Amount::Whole(data.cache_limit)),
        cache_memory: key(data.cache_memory.map_or(Amount::Text("auto".to_string()), Amount::Whole)),
        sampler: key(match data.sampler {
            Sampler::Shuffle => raw::Sampler::Word("shuffle".to_string()),
            Sampler::Power(power) => raw::Sampler::Power(power),
        }),
        bad: word(data.bad),
        leakage: word(data.leakage),
        classes: (!data.classes.is_empty()).then(|| key(data.classes.clone())).flatten(),
        depth: key(data.depth),
        reduced_jpeg: key(data.reduced_jpeg),
        licence: data.licence.clone().and_then(key),
        split: split(&data.split),
        columns: (data.columns != Columns::default()).then(|| columns(&data.columns)),
        files,
    }
}

fn split(split: &SplitShares) -> raw::Split {
    raw::Split { val: key(split.val), test: key(split.test), keep_alike: key(split.keep_alike) }
}

fn columns(columns: &Columns) -> raw::Columns {
    let name = |name: &Option<String>| name.clone().and_then(key);
    raw::Columns {
        path: name(&columns.path),
        label: name(&columns.label),
        split: name(&columns.split),
        weight: name(&columns.weight),
        source: name(&columns.source),
    }
}

fn group(files: &Files) -> raw::Files {
    raw::Files {
        glob: key(files.glob.to_string_lossy().into_owned()),
        class: key(files.class.clone()),
        split: files.split.and_then(word),
    }
}

fn augment(augment: &Augment) -> raw::Augment {
    let Augment { geometry, colour, erasing, .. } = augment;
    raw::Augment {
        policy: word(augment.policy),
        centre_crop: key(geometry.centre_crop),
        centre_crop_probability: key(geometry.centre_crop_probability),
        crop_scale: key(augment.crop_scale),
        crop_ratio: key(augment.crop_ratio),
        crop_probability: key(geometry.crop_probability),
        flip: key(augment.flip),
        flip_vertical: key(augment.flip_vertical),
        rotate: key(augment.rotate),
        rotate_probability: key(geometry.rotate_probability),
        shear: key(geometry.shear),
        shear_probability: key(geometry.shear_probability),
        translate: key(geometry.translate),
        translate_probability: key(geometry.translate_probability),
        perspective: key(geometry.perspective),
        perspective_probability: key(geometry.perspective_probability),
        pad: key(geometry.pad),
        pad_probability: key(geometry.pad_probability),
        fill: word(geometry.fill),
        interpolation: word(geometry.interpolation),
        brightness: key(augment.brightness),
        contrast: key(augment.contrast),
        saturation: key(augment.saturation),
        hue: key(augment.hue),
        jitter_probability: key(colour.jitter_probability),
        grey: key(colour.grey),
        autocontrast: key(colour.autocontrast),
        equalise: key(colour.equalise),
        invert: key(colour.invert),
        posterise: key(colour.posterise),
        posterise_bits: key(colour.posterise_bits),
        solarise: key(colour.solarise),
        solarise_threshold: key(colour.solarise_threshold),
        sharpen: key(colour.sharpen),
        sharpen_factor: key(colour.sharpen_factor),
        blur: key(colour.blur),
        blur_sigma: key(colour.blur_sigma),
        jpeg: key(colour.jpeg),
        jpeg_quality: key(colour.jpeg_quality),
        erase: key(augment.erase),
        erase_scale: key(erasing.scale),
        erase_ratio: key(erasing.ratio),
        erase_fill: word(erasing.fill),
        mixup: key(augment.mixup),
        cutmix: key(augment.cutmix),
        mix_probability: key(augment.mix_probability),
        mix_switch: key(augment.mix_switch),
        ..published(augment.published)
    }
}

fn published(published: Option<Published>) -> raw::Augment {
    let none = raw::Augment::default();
    match published {
        Some(Published::RandAugment { operations, magnitude }) => raw::Augment {
            randaugment_operations: key(operations),
            randaugment_magnitude: key(magnitude),
            ..none
        },
        Some(Published::AugMix { severity, width, depth, alpha }) => raw::Augment {
            augmix_severity: key(severity),
            augmix_width: key(width),
            augmix_depth: auto(depth),
            augmix_alpha: key(alpha),
            ..none
        },
        Some(Published::TrivialAugment | Published::AutoAugment) | None => none,
    }
}

fn stage(stage: &Stage) -> raw::Stage {
    raw::Stage {
        trains: key(stage.trains.to_string()),
        epochs: key(stage.epochs),
        lr: key(stage.lr),
        layer_decay: key(stage.layer_decay),
    }
}

fn optimizer(optimizer: &Optimizer) -> raw::Optimizer {
    let none = raw::Optimizer::default();
    match *optimizer {
        Optimizer::AdamW { betas, eps, weight_decay } => raw::Optimizer {
            kind: word(OptimizerKind::AdamW),
            betas: key(betas),
            eps: key(eps),
            weight_decay: key(weight_decay),
            ..none
        },
        Optimizer::Sgd { momentum, nesterov, weight_decay } => raw::Optimizer {
            kind: word(OptimizerKind::Sgd),
            momentum: key(momentum),
            nesterov: key(nesterov),
            weight_decay: key(weight_decay),
            ..none
        },
        Optimizer::RmsProp { alpha, eps, momentum, weight_decay } => raw::Optimizer {
            kind: word(OptimizerKind::RmsProp),
            alpha: key(alpha),
            eps: key(eps),
            momentum: key(momentum),
            weight_decay: key(weight_decay),
            ..none
        },
    }
}

fn schedule(schedule: &Schedule) -> raw::Schedule {
    let none = raw::Schedule { warmup: key(schedule.warmup_epochs), ..raw::Schedule::default() };
    match schedule.kind {
        Course::Cosine { min } => raw::Schedule { kind: word(CourseKind::Cosine), min: key(min), ..none },
        Course::Step { every_epochs, factor } => raw::Schedule {
            kind: word(CourseKind::Step),
            every_epochs: key(every_epochs),
            factor: key(factor),
            ..none
        },
        Course::Constant => raw::Schedule { kind: word(CourseKind::Constant), ..none },
    }
}

fn scratch(scratch: &Scratch) -> raw::Scratch {
    raw::Scratch { image_size: auto(scratch.image_size), epochs: auto(scratch.epochs), lr: auto(scratch.lr) }
}

fn checkpoint(checkpoint: &Checkpoint) -> raw::Checkpoint {
    raw::Checkpoint {
        every: key(match checkpoint.every {
            Every::Steps(steps) => raw::Every::Steps(steps),
            other => raw::Every::Text(other.to_string()),
        }),
        keep: key(checkpoint.keep),
    }
}

fn track(track: &Track) -> raw::Track {
    let address = track.mlflow.clone().unwrap_or_else(|| NOBODY.to_string());
    let Track { tensorboard, ref experiment, .. } = *track;
    raw::Track { tensorboard: key(tensorboard), mlflow: key(address), experiment: key(experiment.clone()) }
}
