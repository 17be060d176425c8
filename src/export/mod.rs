//! One file per format in which a trained model leaves, and the way back from each. A model is named arrays and what it
//! says of itself. Paths, printing and the comparison of what comes back are left to commands/.

mod burnpack;
mod error;
mod names;
pub mod onnx;
pub mod rust;
mod taker;
mod timm;
mod torchvision;
pub mod web;

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;

pub use error::Error;
pub use taker::Taker;
pub use timm::Timm;
pub use torchvision::Torchvision;

use crate::checkpoint::{self, Identity, read_model, tensor_bytes};
use crate::durable::Map;
use crate::model::{Array, Network, NormSettings, Settings};
use crate::weights::Layout;

/// A model outside of any network: what a file of any form holds.
#[derive(Debug, Clone)]
pub struct Model {
    /// Under kiln's names.
    pub arrays: Vec<Array>,
    pub identity: Identity,
}

impl Model {
    /// The network that the arrays are of. What is missing is zero: whoever read them from a file has compared them with the
    /// plan.
    pub fn network(self, device: &Device) -> Network {
        let Self { arrays, identity } = self;
        let mut arrays: BTreeMap<_, _> = arrays.into_iter().map(|array| (array.name, array.values)).collect();
        let settings = Settings {
            padding: identity.padding,
            norm: NormSettings { eps: identity.norm_eps, momentum: identity.norm_momentum },
            classes: identity.classes.len(),
            dropout: 0.0,
            stochastic_depth: 0.0,
        };
        Network::build(&identity.plan, &settings, device, &mut |name, shape| {
            arrays.remove(name).unwrap_or_else(|| vec![0.0; shape.iter().product()])
        })
    }
}

/// A format, and whose names the arrays carry in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Safetensors,
    /// safetensors under timm's names.
    Timm,
    /// safetensors under torchvision's names.
    Torchvision,
    Burnpack,
    Onnx(onnx::Options),
    /// A folder with a crate.
    Rust,
    /// A folder with a page.
    Web,
}

impl Form {
    /// What sets its name apart from those of other forms: before a number and after it.
    pub fn marks(self) -> [&'static str; 2] {
        match self {
            Self::Safetensors => ["", ".safetensors"],
            Self::Timm => ["-timm", ".safetensors"],
            Self::Torchvision => ["-torchvision", ".safetensors"],
            Self::Burnpack => ["", burnpack::ENDING],
            Self::Onnx(_) => ["", ".onnx"],
            Self::Rust => ["-rust", ""],
            Self::Web => ["-web", ""],
        }
    }
}

/// The bytes of a file that holds this model; of a crate or a page, those of the network in it.
pub fn bytes(model: &Model, form: Form) -> Result<Vec<u8>, Error> {
    match form {
        Form::Safetensors => Ok(tensor_bytes(&model.arrays, Some(&model.identity))),
        Form::Timm | Form::Torchvision => {
            Taker::of(form, &model.identity)?;
            let layout = if form == Form::Timm { Layout::Timm } else { Layout::Torchvision };
            let arrays = names::renamed(model.arrays.clone(), layout, &model.identity.plan);
            Ok(tensor_bytes(&arrays, Some(&model.identity)))
        }
        Form::Burnpack => burnpack::bytes(model),
        Form::Onnx(options) => onnx::bytes(model, options),
        Form::Rust => onnx::bytes(model, rust::OPTIONS),
        Form::Web => web::onnx(model),
    }
}

/// Reads a model in whichever form it is; its first bytes and its names tell.
pub fn read(path: &Path) -> Result<Model, checkpoint::Error> {
    if path.extension().is_some_and(|ending| ending == "onnx") {
        let reason = "ONNX files are for other programs; kiln reads run folders, safetensors and burnpack";
        return Err(checkpoint::Error::NoModel { path: path.to_owned(), reason: reason.into() });
    }
    let map = Map::open(path)?;
    let Model { arrays, identity } = if burnpack::claims(&map) {
        burnpack::read(path)?
    } else {
        let (arrays, identity) = read_model(path)?;
        Model { arrays, identity }
    };
    Ok(Model { arrays: names::restored(arrays, &identity.plan), identity })
}

/// The first thing in which two models differ, down to single bits.
pub fn difference(wanted: &Model, found: &Model) -> Option<String> {
    if wanted.identity != found.identity {
        return Some("what the model says of itself".into());
    }
    let (wanted, found) = (by_name(&wanted.arrays), by_name(&found.arrays));
    let differs = |name: &&&str| match (wanted.get(**name), found.get(**name)) {
        (Some(a), Some(b)) => !same_bits(a, b),
        _ => true,
    };
    let name = wanted.keys().chain(found.keys()).find(differs)?;
    Some(format!("the array {name}"))
}

fn by_name(arrays: &[Array]) -> BTreeMap<&str, &Array> {
    arrays.iter().map(|array| (array.name.as_str(), array)).collect()
}

fn same_bits(a: &Array, b: &Array) -> bool {
    a.shape == b.shape && a.values.iter().map(|v| v.to_bits()).eq(b.values.iter().map(|v| v.to_bits()))
}

#[cfg(test)]
mod tests;
