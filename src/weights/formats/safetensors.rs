//! The safetensors format, both ways: a JSON header that says where each array lies, then the arrays.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};

use super::numbers::{Type, floats};
use super::{Format, LARGEST, Loaded, ReadError};
use crate::durable;
use crate::weights::tensors::{Array, Named};

/// Reads a file. The crate checks every offset against the file before anything is taken from it.
pub fn read(path: &Path) -> Result<Loaded, ReadError> {
    let bytes =
        durable::read_file(path, LARGEST).map_err(|source| ReadError::Io { path: path.into(), source })?;
    let damaged = |e: SafeTensorError| ReadError::Damaged { path: path.into(), why: e.to_string() };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let mut named = Named::default();
    for (name, view) in file.iter() {
        let dtype = || ReadError::Dtype {
            path: path.into(),
            name: name.into(),
            dtype: format!("{:?}", view.dtype()),
        };
        match floats(kind(view.dtype()).ok_or_else(dtype)?, view.data()) {
            Some(values) => {
                named.entries.insert(name.to_string(), Array { shape: view.shape().to_vec(), values });
            }
            None => drop(named.integers.insert(name.to_string())),
        }
    }
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    Ok(Loaded { format: Format::Safetensors, named, beside: Vec::new(), metadata })
}

/// The bytes of a file with these arrays, f32, and this free text.
pub fn to_bytes(named: &Named, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, SafeTensorError> {
    let raw: Vec<(&String, Vec<u8>)> = named
        .entries
        .iter()
        .map(|(name, array)| (name, array.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = raw
        .iter()
        .map(|(name, bytes)| {
            Ok((name, TensorView::new(Dtype::F32, named.entries[*name].shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, SafeTensorError>>()?;
    let metadata: HashMap<String, String> = metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    safetensors::serialize(views, (!metadata.is_empty()).then_some(metadata))
}

fn kind(dtype: Dtype) -> Option<Type> {
    match dtype {
        Dtype::F16 => Some(Type::F16),
        Dtype::BF16 => Some(Type::Bf16),
        Dtype::F32 => Some(Type::F32),
        Dtype::F64 => Some(Type::F64),
        Dtype::BOOL | Dtype::U8 | Dtype::I8 | Dtype::I16 | Dtype::U16 => Some(Type::Integer),
        Dtype::I32 | Dtype::U32 | Dtype::I64 | Dtype::U64 => Some(Type::Integer),
        _ => None,
    }
}
