//! Whether bytes are a picture that kiln reads, told before anything is decoded. Leaves decoding to `decode`.

use std::path::Path;

use image::ImageFormat;

/// No photograph is larger, and it has to fit into memory.
pub(super) const LARGEST: u64 = 1 << 29;

/// By content first: names are often wrong. The error is for pictures that kiln does not read.
pub(super) fn is_picture(path: &Path, content: &[u8]) -> Result<bool, String> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let named_so = ImageFormat::from_extension(&ending).is_some();
    match image::guess_format(content) {
        // These two start with two letters, as any text may.
        Ok(ImageFormat::Bmp | ImageFormat::Pnm) if !named_so => Ok(false),
        Ok(ImageFormat::Tiff) if is_tiled_in_planes(content) => {
            Err("kiln does not read TIFF files with tiles of one colour each; convert it to JPEG or PNG"
                .into())
        }
        Ok(format) if format.reading_enabled() => Ok(true),
        Ok(format) => Err(format!("kiln does not read {format:?} pictures; convert it to JPEG or PNG")),
        Err(_) if is_other_picture(&ending) => {
            Err(format!("kiln does not read .{ending} pictures; convert it to JPEG or PNG"))
        }
        Err(_) if !named_so => Ok(false),
        Err(_) if content.is_empty() => Err("it is empty".into()),
        Err(_) => Err(format!("what is in it is no picture, in spite of its ending .{ending}")),
    }
}

pub(super) fn is_other_picture(ending: &str) -> bool {
    ["heic", "heif", "jxl", "jp2", "svg", "psd", "cr2", "cr3", "nef", "arw", "dng", "raf"].contains(&ending)
}

/// The decoder panics on these.
fn is_tiled_in_planes(tiff: &[u8]) -> bool {
    const PLANES: u16 = 284;
    const ONE_PER_COLOUR: u16 = 2;
    const TILE_WIDTH: u16 = 322;
    let planes = first_value(tiff, PLANES);
    planes == Some(ONE_PER_COLOUR) && first_value(tiff, TILE_WIDTH).is_some()
}

/// The first 16 bits of a tag's value in the first directory of a TIFF file.
fn first_value(tiff: &[u8], tag: u16) -> Option<u16> {
    let is_little = tiff.starts_with(b"II");
    let two = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let four = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = four(4)? as usize;
    let entries = directory.checked_add(2)?;
    // Twelve bytes each: tag, kind, count, value.
    let mut places = (0..usize::from(two(directory)?)).map(|n| entries.saturating_add(12 * n));
    places.find(|&at| two(at) == Some(tag)).and_then(|at| two(at.checked_add(8)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with these tags and values and nothing else.
    fn tiff(tags: &[(u16, u16)], is_little: bool) -> Vec<u8> {
        let two = |v: u16| if is_little { v.to_le_bytes() } else { v.to_be_bytes() };
        let four = |v: u32| if is_little { v.to_le_bytes() } else { v.to_be_bytes() };
        let mut out = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        out.extend(four(8));
        out.extend(two(tags.len() as u16));
        for &(tag, value) in tags {
            out.extend([two(tag), two(3)].concat());
            out.extend(four(1));
            out.extend([two(value), two(0)].concat());
        }
        out
    }

    #[test]
    fn tiles_in_planes_are_refused_before_the_decoder_sees_them() {
        let check = |tags: &[(u16, u16)], expected: bool| {
            for is_little in [true, false] {
                let tiff = tiff(tags, is_little);
                assert_eq!(is_picture(Path::new("a.tif"), &tiff).is_err(), expected, "{tags:?}");
                (0..tiff.len()).for_each(|end| _ = is_tiled_in_planes(&tiff[..end]));
            }
        };
        check(&[(256, 9), (284, 2), (322, 16)], true);
        check(&[(284, 1), (322, 16)], false);
        check(&[(284, 2)], false);
        check(&[], false);
    }
}
