//! Flips and rotation of interleaved RGB bytes. What a rotation uncovers is filled with the mirrored picture, so
//! that no blank corner tells a network how far it was turned.

use super::Shape;

const CHANNELS: usize = 3;

/// Swaps left and right.
pub fn flip(pixels: &mut [u8], width: usize) {
    for row in pixels.chunks_exact_mut((width * CHANNELS).max(1)) {
        row.as_chunks_mut::<CHANNELS>().0.reverse();
    }
}

/// Swaps top and bottom.
pub fn flip_vertical(pixels: &mut [u8], width: usize) {
    let length = width * CHANNELS;
    let rows = pixels.len() / length.max(1);
    for row in 0..rows / 2 {
        let (upper, lower) = pixels.split_at_mut((rows - 1 - row) * length);
        upper[row * length..][..length].swap_with_slice(&mut lower[..length]);
    }
}

/// Turns the picture counter-clockwise about its centre, bilinear, keeping its size.
pub fn rotate(pixels: &[u8], width: usize, height: usize, degrees: f64) -> Vec<u8> {
    let source = Source::<CHANNELS>::new(pixels, Shape { width, height, channels: CHANNELS });
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let centre = [(width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0];
    let mut turned = Vec::with_capacity(pixels.len());
    for y in 0..height {
        for x in 0..width {
            let (right, down) = (x as f64 - centre[0], y as f64 - centre[1]);
            let from_x = centre[0] + cosine * right - sine * down;
            let from_y = centre[1] + sine * right + cosine * down;
            turned.extend(source.between(from_x, from_y));
        }
    }
    turned
}

/// A picture that goes on for ever, mirrored at its edges.
pub(super) struct Source<'a, const N: usize> {
    pixels: &'a [[u8; N]],
    width: usize,
    height: usize,
}

impl<'a, const N: usize> Source<'a, N> {
    pub fn new(pixels: &'a [u8], shape: Shape) -> Self {
        Self { pixels: pixels.as_chunks().0, width: shape.width, height: shape.height }
    }

    /// What lies between pixels, whose middles are at whole numbers.
    pub fn between(&self, x: f64, y: f64) -> [u8; N] {
        let (left, top) = (floor(x), floor(y));
        let (right_share, lower_share) = (x - left as f64, y - top as f64);
        let (columns, rows) = ([left, left.saturating_add(1)], [top, top.saturating_add(1)]);
        let [a, b] = [self.at(columns[0], rows[0]), self.at(columns[1], rows[0])];
        let [c, d] = [self.at(columns[0], rows[1]), self.at(columns[1], rows[1])];
        let mut mixed = [0; N];
        for (channel, to) in mixed.iter_mut().enumerate() {
            let mix = |a: u8, b: u8, share: f64| f64::from(a) + share * (f64::from(b) - f64::from(a));
            let upper = mix(a[channel], b[channel], right_share);
            let lower = mix(c[channel], d[channel], right_share);
            *to = rounded(upper + lower_share * (lower - upper));
        }
        mixed
    }

    /// The same as Pillow has it, measured from the corner: nothing outside, the edge's own values up to
    /// the edge, cut off rather than rounded.
    pub fn pillows_between(&self, [x, y]: [f64; 2]) -> Option<[u8; N]> {
        let (width, height) = (self.width as f64, self.height as f64);
        if !(x >= 0.0 && x < width && y >= 0.0 && y < height) {
            return None;
        }
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (floor(x), floor(y));
        let (right_share, lower_share) = (x - left as f64, y - top as f64);
        // At most half a pixel lies outside.
        let clipped = |at: i64, size: usize| [at.max(0) as usize, ((at + 1) as usize).min(size - 1)];
        let ([left, right], [top, bottom]) = (clipped(left, self.width), clipped(top, self.height));
        let upper = &self.pixels[top * self.width..][..self.width];
        let lower = &self.pixels[bottom * self.width..][..self.width];
        let (a, b, c, d) = (upper[left], upper[right], lower[left], lower[right]);
        let mut mixed = [0; N];
        for (channel, to) in mixed.iter_mut().enumerate() {
            let mix = |a: u8, b: u8| f64::from(a) + (f64::from(b) - f64::from(a)) * right_share;
            let (upper, lower) = (mix(a[channel], b[channel]), mix(c[channel], d[channel]));
            *to = (upper + (lower - upper) * lower_share) as u8;
        }
        Some(mixed)
    }

    pub fn at(&self, column: i64, row: i64) -> [u8; N] {
        self.pixels[mirrored(row, self.height) * self.width + mirrored(column, self.width)]
    }

    /// The pixel, where the picture has one.
    pub fn inside(&self, column: i64, row: i64) -> Option<[u8; N]> {
        let [column, row] = [usize::try_from(column).ok()?, usize::try_from(row).ok()?];
        (column < self.width && row < self.height).then(|| self.pixels[row * self.width + column])
    }
}

/// The whole number below; quicker than `f64::floor`, which is a call on processors without SSE4.
pub(super) fn floor(value: f64) -> i64 {
    let cut = value as i64;
    cut.saturating_sub(i64::from(value < cut as f64))
}

/// The nearest byte, halves upwards: `f64::round` of what lies between 0 and 255, without its call.
fn rounded(value: f64) -> u8 {
    let cut = value as u8;
    cut.saturating_add(u8::from(value - f64::from(cut) >= 0.5))
}

/// Where a position lies after reflection at the outer edges: ... 1 0 | 0 1 2 | 2 1 ...
pub(super) fn mirrored(position: i64, size: usize) -> usize {
    if let Some(inside) = usize::try_from(position).ok().filter(|inside| *inside < size) {
        return inside;
    }
    let folded = position.rem_euclid(2 * size as i64) as usize;
    folded.min(2 * size - 1 - folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 2x2 picture of four colours, and what becomes of it.
    const FOUR: [u8; 12] = [1, 2, 3, 40, 50, 60, 7, 8, 9, 200, 201, 202];

    fn picture(width: usize, height: usize) -> Vec<u8> {
        (0..width * height * 3).map(|i| (i * 37 % 251) as u8).collect()
    }

    #[test]
    fn a_flip_swaps_sides_and_undoes_itself() {
        let mut pixels = FOUR;
        flip(&mut pixels, 2);
        assert_eq!(pixels, [40, 50, 60, 1, 2, 3, 200, 201, 202, 7, 8, 9]);
        flip(&mut pixels, 2);
        flip_vertical(&mut pixels, 2);
        assert_eq!(pixels, [7, 8, 9, 200, 201, 202, 1, 2, 3, 40, 50, 60]);
        flip_vertical(&mut pixels, 2);
        assert_eq!(pixels, FOUR);
    }

    #[test]
    fn a_flip_of_nothing_is_nothing() {
        flip(&mut [], 0);
        flip_vertical(&mut [], 0);
        assert!(rotate(&[], 0, 0, 10.0).is_empty());
    }

    #[test]
    fn quarter_turns_are_exact() {
        // np.rot90 turns counter-clockwise.
        assert_eq!(rotate(&FOUR, 2, 2, 90.0), [40, 50, 60, 200, 201, 202, 1, 2, 3, 7, 8, 9]);
        for size in [1, 4, 5] {
            let original = picture(size, size);
            let quarter = rotate(&original, size, size, 90.0);
            let mut upside_down = original.clone();
            flip(&mut upside_down, size);
            flip_vertical(&mut upside_down, size);
            assert_eq!(rotate(&original, size, size, 0.0), original);
            assert_eq!(rotate(&original, size, size, 180.0), upside_down);
            assert_eq!(rotate(&quarter, size, size, 90.0), upside_down);
            assert_eq!(rotate(&quarter, size, size, 270.0), original);
        }
        let wide = picture(5, 3);
        assert_eq!(rotate(&rotate(&wide, 5, 3, 180.0), 5, 3, 180.0), wide);
    }

    #[test]
    fn whole_numbers_are_those_of_the_standard_library() {
        for value in
            [-2.0, -1.5, -0.0, 0.0, 0.3, 0.49999999999999994, 0.5, 1.5, 2.5, 254.5, 255.0, -1e300, f64::NAN]
        {
            assert_eq!(floor(value), value.floor() as i64, "{value}");
            assert_eq!(rounded(value.abs().min(255.0)), value.abs().min(255.0).round() as u8, "{value}");
        }
    }

    #[test]
    fn corners_show_the_mirrored_picture() {
        let positions: Vec<_> = (-4..7).map(|position| mirrored(position, 3)).collect();
        assert_eq!(positions, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert!(rotate(&[90; 75], 5, 5, 31.0).iter().all(|&value| value == 90));
    }
}
