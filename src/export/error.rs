//! Why a model cannot leave in the form that was asked for.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "no timm model has the shape of {network}: timm has b0 to b7 and lite0 to lite4; leave out `--layout timm` for kiln's own layout"
    )]
    NoTimmModel { network: String },

    #[error("torchvision cannot hold {network}: {reason}; {instead}")]
    NoTorchvisionModel { network: String, reason: String, instead: &'static str },

    #[error(
        "an ONNX file holds at most 2 GiB, and this network takes {} MiB; export safetensors or burnpack", bytes >> 20
    )]
    TooLargeForOnnx { bytes: usize },

    #[error(
        "this model was trained with `data.window`, and browsers give pictures of 8 bits only; export onnx or rust instead"
    )]
    NoWebWindow,

    #[error(
        "{}: {reason}; run `npm pack {package}` and give the file, or the folder with it unpacked, with --ort-web",
        .path.display(),
        package = super::web::PACKAGE
    )]
    Runtime { path: PathBuf, reason: String },

    #[error("cannot write burnpack: {0}")]
    Burnpack(String),
}
