//! dataset.json, and what a resume asks of it.
#![no_main]

use kiln::dataset::{Dataset, Origin, Record, Split, repeats};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = kiln_fuzz::file("dataset.json", bytes);
    let Ok(record) = Record::read(&path) else { return };
    let mut now = Dataset {
        root: "data".into(),
        classes: record.classes.clone(),
        samples: record.samples.clone(),
        set_aside: record.set_aside.clone(),
        ignored: record.ignored.clone(),
        alike: record.alike.clone(),
        origin: Origin::Folder,
    };
    record.changes(&now).iter().for_each(|change| drop(change.to_string()));
    record.keep_splits(&mut now);
    let _ = (now.fingerprint(), now.found(), repeats(&now.samples, &now.alike, Split::Test));
});
