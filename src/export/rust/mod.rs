//! A small crate that classifies pictures: the network as ONNX, kiln's preprocessing written out, and a program. Its sources
//! are the templates beside this file and kiln's own JPEG decoder, which kiln's tests compile as the crate does; only names,
//! classes and settings are put in here.

mod shared;

use super::onnx::{Input, Options, Outputs, Precision};
use crate::checkpoint::Identity;
use crate::dataset::{Interpolation, Preprocess, Resize};

/// What the network of the crate takes and gives.
pub const OPTIONS: Options = Options {
    input: Input::Uint8,
    precision: Precision::Fp32,
    outputs: Outputs { logits: false, probabilities: true, maps: false },
};

/// The crate's files by their paths. `network` is the model as ONNX with `OPTIONS`, `stem` what its user calls it.
pub fn files(identity: &Identity, network: Vec<u8>, stem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let name = package_name(stem);
    let filled = |template: &str| filled(template, identity, &name).into_bytes();
    let own = [
        ("Cargo.toml", filled(include_str!("template/Cargo.toml.in"))),
        ("README.md", filled(include_str!("template/README.md.in"))),
        (".gitignore", b"/target\n".to_vec()),
        ("model.onnx", network),
        ("src/main.rs", filled(include_str!("template/main.rs"))),
        ("src/lib.rs", include_str!("template/lib.rs").into()),
        ("src/decode.rs", include_str!("template/decode.rs").into()),
        ("src/prepare.rs", include_str!("template/prepare.rs").into()),
        ("src/resize.rs", include_str!("template/resize.rs").into()),
        ("src/model.rs", constants(identity).into_bytes()),
        ("src/lanes.rs", include_str!("template/lanes.rs").into()),
    ];
    own.into_iter().chain(shared::files()).collect()
}

/// `flowers-classifier`: a name that is no keyword and no other package's whatever the run is called.
fn package_name(stem: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let name: String = stem.chars().map(plain).collect();
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    match words.join("-") {
        name if name.starts_with(|first: char| first.is_ascii_lowercase()) => format!("{name}-classifier"),
        name if name.is_empty() => "picture-classifier".to_owned(),
        name => format!("model-{name}-classifier"),
    }
}

/// A template with its names put in. In Rust a package is called with underscores.
fn filled(template: &str, identity: &Identity, name: &str) -> String {
    let summary = format!("EfficientNet {}, {} classes", identity.network, identity.classes.len());
    let drawn = if identity.drawn { " (DRAWN pictures, no photographs)" } else { "" };
    let start = match (&identity.start.weights, &identity.start.licence) {
        (Some(weights), Some(licence)) => format!("{weights} ({licence})"),
        (Some(weights), None) => weights.clone(),
        _ => "none".to_owned(),
    };
    template
        .replace("use CRATE::", &format!("use {}::", name.replace('-', "_")))
        .replace("CRATE::Classifier", &format!("{}::Classifier", name.replace('-', "_")))
        .replace("CRATE", name)
        .replace("@SUMMARY@", &summary)
        .replace("@DATA@", &format!("{}{drawn}", identity.data))
        .replace("@START@", &start)
}

/// src/model.rs: the classes, and what the model demands of its pictures.
fn constants(identity: &Identity) -> String {
    let Preprocess { size, resize, interpolation, background, window, reduced, .. } = &identity.preprocess;
    let resize = match resize {
        Resize::Shorter(edge) => format!("Resize::Shorter({edge})"),
        Resize::Squash(edge) => format!("Resize::Squash({edge})"),
    };
    let kernel = match interpolation {
        Interpolation::Bilinear => "Kernel::Bilinear",
        Interpolation::Bicubic => "Kernel::Bicubic",
    };
    let window = window.map(<[f64; 2]>::from);
    let classes: String = identity.classes.iter().map(|class| format!("    {class:?},\n")).collect();
    let count = identity.classes.len();
    format!(
        "//! The model's classes, and what it demands of its pictures.

use super::prepare::{{Resize, Settings}};
use super::resize::Kernel;

pub const SETTINGS: Settings = Settings {{
    size: {size},
    resize: {resize},
    kernel: {kernel},
    background: {background:?},
    window: {window:?},
    reduced: {reduced},
}};

/// By index, as the network numbers them.
pub const CLASSES: [&str; {count}] = [
{classes}];
"
    )
}

#[cfg(test)]
mod tests;
