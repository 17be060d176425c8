//! Tar shards: where their pictures lie and what these are. No picture lies outside of its shard.
#![no_main]

use kiln::config::Columns;
use kiln::dataset::Shard;
use kiln::dataset::fuzzing::Index;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = kiln_fuzz::file("a.tar", bytes);
    let shard = Shard::at(&path).expect("it is there");
    let Ok(index) = Index::of(&shard, &Columns::default()) else { return };
    for picture in &index.pictures {
        assert!(picture.offset.checked_add(picture.length).is_some_and(|end| end <= bytes.len() as u64));
        assert!(picture.weight.is_finite() && picture.weight > 0.0 && !picture.label.is_empty());
    }
});
