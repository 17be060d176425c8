//! safetensors: weights of any origin, kiln's own models, and its arrays without a description.
#![no_main]

use kiln::checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = kiln_fuzz::weights("model.safetensors", bytes);
    let _ = checkpoint::read_model(&path);
    let _ = checkpoint::read_tensors(&path);
});
