//! Whether a file holds more than the one picture that is used of it: animations and files of several pages. Looks at
//! the file's frame alone, never at pixels, and says no where it cannot tell.

use std::io::Cursor;

use image::ImageFormat;
use tiff::decoder::Decoder;

/// Whether a second picture follows the first.
pub fn holds_several(bytes: &[u8]) -> bool {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Gif) => second_in_gif(bytes).is_some(),
        Ok(ImageFormat::Png) => png_frames(bytes).is_some_and(|frames| frames > 1),
        Ok(ImageFormat::WebP) => webp_moves(bytes),
        Ok(ImageFormat::Tiff) => Decoder::new(Cursor::new(bytes)).is_ok_and(|decoder| decoder.more_images()),
        _ => false,
    }
}

/// What follows the header, the colours and the first picture up to the second.
fn second_in_gif(bytes: &[u8]) -> Option<&[u8]> {
    const IMAGE: u8 = 0x2c;
    const EXTENSION: u8 = 0x21;
    let mut rest = after_colours(bytes.get(6..)?, 4, 7)?;
    let mut pictures = 0;
    loop {
        match *rest.first()? {
            IMAGE if pictures == 1 => return Some(rest),
            IMAGE => {
                pictures += 1;
                // The descriptor, perhaps colours, and a byte that says how wide the codes are.
                rest = after_blocks(after_colours(rest, 9, 10)?.get(1..)?)?;
            }
            EXTENSION => rest = after_blocks(rest.get(2..)?)?,
            _ => return None,
        }
    }
}

/// Steps over a descriptor, and over the colours that the flags in it announce.
fn after_colours(bytes: &[u8], flags: usize, length: usize) -> Option<&[u8]> {
    let flags = *bytes.get(flags)?;
    let colours = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    bytes.get(length + colours..)
}

/// Steps over blocks, each with its length before it, up to the empty one.
fn after_blocks(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let length = usize::from(*bytes.first()?);
        bytes = bytes.get(1 + length..)?;
        if length == 0 {
            return Some(bytes);
        }
    }
}

/// The number in the chunk that makes a PNG an animation; it stands before the first pixels.
fn png_frames(bytes: &[u8]) -> Option<u32> {
    let number = |bytes: &[u8]| Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?));
    let mut rest = bytes.get(8..)?;
    loop {
        let length = number(rest)? as usize;
        match rest.get(4..8)? {
            b"acTL" => return number(rest.get(8..)?),
            b"IDAT" => return None,
            _ => rest = rest.get(length.checked_add(12)?..)?,
        }
    }
}

fn webp_moves(bytes: &[u8]) -> bool {
    const ANIMATION: u8 = 2;
    bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & ANIMATION != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn golden(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        std::fs::read(folder.join(name)).unwrap()
    }

    #[test]
    fn animations_and_pages_are_noticed() {
        let check = |name: &str, expected| assert_eq!(holds_several(&golden(name)), expected, "{name}");
        check("decode/plain.gif", false);
        check("decode/plain.tiff", false);
        check("decode/alpha.png", false);
        check("decode/orientation-6.webp", false);
        check("decode/orientation-1.jpg", false);
        for moving in ["moving.gif", "moving.png", "moving.webp", "pages.tiff"] {
            check(&format!("deep/{moving}"), true);
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_told_without_a_panic() {
        for name in ["moving.gif", "moving.png", "moving.webp", "pages.tiff"] {
            let bytes = golden(&format!("deep/{name}"));
            for end in 0..bytes.len() {
                let _ = holds_several(&bytes[..end]);
            }
        }
    }
}
