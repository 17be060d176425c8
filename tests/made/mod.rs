//! Models and run folders of random numbers: exporting needs a checkpoint, not a training.

use std::path::PathBuf;

use kiln::chance::Key;
use kiln::checkpoint::{Best, Contents, IDENTITY_FORMAT, Identity, Manifest, Progress, RunFolder, Start};
use kiln::dataset::{Interpolation, Preprocess};
use kiln::export::Model;
use kiln::model::Array;
use kiln::scaling::{Family, Padding, Plan};
use kiln::weights::expected;
use tempfile::TempDir;

pub const CLASSES: usize = 7;

/// Spread of the weights: with these, differences between pictures live through all layers (tests/golden/README.md).
const GAINS: [(&str, f64); 7] = [
    ("stem", 768.0),
    // Before `expand`, which is also the name of one of its halves.
    ("squeeze", 0.3),
    ("expand", 3.0),
    ("depthwise", 6.0),
    ("project", 24.0),
    ("head", 12.0),
    ("classifier", 1.0),
];

/// Random numbers of the kind that training leaves.
fn array(name: String, shape: Vec<usize>) -> Array {
    let fan_in: usize = shape.iter().skip(1).product();
    let gain = GAINS.iter().find(|(part, _)| name.split('.').any(|word| word == *part)).unwrap().1;
    let (low, high) = match name.rsplit('.').next().unwrap() {
        "running_mean" | "bias" => (-0.1, 0.1),
        "running_var" => (1.0, 1.5),
        _ if name.contains(".norm.") => (0.9, 1.1),
        _ => (-(gain / fan_in as f64).sqrt(), (gain / fan_in as f64).sqrt()),
    };
    let mut draws = Key::new(3).named(&name).draws();
    let values = (0..shape.iter().product()).map(|_| draws.between(low, high) as f32).collect();
    Array { name, shape, values }
}

pub fn identity(plan: &Plan, padding: Padding, norm_eps: f64) -> Identity {
    Identity {
        format: IDENTITY_FORMAT,
        kiln: env!("CARGO_PKG_VERSION").into(),
        classes: (0..CLASSES).map(|i| format!("kind {i}")).collect(),
        network: plan.name(),
        plan: plan.clone(),
        activation: plan.activation,
        squeeze_excite: plan.family == Family::B,
        padding,
        norm_eps,
        norm_momentum: 0.1,
        channels: plan.channels,
        preprocess: Preprocess::image_net(plan.resolution, 0.875, Interpolation::Bicubic),
        temperature: 1.5,
        averaged: false,
        start: Start::scratch(true),
        data: "made for a test".into(),
        drawn: true,
    }
}

/// A model outside of any run.
pub fn model(identity: Identity) -> Model {
    let arrays = expected(&identity.plan, CLASSES).into_iter().map(|(name, shape)| array(name, shape));
    Model { arrays: arrays.collect(), identity }
}

/// A run called `flowers` with one checkpoint.
pub fn run_with(folder: &TempDir, plan: &Plan, padding: Padding, norm_eps: f64) -> PathBuf {
    let path = folder.path().join("flowers");
    let identity = identity(plan, padding, norm_eps);
    let run = RunFolder::create(&path, "", &identity.classes, b"{}").unwrap();
    let contents = Contents {
        model: model(identity.clone()).arrays,
        raw: None,
        moments: Vec::new(),
        identity,
        progress: Progress {
            step: 5,
            best: Some(Best { step: 5, accuracy: 0.5, loss: 1.0 }),
            ..Progress::default()
        },
    };
    run.save(&contents, Manifest::new("configuration", "data"), 1).unwrap();
    path
}
