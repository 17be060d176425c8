//! manifest.json, as it is and with a checksum of itself that is right, so that what it says is believed.
#![no_main]

use kiln::{checkpoint, durable};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    kiln_fuzz::file("model.safetensors", b"numbers");
    kiln_fuzz::file("manifest.json", bytes);
    let _ = checkpoint::verify(kiln_fuzz::folder());
    let seal = format!(",\n  \"blake3\": \"{}\"\n}}\n", durable::hash(bytes));
    kiln_fuzz::file("manifest.json", &[bytes, seal.as_bytes()].concat());
    if let Ok(manifest) = checkpoint::verify(kiln_fuzz::folder()) {
        assert!(manifest.files.keys().all(|name| !name.contains('/') && name != ".."));
    }
});
