//! The stream of pickles that PyTorch wrote before 1.6, and lone pickles.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if !bytes.starts_with(b"\x80") {
        return Corpus::Reject;
    }
    kiln_fuzz::weights("weights.pth", bytes);
    Corpus::Keep
});
