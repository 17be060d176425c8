//! A white board for lines, dots and words.

use image::{Rgb, RgbImage};
use tiny_skia::{Color, LineCap, LineJoin, Paint, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};

use super::letters::write;

pub type Colour = [u8; 3];

pub struct Board {
    pixmap: Pixmap,
    /// Written when all is drawn, so that nothing lies over them.
    words: Vec<((u32, u32), u32, String, Colour)>,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Pen {
    pub colour: Colour,
    pub width: f32,
    pub dashed: bool,
}

impl Board {
    /// None without an area.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let mut pixmap = Pixmap::new(width, height)?;
        pixmap.fill(Color::WHITE);
        Some(Self { pixmap, words: Vec::new() })
    }

    /// A line through some points; of one point, a dot.
    pub fn line(&mut self, points: &[(f32, f32)], pen: Pen) {
        let mut path = PathBuilder::new();
        for (number, (x, y)) in points.iter().enumerate() {
            if number == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        if let [(x, y)] = points {
            // A stroke needs a length, however short.
            path.line_to(x + 0.01, *y);
        }
        let Some(path) = path.finish() else { return };
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        let [red, green, blue] = pen.colour;
        paint.set_color_rgba8(red, green, blue, 255);
        let dash = pen.dashed.then(|| StrokeDash::new(vec![4.0 * pen.width, 4.0 * pen.width], 0.0)).flatten();
        let stroke = Stroke {
            width: pen.width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            dash,
            ..Stroke::default()
        };
        self.pixmap.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
    }

    /// Words from the upper left corner on; what begins outside is left out.
    pub fn write(&mut self, (x, y): (f32, f32), scale: u32, text: &str, colour: Colour) {
        if x >= 0.0 && y >= 0.0 {
            self.words.push(((x as u32, y as u32), scale, text.to_owned(), colour));
        }
    }

    pub fn into_image(self) -> RgbImage {
        let (width, height) = (self.pixmap.width(), self.pixmap.height());
        let pixels = self.pixmap.pixels();
        let mut image = RgbImage::from_fn(width, height, |x, y| {
            // All is opaque, so nothing has to be divided by its alpha.
            let pixel = pixels[(y * width + x) as usize];
            Rgb([pixel.red(), pixel.green(), pixel.blue()])
        });
        for (place, scale, text, colour) in self.words {
            write(&mut image, place, scale, &text, Rgb(colour));
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_dots_and_words_are_there() {
        let pen = Pen { colour: [200, 0, 0], width: 4.0, dashed: false };
        let mut board = Board::new(40, 40).unwrap();
        board.line(&[(5.0, 5.0), (35.0, 5.0)], pen);
        board.line(&[(20.0, 20.0)], pen);
        board.line(&[], pen);
        board.write((2.0, 30.0), 1, "kiln", [0, 0, 200]);
        board.write((-5.0, 30.0), 1, "kiln", [0, 200, 0]);
        let image = board.into_image();
        let at = |x, y| image.get_pixel(x, y).0;
        assert_eq!([at(20, 5), at(20, 20), at(20, 12)], [[200, 0, 0], [200, 0, 0], [255; 3]]);
        assert!(image.pixels().any(|pixel| pixel.0 == [0, 0, 200]));
        assert!(image.pixels().all(|pixel| pixel.0 != [0, 200, 0]));
        assert!(Board::new(0, 5).is_none());
    }
}
