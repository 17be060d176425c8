//! Named arrays as safetensors files, written and read. Sizes are checked against the file before
//! anything is allocated; the safetensors crate does that for the header.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::{Error, IDENTITY_FORMAT, Identity};
use crate::durable::Map;
use crate::model::Array;

/// The bytes of a safetensors file. Entries are sorted by name, so equal arrays give equal bytes.
pub fn tensor_bytes(arrays: &[Array], identity: Option<&Identity>) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> =
        arrays.iter().map(|array| array.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = arrays.iter().zip(&bytes).filter_map(|(array, bytes)| {
        let view = TensorView::new(Dtype::F32, array.shape.clone(), bytes).ok()?;
        Some((array.name.as_str(), view))
    });
    let metadata = identity.and_then(|identity| {
        let json = serde_json::to_string(identity).ok()?;
        Some(HashMap::from([("kiln".to_owned(), json)]))
    });
    // It only fails where names clash or shapes do not fit their bytes, which `Array` rules out.
    serialize(views, metadata).unwrap_or_default()
}

/// The arrays of a safetensors file that kiln wrote, by name.
pub fn read_tensors(path: &Path) -> Result<Vec<Array>, Error> {
    let map = Map::open(path)?;
    arrays_of(path, &map)
}

/// A model file: its arrays and what it says of itself.
pub fn read_model(path: &Path) -> Result<(Vec<Array>, Identity), Error> {
    let map = Map::open(path)?;
    let refuse = |reason: String| Error::NoModel { path: path.to_owned(), reason };
    let (_, header) = SafeTensors::read_metadata(&map)
        .map_err(|cause| refuse(format!("{cause}; it is cut short or something else")))?;
    let json = header.metadata().as_ref().and_then(|all| all.get("kiln"));
    let json = json.ok_or_else(|| refuse("its metadata has no key `kiln`".into()))?;
    let identity = read_identity(path, json)?;
    Ok((arrays_of(path, &map)?, identity))
}

/// What a model file says of itself, from the JSON in it; `path` is for the messages.
pub fn read_identity(path: &Path, json: &str) -> Result<Identity, Error> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u64,
    }
    let refuse =
        |cause: serde_json::Error| Error::NoModel { path: path.to_owned(), reason: cause.to_string() };
    // The format first: what another one holds may not be readable at all.
    let Format { format } = serde_json::from_str(json).map_err(refuse)?;
    if format != IDENTITY_FORMAT {
        return Err(Error::Format { path: path.to_owned(), found: format, known: IDENTITY_FORMAT });
    }
    serde_json::from_str(json).map_err(refuse)
}

fn arrays_of(path: &Path, bytes: &[u8]) -> Result<Vec<Array>, Error> {
    let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
    let file = SafeTensors::deserialize(bytes).map_err(|cause| damaged(cause.to_string()))?;
    let mut arrays = Vec::with_capacity(file.len());
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(damaged(format!("{name} holds {:?}, not 32-bit floats", view.dtype())));
        }
        let values =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        arrays.push(Array { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(arrays)
}
