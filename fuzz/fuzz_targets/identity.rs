//! What a model file says of itself: the JSON under its metadata key `kiln`.
#![no_main]

use std::path::Path;

use kiln::checkpoint::read_identity;
use kiln::weights::expected;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(identity) = read_identity(Path::new("model"), text) else { return };
    let _ = identity.plan.name();
    let _ = expected(&identity.plan, identity.classes.len());
    for (width, height) in [(1, 1), (640, 480), (1, u32::MAX), (u32::MAX, u32::MAX)] {
        let _ = identity.preprocess.need(width, height);
    }
    let written = serde_json::to_string(&identity).expect("what was read can be written");
    assert_eq!(read_identity(Path::new("model"), &written).expect("and read again"), identity);
});
