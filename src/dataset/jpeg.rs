//! What the JPEG decoder lets pass and a data set must not: a file that stops before its end marker (the
//! decoder fills the rest with grey), and a number of components without a meaning.

use super::decode::DecodeError;

/// Accepts a JPEG that has 1, 3 or 4 components and runs to its end marker.
/// Thumbnails and other pictures inside a segment are stepped over with it.
pub fn check_whole(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        let (marker, after) = next_marker(rest).ok_or(DecodeError::Truncated { format: "JPEG" })?;
        if marker == END {
            return Ok(());
        }
        rest = after;
        if stands_alone(marker) {
            continue;
        }
        let segment = segment(after).ok_or(DecodeError::Truncated { format: "JPEG" })?;
        if starts_frame(marker) {
            check_components(segment)?;
        }
        rest = &after[segment.len()..];
    }
}

const END: u8 = 0xd9;

/// The next marker and what follows it. Skips compressed data, where 0xff is followed by 0x00, and fill bytes.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let at = bytes.windows(2).position(|pair| pair[0] == 0xff && pair[1] != 0x00 && pair[1] != 0xff)?;
    Some((bytes[at + 1], &bytes[at + 2..]))
}

/// Restart markers, the start marker and TEM carry no segment.
fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0xd0..=0xd8 | 0x01)
}

/// SOF0 to SOF15; the three exceptions are tables and an extension.
fn starts_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// A segment, from its length field on.
fn segment(bytes: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    bytes.get(..usize::from(length).max(2))
}

fn check_components(frame: &[u8]) -> Result<(), DecodeError> {
    // Length (2), bits (1), height (2), width (2), then the number of components.
    match frame.get(7) {
        Some(1 | 3 | 4) => Ok(()),
        Some(count) => Err(DecodeError::Unsupported { what: format!("a JPEG with {count} components") }),
        None => Err(DecodeError::Truncated { format: "JPEG" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &[u8] = &[0xff, 0xd8];
    const FRAME: &[u8] = &[0xff, 0xc0, 0, 8, 8, 0, 1, 0, 1, 3];
    const SCAN: &[u8] = &[0xff, 0xda, 0, 2, 1, 2, 0xff, 0x00, 3, 0xff, 0xd0, 4];

    fn check(parts: &[&[u8]], expected: Result<(), DecodeError>) {
        assert_eq!(check_whole(&parts.concat()), expected);
    }

    #[test]
    fn a_file_runs_to_its_end_marker() {
        let cut = Err(DecodeError::Truncated { format: "JPEG" });
        check(&[START, FRAME, SCAN, &[0xff, END]], Ok(()));
        check(&[START, FRAME, SCAN, &[0xff, 0xff, 0xff, END, 0, 0]], Ok(()));
        check(&[START, FRAME, SCAN], cut.clone());
        check(&[START, FRAME, SCAN, &[0xff]], cut.clone());
        check(&[START, FRAME, &[0xff, 0xc4, 0, 9, 1]], cut.clone());
        check(&[START], cut.clone());
        check(&[], cut);
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end() {
        let thumbnail = &[0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, END];
        check(&[START, thumbnail, FRAME, SCAN], Err(DecodeError::Truncated { format: "JPEG" }));
    }

    #[test]
    fn two_components_are_refused_by_number() {
        let frame = &[0xff, 0xc0, 0, 8, 8, 0, 1, 0, 1, 2];
        let what = "a JPEG with 2 components".to_owned();
        check(&[START, frame, SCAN, &[0xff, END]], Err(DecodeError::Unsupported { what }));
    }
}
