//! PyTorch's zip archives of a pickle and its arrays.
#![no_main]

use kiln::weights;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if !bytes.starts_with(b"PK") {
        return Corpus::Reject;
    }
    let path = kiln_fuzz::file("weights.pth", bytes);
    if let Ok(loaded) = weights::read(&path) {
        kiln_fuzz::expect_sound(&loaded, bytes.len());
    }
    Corpus::Keep
});
