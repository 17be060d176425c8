//! The small files that say where a run stands: state.json of a checkpoint, and the pointers `latest` and `best`.
#![no_main]

use kiln::checkpoint::{Checkpoint, Manifest, Pointer, RunFolder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = kiln_fuzz::folder().to_owned();
    for name in ["config.toml", "classes.json", "dataset.json"] {
        if !folder.join(name).exists() {
            kiln_fuzz::file(name, b"");
        }
    }
    kiln_fuzz::file("state.json", bytes);
    let checkpoint = Checkpoint { folder: folder.clone(), manifest: Manifest::new("", "") };
    let _ = checkpoint.progress();
    let run = RunFolder::open(&folder).expect("its files are there");
    for text in [bytes.to_vec(), sealed(bytes)] {
        kiln_fuzz::file("best", &text);
        if let Pointer::To(name) = run.pointer("best") {
            assert!(!name.contains('/'), "{name}");
        }
        let _ = run.best();
    }
});

/// A pointer whose checksum is right.
fn sealed(name: &[u8]) -> Vec<u8> {
    [name, b" ", kiln::durable::hash(name).as_bytes(), b"\n"].concat()
}
