//! kiln's own JPEG decoder: a part, at any scale, is what the whole picture has there. The first bytes say which part.
#![no_main]

use kiln::dataset::baseline::{Header, Wish, rgb};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[scale, left, top, wide, high], bytes)) = bytes.split_first_chunk() else { return };
    let Some(header) = Header::read(bytes) else { return };
    let factor = 1 << (scale & 3);
    let (width, height) = (header.width.div_ceil(factor), header.height.div_ceil(factor));
    let whole = Wish { factor, columns: 0..width, rows: 0..height };
    let part = Wish { factor, columns: some(width, left, wide), rows: some(height, top, high) };
    let decoded = |wish| Header::read(bytes).and_then(|mut header| rgb(&mut header, wish));
    let (all, some) = (decoded(&whole), decoded(&part));
    if let Some(all) = all {
        assert_eq!(all.len(), 3 * width * height);
        let rows = part.rows.clone().flat_map(|row| {
            all[3 * (row * width + part.columns.start)..3 * (row * width + part.columns.end)].iter().copied()
        });
        assert!(some.is_some_and(|some| some.into_iter().eq(rows)), "{part:?} of {width}x{height}");
    }
});

/// A stretch of at least one pixel.
fn some(size: usize, start: u8, length: u8) -> std::ops::Range<usize> {
    let start = usize::from(start) * size / 256;
    start..(start + 1 + usize::from(length) * size / 256).min(size)
}
