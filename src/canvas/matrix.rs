//! A square table of counts as a picture: names at the left, numbers above, each cell the darker the larger its share of
//! its row. The diagonal has a colour of its own.

use image::{Rgb, RgbImage};

use super::letters::{GLYPH, fitting, width_of, write};

const PAPER: Rgb<u8> = Rgb([255; 3]);
const EMPTY: Rgb<u8> = Rgb([243, 244, 246]);
const INK: Rgb<u8> = Rgb([27, 29, 32]);
const ON: [f32; 3] = [0.0, 114.0, 178.0];
const OFF: [f32; 3] = [200.0, 80.0, 10.0];

/// The edge of the cells together, about.
const EDGE: u32 = 840;
/// Cells have a number from this size on.
const NUMBERED: u32 = 28;
/// Letters of a name.
const LONGEST: usize = 18;
const MARGIN: u32 = 16;

/// `names` of the rows, and as many counts in each row.
pub fn matrix(names: &[String], rows: &[Vec<usize>]) -> RgbImage {
    let count = rows.len().max(1) as u32;
    let cell = (EDGE / count).clamp(1, 96);
    let is_numbered = cell >= NUMBERED;
    let scale = if cell >= 44 { 2 } else { 1 };
    let longest = names.iter().map(|name| name.chars().count().min(LONGEST)).max().unwrap_or(0) as u32;
    let left = if is_numbered { 2 * MARGIN + (longest + 3) * GLYPH * scale } else { MARGIN };
    let top = if is_numbered { MARGIN + 2 * GLYPH * scale } else { MARGIN };
    let mut image = RgbImage::from_pixel(left + count * cell + MARGIN, top + count * cell + MARGIN, PAPER);
    for (y, row) in (0..).zip(rows) {
        let sum = row.iter().sum::<usize>().max(1);
        for (x, &value) in (0..).zip(row) {
            let share = value as f32 / sum as f32;
            let corner = (left + x * cell, top + y * cell);
            let colour = if value == 0 { EMPTY } else { shade(if x == y { ON } else { OFF }, share) };
            fill(&mut image, corner, cell, colour);
            if is_numbered && value > 0 {
                let ink = if share > 0.5 { PAPER } else { INK };
                centred(&mut image, corner, cell, scale, &value.to_string(), ink);
            }
        }
    }
    if is_numbered {
        heads(&mut image, names, (left, top), cell, scale);
    }
    image
}

/// Numbers above the columns; numbers and names before the rows.
fn heads(image: &mut RgbImage, names: &[String], (left, top): (u32, u32), cell: u32, scale: u32) {
    let letter = GLYPH * scale;
    for (number, name) in (0..).zip(names) {
        let word = (number + 1).to_string();
        let middle = left + number * cell + cell / 2;
        write(
            image,
            (middle.saturating_sub(width_of(&word, scale) / 2), top - letter - 4),
            scale,
            &word,
            INK,
        );
        let row = format!("{:>2} {}", number + 1, fitting(name, LONGEST as u32 * letter, scale));
        write(image, (MARGIN, top + number * cell + (cell - letter) / 2), scale, &row, INK);
    }
}

fn centred(image: &mut RgbImage, (x, y): (u32, u32), cell: u32, scale: u32, word: &str, ink: Rgb<u8>) {
    let scale = if width_of(word, scale) > cell { 1 } else { scale };
    let (width, height) = (width_of(word, scale), GLYPH * scale);
    write(image, (x + cell.saturating_sub(width) / 2, y + cell.saturating_sub(height) / 2), scale, word, ink);
}

fn fill(image: &mut RgbImage, (left, top): (u32, u32), cell: u32, colour: Rgb<u8>) {
    // A line of paper between cells that are large enough for it.
    let edge = if cell > 8 { cell - 2 } else { cell };
    for (x, y) in (0..edge).flat_map(|x| (0..edge).map(move |y| (x, y))) {
        image.put_pixel(left + x, top + y, colour);
    }
}

fn shade(colour: [f32; 3], share: f32) -> Rgb<u8> {
    let share = 0.15 + 0.85 * share;
    Rgb(colour.map(|value| (255.0 + (value - 255.0) * share).round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_classes_makes_a_picture() {
        for count in [0, 1, 2, 12, 24, 31, 100, 1000] {
            let names: Vec<String> = (0..count).map(|number| format!("class {number}")).collect();
            let rows: Vec<Vec<usize>> =
                (0..count).map(|row| (0..count).map(|column| usize::from(row == column)).collect()).collect();
            let image = matrix(&names, &rows);
            assert!(image.width().max(image.height()) < 1500, "{count}: {:?}", image.dimensions());
        }
    }

    #[test]
    fn right_is_blue_and_wrong_is_orange() {
        let image = matrix(&["a".into(), "b".into()], &[vec![3, 0], vec![2, 2]]);
        let has = |colour: Rgb<u8>| image.pixels().any(|pixel| *pixel == colour);
        assert!(has(shade(ON, 1.0)) && has(shade(ON, 0.5)) && has(shade(OFF, 0.5)) && has(EMPTY));
    }
}
