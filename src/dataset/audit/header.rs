//! What the header of a picture says: format, size, colour, whether others follow. Takes no memory that a file asks
//! for, and promises nothing of the rest; decoding and its faults belong to `decode`.

use std::io::Cursor;

use image::{ExtendedColorType, ImageDecoder, ImageFormat, ImageReader};

use super::super::holds_several;
use super::super::tiff::{DeepTiff, Numbers};

/// A picture as its file declares it, before Exif has turned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub format: ImageFormat,
    pub width: u32,
    pub height: u32,
    pub colour: Colour,
    /// Of one channel.
    pub bits: u8,
    pub numbers: Numbers,
    pub alpha: bool,
    /// Whether a second picture follows the one that is used: a frame, or a page.
    pub several: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Grey,
    Rgb,
    Cmyk,
    Palette,
}

impl Header {
    /// None where the header is damaged, or of a format that kiln does not read.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let first = match image::guess_format(bytes).ok()? {
            ImageFormat::Jpeg => jpeg(bytes),
            ImageFormat::Png => png(bytes),
            ImageFormat::Gif => gif(bytes),
            ImageFormat::WebP => webp(bytes),
            ImageFormat::Bmp => bmp(bytes),
            ImageFormat::Tiff => tiff(bytes).or_else(|| other(bytes, ImageFormat::Tiff)),
            format if format.reading_enabled() => other(bytes, format),
            _ => None,
        };
        first.map(|first| Self { several: holds_several(bytes), ..first })
    }

    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The longer edge over the shorter one.
    pub fn aspect(&self) -> f64 {
        let (a, b) = (f64::from(self.width), f64::from(self.height));
        a.max(b) / a.min(b).max(1.0)
    }

    /// One picture of 8-bit RGB or 8-bit grey, as most are.
    pub fn is_plain(&self) -> bool {
        let usual = matches!(self.colour, Colour::Grey | Colour::Rgb) && self.numbers == Numbers::Whole;
        usual && self.bits == 8 && !self.alpha && !self.several
    }

    /// The kind of its pixels in words.
    pub fn mode(&self) -> String {
        let colour = match self.colour {
            Colour::Grey => "grey",
            Colour::Rgb => "RGB",
            Colour::Cmyk => "CMYK",
            Colour::Palette => "palette",
        };
        let bits = match self.numbers {
            Numbers::Float => "float".into(),
            Numbers::Signed => format!("{}-bit signed", self.bits),
            Numbers::Whole => format!("{}-bit", self.bits),
        };
        let alpha = if self.alpha { " with alpha" } else { "" };
        let several = match self.format {
            _ if !self.several => "",
            ImageFormat::Tiff => ", several pages",
            _ => ", animated",
        };
        format!("{bits} {colour}{alpha}{several}")
    }

    fn still(format: ImageFormat, (width, height): (u32, u32), colour: Colour, bits: u8) -> Self {
        let numbers = Numbers::Whole;
        Self { format, width, height, colour, bits, numbers, alpha: false, several: false }
    }
}

fn jpeg(bytes: &[u8]) -> Option<Header> {
    let mut at = 2;
    loop {
        while *bytes.get(at)? == 0xff && *bytes.get(at + 1)? == 0xff {
            at += 1;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Markers that stand alone.
            0x01 | 0xd0..=0xd8 => at += 2,
            // A scan or the end comes after the frame.
            0xd9 | 0xda => return None,
            // Tables and an extension are numbered among the frames.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => break,
            _ => at += 2 + usize::from(be16(bytes, at + 2)?),
        }
        if *bytes.get(at)? != 0xff {
            return None;
        }
    }
    let colour = match bytes.get(at + 9)? {
        1 => Colour::Grey,
        4 => Colour::Cmyk,
        _ => Colour::Rgb,
    };
    let size = (be16(bytes, at + 7)?.into(), be16(bytes, at + 5)?.into());
    Some(Header::still(ImageFormat::Jpeg, size, colour, *bytes.get(at + 4)?))
}

fn png(bytes: &[u8]) -> Option<Header> {
    let colour = match bytes.get(25)? {
        0 | 4 => Colour::Grey,
        3 => Colour::Palette,
        _ => Colour::Rgb,
    };
    let size = (be32(bytes, 16)?, be32(bytes, 20)?);
    let mut header = Header::still(ImageFormat::Png, size, colour, *bytes.get(24)?);
    header.alpha = matches!(bytes[25], 4 | 6);
    let mut at = 8_usize;
    while let (Some(length), Some(kind)) = (be32(bytes, at), bytes.get(at.checked_add(4)?..at + 8)) {
        match kind {
            b"IDAT" => break,
            b"tRNS" => header.alpha = true,
            _ => {}
        }
        // Length, kind and checksum have four bytes each.
        at = at.checked_add(length as usize)?.checked_add(12)?;
    }
    Some(header)
}

fn gif(bytes: &[u8]) -> Option<Header> {
    let size = (le16(bytes, 6)?.into(), le16(bytes, 8)?.into());
    Some(Header::still(ImageFormat::Gif, size, Colour::Palette, 8))
}

fn webp(bytes: &[u8]) -> Option<Header> {
    let header = |size, alpha| {
        let still = Header::still(ImageFormat::WebP, size, Colour::Rgb, 8);
        Some(Header { alpha, ..still })
    };
    match bytes.get(12..16)? {
        b"VP8X" => {
            let flags = *bytes.get(20)?;
            let size = (le24(bytes, 24)? + 1, le24(bytes, 27)? + 1);
            header(size, flags & 0x10 != 0)
        }
        b"VP8L" => {
            let packed = le32(bytes, 21)?;
            let size = ((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1);
            header(size, packed >> 28 & 1 == 1)
        }
        b"VP8 " => {
            let edge = |at| Some(u32::from(le16(bytes, at)? & 0x3fff));
            header((edge(26)?, edge(28)?), false)
        }
        _ => None,
    }
}

fn bmp(bytes: &[u8]) -> Option<Header> {
    const OLDEST: u32 = 12;
    let (size, bits) = match le32(bytes, 14)? {
        OLDEST => ((le16(bytes, 18)?.into(), le16(bytes, 20)?.into()), le16(bytes, 24)?),
        // A negative height says that the rows come from the top.
        _ => ((le32(bytes, 18)?, (le32(bytes, 22)? as i32).unsigned_abs()), le16(bytes, 28)?),
    };
    let colour = if bits <= 8 { Colour::Palette } else { Colour::Rgb };
    Some(Header::still(ImageFormat::Bmp, size, colour, 8))
}

/// Samples that the general decoder has no type for.
fn tiff(bytes: &[u8]) -> Option<Header> {
    let deep = DeepTiff::open(bytes)?;
    let colour = if deep.channels() == 1 { Colour::Grey } else { Colour::Rgb };
    let still = Header::still(ImageFormat::Tiff, deep.dimensions(), colour, deep.bits());
    Some(Header { numbers: deep.numbers(), ..still })
}

/// Formats whose headers are not worth a second reader.
fn other(bytes: &[u8], format: ImageFormat) -> Option<Header> {
    const ROOM: u64 = 1 << 20;
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(ROOM);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().ok()?;
    let kind = decoder.original_color_type();
    let (colour, bits, alpha) = kind_of(kind);
    let is_float = matches!(kind, ExtendedColorType::Rgb32F | ExtendedColorType::Rgba32F);
    let numbers = if is_float { Numbers::Float } else { Numbers::Whole };
    Some(Header { alpha, numbers, ..Header::still(format, decoder.dimensions(), colour, bits) })
}

fn kind_of(kind: ExtendedColorType) -> (Colour, u8, bool) {
    use ExtendedColorType as Type;
    let (bits, channels) = (kind.bits_per_pixel(), kind.channel_count());
    let each = (bits / u16::from(channels.max(1))).min(32) as u8;
    match (kind, channels) {
        (Type::Unknown(bits), _) => (Colour::Palette, bits, false),
        (Type::Cmyk8 | Type::Cmyk16, _) => (Colour::Cmyk, each, false),
        (_, 1 | 2) => (Colour::Grey, each, channels == 2),
        _ => (Colour::Rgb, each, channels == 4),
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    let &[a, b, c] = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn golden(name: &str) -> Vec<u8> {
        of("decode", name)
    }

    fn of(folder: &str, name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
        std::fs::read(folder.join(name)).unwrap()
    }

    #[test]
    fn modes_are_what_the_files_were_made_as() {
        let check = |name: &str, expected: &str| {
            assert_eq!(Header::read(&golden(name)).unwrap().mode(), expected, "{name}");
        };
        check("progressive.jpg", "8-bit RGB");
        check("grey.jpg", "8-bit grey");
        check("cmyk.jpg", "8-bit CMYK");
        check("grey.png", "8-bit grey");
        check("grey-alpha.png", "8-bit grey with alpha");
        check("alpha.png", "8-bit RGB with alpha");
        check("deep.png", "16-bit RGB");
        check("deep-grey.png", "16-bit grey");
        check("deep-alpha.png", "16-bit RGB with alpha");
        check("palette.png", "4-bit palette");
        check("plain.gif", "8-bit palette");
        check("plain.bmp", "8-bit RGB");
        check("plain.tiff", "8-bit RGB");
        check("plain.ppm", "8-bit RGB");
    }

    /// What the general decoder has no type for was called damaged, and its mode unknown.
    #[test]
    fn deep_pictures_have_a_header_and_a_mode() {
        let check = |name: &str, expected: &str| {
            let header = Header::read(&of("deep", name)).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((header.mode().as_str(), header.is_plain()), (expected, false), "{name}");
        };
        for name in ["float.tiff", "float-packed.tiff", "float-turned.tiff", "half.tiff", "double.tiff"] {
            check(name, "float grey");
        }
        check("float-rgb.tiff", "float RGB");
        check("signed16.tiff", "16-bit signed grey");
        check("whole32.tiff", "32-bit grey");
        check("grey16.tiff", "16-bit grey");
        check("rgb16.tiff", "16-bit RGB");
        check("pages.tiff", "8-bit RGB, several pages");
        check("moving.gif", "8-bit palette, animated");
        check("moving.png", "8-bit RGB, animated");
        check("moving.webp", "8-bit RGB, animated");
        check("cmyk-24-0.jpg", "8-bit CMYK");
    }

    #[test]
    fn only_8_bit_rgb_and_grey_are_plain() {
        let check = |name: &str, expected| {
            assert_eq!(Header::read(&golden(name)).unwrap().is_plain(), expected, "{name}");
        };
        for name in ["progressive.jpg", "grey.jpg", "grey.png", "plain.bmp", "plain.tiff"] {
            check(name, true);
        }
        for name in ["cmyk.jpg", "grey-alpha.png", "alpha.png", "deep-grey.png", "palette.png", "plain.gif"] {
            check(name, false);
        }
    }

    #[test]
    fn sizes_agree_with_the_decoder() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let folders = ["decode", "deep"].map(|folder| std::fs::read_dir(golden.join(folder)).unwrap());
        let mut compared = 0;
        for entry in folders.into_iter().flatten() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let Ok((width, height)) = crate::dataset::probe(&bytes) else { continue };
            let header = Header::read(&bytes).unwrap_or_else(|| panic!("{}", path.display()));
            // The decoder's size is that of the upright picture.
            let sizes = [(header.width, header.height), (header.height, header.width)];
            assert!(sizes.contains(&(width, height)), "{}: {header:?}", path.display());
            compared += 1;
        }
        assert!(compared > 70, "{compared}");
    }

    #[test]
    fn a_second_frame_is_seen() {
        let frame = b",\0\0\0\0\x01\0\x01\0\0\x02\x02L\x01\0";
        let gif = |frames: usize| {
            let frames = frame.repeat(frames);
            [b"GIF89a\x01\0\x01\0\x80\0\0aaabbb".as_slice(), b"!\xf9\x04\0\0\0\0\0", &frames, b";"].concat()
        };
        assert!(!Header::read(&gif(1)).unwrap().several);
        assert!(Header::read(&gif(2)).unwrap().several);
    }

    #[test]
    fn a_header_cut_anywhere_is_none_or_a_value() {
        let others = ["float.tiff", "float-rgb.tiff", "pages.tiff"].map(|name| of("deep", name));
        let names =
            ["progressive.jpg", "deep.png", "plain.gif", "orientation-6.webp", "plain.bmp", "plain.tiff"];
        for bytes in names.map(golden).into_iter().chain(others) {
            for end in 0..bytes.len().min(700) {
                let _ = Header::read(&bytes[..end]);
            }
        }
    }
}
