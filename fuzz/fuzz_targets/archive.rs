//! Archives (.tgz, .tar, .zip): nothing outside the folder, nothing beyond the limits, nothing left of what is refused.
#![no_main]

use std::fs;

use kiln::dataset::archive::{Limits, unpack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let archive = kiln_fuzz::file("archive", bytes);
    let into = kiln_fuzz::folder().join("out");
    let unpacked = unpack(&archive, &into, Limits { entries: 40, bytes: 1 << 20 }, &mut |_| {});
    let beside = fs::read_dir(kiln_fuzz::folder()).expect("it can be listed").count();
    match unpacked {
        Ok(_) => {
            assert_eq!(beside, 2);
            fs::remove_dir_all(&into).expect("it can be removed");
        }
        Err(_) => assert_eq!(beside, 1),
    }
});
