//! Burn's own format, with kiln's metadata. The names are the paths of the parameters in `Network`, so Burn's own loading
//! takes the file as it is. How arrays lie in the file is known in weights/formats.

use std::path::Path;

use burn_store::BurnpackStore;
use burn_store::burn_pack::{self, Bytes, DType, Tensor, Writer};

use super::{Error, Model};
use crate::checkpoint::{self, read_identity};
use crate::model::Array;
use crate::weights::METADATA_KEY;
use crate::weights::formats::burnpack as stored;

pub use stored::claims;

/// As `burn_pack::EXTENSION` has it.
pub const ENDING: &str = ".bpk";

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

/// The model in a file.
pub fn read(path: &Path) -> Result<Model, checkpoint::Error> {
    let wrong = |reason: String| checkpoint::Error::NoModel { path: path.to_owned(), reason };
    let loaded = stored::read(path).map_err(|cause| wrong(cause.to_string()))?;
    let json = loaded
        .metadata
        .get(METADATA_KEY)
        .ok_or_else(|| wrong(format!("its metadata has no key `{METADATA_KEY}`")))?;
    let identity = read_identity(path, json)?;
    let entries = loaded.named.entries.into_iter();
    let arrays =
        entries.map(|(name, array)| Array { name, shape: array.shape, values: array.values }).collect();
    Ok(Model { arrays, identity })
}
