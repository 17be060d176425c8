//! Rows of bytes as weighted sums of other rows: the second pass of resizing, in the integer arithmetic of Pillow
//! and of `fast_image_resize`, and several times as fast as the latter's. Knows nothing of pixels.

// Iterators over arrays are not always inlined, and then nothing goes side by side.
#![allow(clippy::needless_range_loop)]

use super::lanes::{Work, widest};

/// What each new row is made of.
pub struct Weights {
    /// Bits behind the point.
    pub precision: u32,
    /// The first of the rows, and how many there are.
    pub spans: Vec<(usize, usize)>,
    /// `window` for each new row.
    pub values: Vec<i16>,
    /// How many rows a new one is made of, at the most.
    pub window: usize,
}

/// Bits that are left for a fraction beside a byte and two for what shoots over.
const MOST_PRECISE: u32 = 32 - 8 - 2 - 1;

impl Weights {
    /// For `out` rows made of the stretch from `start` on, of `limit` rows in all. The kernel reaches as far as `support`
    /// to either side, in rows of the coarser of the two pictures.
    pub fn new(
        limit: usize,
        (start, length): (f64, f64),
        out: usize,
        support: f64,
        kernel: impl Fn(f64) -> f64,
    ) -> Self {
        let scale = length / out as f64;
        let wide = scale.max(1.0);
        let reach = support * wide;
        let mut shares = Vec::with_capacity(out * (2 * reach as usize + 3));
        let mut spans = Vec::with_capacity(out);
        for row in 0..out {
            let centre = start + (row as f64 + 0.5) * scale;
            let first = (centre - reach).max(0.0) as usize;
            let end = up(centre + reach).min(limit);
            let before = shares.len();
            let middle = centre - 0.5;
            shares.extend((first..end).map(|row| kernel((row as f64 - middle) * (1.0 / wide))));
            let sum: f64 = shares[before..].iter().sum();
            shares[before..].iter_mut().for_each(|share| *share /= sum);
            spans.push((first, shares.len() - before));
        }
        let window = spans.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let most = shares.iter().copied().fold(0.0, f64::max);
        let precision = (0..MOST_PRECISE)
            .find(|bits| (most * f64::from(2u32 << bits)).round() >= f64::from(1u32 << 15))
            .unwrap_or(MOST_PRECISE);
        let mut values = vec![0; window * out];
        let mut rest = shares.as_slice();
        for ((_, count), to) in spans.iter().zip(values.chunks_exact_mut(window.max(1))) {
            let (own, others) = rest.split_at(*count);
            for (to, share) in to.iter_mut().zip(own) {
                let share = share * f64::from(1u32 << precision);
                *to = (share + 0.5_f64.copysign(share)) as i16;
            }
            rest = others;
        }
        Self { precision, spans, values, window }
    }

    /// The new rows, each `width` bytes long. None where rows are missing.
    pub fn blend(&self, rows: &[u8], width: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; self.spans.len() * width];
        let work = Blend { weights: self, rows, width, out: &mut out };
        (width == 0 || widest(work)).then_some(out)
    }
}

/// Rounded up. Without a call of the system's library, which costs more than all the rest.
fn up(value: f64) -> usize {
    let whole = value as usize;
    whole + usize::from((whole as f64) < value)
}

struct Blend<'a> {
    weights: &'a Weights,
    rows: &'a [u8],
    width: usize,
    out: &'a mut [u8],
}

/// Bytes whose sums stay in registers.
const AT_ONCE: usize = 64;

impl Work for Blend<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { weights, rows, width, out } = self;
        let Weights { precision, spans, values, window } = weights;
        for (row, to) in out.chunks_exact_mut(width).enumerate() {
            let (first, count) = spans[row];
            let shares = &values[row * window..][..count];
            let Some(from) = rows.get(first * width..(first + count) * width) else { return false };
            let mut at = 0;
            while at + AT_ONCE <= width {
                if !many(from, width, at, shares, *precision, to) {
                    return false;
                }
                at += AT_ONCE;
            }
            for at in at..width {
                let mut sum = half(*precision);
                for tap in 0..count {
                    sum += i32::from(from[tap * width + at]) * i32::from(shares[tap]);
                }
                to[at] = byte(sum, *precision);
            }
        }
        true
    }
}

#[inline(always)]
fn many(from: &[u8], width: usize, at: usize, shares: &[i16], precision: u32, to: &mut [u8]) -> bool {
    let mut sums = [half(precision); AT_ONCE];
    for tap in 0..shares.len() {
        let Some(bytes) = from[tap * width + at..].first_chunk::<AT_ONCE>() else { return false };
        let share = i32::from(shares[tap]);
        for i in 0..AT_ONCE {
            sums[i] += i32::from(bytes[i]) * share;
        }
    }
    let Some(to) = to[at..].first_chunk_mut::<AT_ONCE>() else { return false };
    for i in 0..AT_ONCE {
        to[i] = byte(sums[i], precision);
    }
    true
}

#[inline(always)]
fn half(precision: u32) -> i32 {
    (1 << precision) >> 1
}

#[inline(always)]
fn byte(sum: i32, precision: u32) -> u8 {
    (sum >> precision).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(x: f64) -> f64 {
        (1.0 - x.abs()).max(0.0)
    }

    #[test]
    fn rows_of_the_same_size_stay_as_they_are() {
        let rows: Vec<u8> = (0..5 * 70).map(|i| (i * 37) as u8).collect();
        let weights = Weights::new(5, (0.0, 5.0), 5, 1.0, line);
        assert_eq!(weights.blend(&rows, 70), Some(rows));
    }

    #[test]
    fn halving_takes_the_triangle_of_four() {
        let rows = [0, 80, 160, 240];
        let weights = Weights::new(4, (0.0, 4.0), 2, 1.0, line);
        // (3 * 0 + 3 * 80 + 160) / 7 and (80 + 3 * 160 + 3 * 240) / 7, rounded.
        assert_eq!(weights.blend(&rows, 1), Some(vec![57, 183]));
    }

    #[test]
    fn missing_rows_are_noticed() {
        let weights = Weights::new(4, (0.0, 4.0), 2, 1.0, line);
        assert_eq!(weights.blend(&[1, 2, 3], 1), None);
        assert_eq!(weights.blend(&[], 0), Some(Vec::new()));
    }
}
