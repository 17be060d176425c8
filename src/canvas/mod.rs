//! Letters, lines and colours on pixels, for pictures that kiln makes itself. Knows nothing of what they show.

mod board;
mod colours;
mod letters;
mod matrix;

pub use board::{Board, Colour, Pen};
pub use colours::heat;
pub use letters::{GLYPH, fitting, width_of, write};
pub use matrix::matrix;

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

/// The bytes of a PNG file; none where there are no pixels.
pub fn png(image: &RgbImage) -> Option<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).ok()?;
    Some(bytes.into_inner())
}
