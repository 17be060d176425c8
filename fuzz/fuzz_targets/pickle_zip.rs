//! PyTorch's zip archives of a pickle and its arrays.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if !bytes.starts_with(b"PK") {
        return Corpus::Reject;
    }
    kiln_fuzz::weights("weights.pth", bytes);
    Corpus::Keep
});
