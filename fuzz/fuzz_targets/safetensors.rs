//! safetensors: weights of any origin, kiln's own models, and its arrays without a description.
#![no_main]

use kiln::{checkpoint, weights};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = kiln_fuzz::file("model.safetensors", bytes);
    if let Ok(loaded) = weights::read(&path) {
        kiln_fuzz::expect_sound(&loaded, bytes.len());
    }
    let _ = checkpoint::read_model(&path);
    let _ = checkpoint::read_tensors(&path);
});
