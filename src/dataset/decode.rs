//! From the bytes of a file to an upright picture at the depth that the file has, or a reason why not. Never half a
//! picture, never a panic. Knows no paths: the caller has read the bytes and names the file.

use super::picture::Picture;
use super::silence::caught;
use super::tiff::DeepTiff;
use super::{flatten, jpeg, tiff};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use std::io::{Cursor, ErrorKind};
use thiserror::Error;

/// What a file may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Width times height. A picture beyond it is refused by its header, before memory is taken.
    pub pixels: u64,
}

impl Default for Limits {
    /// Pillow's: it warns beyond 89,478,485 pixels (a quarter of a GiB in RGB) and refuses beyond twice as many.
    fn default() -> Self {
        Self { pixels: 178_956_970 }
    }
}

/// Why a file gave no picture. The file's name is for the caller to add.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("the file is empty; fetch or copy it again")]
    Empty,
    #[error("the content is no picture that kiln reads (JPEG, PNG, GIF, BMP, WebP, TIFF, PNM, QOI)")]
    NotAPicture,
    #[error("{what} is not read; save it as grey or RGB of plain numbers, in PNG, JPEG or uncompressed TIFF")]
    Unsupported { what: String },
    #[error("{width}x{height} is more than {limit} pixels; scale the picture down")]
    TooLarge { width: u32, height: u32, limit: u64 },
    #[error("the {format} file is cut off; fetch or copy it again")]
    Truncated { format: &'static str },
    #[error("the {format} file is damaged ({reason}); fetch or copy it again")]
    Damaged { format: &'static str, reason: String },
    #[error("the decoder gave up on this file ({reason}); save it again with another program")]
    Panicked { reason: String },
}

/// The picture in these bytes: upright, transparency laid on `background`. Files of 8 bits give RGB of 8 bits, deeper
/// ones 16 bits or floats, in grey or RGB. The format is told by the content; of an animation it is the first frame.
pub fn decode(bytes: &[u8], background: [u8; 3], limits: &Limits) -> Result<Picture, DecodeError> {
    guarded(|| {
        let format = format_of(bytes)?;
        if format == ImageFormat::Jpeg {
            jpeg::check_whole(bytes)?;
        }
        if format == ImageFormat::WebP {
            check_whole_webp(bytes)?;
        }
        if format == ImageFormat::Tiff {
            tiff::check_planes(bytes)?;
        }
        if let Some(deep) = deep_tiff(bytes, format) {
            check_size(deep.dimensions(), limits)?;
            return deep.decode();
        }
        let mut decoder = open(bytes, format)?;
        check_size(decoder.dimensions(), limits)?;
        let told = |error| explain(error, format);
        let orientation = decoder.orientation().map_err(told)?;
        decoder.set_limits(room_for(decoder.total_bytes())).map_err(told)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(told)?;
        image.apply_orientation(orientation);
        flatten::flatten(image, background)
    })
}

/// Width and height of the upright picture, from the header alone: nothing else is read, nothing is promised of the rest.
pub fn probe(bytes: &[u8]) -> Result<(u32, u32), DecodeError> {
    guarded(|| {
        let format = format_of(bytes)?;
        let ((width, height), orientation) = match deep_tiff(bytes, format) {
            Some(deep) => (deep.dimensions(), deep.orientation()),
            None => {
                let mut decoder = open(bytes, format)?;
                let orientation = decoder.orientation().map_err(|error| explain(error, format))?;
                (decoder.dimensions(), orientation)
            }
        };
        // Exif numbers 5 to 8 stand for the four that lie on their side.
        Ok(if orientation.to_exif() >= 5 { (height, width) } else { (width, height) })
    })
}

/// A panic of a decoder is that file's fault and nobody else's.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    caught(work).unwrap_or_else(|reason| Err(DecodeError::Panicked { reason }))
}

fn format_of(bytes: &[u8]) -> Result<ImageFormat, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let format = image::guess_format(bytes).map_err(|_| DecodeError::NotAPicture)?;
    if format.reading_enabled() {
        return Ok(format);
    }
    Err(DecodeError::Unsupported { what: format!("the format {format:?}") })
}

/// The samples that the general decoder has no type for.
fn deep_tiff(bytes: &[u8], format: ImageFormat) -> Option<DeepTiff<'_>> {
    if format == ImageFormat::Tiff { DeepTiff::open(bytes) } else { None }
}

fn open(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder + '_, DecodeError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(room_for(0));
    reader.into_decoder().map_err(|error| explain(error, format))
}

fn check_size((width, height): (u32, u32), limits: &Limits) -> Result<(), DecodeError> {
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(DecodeError::TooLarge { width, height, limit: limits.pixels });
    }
    Ok(())
}

/// The decoder makes up what a lossy WebP lacks at its end. The header says how long the file is.
fn check_whole_webp(bytes: &[u8]) -> Result<(), DecodeError> {
    const BEFORE: u64 = 8;
    let stated = bytes.get(4..8).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes);
    if u64::from(stated) + BEFORE > bytes.len() as u64 {
        return Err(DecodeError::Truncated { format: "WebP" });
    }
    Ok(())
}

/// Memory that a decoder may take: the picture, the same again while it works, and a margin for headers and profiles.
fn room_for(picture_bytes: u64) -> image::Limits {
    const MARGIN: u64 = 64 << 20;
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(picture_bytes.saturating_mul(2).saturating_add(MARGIN));
    limits
}

/// What went wrong, in kiln's words.
fn explain(error: ImageError, format: ImageFormat) -> DecodeError {
    let format = name(format);
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format }
        }
        ImageError::Unsupported(error) => {
            DecodeError::Unsupported { what: format!("this {format} file ({error})") }
        }
        other => DecodeError::Damaged { format, reason: other.to_string() },
    }
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::Gif => "GIF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::WebP => "WebP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Pnm => "PNM",
        ImageFormat::Qoi => "QOI",
        _ => "picture",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::path::{Path, PathBuf};

    /// One file of tests/golden/decode and what Pillow finds in it.
    #[derive(Deserialize)]
    struct Golden {
        name: String,
        picture: Option<String>,
        tolerance: u8,
        error: Option<String>,
    }

    fn golden(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode");
        std::fs::read(folder.join(name)).unwrap()
    }

    fn goldens() -> Vec<Golden> {
        serde_json::from_slice(&golden("files.json")).unwrap()
    }

    fn decoded(bytes: &[u8]) -> Result<Picture, DecodeError> {
        decode(bytes, [200, 100, 50], &Limits::default())
    }

    fn word(error: &DecodeError) -> &'static str {
        match error {
            DecodeError::Empty => "empty",
            DecodeError::NotAPicture => "not a picture",
            DecodeError::Unsupported { .. } => "unsupported",
            DecodeError::TooLarge { .. } => "too large",
            DecodeError::Truncated { .. } => "truncated",
            DecodeError::Damaged { .. } => "damaged",
            DecodeError::Panicked { .. } => "panicked",
        }
    }

    #[test]
    fn every_kind_of_file_gives_what_pillow_finds_in_it() {
        for file in goldens() {
            let found = decoded(&golden(&file.name));
            let Some(picture) = &file.picture else {
                assert_eq!(found.as_ref().map_err(word).err(), file.error.as_deref(), "{}", file.name);
                continue;
            };
            let (found, wanted) = (found.expect(&file.name), decoded(&golden(picture)).unwrap());
            let size = (found.width(), found.height());
            assert_eq!(size, (wanted.width(), wanted.height()), "{}", file.name);
            assert_eq!(probe(&golden(&file.name)), Ok(size), "{}", file.name);
            let found = found.to_rgb8();
            let pairs = found.as_rgb8().unwrap().iter().zip(wanted.as_rgb8().unwrap());
            let worst = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            println!("{}: at most {worst} from Pillow", file.name);
            assert!(worst <= file.tolerance, "{}: {worst} is more than {}", file.name, file.tolerance);
        }
    }

    #[test]
    fn a_file_cut_anywhere_gives_an_error_or_the_very_same_picture() {
        for file in goldens().iter().filter(|file| file.picture.is_some()) {
            let bytes = golden(&file.name);
            let whole = decoded(&bytes).unwrap();
            for end in 0..bytes.len() {
                let cut = decoded(&bytes[..end]);
                assert!(
                    cut.is_err() || cut == Ok(whole.clone()),
                    "{} cut at {end} of {}",
                    file.name,
                    bytes.len()
                );
            }
        }
    }

    #[test]
    fn changed_bytes_come_back_as_a_value() {
        for file in goldens() {
            let mut bytes = golden(&file.name);
            let mut draws = crate::chance::Key::new(1).named(&file.name).draws();
            for _ in 0..200.min(bytes.len()) {
                let at = draws.below(bytes.len());
                let kept = std::mem::replace(&mut bytes[at], draws.below(256) as u8);
                // Whatever comes of it, it comes back as a value; large claims are not followed up.
                let _ = decode(&bytes, [0; 3], &Limits { pixels: 1 << 20 });
                bytes[at] = kept;
            }
        }
    }

    #[test]
    fn the_limit_is_on_pixels_and_inclusive() {
        let bytes = golden("grey.png");
        assert!(decode(&bytes, [0; 3], &Limits { pixels: 24 * 16 }).is_ok());
        let refused = decode(&bytes, [0; 3], &Limits { pixels: 24 * 16 - 1 });
        assert_eq!(refused, Err(DecodeError::TooLarge { width: 24, height: 16, limit: 383 }));
    }

    #[test]
    fn a_panic_becomes_the_error_of_that_file() {
        let reason = "index 3 out of 2".to_owned();
        assert_eq!(guarded::<()>(|| panic!("index {} out of 2", 3)), Err(DecodeError::Panicked { reason }));
    }

    #[test]
    fn a_file_that_its_decoder_panics_at_is_that_files_fault_alone() {
        // Found by fuzzing: zune-jpeg 0.5.15 panics in its inverse transform.
        let found = decoded(&golden("gives_up.jpg"));
        assert!(matches!(found.as_ref().map_err(word), Err("panicked" | "damaged")), "{found:?}");
    }

    #[test]
    fn real_photographs_decode() {
        let Some(folder) = flowers() else {
            println!("skipped: no flowers12 under KILN_ASSETS or ../shared/assets");
            return;
        };
        let mut count = 0;
        for path in walk(&folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "jpg")) {
            let bytes = std::fs::read(&path).unwrap();
            let picture = decoded(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(probe(&bytes), Ok((picture.width(), picture.height())));
            count += 1;
        }
        assert_eq!(count, 960);
    }

    fn flowers() -> Option<PathBuf> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/assets");
        let assets = std::env::var_os("KILN_ASSETS").map_or(beside, PathBuf::from);
        Some(assets.join("datasets/flowers12")).filter(|folder| folder.is_dir())
    }

    fn walk(folder: &Path) -> Vec<PathBuf> {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
    }
}
