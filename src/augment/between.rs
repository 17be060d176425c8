//! Pictures made of what lies between the pixels of another one, row by row: where from, `Places` say. With AVX2
//! `between_wide.rs` does most of it four pixels at a time, with the same bits.

use super::Shape;

/// Where the pixels of a new picture lie in the old one.
pub trait Places {
    /// Columns and rows for one row of the new picture, as many as there is room for.
    fn row(&self, row: usize, across: &mut [f64], down: &mut [f64]);
}

/// How values between pixels are found, and what shows where the old picture ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The picture goes on for ever, mirrored; values are rounded. The middles of pixels lie at whole numbers.
    Mirrored,
    /// Pillow's: nothing outside, values cut off. Measured from the corner, middles lie at halves.
    Pillows,
}

/// Largest number below a half. Added before the fraction is cut off it rounds halves upwards, as `f64::round` does: a half
/// itself would lift its neighbour.
const NEARLY_HALF: f64 = 0.499_999_999_999_999_94;

impl Way {
    // Whoever does many at once compiles this and what it calls for its own instructions.
    #[inline(always)]
    pub fn at<const N: usize>(self, source: &Source<N>, x: f64, y: f64) -> Option<[u8; N]> {
        match self {
            Self::Mirrored => Some(source.mirrored(x, y)),
            Self::Pillows => source.pillows([x, y]),
        }
    }

    /// Where the middle of the first pixel lies.
    pub fn middle(self) -> f64 {
        if self == Self::Mirrored { 0.0 } else { 0.5 }
    }

    /// What is added to a value before its fraction is cut off.
    pub fn lift(self) -> f64 {
        if self == Self::Mirrored { NEARLY_HALF } else { 0.0 }
    }
}

/// Puts a value at each pixel that has one. Both pictures are of one size.
pub fn fill<const N: usize>(out: &mut [[u8; N]], source: &Source<N>, places: &impl Places, way: Way) {
    #[cfg(target_arch = "x86_64")]
    if super::between_wide::fill(out, source, places, way) {
        return;
    }
    plain(out, source, places, way);
}

/// The same, one pixel at a time.
pub(super) fn plain<const N: usize>(out: &mut [[u8; N]], source: &Source<N>, places: &impl Places, way: Way) {
    let width = source.width.max(1);
    let (mut across, mut down) = (vec![0.0; width], vec![0.0; width]);
    for (row, to) in out.chunks_exact_mut(width).enumerate() {
        places.row(row, &mut across, &mut down);
        for ((to, x), y) in to.iter_mut().zip(&across).zip(&down) {
            if let Some(value) = way.at(source, *x, *y) {
                *to = value;
            }
        }
    }
}

/// The picture that values are taken from.
pub struct Source<'a, const N: usize> {
    pub pixels: &'a [[u8; N]],
    pub width: usize,
    pub height: usize,
}

impl<'a, const N: usize> Source<'a, N> {
    pub fn new(pixels: &'a [u8], shape: Shape) -> Self {
        Self { pixels: pixels.as_chunks().0, width: shape.width, height: shape.height }
    }

    #[inline(always)]
    fn mirrored(&self, x: f64, y: f64) -> [u8; N] {
        let (left, top) = (floor(x), floor(y));
        let (columns, rows) = ([left, left.saturating_add(1)], [top, top.saturating_add(1)]);
        let corners = [
            self.at(columns[0], rows[0]),
            self.at(columns[1], rows[0]),
            self.at(columns[0], rows[1]),
            self.at(columns[1], rows[1]),
        ];
        mixed(corners, [x - left as f64, y - top as f64], NEARLY_HALF)
    }

    /// At most half a pixel beyond the middles of the outermost pixels, these go on.
    #[inline(always)]
    fn pillows(&self, [x, y]: [f64; 2]) -> Option<[u8; N]> {
        let (width, height) = (self.width as f64, self.height as f64);
        if !(x >= 0.0 && x < width && y >= 0.0 && y < height) {
            return None;
        }
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (floor(x), floor(y));
        let clipped = |at: i64, size: usize| [at.max(0) as usize, ((at + 1) as usize).min(size - 1)];
        let (columns, rows) = (clipped(left, self.width), clipped(top, self.height));
        let at = |column: usize, row: usize| self.pixels[rows[row] * self.width + columns[column]];
        let corners = [at(0, 0), at(1, 0), at(0, 1), at(1, 1)];
        Some(mixed(corners, [x - left as f64, y - top as f64], 0.0))
    }

    /// The pixel of a picture that goes on mirrored.
    #[inline(always)]
    pub fn at(&self, column: i64, row: i64) -> [u8; N] {
        self.pixels[mirrored(row, self.height) * self.width + mirrored(column, self.width)]
    }

    /// The pixel, where the picture has one.
    pub fn inside(&self, column: i64, row: i64) -> Option<[u8; N]> {
        let [column, row] = [usize::try_from(column).ok()?, usize::try_from(row).ok()?];
        (column < self.width && row < self.height).then(|| self.pixels[row * self.width + column])
    }
}

/// Between upper left, upper right, lower left and lower right, by the shares of the right and of the lower ones.
#[inline(always)]
fn mixed<const N: usize>([a, b, c, d]: [[u8; N]; 4], [right, lower]: [f64; 2], lift: f64) -> [u8; N] {
    let mut mixed = [0; N];
    for (channel, to) in mixed.iter_mut().enumerate() {
        let (a, b) = (f64::from(a[channel]), f64::from(b[channel]));
        let (c, d) = (f64::from(c[channel]), f64::from(d[channel]));
        let (above, below) = (a + right * (b - a), c + right * (d - c));
        *to = (above + lower * (below - above) + lift) as u8;
    }
    mixed
}

/// The whole number below; quicker than `f64::floor`, which is a call on processors without SSE4.
#[inline(always)]
pub fn floor(value: f64) -> i64 {
    let cut = value as i64;
    cut.saturating_sub(i64::from(value < cut as f64))
}

/// Where a position lies after reflection at the outer edges: ... 1 0 | 0 1 2 | 2 1 ...
#[inline(always)]
pub fn mirrored(position: i64, size: usize) -> usize {
    if let Some(inside) = usize::try_from(position).ok().filter(|inside| *inside < size) {
        return inside;
    }
    let size = size as i64;
    // Most that are outside are beside the picture, and a division is slow.
    let beside = if position < 0 { -1 - position } else { 2 * size - 1 - position };
    if (0..size).contains(&beside) {
        return beside as usize;
    }
    let folded = position.rem_euclid(2 * size);
    folded.min(2 * size - 1 - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_those_of_the_standard_library() {
        let values = [-2.0, -1.5, -0.0, 0.0, 0.3, NEARLY_HALF, 0.5, 1.5, 2.5, 254.5, 255.0, -1e300, f64::NAN];
        for value in values {
            assert_eq!(floor(value), value.floor() as i64, "{value}");
            let byte = value.abs().min(255.0);
            assert_eq!((byte + NEARLY_HALF) as u8, byte.round() as u8, "{value}");
        }
    }

    #[test]
    fn values_half_way_are_rounded_up() {
        for value in 0..=255_u8 {
            let half = f64::from(value) + 0.5;
            let near = [half.next_down(), half, half.next_up()].map(|value| (value + NEARLY_HALF) as u8);
            assert_eq!(near, [value, value.saturating_add(1), value.saturating_add(1)]);
        }
    }

    #[test]
    fn corners_show_the_mirrored_picture() {
        let positions: Vec<_> = (-4..7).map(|position| mirrored(position, 3)).collect();
        assert_eq!(positions, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!([i64::MIN, i64::MAX].map(|position| mirrored(position, 1)), [0, 0]);
    }
}
