//! Burn's own format: a header, a table of the arrays and free text in CBOR, then the arrays. The names are the paths of the
//! parameters in `Network`, so Burn's own loading takes the file as it is.

use std::path::Path;

use burn_store::BurnpackStore;
use burn_store::burn_pack::{self, Bytes, DType, MAGIC_NUMBER, Reader, Tensor, Writer};

use super::{Error, Model};
use crate::checkpoint::{self, read_identity};
use crate::model::Array;
use crate::weights::METADATA_KEY;

pub const ENDING: &str = burn_pack::EXTENSION;

/// Whether a file's bytes begin as Burn's do.
pub fn claims(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC_NUMBER.to_le_bytes())
}

pub fn bytes(model: &Model) -> Result<Vec<u8>, Error> {
    let refuse = |cause: burn_pack::Error| Error::Burnpack(cause.to_string());
    let json = serde_json::to_string(&model.identity).map_err(|cause| Error::Burnpack(cause.to_string()))?;
    let mut writer =
        Writer::new(model.arrays.iter().map(packed).collect()).with_metadata(METADATA_KEY, &json);
    for (key, value) in BurnpackStore::default_metadata() {
        writer = writer.with_metadata(&key, &value);
    }
    let mut bytes = vec![0; writer.size().map_err(refuse)?];
    writer.write_into(&mut bytes).map_err(refuse)?;
    Ok(bytes)
}

/// Without the parameters' numbers, which Burn draws anew in every process: equal models give equal bytes.
fn packed(array: &Array) -> Tensor {
    let bytes = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor::new(array.name.clone(), DType::F32, array.shape.clone(), None, Bytes::from_bytes_vec(bytes))
}

/// The model in these bytes; `path` is for the messages. Every length is checked by Burn before it is trusted.
pub fn read(path: &Path, bytes: Vec<u8>) -> Result<Model, checkpoint::Error> {
    let damaged = |reason: String| checkpoint::Error::NoModel { path: path.to_owned(), reason };
    let broken = |cause: burn_pack::Error| damaged(format!("{cause}; export or copy it again"));
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(broken)?;
    let json = reader.metadata().get(METADATA_KEY).ok_or_else(|| checkpoint::Error::NoModel {
        path: path.to_owned(),
        reason: format!("its metadata has no key `{METADATA_KEY}`"),
    })?;
    let identity = read_identity(path, json)?;
    let tensors = reader.into_tensors().map_err(broken)?;
    let arrays =
        tensors.into_iter().map(|tensor| unpacked(tensor).map_err(damaged)).collect::<Result<_, _>>()?;
    Ok(Model { arrays, identity })
}

fn unpacked(tensor: Tensor) -> Result<Array, String> {
    let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(|cause| cause.to_string())?;
    if dtype != DType::F32 {
        return Err(format!("{name} holds {dtype:?}, not 32-bit floats"));
    }
    let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Ok(Array { name, shape: shape.iter().copied().collect(), values })
}
