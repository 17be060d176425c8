//! timm's names for the arrays, which of timm's networks takes them, and how Python builds it.

use std::collections::BTreeMap;
use std::path::Path;

use super::Error;
use crate::checkpoint::Identity;
use crate::model::Array;
use crate::scaling::{Padding, Plan};
use crate::weights::{Layout, layouts};

/// A network of timm, and what it must be told to be the one that was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Timm {
    pub network: String,
    /// Arguments of `create_model` besides the name.
    pub arguments: Vec<String>,
    /// What sets the model apart from timm's own of that name.
    pub differs: Option<String>,
    /// What its input must hold beside the picture.
    pub input: Option<&'static str>,
}

// What timm builds each half of its networks with; read in timm 1.0.31.
const SYMMETRIC: (&str, f64) = ("efficientnet", 1e-5);
const SAME: (&str, f64) = ("tf_efficientnet", 1e-3);

impl Timm {
    /// The timm network that takes a model's arrays.
    pub fn fitting(identity: &Identity) -> Result<Self, Error> {
        let variant = identity
            .plan
            .as_variant()
            .filter(|&variant| Plan::variant(variant).activation == identity.plan.activation)
            .ok_or_else(|| Error::NoTimmModel { network: identity.network.clone() })?;
        let (family, usual) = match identity.padding {
            Padding::Symmetric => SYMMETRIC,
            Padding::Same => SAME,
        };
        let network = format!("{family}_{variant}");
        let mut arguments = vec![format!("num_classes={}", identity.classes.len())];
        let planes = identity.plan.stem_planes();
        if planes != 3 {
            arguments.push(format!("in_chans={planes}"));
        }
        let eps = identity.norm_eps;
        let mut differs = None;
        if eps != usual {
            arguments.push(format!("bn_eps={eps:e}"));
            differs = Some(format!("batch norm's eps is {eps:e} here, {usual:e} in timm's {network}"));
        }
        let input = identity.plan.marks_edge.then_some(
            "the network reads two planes: the normalised grey picture, and one of ones behind it",
        );
        Ok(Self { network, arguments, differs, input })
    }

    /// The two lines of Python that build the network and load a file into it.
    pub fn python(&self, file: &Path) -> [String; 2] {
        let Self { network, arguments, .. } = self;
        let file = file.display().to_string();
        [
            format!("model = timm.create_model({network:?}, {})", arguments.join(", ")),
            format!("model.load_state_dict(safetensors.torch.load_file({file:?}))"),
        ]
    }
}

/// Arrays under timm's names. timm's counts of batches are left out: PyTorch's strict loading fills them in.
pub fn renamed(arrays: Vec<Array>, plan: &Plan) -> Vec<Array> {
    let pairings = layouts::pairings(Layout::Timm, plan);
    rename(arrays, &pairings.into_iter().map(|pair| (pair.canonical, pair.foreign)).collect())
}

/// Arrays under kiln's names, whether they carry those or timm's.
pub fn restored(arrays: Vec<Array>, plan: &Plan) -> Vec<Array> {
    if layouts::detect(arrays.iter().map(|array| array.name.as_str())) != Some(Layout::Timm) {
        return arrays;
    }
    let pairings = layouts::pairings(Layout::Timm, plan);
    rename(arrays, &pairings.into_iter().map(|pair| (pair.foreign, pair.canonical)).collect())
}

/// Sorted by the new names. What has no other name keeps its own: whoever builds a network of it will say so.
fn rename(arrays: Vec<Array>, names: &BTreeMap<String, String>) -> Vec<Array> {
    let renamed = |mut array: Array| {
        if let Some(name) = names.get(&array.name) {
            array.name.clone_from(name);
        }
        array
    };
    let mut arrays: Vec<Array> = arrays.into_iter().map(renamed).collect();
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    arrays
}
