//! Affine and perspective maps of interleaved bytes. Beside a plain colour the arithmetic is Pillow's
//! `Image.transform` to the bit; where the surroundings are mirrored it is that of `geometry::rotate`.

use super::Shape;
use super::between::{self, Places, Source, Way, floor};
use crate::config::Sampling;

/// Where in the old picture each place of the new one comes from. Places are measured from the upper left corner;
/// the middle of the first pixel lies at (0.5, 0.5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Map {
    /// x' = a x + b y + c, y' = d x + e y + f.
    Affine([f64; 6]),
    /// The same, both divided by g x + h y + 1.
    Perspective([f64; 8]),
}

/// What shows where the old picture ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    Mirrored,
    Colour([u8; 3]),
}

/// How a map is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub sampling: Sampling,
    pub surroundings: Surroundings,
}

impl Map {
    /// A turn counter-clockwise about the middle, as Pillow's `Image.rotate` has it.
    pub fn rotation(degrees: f64, shape: Shape) -> Self {
        let angle = -(degrees.rem_euclid(360.0).to_radians());
        let [sine, cosine] = [angle.sin(), angle.cos()].map(fifteen_digits);
        about_middle([cosine, sine, -sine, cosine], shape)
    }

    /// Slopes of the upright edges (x) and of the level ones (y), about the upper left corner.
    pub fn shear(x: f64, y: f64) -> Self {
        Self::Affine([1.0, x, 0.0, y, 1.0, 0.0])
    }

    /// The same about the middle.
    pub fn shear_about_middle(x: f64, y: f64, shape: Shape) -> Self {
        about_middle([1.0, x, y, 1.0], shape)
    }

    /// A shift to the right and down.
    pub fn translation(x: f64, y: f64) -> Self {
        Self::Affine([1.0, 0.0, -x, 0.0, 1.0, -y])
    }

    /// The map that brings four corners to new places. Corners that lie on one line have none.
    pub fn perspective(from: [[f64; 2]; 4], to: [[f64; 2]; 4]) -> Option<Self> {
        let mut rows = [[0.0; 9]; 8];
        for (corner, ([u, v], [x, y])) in from.into_iter().zip(to).enumerate() {
            rows[2 * corner] = [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u];
            rows[2 * corner + 1] = [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v];
        }
        // torchvision rounds to single precision.
        Some(Self::Perspective(solved(rows)?.map(|value| f64::from(value as f32))))
    }

    #[inline(always)]
    fn at(&self, x: f64, y: f64) -> [f64; 2] {
        match *self {
            Self::Affine([a, b, c, d, e, f]) => [a * x + b * y + c, d * x + e * y + f],
            Self::Perspective([a, b, c, d, e, f, g, h]) => {
                let depth = g * x + h * y + 1.0;
                [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth]
            }
        }
    }
}

/// Replaces the picture by its image under the map.
pub fn warp(pixels: &mut [u8], shape: Shape, map: &Map, look: Look) {
    match shape.channels {
        1 => warped::<1>(pixels, shape, map, look),
        3 => warped::<3>(pixels, shape, map, look),
        // Pictures have 1 or 3 channels.
        _ => {}
    }
}

fn warped<const N: usize>(pixels: &mut [u8], shape: Shape, map: &Map, look: Look) {
    let copy = pixels.to_vec();
    let source = Source::<N>::new(&copy, shape);
    let out = pixels.as_chunks_mut::<N>().0;
    match (look.surroundings, look.sampling, map) {
        (Surroundings::Mirrored, Sampling::Bilinear, _) => {
            between::fill(out, &source, &Mapped::new(map, shape.width, 0.5), Way::Mirrored);
        }
        (Surroundings::Mirrored, Sampling::Nearest, _) => {
            fill(out, shape, |x, y| {
                let [x, y] = map.at(x, y);
                Some(source.at(floor(x), floor(y)))
            });
        }
        (Surroundings::Colour(colour), Sampling::Bilinear, _) => {
            out.fill(of_channels(colour));
            between::fill(out, &source, &Mapped::new(map, shape.width, 0.0), Way::Pillows);
        }
        (Surroundings::Colour(colour), Sampling::Nearest, Map::Affine(affine)) => {
            out.fill(of_channels(colour));
            nearest_affine(out, &source, shape, *affine);
        }
        (Surroundings::Colour(colour), Sampling::Nearest, Map::Perspective(_)) => {
            out.fill(of_channels(colour));
            fill(out, shape, |x, y| {
                let [x, y] = map.at(x, y);
                (x >= 0.0 && y >= 0.0).then(|| source.inside(x as i64, y as i64))?
            });
        }
    }
}

/// Where the pixels come from under a map.
struct Mapped<'a> {
    map: &'a Map,
    /// The middles of the columns.
    middles: Vec<f64>,
    /// Where places are measured from, as seen from the corner.
    from: f64,
}

impl<'a> Mapped<'a> {
    fn new(map: &'a Map, width: usize, from: f64) -> Self {
        Self { map, middles: (0..width).map(|x| x as f64 + 0.5).collect(), from }
    }
}

impl Places for Mapped<'_> {
    #[inline(always)]
    fn row(&self, row: usize, across: &mut [f64], down: &mut [f64]) {
        for ((middle, across), down) in self.middles.iter().zip(across).zip(down) {
            let [x, y] = self.map.at(*middle, row as f64 + 0.5);
            (*across, *down) = (x - self.from, y - self.from);
        }
    }
}

/// Puts a value at each place that has one.
fn fill<const N: usize>(out: &mut [[u8; N]], shape: Shape, value: impl Fn(f64, f64) -> Option<[u8; N]>) {
    for (y, row) in out.chunks_exact_mut(shape.width.max(1)).enumerate() {
        for (x, to) in row.iter_mut().enumerate() {
            if let Some(value) = value(x as f64 + 0.5, y as f64 + 0.5) {
                *to = value;
            }
        }
    }
}

/// Pillow's fixed point: 16 bits behind the point, added up along rows and columns.
fn nearest_affine<const N: usize>(out: &mut [[u8; N]], source: &Source<N>, shape: Shape, affine: [f64; 6]) {
    let fixed = |value: f64| (value * 65_536.0 + 0.5).floor() as i64;
    let [a, b, c, d, e, f] = affine;
    let (mut row_x, mut row_y) = (fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5));
    let [a, b, d, e] = [a, b, d, e].map(fixed);
    for row in out.chunks_exact_mut(shape.width.max(1)) {
        let (mut x, mut y) = (row_x, row_y);
        for to in row {
            if let Some(value) = source.inside(x >> 16, y >> 16) {
                *to = value;
            }
            (x, y) = (x + a, y + d);
        }
        (row_x, row_y) = (row_x + b, row_y + e);
    }
}

fn of_channels<const N: usize>(colour: [u8; 3]) -> [u8; N] {
    std::array::from_fn(|channel| colour[channel.min(2)])
}

/// A linear map that leaves the middle of the picture where it is.
fn about_middle([a, b, d, e]: [f64; 4], shape: Shape) -> Map {
    let (x, y) = (shape.width as f64 / 2.0, shape.height as f64 / 2.0);
    Map::Affine([a, b, a * -x + b * -y + x, d, e, d * -x + e * -y + y])
}

/// Pillow rounds so, that a quarter turn is exactly one.
fn fifteen_digits(value: f64) -> f64 {
    format!("{value:.15}").parse().unwrap_or(value)
}

/// Eight linear equations by elimination, the largest coefficient first.
fn solved(mut rows: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let size = |row: &usize| rows[*row][column].abs();
        let best = (column..8).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        rows.swap(column, best);
        let leader = rows[column];
        if leader[column].abs() < 1e-9 {
            return None;
        }
        for row in (0..8).filter(|row| *row != column) {
            let factor = rows[row][column] / leader[column];
            rows[row].iter_mut().zip(leader).for_each(|(value, other)| *value -= factor * other);
        }
    }
    Some(std::array::from_fn(|row| rows[row][8] / rows[row][row]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { width: 4, height: 3, channels: 1 };
    const PIXELS: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const LOOKS: [Look; 4] = [
        Look { sampling: Sampling::Nearest, surroundings: Surroundings::Mirrored },
        Look { sampling: Sampling::Bilinear, surroundings: Surroundings::Mirrored },
        Look { sampling: Sampling::Nearest, surroundings: Surroundings::Colour([0; 3]) },
        Look { sampling: Sampling::Bilinear, surroundings: Surroundings::Colour([0; 3]) },
    ];

    fn check(map: Option<Map>, mirrored: [u8; 12], black: [u8; 12]) {
        let map = map.unwrap();
        for look in LOOKS {
            let mut pixels = PIXELS;
            warp(&mut pixels, SHAPE, &map, look);
            let expected = if look.surroundings == Surroundings::Mirrored { mirrored } else { black };
            assert_eq!(pixels, expected, "{map:?} {look:?}");
        }
    }

    #[test]
    fn what_is_whole_is_exact() {
        check(Some(Map::shear(0.0, 0.0)), PIXELS, PIXELS);
        check(
            Some(Map::translation(1.0, -1.0)),
            [5, 5, 6, 7, 9, 9, 10, 11, 9, 9, 10, 11],
            [0, 5, 6, 7, 0, 9, 10, 11, 0, 0, 0, 0],
        );
        let upside_down = [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
        check(Some(Map::rotation(180.0, SHAPE)), upside_down, upside_down);
        let corners = [[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]];
        check(Map::perspective(corners, corners), PIXELS, PIXELS);
    }

    #[test]
    fn corners_on_one_line_have_no_map() {
        let corners = [[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]];
        assert_eq!(Map::perspective(corners, [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]), None);
    }

    #[test]
    fn nothing_is_left_nothing() {
        for look in LOOKS {
            warp(&mut [], Shape { width: 0, height: 0, channels: 3 }, &Map::translation(1.0, 1.0), look);
        }
    }

    #[test]
    fn a_colour_shows_beyond_the_edge() {
        let mut pixels = [9; 12];
        let surroundings = Surroundings::Colour([1, 2, 3]);
        let look = Look { sampling: Sampling::Nearest, surroundings };
        let shape = Shape { width: 2, height: 2, channels: 3 };
        warp(&mut pixels, shape, &Map::translation(1.0, 0.0), look);
        assert_eq!(pixels, [1, 2, 3, 9, 9, 9, 1, 2, 3, 9, 9, 9]);
    }
}
