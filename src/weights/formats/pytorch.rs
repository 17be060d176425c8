//! PyTorch's `.pth` and `.pt`, the pickle stream from before 1.6 included, through burn's pytorch-reader: it builds
//! numbers and names from the pickle and calls nothing. What this file adds are a bound on memory and plain errors.

use std::path::Path;

use burn_store::pytorch_reader::{DType, FileFormat, PytorchError, PytorchReader, Tensor};

use super::numbers::{Type, floats};
use super::{Format, Loaded, ReadError};
use crate::weights::tensors::{Array, Named};

/// PyTorch stores arrays as they are, so all arrays together are hardly larger than their file; a few share storage.
const SHARING: u64 = 4;

pub fn read(path: &Path) -> Result<Loaded, ReadError> {
    let held = std::fs::metadata(path).map_err(|source| ReadError::Io { path: path.into(), source })?.len();
    let reader = PytorchReader::new(path).map_err(|error| open_error(path, error))?;
    let format = match reader.metadata().format_type {
        FileFormat::Zip => Format::PytorchZip,
        FileFormat::Legacy => Format::PytorchLegacy,
        FileFormat::Tar | FileFormat::Pickle => Format::PytorchOther,
    };
    bound(path, reader.tensors().values(), held)?;
    let mut named = Named::default();
    for (name, tensor) in reader.tensors() {
        match values(path, tensor)? {
            Some(values) => {
                named.entries.insert(name.clone(), Array { shape: tensor.shape().to_vec(), values });
            }
            None => drop(named.integers.insert(name.clone())),
        }
    }
    if named.entries.is_empty() {
        return Err(ReadError::Unknown { path: path.into(), why: "it holds no arrays of numbers".into() });
    }
    Ok(Loaded { format, named, beside: Vec::new(), metadata: Default::default() })
}

/// Refuses arrays that could not come from a file of this size, before any is built: a view that repeats one
/// number, or a deflated entry, may claim gigabytes.
fn bound<'a>(path: &Path, tensors: impl Iterator<Item = &'a Tensor>, held: u64) -> Result<(), ReadError> {
    let mut claimed: u64 = 0;
    for tensor in tensors {
        let bytes = tensor.byte_len() as u64;
        claimed = claimed.saturating_add(bytes);
        if bytes > held || claimed > held.saturating_mul(SHARING) {
            return Err(ReadError::Bomb { path: path.into(), claimed, held });
        }
    }
    Ok(())
}

/// The values of a tensor, or None where it holds whole numbers, which are not even read.
fn values(path: &Path, tensor: &Tensor) -> Result<Option<Vec<f32>>, ReadError> {
    let kind = match tensor.dtype() {
        DType::F16 => Type::F16,
        DType::BF16 => Type::Bf16,
        DType::F32 => Type::F32,
        DType::F64 => Type::F64,
        _ => return Ok(None),
    };
    let bytes = tensor.read().map_err(|e| ReadError::Damaged { path: path.into(), why: e.to_string() })?;
    Ok(floats(kind, &bytes))
}

fn open_error(path: &Path, error: PytorchError) -> ReadError {
    let path = path.to_path_buf();
    match error {
        PytorchError::Io(source) if source.raw_os_error().is_some() => ReadError::Io { path, source },
        PytorchError::InvalidFormat(why) if why.contains("not a PyTorch checkpoint") => {
            ReadError::Unknown { path, why: "it begins like none of them".into() }
        }
        other => ReadError::Damaged { path, why: other.to_string() },
    }
}
