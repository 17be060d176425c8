//! Any bytes as a picture, as training takes them: header, size, decoding, and the way to the network's input.
#![no_main]

use kiln::dataset::fuzzing::Header;
use kiln::dataset::{DecodeError, Interpolation, Limits, Part, Preprocess, decode, holds_several, probe};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { pixels: 1 << 17 };

fuzz_target!(|bytes: &[u8]| {
    let (_, _, size) = (Header::read(bytes), holds_several(bytes), probe(bytes));
    let decoded = decode(bytes, [200, 100, 50], &LIMITS);
    if let Ok(picture) = &decoded {
        assert_eq!(size, Ok((picture.width(), picture.height())));
    }
    assert!(!matches!(decoded, Err(DecodeError::Panicked { .. })));
    let preprocess = Preprocess::image_net(24, 0.875, Interpolation::Bicubic);
    let part = Part::decode(bytes, [0; 3], &LIMITS, &|width, height| preprocess.need(width, height));
    if let Ok(part) = part {
        if let Ok(view) = preprocess.apply_to(&part) {
            preprocess.normalise(&view, 3, &mut Vec::new()).expect("what was prepared fits");
        }
    }
});
