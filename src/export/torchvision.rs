//! Which of torchvision's networks takes a model's arrays, and how Python builds it. torchvision's networks can be told little,
//! so most of what sets a model apart from them is a reason to refuse it.

use std::path::Path;

use super::Error;
use crate::checkpoint::Identity;
use crate::scaling::{Family, Padding, Plan, Variant};

/// A network of torchvision that is the one that was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Torchvision {
    pub network: String,
    classes: usize,
}

const KILNS_OWN: &str = "leave out `--layout torchvision` for kiln's own layout";
const TIMMS: &str = "take `--layout timm`, or leave the layout out for kiln's own";

impl Torchvision {
    /// The torchvision network that takes a model's arrays.
    pub fn fitting(identity: &Identity) -> Result<Self, Error> {
        let Identity { plan, classes, .. } = identity;
        let variant = match plan.as_variant() {
            Some(variant) if variant.family() == Family::Lite => {
                return Err(refused(identity, "torchvision has b0 to b7, and no lite network".into(), TIMMS));
            }
            Some(variant) if Plan::variant(variant).activation == plan.activation => variant,
            _ => {
                let reason = "torchvision has b0 to b7, and no network of this shape".into();
                return Err(refused(identity, reason, KILNS_OWN));
            }
        };
        let network = format!("efficientnet_{variant}");
        match cannot_be_told(identity, variant, &network) {
            Some(reason) => Err(refused(identity, reason, TIMMS)),
            None => Ok(Self { network, classes: classes.len() }),
        }
    }

    /// The two lines of Python that build the network and load a file into it.
    pub fn python(&self, file: &Path) -> [String; 2] {
        let file = file.display().to_string();
        [
            format!("model = torchvision.models.{}(num_classes={})", self.network, self.classes),
            format!("model.load_state_dict(safetensors.torch.load_file({file:?}))"),
        ]
    }
}

/// What the model has and torchvision's network of its shape has not.
fn cannot_be_told(identity: &Identity, variant: Variant, network: &str) -> Option<String> {
    if identity.padding != Padding::Symmetric {
        return Some(
            "it pads as TensorFlow does (SAME), and torchvision's networks pad all sides alike".into(),
        );
    }
    let (eps, usual) = (identity.norm_eps, norm_eps(variant));
    if eps != usual {
        return Some(format!(
            "its batch norm has an eps of {eps:e}, and torchvision's {network} has {usual:e}"
        ));
    }
    match identity.plan.stem_planes() {
        3 => None,
        1 => Some("it reads one channel, and torchvision's networks read three".into()),
        planes => Some(format!("it reads {planes} planes, and torchvision's networks read three")),
    }
}

/// What torchvision builds batch norm with; read in torchvision 0.29.2.
fn norm_eps(variant: Variant) -> f64 {
    match variant {
        Variant::B5 | Variant::B6 | Variant::B7 => 1e-3,
        _ => 1e-5,
    }
}

fn refused(identity: &Identity, reason: String, instead: &'static str) -> Error {
    Error::NoTorchvisionModel { network: identity.network.clone(), reason, instead }
}
