//! Any bytes as a picture, as training takes them: header, size, decoding, and the way to the network's input.
#![no_main]

use kiln::dataset::fuzzing::Header;
use kiln::dataset::{Interpolation, Limits, Part, Preprocess, decode, holds_several, probe};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { pixels: 1 << 17 };

/// The decoders whose panics have been met. kiln catches them file by file, so the search goes on past them.
const MET: [&str; 1] = ["zune-jpeg"];

/// Lets a panic of such a decoder pass, to be caught as it is in kiln; every other one still ends the target.
fn let_met_ones_pass() {
    let ending = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_met = |file: &str| MET.iter().any(|name| file.contains(name));
        if !panic.location().is_some_and(|place| is_met(place.file())) {
            ending(panic);
        }
    }));
}

fuzz_target!(init: let_met_ones_pass(), |bytes: &[u8]| {
    let (_, _, size) = (Header::read(bytes), holds_several(bytes), probe(bytes));
    let decoded = decode(bytes, [200, 100, 50], &LIMITS);
    if let Ok(picture) = &decoded {
        assert_eq!(size, Ok((picture.width(), picture.height())));
    }
    let preprocess = Preprocess::image_net(24, 0.875, Interpolation::Bicubic);
    let part = Part::decode(bytes, [0; 3], &LIMITS, &|width, height| preprocess.need(width, height));
    if let Ok(part) = part {
        if let Ok(view) = preprocess.apply_to(&part) {
            preprocess.normalise(&view, 3, &mut Vec::new()).expect("what was prepared fits");
        }
    }
});
