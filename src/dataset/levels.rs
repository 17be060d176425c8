//! Which numbers of a deep picture are black and white: from 16 bits or floats of any range to floats between 0 and 1.
//! Pictures of 8 bits go by untouched. Comes before anything else is done to a picture.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::picture::{Depth, Picture, PictureError};

/// The numbers that become black and white; what lies outside is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
pub struct Window {
    pub low: f64,
    pub high: f64,
}

impl From<[f64; 2]> for Window {
    fn from([low, high]: [f64; 2]) -> Self {
        Self { low, high }
    }
}

impl From<Window> for [f64; 2] {
    fn from(Window { low, high }: Window) -> Self {
        [low, high]
    }
}

impl Window {
    /// The whole range of 16 bits.
    pub const FULL_16: Self = Self { low: 0.0, high: 65_535.0 };

    /// Whether it has a width that numbers can be divided by.
    pub fn is_possible(self) -> bool {
        self.low.is_finite()
            && self.high.is_finite()
            && self.low < self.high
            && (self.high - self.low).is_finite()
    }

    fn share(self, value: f64) -> f32 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0) as f32
    }
}

/// The picture as everything after decoding takes it: 8-bit RGB as it is, all else as floats between 0 and 1.
/// Without a window 16 bits reach from 0 to 65535, and floats must lie between 0 and 1 already.
pub fn levelled<'a>(picture: &'a Picture, window: Option<&Window>) -> Result<Cow<'a, Picture>, PictureError> {
    let samples = match (picture.depth(), window) {
        (Depth::U8(_), _) => return Ok(Cow::Borrowed(picture)),
        (Depth::U16(samples), window) => {
            let window = *window.unwrap_or(&Window::FULL_16);
            samples.iter().map(|&value| window.share(f64::from(value))).collect()
        }
        (Depth::F32(samples), Some(window)) => {
            samples.iter().map(|&value| window.share(f64::from(value))).collect()
        }
        (Depth::F32(samples), None) => {
            expect_shares(samples)?;
            return Ok(Cow::Borrowed(picture));
        }
    };
    let (width, height, channels) = (picture.width(), picture.height(), picture.channels());
    Ok(Cow::Owned(Picture::new(width, height, channels, Depth::F32(samples))?))
}

/// The picture as it is compared with others: through the window where there is one. Refuses what `levelled` refuses,
/// and copies nothing that can be compared as it is.
pub fn seen_through<'a>(
    picture: &'a Picture,
    window: Option<&Window>,
) -> Result<Cow<'a, Picture>, PictureError> {
    match (picture.depth(), window) {
        (Depth::U16(_), None) => Ok(Cow::Borrowed(picture)),
        _ => levelled(picture, window),
    }
}

fn expect_shares(samples: &[f32]) -> Result<(), PictureError> {
    let low = samples.iter().copied().fold(f32::INFINITY, f32::min);
    let high = samples.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if low >= 0.0 && high <= 1.0 { Ok(()) } else { Err(PictureError::Range { low, high }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(depth: Depth, window: Option<[f64; 2]>, expected: Result<Depth, &str>) {
        let picture = Picture::new(2, 1, 1, depth).unwrap();
        let window = window.map(Window::from);
        let found = levelled(&picture, window.as_ref());
        assert_eq!(seen_through(&picture, window.as_ref()).is_ok(), found.is_ok());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(*found.depth(), expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn numbers_become_shares_of_the_window() {
        check(Depth::U16(vec![0, 65_535]), None, Ok(Depth::F32(vec![0.0, 1.0])));
        check(Depth::U16(vec![1, 257]), None, Ok(Depth::F32(vec![1.0 / 65_535.0, 1.0 / 255.0])));
        check(Depth::U16(vec![900, 1250]), Some([1000.0, 2000.0]), Ok(Depth::F32(vec![0.0, 0.25])));
        check(Depth::F32(vec![-1000.0, 3000.0]), Some([-1000.0, 1000.0]), Ok(Depth::F32(vec![0.0, 1.0])));
        check(Depth::F32(vec![0.0, 1.0]), None, Ok(Depth::F32(vec![0.0, 1.0])));
        check(Depth::F32(vec![-0.5, 7.0]), None, Err("from -0.5 to 7, and without a window"));
    }

    #[test]
    fn eight_bits_have_no_window() {
        check(Depth::U8(vec![3, 200].into()), Some([0.0, 4095.0]), Ok(Depth::U8(vec![3, 200].into())));
    }

    #[test]
    fn pictures_are_compared_through_their_window() {
        let check = |depth: Depth, window: Option<[f64; 2]>, expected: Depth| {
            let picture = Picture::new(2, 1, 1, depth).unwrap();
            let window = window.map(Window::from);
            assert_eq!(*seen_through(&picture, window.as_ref()).unwrap().depth(), expected);
        };
        let words = Depth::U16(vec![0, 4095]);
        check(words.clone(), Some([0.0, 4095.0]), Depth::F32(vec![0.0, 1.0]));
        check(words.clone(), None, words);
        check(Depth::F32(vec![-1000.0, 0.0]), Some([-1000.0, 1000.0]), Depth::F32(vec![0.0, 0.5]));
    }

    #[test]
    fn a_window_needs_a_width() {
        let check = |low, high, expected| assert_eq!(Window { low, high }.is_possible(), expected);
        check(0.0, 4095.0, true);
        check(-1024.0, 3071.0, true);
        check(5.0, 5.0, false);
        check(5.0, 4.0, false);
        check(f64::NAN, 1.0, false);
        check(0.0, f64::INFINITY, false);
        check(-f64::MAX, f64::MAX, false);
    }
}
