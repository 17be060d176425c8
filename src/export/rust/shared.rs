//! The files of kiln's own that stand in the exported crate as they are: its JPEG decoder, and where things lie on a picture.
//! Two copies would drift apart.

/// Paths in the crate, and the files without their tests.
pub fn files() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    FILES.into_iter().map(|(path, text)| (path, without_tests(text).into_bytes()))
}

const FILES: [(&str, &str); 15] = [
    ("src/baseline/mod.rs", include_str!("../../dataset/baseline/mod.rs")),
    ("src/baseline/bits.rs", include_str!("../../dataset/baseline/bits.rs")),
    ("src/baseline/colour.rs", include_str!("../../dataset/baseline/colour.rs")),
    ("src/baseline/header.rs", include_str!("../../dataset/baseline/header.rs")),
    ("src/baseline/huffman.rs", include_str!("../../dataset/baseline/huffman.rs")),
    ("src/baseline/place.rs", include_str!("../../dataset/baseline/place.rs")),
    ("src/baseline/scan.rs", include_str!("../../dataset/baseline/scan.rs")),
    ("src/baseline/stretches.rs", include_str!("../../dataset/baseline/stretches.rs")),
    ("src/baseline/transform.rs", include_str!("../../dataset/baseline/transform.rs")),
    ("src/blend.rs", include_str!("../../dataset/blend.rs")),
    ("src/jpeg.rs", include_str!("../../dataset/jpeg.rs")),
    ("src/quick.rs", include_str!("../../dataset/quick.rs")),
    ("src/region.rs", include_str!("../../dataset/region.rs")),
    ("src/stretch.rs", include_str!("../../dataset/stretch.rs")),
    ("src/turn.rs", include_str!("../../dataset/turn.rs")),
];

/// Tests stand at the end of a file, or in a file of their own.
fn without_tests(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    code.replace("#[cfg(test)]\nmod tests;\n", "")
}
