//! What a model file says of itself, so that nobody has to guess: classes, network, preprocessing,
//! origin. It travels as JSON under the metadata key `kiln` of a safetensors file.

use serde::{Deserialize, Serialize};

use crate::dataset::Preprocess;
use crate::scaling::{Activation, Padding, Plan};

/// The version of this description.
pub const IDENTITY_FORMAT: u64 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub format: u64,
    pub kiln: String,
    /// The class names by index.
    pub classes: Vec<String>,
    /// The network's name: a variant or what its coefficients are.
    pub network: String,
    pub plan: Plan,
    pub activation: Activation,
    pub squeeze_excite: bool,
    pub padding: Padding,
    pub norm_eps: f64,
    pub norm_momentum: f64,
    pub channels: usize,
    pub preprocess: Preprocess,
    /// Logits are divided by it before the softmax; 1 where nothing was fitted.
    pub temperature: f64,
    /// Whether the weights are a moving average.
    pub averaged: bool,
    pub start: Start,
    /// What the training data was, in a few words.
    pub data: String,
    /// True where the model was trained on pictures that kiln drew itself.
    pub drawn: bool,
}

/// Where the training started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The entry or file; nothing where the training started from scratch.
    pub weights: Option<String>,
    pub licence: Option<String>,
    /// True where pretrained weights were asked for and could not be had.
    pub instead_of_pretrained: bool,
}

impl Start {
    pub fn scratch(instead_of_pretrained: bool) -> Self {
        Self { weights: None, licence: None, instead_of_pretrained }
    }
}
