//! What an ONNX file says of itself: kiln's own description under the key `kiln`, as in every model file, and the same in
//! plain words for readers that know no kiln. docs/export.md lists the keys.

use serde::Serialize;

use super::proto::{ModelProto, StringStringEntryProto};
use super::{Input, Options, Precision};
use crate::checkpoint::Identity;
use crate::dataset::{Crop, Interpolation, Resize};
use crate::weights::METADATA_KEY;

/// All keys with their values, in the order in which they stand in the file.
pub fn properties(identity: &Identity, options: Options) -> Vec<StringStringEntryProto> {
    let preprocess = &identity.preprocess;
    let interpolation = match preprocess.interpolation {
        Interpolation::Bilinear => "bilinear",
        Interpolation::Bicubic => "bicubic",
    };
    let layout = match options.input {
        Input::Float => "NCHW float32, normalised",
        Input::Uint8 => "NHWC uint8",
    };
    let precision = match options.precision {
        Precision::Fp32 => "fp32",
        Precision::Fp16 => "fp16",
    };
    let entries = [
        (METADATA_KEY, json(identity)),
        ("classes", json(&identity.classes)),
        ("input_size", json(&preprocess.size)),
        ("input_layout", layout.into()),
        ("channel_order", if identity.channels == 1 { "grey" } else { "RGB" }.into()),
        ("resize", resize(preprocess.resize)),
        ("crop", if preprocess.crop == Crop::Center { "center" } else { "none" }.into()),
        ("interpolation", interpolation.into()),
        ("antialias", "true".into()),
        ("mean", json(&preprocess.mean)),
        ("std", json(&preprocess.std)),
        ("background", json(&preprocess.background)),
        ("temperature", json(&identity.temperature)),
        ("precision", precision.into()),
        ("trained_on", identity.data.clone()),
    ];
    let entry = |(key, value): (&str, String)| StringStringEntryProto { key: key.into(), value };
    entries.into_iter().map(entry).collect()
}

/// The value of a key in a file.
pub fn property<'a>(file: &'a ModelProto, key: &str) -> Option<&'a str> {
    file.metadata_props.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
}

pub fn summary(identity: &Identity) -> String {
    let Identity { network, classes, .. } = identity;
    let drawn = if identity.drawn { ", trained on drawn pictures, no photographs" } else { "" };
    format!("EfficientNet {network}, {} classes{drawn}; made by kiln", classes.len())
}

fn resize(resize: Resize) -> String {
    match resize {
        Resize::Shorter(edge) => format!("shorter edge to {edge}"),
        Resize::Squash(edge) => format!("both edges to {edge}"),
    }
}

fn json(value: &impl Serialize) -> String {
    // Nothing in a description is of a kind that JSON does not have.
    serde_json::to_string(value).unwrap_or_default()
}
