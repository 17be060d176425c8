//! Files of weights into named arrays: which format a file has, and the wrappers that training scripts put around the
//! weights. Each format has its own file; what the names mean is not known here.

pub mod burnpack;
mod numbers;
mod pytorch;
mod safetensors;
mod wrappers;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use safetensors::to_bytes as to_safetensors;

use super::tensors::Named;
use crate::durable;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub format: Format,
    pub named: Named,
    /// Entries outside the wrapper that held the weights, such as an optimizer's state.
    pub beside: Vec<String>,
    /// The free text that safetensors files carry.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Safetensors,
    /// Burn's own.
    Burnpack,
    /// A zip archive, as PyTorch writes since 1.6.
    PytorchZip,
    /// A stream of pickles, as PyTorch wrote before.
    PytorchLegacy,
    /// The tar archive or the lone pickle of PyTorch's first years.
    PytorchOther,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Safetensors => "safetensors",
            Format::Burnpack => "burnpack",
            Format::PytorchZip => "PyTorch (zip)",
            Format::PytorchLegacy => "PyTorch (pickle stream, before 1.6)",
            Format::PytorchOther => "PyTorch (early)",
        })
    }
}

#[derive(Debug, Error)]
pub enum ReadError {
    #[error("cannot read the weights {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is empty: fetch or copy it again")]
    Empty { path: PathBuf },
    #[error("{path} is cut short or damaged ({why}): fetch or copy it again")]
    Damaged { path: PathBuf, why: String },
    #[error(
        "{path} is no file of weights that kiln reads ({why}): give a .safetensors, a .bpk, or a .pth or .pt with a state_dict"
    )]
    Unknown { path: PathBuf, why: String },
    #[error(
        "{path} holds {name:?} as {dtype}, which kiln does not read: convert it to float32, float16 or bfloat16"
    )]
    Dtype { path: PathBuf, name: String, dtype: String },
    #[error("{path} claims arrays of {claimed} bytes in a file of {held}: it is damaged or hostile")]
    Bomb { path: PathBuf, claimed: u64, held: u64 },
}

/// No file of weights is larger: the largest EfficientNet there is takes 2 GiB, a checkpoint around it a few times that.
const LARGEST: u64 = 16 << 30;

/// Reads a file of any known format. Nothing in it is ever executed.
pub fn read(path: &Path) -> Result<Loaded, ReadError> {
    let mut loaded = match sniff(path)? {
        Kind::Safetensors => safetensors::read(path)?,
        Kind::Burnpack => burnpack::read(path)?,
        Kind::Pytorch => pytorch::read(path)?,
    };
    loaded.beside = wrappers::unwrap(&mut loaded.named);
    Ok(loaded)
}

enum Kind {
    Safetensors,
    Burnpack,
    Pytorch,
}

/// safetensors opens with the length of its header, then the header's brace, burnpack with a number of its own; everything else is left to PyTorch's reader.
fn sniff(path: &Path) -> Result<Kind, ReadError> {
    let io = |source| ReadError::Io { path: path.into(), source };
    durable::expect_file(path, LARGEST).map_err(io)?;
    let mut start = Vec::new();
    File::open(path).map_err(io)?.take(9).read_to_end(&mut start).map_err(io)?;
    let named_so = path.extension().is_some_and(|ext| ext == "safetensors");
    match start.as_slice() {
        [] => Err(ReadError::Empty { path: path.into() }),
        start if burnpack::claims(start) => Ok(Kind::Burnpack),
        [.., b'{'] if start.len() == 9 => Ok(Kind::Safetensors),
        _ if named_so => Ok(Kind::Safetensors),
        _ => Ok(Kind::Pytorch),
    }
}

#[cfg(test)]
mod tests;
