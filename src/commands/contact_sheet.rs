//! A sheet of pictures in rows and columns with a line of text beneath each. Draws; what is on it is for others to say.

use image::{Rgb, RgbImage};

use crate::canvas::{GLYPH, fitting, write};

const MARGIN: u32 = 8;
const LINE: u32 = GLYPH + 6;
const PAPER: Rgb<u8> = Rgb([255; 3]);
const INK: Rgb<u8> = Rgb([20; 3]);

/// Where everything goes.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    pub columns: u32,
    pub rows: u32,
    /// The edge of the square that a picture may take.
    pub tile: u32,
}

impl Grid {
    /// None where it is beyond what pictures can have.
    pub fn size(&self) -> Option<(u32, u32)> {
        let side = |count: u32, step: u32, more: u32| count.checked_mul(step)?.checked_add(more);
        Some((
            side(self.columns, self.tile + MARGIN, MARGIN)?,
            side(self.rows, self.tile + LINE + MARGIN, MARGIN + LINE)?,
        ))
    }

    /// The upper left corner of a tile.
    pub fn place(&self, column: u32, row: u32) -> (u32, u32) {
        (MARGIN + column * (self.tile + MARGIN), MARGIN + LINE + row * (self.tile + LINE + MARGIN))
    }
}

pub struct Sheet {
    grid: Grid,
    pub image: RgbImage,
}

impl Sheet {
    /// Empty paper.
    pub fn new(grid: Grid) -> Option<Self> {
        let (width, height) = grid.size()?;
        Some(Self { grid, image: RgbImage::from_pixel(width, height, PAPER) })
    }

    /// Words above a column.
    pub fn head(&mut self, column: u32, text: &str) {
        let (x, _) = self.grid.place(column, 0);
        self.write(x, MARGIN / 2, text);
    }

    /// A picture in the upper left of its tile, and words beneath.
    pub fn put(&mut self, column: u32, row: u32, picture: &RgbImage, text: &str) {
        let (x, y) = self.grid.place(column, row);
        image::imageops::replace(&mut self.image, picture, i64::from(x), i64::from(y));
        self.write(x, y + self.grid.tile + 3, text);
    }

    fn write(&mut self, x: u32, y: u32, text: &str) {
        write(&mut self.image, (x, y), 1, &fitting(text, self.grid.tile, 1), INK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { columns: 3, rows: 2, tile: 40 };

    #[test]
    fn tiles_lie_side_by_side_within_the_sheet() {
        assert_eq!(GRID.size(), Some((3 * 48 + 8, 2 * 62 + 22)));
        let (x, y) = GRID.place(2, 1);
        assert_eq!((x + 40 + MARGIN, y + 40 + LINE + MARGIN), GRID.size().unwrap());
        assert_eq!(Grid { columns: u32::MAX, ..GRID }.size(), None);
    }

    #[test]
    fn a_picture_keeps_its_pixels_and_has_its_name_beneath() {
        let mut sheet = Sheet::new(GRID).unwrap();
        let picture = RgbImage::from_fn(40, 40, |x, y| Rgb([x as u8, y as u8, 7]));
        sheet.put(1, 1, &picture, "rösti and far more than fits");
        let (x, y) = GRID.place(1, 1);
        assert_eq!(image::imageops::crop_imm(&sheet.image, x, y, 40, 40).to_image(), picture);
        let below = image::imageops::crop_imm(&sheet.image, x, y + 40, 40, LINE).to_image();
        assert!(below.pixels().any(|pixel| *pixel == INK));
        let beside = image::imageops::crop_imm(&sheet.image, x + 40, y, MARGIN, 40 + LINE).to_image();
        assert!(beside.pixels().all(|pixel| *pixel == PAPER));
    }
}
