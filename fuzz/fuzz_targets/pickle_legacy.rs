//! The stream of pickles that PyTorch wrote before 1.6, and lone pickles.
#![no_main]

use kiln::weights;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if !bytes.starts_with(b"\x80") {
        return Corpus::Reject;
    }
    let path = kiln_fuzz::file("weights.pth", bytes);
    if let Ok(loaded) = weights::read(&path) {
        kiln_fuzz::expect_sound(&loaded, bytes.len());
    }
    Corpus::Keep
});
