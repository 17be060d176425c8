//! Cached outputs of a frozen prefix: as they are, and with a checksum that is right.
#![no_main]

use kiln::train::fuzzing::CacheFiles;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let files = CacheFiles { folder: kiln_fuzz::folder().into(), key: "k".into(), limit: 1 << 20 };
    kiln_fuzz::file("k-0.rows", bytes);
    let _ = files.find(0, bytes.len().saturating_sub(64));
    kiln_fuzz::file("k-1.rows", &[bytes, kiln::durable::hash(bytes).as_bytes()].concat());
    assert!(files.find(1, bytes.len()).is_some_and(|found| *found == *bytes));
    assert!(files.find(1, bytes.len() + 1).is_none());
});
