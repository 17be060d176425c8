//! A picture as far as somebody looks at it: of a JPEG only the pixels that are looked at, at a reduced scale where it is
//! far larger than needed. Speaks of places in the whole picture, and gives the same bits however little was decoded.

use std::ops::Range;

use super::decode::{self, DecodeError, Limits};
use super::picture::{Picture, PictureError};
use super::quick::{Asked, Found, Sight, quick};
use super::region::{Region, Window, seen};
use super::resize::{Interpolation, resize, resize_within};

/// What somebody will look at: a region of the whole picture, to be brought to a size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    pub region: Region,
    pub width: u32,
    pub height: u32,
    pub interpolation: Interpolation,
}

/// What is needed of a picture of some size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    /// By how much its edges may be divided: 1, 2, 4 or 8. It may depend on the sizes and on the settings alone, as
    /// every look at the picture has to find the same pixels.
    pub factor: u32,
    /// The only look at it; without one, all of it is decoded.
    pub look: Option<Look>,
}

impl Need {
    fn asked(self) -> Asked {
        let Self { factor, look } = self;
        let sight = look.map(|Look { region, width, height, interpolation }| Sight {
            region,
            out: (width, height),
            support: interpolation.support(),
        });
        Asked { factor, sight }
    }
}

/// What there is to know of a complete part beside its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Width and height of the whole picture.
    pub size: (u32, u32),
    pub factor: u32,
    pub origin: (f64, f64),
}

impl Frame {
    /// Whether these can be all the pixels that the frame speaks of.
    pub fn is_of(&self, picture: &Picture) -> bool {
        let (width, height) = self.size;
        let begins_at_edge = |origin: f64| -f64::from(self.factor) < origin && origin <= 0.0;
        matches!(self.factor, 1 | 2 | 4 | 8)
            && (picture.width(), picture.height())
                == (width.div_ceil(self.factor), height.div_ceil(self.factor))
            && begins_at_edge(self.origin.0)
            && begins_at_edge(self.origin.1)
    }
}

/// Pixels of a picture, and where they lie in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    picture: Picture,
    /// Size of the whole picture, in its own pixels.
    size: (u32, u32),
    /// Size of the whole picture as it was reduced.
    reduced: (u32, u32),
    /// The first column and row that are there.
    corner: (u32, u32),
    factor: u32,
    /// Where the reduced picture begins in the whole one: before it, where its first pixels are no full ones.
    origin: (f64, f64),
}

impl Part {
    /// All of a picture as it is.
    pub fn whole(picture: Picture) -> Self {
        let size = (picture.width(), picture.height());
        Self { picture, size, reduced: size, corner: (0, 0), factor: 1, origin: (0.0, 0.0) }
    }

    /// The upright picture in these bytes, as far as it is needed.
    pub fn decode(
        bytes: &[u8],
        background: [u8; 3],
        limits: &Limits,
        need: &dyn Fn(u32, u32) -> Need,
    ) -> Result<Self, DecodeError> {
        let ask = |width, height| need(width, height).asked();
        let found = decode::guarded(|| Ok(quick(bytes, limits.pixels, &ask)))?;
        match found.and_then(Self::found) {
            Some(part) => Ok(part),
            None => decode::decode(bytes, background, limits).map(Self::whole),
        }
    }

    fn found(found: Found) -> Option<Self> {
        let Found { pixels, window: (columns, rows), size, reduced, factor, origin } = found;
        let picture = Picture::rgb8(columns.len() as u32, rows.len() as u32, pixels).ok()?;
        Some(Self { picture, size, reduced, corner: (columns.start, rows.start), factor, origin })
    }

    /// Width and height of the whole picture.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Whether no pixel is missing of the picture at its scale.
    pub fn is_complete(&self) -> bool {
        (self.picture.width(), self.picture.height()) == self.reduced
    }

    /// Where the pixels of a complete part belong.
    pub fn frame(&self) -> Frame {
        Frame { size: self.size, factor: self.factor, origin: self.origin }
    }

    /// The part again that was complete with these pixels.
    pub fn complete(picture: Picture, frame: Frame) -> Self {
        let Frame { size, factor, origin } = frame;
        let reduced = (picture.width(), picture.height());
        Self { picture, size, reduced, corner: (0, 0), factor, origin }
    }

    /// The pixels that are there.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// What the look sees. It must lie within what was decoded.
    pub fn see(&self, look: &Look) -> Result<Picture, PictureError> {
        let region = look.region.scaled(self.origin, self.factor);
        let size = (look.width, look.height);
        let Some(seen) = seen(region, size, look.interpolation.support(), self.reduced) else {
            // The resizer says why.
            return resize(&self.picture, region, look.width, look.height, look.interpolation);
        };
        // The region counts from what is seen, not from what was decoded: so rounding is the same in every case.
        let region = region.within(&seen);
        let reason = "a part that was not decoded is looked at";
        let window = self.window(&seen).ok_or_else(|| PictureError::Resize { reason: reason.to_owned() })?;
        resize_within(&self.picture, &window, region, size, look.interpolation)
    }

    /// Where these columns and rows of the reduced picture lie in what was decoded.
    fn window(&self, (columns, rows): &Window) -> Option<Window> {
        let within = |range: &Range<u32>, corner: u32, size: u32| {
            let range = range.start.checked_sub(corner)?..range.end.checked_sub(corner)?;
            (range.end <= size).then_some(range)
        };
        let (x, y) = self.corner;
        Some((within(columns, x, self.picture.width())?, within(rows, y, self.picture.height())?))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::dataset::Preprocess;

    fn golden(name: &str) -> Vec<u8> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/jpeg").join(name)).unwrap()
    }

    /// The file with an Exif segment that tells its way up.
    fn turned(bytes: &[u8], orientation: u8) -> Vec<u8> {
        let tiff = [
            b'M',
            b'M',
            0,
            42,
            0,
            0,
            0,
            8,
            0,
            1,
            1,
            0x12,
            0,
            3,
            0,
            0,
            0,
            1,
            0,
            orientation,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        let segment = [&[0xff, 0xe1, 0, 2 + 6 + tiff.len() as u8][..], b"Exif\0\0", &tiff].concat();
        [&bytes[..2], &segment, &bytes[2..]].concat()
    }

    fn part(bytes: &[u8], need: Need) -> Part {
        Part::decode(bytes, [0; 3], &Limits::default(), &|_, _| need).unwrap()
    }

    /// Regions with fractional and with whole edges, brought to some size.
    fn looks(width: u32, height: u32, count: usize) -> Vec<Look> {
        let mut draws = crate::chance::Key::new(3).draws();
        let mut look = |number: usize| {
            let whole = |place: f64| if number.is_multiple_of(2) { place.floor() } else { place };
            let left = whole(draws.between(0.0, f64::from(width) - 1.0));
            let top = whole(draws.between(0.0, f64::from(height) - 1.0));
            let width = whole(draws.between(1.0, f64::from(width) - left));
            let height = whole(draws.between(1.0, f64::from(height) - top));
            let interpolation = [Interpolation::Bilinear, Interpolation::Bicubic][number % 2];
            Look { region: Region { left, top, width, height }, width: 9, height: 7, interpolation }
        };
        (0..count).map(&mut look).collect()
    }

    #[test]
    fn what_is_seen_does_not_depend_on_how_much_was_decoded() {
        for name in ["420.jpg", "422-restarts-optimised.jpg", "grey.jpg", "progressive.jpg"] {
            for orientation in 1..=8 {
                let bytes = turned(&golden(name), orientation);
                for factor in [1, 2, 4, 8] {
                    let whole = part(&bytes, Need { factor, look: None });
                    for look in looks(whole.size().0, whole.size().1, 12) {
                        let some = part(&bytes, Need { factor, look: Some(look) });
                        assert_eq!(some.size(), whole.size());
                        assert_eq!(
                            some.see(&look),
                            whole.see(&look),
                            "{name} {orientation} {factor} {look:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_turned_picture_is_the_one_that_the_general_decoder_turns() {
        for orientation in 1..=8 {
            let bytes = turned(&golden("420.jpg"), orientation);
            let (general, own) = (
                Part::whole(decode::decode(&bytes, [0; 3], &Limits::default()).unwrap()),
                part(&bytes, Need { factor: 1, look: None }),
            );
            assert_eq!(own.size(), general.size());
            let steps = own.picture().as_rgb8().unwrap().iter().zip(general.picture().as_rgb8().unwrap());
            assert!(steps.map(|(a, b)| a.abs_diff(*b)).max().unwrap() <= 6, "{orientation}");
        }
    }

    #[test]
    fn a_reduced_picture_stays_in_its_place() {
        // 61x47 is no multiple of any factor: a shift would show in every turn.
        for orientation in 1..=8 {
            let bytes = turned(&golden("grey.jpg"), orientation);
            let full = part(&bytes, Need { factor: 1, look: None });
            let (width, height) = full.size();
            let region = Region {
                left: 4.0,
                top: 4.0,
                width: f64::from(width) - 8.0,
                height: f64::from(height) - 8.0,
            };
            let look = Look { region, width: 6, height: 6, interpolation: Interpolation::Bilinear };
            let halved = part(&bytes, Need { factor: 2, look: Some(look) });
            let pair = [full.see(&look).unwrap(), halved.see(&look).unwrap()];
            let [full, halved] = pair.each_ref().map(|picture| picture.as_rgb8().unwrap());
            let most = full.iter().zip(halved).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(most <= 3, "{orientation}: {most}");
        }
    }

    #[test]
    fn preprocessing_reduces_only_what_is_twice_as_fine_as_needed() {
        let usual = Preprocess::image_net(224, 0.875, Interpolation::Bicubic);
        let check = |width, height, expected| {
            assert_eq!(usual.need(width, height).factor, expected, "{width}x{height}");
            assert_eq!(Preprocess { reduced: false, ..usual.clone() }.need(width, height).factor, 1);
        };
        check(500, 375, 1);
        check(1023, 2000, 1);
        check(1024, 2000, 2);
        check(4000, 3000, 4);
        check(8000, 6000, 8);
        check(60_000, 60_000, 8);
    }

    #[test]
    fn a_look_beyond_what_was_decoded_is_an_error() {
        let look = looks(61, 47, 1)[0];
        let far = Look { region: Region { left: 0.0, top: 0.0, width: 61.0, height: 47.0 }, ..look };
        let near = Look { region: Region { left: 30.0, top: 30.0, width: 2.0, height: 2.0 }, ..look };
        let some = part(&golden("420.jpg"), Need { factor: 1, look: Some(near) });
        assert!(some.see(&far).unwrap_err().to_string().contains("not decoded"));
        assert!(some.see(&near).is_ok());
    }
}
