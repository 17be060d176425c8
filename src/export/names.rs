//! A model's arrays under another library's names, and back. PyTorch's counts of batches are left out: its strict loading
//! fills them in.

use std::collections::BTreeMap;

use crate::model::Array;
use crate::scaling::Plan;
use crate::weights::{Layout, layouts};

/// Arrays under a library's names.
pub fn renamed(arrays: Vec<Array>, layout: Layout, plan: &Plan) -> Vec<Array> {
    let pairings = layouts::pairings(layout, plan);
    rename(arrays, &pairings.into_iter().map(|pair| (pair.canonical, pair.foreign)).collect())
}

/// Arrays under kiln's names, whether they carry those, timm's or torchvision's.
pub fn restored(arrays: Vec<Array>, plan: &Plan) -> Vec<Array> {
    let found = layouts::detect(arrays.iter().map(|array| array.name.as_str()));
    let Some(layout @ (Layout::Timm | Layout::Torchvision)) = found else { return arrays };
    let pairings = layouts::pairings(layout, plan);
    rename(arrays, &pairings.into_iter().map(|pair| (pair.foreign, pair.canonical)).collect())
}

/// Sorted by the new names. What has no other name keeps its own: whoever builds a network of it will say so.
fn rename(arrays: Vec<Array>, names: &BTreeMap<String, String>) -> Vec<Array> {
    let renamed = |mut array: Array| {
        if let Some(name) = names.get(&array.name) {
            array.name.clone_from(name);
        }
        array
    };
    let mut arrays: Vec<Array> = arrays.into_iter().map(renamed).collect();
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    arrays
}
