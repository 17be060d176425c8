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
