//! Letters of eight by eight pixels, or a multiple of that, on a picture.

use font8x8::UnicodeFonts;
use image::{Rgb, RgbImage};

/// The edge of a letter.
pub const GLYPH: u32 = 8;

/// Writes from the upper left corner on, each pixel of a letter as a square of `scale`. What lies outside is left out.
pub fn write(image: &mut RgbImage, (x, y): (u32, u32), scale: u32, text: &str, ink: Rgb<u8>) {
    for (number, letter) in (0..).zip(text.chars()) {
        letter_at(image, (x + number * GLYPH * scale, y), scale, letter, ink);
    }
}

/// Pixels that a text takes.
pub fn width_of(text: &str, scale: u32) -> u32 {
    text.chars().count() as u32 * GLYPH * scale
}

/// What of a text fits a width; where some is left out, two points say so.
pub fn fitting(text: &str, width: u32, scale: u32) -> String {
    let room = (width / (GLYPH * scale.max(1))) as usize;
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept = text.chars().take(room.saturating_sub(2));
    kept.chain("..".chars()).take(room).collect()
}

fn letter_at(image: &mut RgbImage, (x, y): (u32, u32), scale: u32, letter: char, ink: Rgb<u8>) {
    for (down, row) in (0..).zip(glyph(letter)) {
        for across in (0..GLYPH).filter(|across| row >> across & 1 == 1) {
            for (right, below) in (0..scale).flat_map(|right| (0..scale).map(move |below| (right, below))) {
                let place = (x + across * scale + right, y + down * scale + below);
                if let Some(pixel) = image.get_pixel_mut_checked(place.0, place.1) {
                    *pixel = ink;
                }
            }
        }
    }
}

/// Eight rows, the lowest bit leftmost. Letters that the font does not have are boxes.
fn glyph(letter: char) -> [u8; 8] {
    const BOX: [u8; 8] = [0x7e, 0x42, 0x42, 0x42, 0x42, 0x42, 0x7e, 0];
    let basic = font8x8::BASIC_FONTS.get(letter).or_else(|| font8x8::LATIN_FONTS.get(letter));
    basic.or_else(|| font8x8::GREEK_FONTS.get(letter)).unwrap_or(BOX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_forms_and_strange_ones_are_boxes() {
        assert_eq!(glyph(' '), [0; 8]);
        assert_eq!(glyph('花'), glyph('☃'));
        assert!(glyph('ü') != glyph('u') && glyph('ü') != glyph('花'));
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let check = |text, width, expected| assert_eq!(fitting(text, width, 1), expected);
        check("rösti", 40, "rösti");
        check("rösti", 39, "rö..");
        check("rösti", 8, ".");
        check("rösti", 0, "");
    }

    #[test]
    fn larger_letters_are_the_same_ones() {
        let mut small = RgbImage::new(16, 8);
        let mut large = RgbImage::new(32, 16);
        write(&mut small, (0, 0), 1, "kg", Rgb([255; 3]));
        write(&mut large, (0, 0), 2, "kg", Rgb([255; 3]));
        assert!(small.pixels().any(|pixel| pixel.0 == [255; 3]));
        assert!(large.enumerate_pixels().all(|(x, y, pixel)| pixel == small.get_pixel(x / 2, y / 2)));
        // Over the edge nothing happens.
        write(&mut small, (12, 4), 3, "k", Rgb([255; 3]));
    }
}
