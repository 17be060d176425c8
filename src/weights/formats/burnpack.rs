//! Burn's own format: a header, a table of the arrays and free text in CBOR, then the arrays.

use std::path::Path;

use burn_store::burn_pack::{Bytes, DType, MAGIC_NUMBER, Reader, Tensor};

use super::numbers::{Type, floats};
use super::{Format, LARGEST, Loaded, ReadError};
use crate::durable;
use crate::weights::tensors::{Array, Named};

/// Whether a file's bytes begin as Burn's do.
pub fn claims(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC_NUMBER.to_le_bytes())
}

/// Reads a file. Every length is checked by Burn before it is trusted.
pub fn read(path: &Path) -> Result<Loaded, ReadError> {
    let bytes =
        durable::read_file(path, LARGEST).map_err(|source| ReadError::Io { path: path.into(), source })?;
    let damaged = |why: String| ReadError::Damaged { path: path.into(), why };
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|e| damaged(e.to_string()))?;
    let metadata = reader.metadata().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut named = Named::default();
    for tensor in reader.into_tensors().map_err(|e| damaged(e.to_string()))? {
        take(tensor, &mut named, path)?;
    }
    Ok(Loaded { format: Format::Burnpack, named, beside: Vec::new(), metadata })
}

fn take(tensor: Tensor, named: &mut Named, path: &Path) -> Result<(), ReadError> {
    let damaged = |why: String| ReadError::Damaged { path: path.into(), why };
    let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(|e| damaged(e.to_string()))?;
    let Some(kind) = kind(dtype) else {
        return Err(ReadError::Dtype { path: path.into(), name, dtype: format!("{dtype:?}") });
    };
    match floats(kind, &bytes) {
        Some(values) => {
            let shape: Vec<usize> = shape.iter().copied().collect();
            let numbers = shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
            if numbers != Some(values.len()) {
                return Err(damaged(format!("{name} has {} numbers for the shape {shape:?}", values.len())));
            }
            named.entries.insert(name, Array { shape, values });
        }
        None => drop(named.integers.insert(name)),
    }
    Ok(())
}

fn kind(dtype: DType) -> Option<Type> {
    match dtype {
        DType::F16 => Some(Type::F16),
        DType::BF16 => Some(Type::Bf16),
        DType::F32 => Some(Type::F32),
        DType::F64 => Some(Type::F64),
        DType::I64 | DType::I32 | DType::I16 | DType::I8 => Some(Type::Integer),
        DType::U64 | DType::U32 | DType::U16 | DType::U8 => Some(Type::Integer),
        _ => None,
    }
}
