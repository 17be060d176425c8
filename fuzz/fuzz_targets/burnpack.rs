//! Burn's own format. What does not begin as such a file is another reader's.
#![no_main]

use kiln::{export, weights};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if !weights::formats::burnpack::claims(bytes) {
        return Corpus::Reject;
    }
    let path = kiln_fuzz::weights("model.bpk", bytes);
    let _ = export::read(&path);
    Corpus::Keep
});
