//! Which of timm's networks takes a model's arrays, and how Python builds it.

use std::path::Path;

use super::Error;
use crate::checkpoint::Identity;
use crate::scaling::{Padding, Plan};

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
