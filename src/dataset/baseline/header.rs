//! What a JPEG says before and around its pixels, as far as this decoder goes: 8-bit baseline, Huffman codes, grey or
//! YCbCr, everything in one scan. Whatever is unusual or broken is no header here, and is left to the general decoder.

use super::huffman::{Code, Kind};
use super::stretches::Stretches;

/// All that is needed to decode one picture.
pub struct Header {
    pub width: usize,
    pub height: usize,
    /// One (grey) or three (Y, Cb, Cr).
    pub components: Vec<Component>,
    /// Four codes for the steady parts, four for the alternating ones.
    pub codes: [[Option<Code>; 4]; 2],
    /// Units between restart markers; 0 where there are none.
    pub interval: usize,
    /// Exif's number of the way up.
    pub orientation: u8,
    pub stretches: Stretches,
}

/// One of the channels.
pub struct Component {
    id: u8,
    /// Blocks of one unit, across and down.
    pub across: usize,
    pub down: usize,
    /// What each coefficient is multiplied with, in the order of the file.
    pub quantisers: [u16; 64],
    pub steady: usize,
    pub alternating: usize,
}

impl Header {
    /// The header of a whole file that ends in its end marker.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut parts = Parts::default();
        let mut rest = bytes.strip_prefix(&[0xff, START])?;
        let stretches = loop {
            let (marker, after) = marker(rest)?;
            let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
            let segment = after.get(2..length)?;
            rest = &after[length..];
            if parts.take(marker, segment)? {
                break Stretches::read(rest)?;
            }
        };
        parts.header(stretches)
    }

    /// Blocks of the largest component in one unit, across and down.
    pub fn unit(&self) -> (usize, usize) {
        let largest = |side: fn(&Component) -> usize| self.components.iter().map(side).max().unwrap_or(1);
        (largest(|component| component.across), largest(|component| component.down))
    }
}

const START: u8 = 0xd8;

/// The marker that comes next, and what follows it.
fn marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let rest = bytes.strip_prefix(&[0xff])?;
    let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
    Some((*rest.get(fill)?, &rest[fill + 1..]))
}

/// What the segments have told so far.
#[derive(Default)]
struct Parts {
    tables: [Option<[u16; 64]>; 4],
    codes: [[Option<Code>; 4]; 2],
    frame: Option<Frame>,
    interval: usize,
    orientation: Option<u8>,
    jfif: bool,
}

struct Frame {
    width: usize,
    height: usize,
    components: Vec<Component>,
    /// The quantisation table of each component.
    tables: Vec<usize>,
}

impl Parts {
    /// Takes in a segment; true for the start of the scan.
    fn take(&mut self, marker: u8, segment: &[u8]) -> Option<bool> {
        match marker {
            0xdb => self.quantisers(segment)?,
            0xc4 => self.codes(segment)?,
            0xc0 | 0xc1 if self.frame.is_none() => self.frame = Some(Frame::read(segment)?),
            0xdd => self.interval = usize::from(u16::from_be_bytes(*segment.first_chunk()?)),
            0xda => {
                self.scan(segment)?;
                return Some(true);
            }
            0xe0 => self.jfif |= segment.starts_with(b"JFIF\0"),
            0xe1 => self.exif(segment)?,
            0xee => adobe(segment)?,
            0xe2..=0xef | 0xfe => {}
            _ => return None,
        }
        Some(false)
    }

    fn quantisers(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = segment.split_first() {
            let wide = usize::from(kind >> 4);
            let values = rest.get(..64 << wide)?;
            let value = |k: usize| match wide {
                0 => u16::from(values[k]),
                _ => u16::from_be_bytes([values[2 * k], values[2 * k + 1]]),
            };
            if wide > 1 {
                return None;
            }
            *self.tables.get_mut(usize::from(kind & 15))? = Some(std::array::from_fn(value));
            segment = &rest[64 << wide..];
        }
        Some(())
    }

    fn codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let of = if kind >> 4 == 0 { Kind::Steady } else { Kind::Alternating };
            let place = self.codes.get_mut(usize::from(kind >> 4))?.get_mut(usize::from(kind & 15))?;
            *place = Some(Code::new(of, counts, rest.get(..total)?)?);
            segment = &rest[total..];
        }
        Some(())
    }

    fn exif(&mut self, segment: &[u8]) -> Option<()> {
        let Some(chunk) = segment.strip_prefix(b"Exif\0\0") else { return Some(()) };
        if self.orientation.is_some() {
            // Which of several counts is for the general decoder to say.
            return None;
        }
        let found = image::metadata::Orientation::from_exif_chunk(chunk);
        self.orientation = Some(found.map_or(1, image::metadata::Orientation::to_exif));
        Some(())
    }

    /// All components in one scan, in the order of the frame.
    fn scan(&mut self, segment: &[u8]) -> Option<()> {
        let frame = self.frame.as_mut()?;
        let (&count, rest) = segment.split_first()?;
        let (pairs, bounds) = rest.split_at_checked(2 * frame.components.len())?;
        if usize::from(count) != frame.components.len() || bounds != [0, 63, 0] {
            return None;
        }
        for (component, pair) in frame.components.iter_mut().zip(pairs.as_chunks::<2>().0) {
            if component.id != pair[0] {
                return None;
            }
            (component.steady, component.alternating) =
                (usize::from(pair[1] >> 4), usize::from(pair[1] & 15));
        }
        Some(())
    }

    fn header(mut self, stretches: Stretches) -> Option<Header> {
        let mut frame = self.frame.take()?;
        let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
        if !self.jfif && ids == *b"RGB" {
            return None;
        }
        for (component, table) in frame.components.iter_mut().zip(frame.tables) {
            component.quantisers = (*self.tables.get(table)?)?;
            self.codes[0].get(component.steady)?.as_ref()?;
            self.codes[1].get(component.alternating)?.as_ref()?;
        }
        Some(Header {
            width: frame.width,
            height: frame.height,
            components: frame.components,
            codes: self.codes,
            interval: self.interval,
            orientation: self.orientation.unwrap_or(1),
            stretches,
        })
    }
}

/// Adobe's marker tells whether the colours are YCbCr; only that is taken.
fn adobe(segment: &[u8]) -> Option<()> {
    const YCBCR: u8 = 1;
    let named = segment.starts_with(b"Adobe");
    (!named || segment.get(11) == Some(&YCBCR)).then_some(())
}

impl Frame {
    fn read(segment: &[u8]) -> Option<Self> {
        let (head, rest) = segment.split_first_chunk::<6>()?;
        let [8, h1, h0, w1, w0, count] = *head else { return None };
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        if width == 0 || height == 0 || !matches!(count, 1 | 3) || rest.len() != 3 * usize::from(count) {
            return None;
        }
        let triples = rest.as_chunks::<3>().0;
        let mut components: Vec<_> = triples.iter().map(Component::read).collect::<Option<_>>()?;
        if let [grey] = components.as_mut_slice() {
            // A scan of one component goes block by block.
            (grey.across, grey.down) = (1, 1);
        }
        let tables = triples.iter().map(|triple| usize::from(triple[2])).collect();
        Some(Self { width: width.into(), height: height.into(), components, tables })
    }
}

impl Component {
    fn read(&[id, sampling, _]: &[u8; 3]) -> Option<Self> {
        let (across, down) = (usize::from(sampling >> 4), usize::from(sampling & 15));
        let usual = |blocks| matches!(blocks, 1 | 2 | 4);
        let component = Self { id, across, down, quantisers: [0; 64], steady: 0, alternating: 0 };
        (usual(across) && usual(down)).then_some(component)
    }
}
