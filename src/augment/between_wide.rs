//! `between.rs` for processors with AVX2: four pixels at a time where all their neighbours lie in the old picture. What is
//! computed, and in which order, is the same, so the bits are.

use std::arch::x86_64::{__m128i, __m256d, _CMP_GE_OQ, _CMP_LT_OQ};

use pulp::NullaryFnOnce;
use pulp::x86::V3;

use super::between::{Places, Source, Way};

/// Whether it was done: not where the processor cannot, or the picture is so large that no `i32` counts its bytes.
pub fn fill<const N: usize>(out: &mut [[u8; N]], source: &Source<N>, places: &impl Places, way: Way) -> bool {
    let Some(simd) = V3::try_new().filter(|_| N <= 3 && source.pixels.len() * N < i32::MAX as usize) else {
        return false;
    };
    simd.vectorize(Fill { simd, out, source, places, way });
    true
}

/// Pixels at a time.
const FOUR: usize = 4;

struct Fill<'a, 'b, const N: usize, P> {
    simd: V3,
    out: &'a mut [[u8; N]],
    source: &'a Source<'b, N>,
    places: &'a P,
    way: Way,
}

impl<const N: usize, P: Places> NullaryFnOnce for Fill<'_, '_, N, P> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, out, source, places, way } = self;
        let width = source.width.max(1);
        let (mut across, mut down) = (vec![0.0; width], vec![0.0; width]);
        let mut spots = vec![Spots::default(); width / FOUR];
        let bounds = Bounds::new(simd, source, way);
        let neighbours =
            Neighbours { simd, bytes: source.pixels.as_flattened(), stride: width * N, lift: way.lift() };
        for (row, to) in out.as_flattened_mut().chunks_exact_mut(width * N).enumerate() {
            places.row(row, &mut across, &mut down);
            let ((columns, _), (rows, _)) = (across.as_chunks(), down.as_chunks());
            for ((spots, x), y) in spots.iter_mut().zip(columns).zip(rows) {
                *spots = bounds.spots(*x, *y);
            }
            let mut fours = to.chunks_exact_mut(FOUR * N);
            for (((to, spots), x), y) in (&mut fours).zip(&spots).zip(columns).zip(rows) {
                if !neighbours.four::<N>(spots, to) {
                    one_by_one(to, source, way, x, y);
                }
            }
            let done = width / FOUR * FOUR;
            one_by_one(fours.into_remainder(), source, way, &across[done..], &down[done..]);
        }
    }
}

#[inline(always)]
fn one_by_one<const N: usize>(to: &mut [u8], source: &Source<N>, way: Way, x: &[f64], y: &[f64]) {
    for ((to, x), y) in to.as_chunks_mut().0.iter_mut().zip(x).zip(y) {
        if let Some(value) = way.at(source, *x, *y) {
            *to = value;
        }
    }
}

/// Where four pixels come from.
#[derive(Clone, Copy, Default)]
struct Spots {
    /// The first byte of the neighbour on the upper left; beyond all pictures where not all neighbours are there.
    first: [u32; FOUR],
    /// The shares of the neighbours on the right, and of the lower ones.
    right: [f64; FOUR],
    lower: [f64; FOUR],
}

/// The old picture, as four numbers each.
#[derive(Clone, Copy)]
struct Bounds {
    simd: V3,
    /// The middle of the first pixel.
    middle: __m256d,
    last_column: __m256d,
    last_row: __m256d,
    /// Bytes from one pixel to the next, and from one row to the next.
    step: __m256d,
    stride: __m256d,
}

impl Bounds {
    #[inline(always)]
    fn new<const N: usize>(simd: V3, source: &Source<N>, way: Way) -> Self {
        Self {
            simd,
            middle: simd.avx._mm256_set1_pd(way.middle()),
            last_column: simd.avx._mm256_set1_pd(source.width as f64 - 1.0),
            last_row: simd.avx._mm256_set1_pd(source.height as f64 - 1.0),
            step: simd.avx._mm256_set1_pd(N as f64),
            stride: simd.avx._mm256_set1_pd((source.width * N) as f64),
        }
    }

    #[inline(always)]
    fn spots(&self, x: [f64; FOUR], y: [f64; FOUR]) -> Spots {
        let simd = self.simd.avx;
        let x = simd._mm256_sub_pd(pulp::cast(x), self.middle);
        let y = simd._mm256_sub_pd(pulp::cast(y), self.middle);
        let (left, top) = (simd._mm256_floor_pd(x), simd._mm256_floor_pd(y));
        let zero = simd._mm256_setzero_pd();
        let not_before = simd._mm256_and_pd(
            simd._mm256_cmp_pd::<_CMP_GE_OQ>(left, zero),
            simd._mm256_cmp_pd::<_CMP_GE_OQ>(top, zero),
        );
        let not_behind = simd._mm256_and_pd(
            simd._mm256_cmp_pd::<_CMP_LT_OQ>(left, self.last_column),
            simd._mm256_cmp_pd::<_CMP_LT_OQ>(top, self.last_row),
        );
        let inside = simd._mm256_and_pd(not_before, not_behind);
        let first =
            simd._mm256_add_pd(simd._mm256_mul_pd(top, self.stride), simd._mm256_mul_pd(left, self.step));
        let nowhere = simd._mm256_set1_pd(f64::from(i32::MIN));
        let first = simd._mm256_blendv_pd(nowhere, first, inside);
        Spots {
            first: pulp::cast(simd._mm256_cvttpd_epi32(first)),
            right: pulp::cast(simd._mm256_sub_pd(x, left)),
            lower: pulp::cast(simd._mm256_sub_pd(y, top)),
        }
    }
}

/// What is mixed, and how.
#[derive(Clone, Copy)]
struct Neighbours<'a> {
    simd: V3,
    bytes: &'a [u8],
    stride: usize,
    lift: f64,
}

impl Neighbours<'_> {
    /// Whether all of them were there.
    #[inline(always)]
    fn four<const N: usize>(&self, spots: &Spots, to: &mut [u8]) -> bool {
        let Some(a) = self.mixed::<N>(spots, 0) else { return false };
        let Some(b) = self.mixed::<N>(spots, 1) else { return false };
        let Some(c) = self.mixed::<N>(spots, 2) else { return false };
        let Some(d) = self.mixed::<N>(spots, 3) else { return false };
        let simd = self.simd;
        let (first, second) = (simd.sse2._mm_packs_epi32(a, b), simd.sse2._mm_packs_epi32(c, d));
        let bytes = simd.sse2._mm_packus_epi16(first, second);
        let close = simd.ssse3._mm_shuffle_epi8(bytes, pulp::cast(const { close::<N>() }));
        let bytes: [u8; 16] = pulp::cast(close);
        put(to, &bytes);
        true
    }

    /// The channels of a pixel as four numbers, of which the last ones mean nothing.
    #[inline(always)]
    fn mixed<const N: usize>(&self, spots: &Spots, pixel: usize) -> Option<__m128i> {
        let simd = self.simd.avx;
        let first = spots.first[pixel] as usize;
        let right = simd._mm256_broadcast_sd(&spots.right[pixel]);
        let lower = simd._mm256_broadcast_sd(&spots.lower[pixel]);
        let above = self.beside::<N>(first, right)?;
        let below = self.beside::<N>(first + self.stride, right)?;
        let more = simd._mm256_mul_pd(lower, simd._mm256_sub_pd(below, above));
        let sum = simd._mm256_add_pd(above, more);
        Some(simd._mm256_cvttpd_epi32(simd._mm256_add_pd(sum, simd._mm256_set1_pd(self.lift))))
    }

    /// Between a pixel and the next one.
    #[inline(always)]
    fn beside<const N: usize>(&self, first: usize, right: __m256d) -> Option<__m256d> {
        let simd = self.simd.avx;
        let both = self.bytes.get(first..first + FOUR + N)?;
        let (own, next) = (self.raised(*both.first_chunk()?), self.raised(*both.last_chunk()?));
        let more = simd._mm256_mul_pd(right, simd._mm256_sub_pd(next, own));
        Some(simd._mm256_add_pd(simd._mm256_sub_pd(own, simd._mm256_set1_pd(RAISE)), more))
    }

    /// Bytes as numbers above `RAISE`: they then are its lowest bits, which is quicker than a conversion.
    #[inline(always)]
    fn raised(&self, bytes: [u8; FOUR]) -> __m256d {
        let Self { simd, .. } = self;
        let bytes = simd.sse2._mm_cvtsi32_si128(i32::from_le_bytes(bytes));
        let numbers = simd.avx2._mm256_cvtepu8_epi64(bytes);
        simd.avx._mm256_or_pd(pulp::cast(numbers), simd.avx._mm256_set1_pd(RAISE))
    }
}

/// As many bytes as there is room for.
#[inline(always)]
fn put(to: &mut [u8], bytes: &[u8; 16]) {
    // A copy of no fixed length is a call.
    match (to.first_chunk_mut::<{ 3 * FOUR }>(), bytes.first_chunk()) {
        (Some(to), Some(bytes)) => *to = *bytes,
        _ => to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte),
    }
}

/// 2^52: the last bit before the point is the lowest one.
const RAISE: f64 = 4_503_599_627_370_496.0;

/// Of four bytes to a pixel the first `N`; -1 makes a zero.
const fn close<const N: usize>() -> [i8; 16] {
    let mut from = [-1; 16];
    let mut to = 0;
    while to < FOUR * N {
        from[to] = (to / N * FOUR + to % N) as i8;
        to += 1;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Shape;
    use crate::augment::between::plain;
    use crate::chance::{Draws, Key};

    /// Lines through the old picture, bent where the last number is not 0.
    struct Lines([f64; 7]);

    impl Places for Lines {
        fn row(&self, row: usize, across: &mut [f64], down: &mut [f64]) {
            let [a, b, c, d, e, f, bend] = self.0;
            for (column, (x, y)) in across.iter_mut().zip(down).enumerate() {
                let (right, below) = (column as f64, row as f64);
                let depth = 1.0 + bend * right;
                (*x, *y) = ((a * right + b * below + c) / depth, (d * right + e * below + f) / depth);
            }
        }
    }

    fn lines(draws: &mut Draws) -> Lines {
        let mut about = |middle: f64, most: f64| draws.between(middle - most, middle + most);
        let usual = [
            about(1.0, 0.6),
            about(0.0, 0.6),
            about(0.0, 9.0),
            about(0.0, 0.6),
            about(1.0, 0.6),
            about(0.0, 9.0),
        ];
        let [a, b, c, d, e, f] = usual;
        match draws.below(6) {
            // Whole pixels, bent, so far away that no whole number is left, and nowhere.
            0 => Lines([1.0, 0.0, c.floor(), 0.0, 1.0, f.floor(), 0.0]),
            1 => Lines([a, b, c, d, e, f, -0.05]),
            2 => Lines([1e17 * a, b, c, d, 1e9 * e, f, 0.0]),
            3 => Lines([f64::NAN, b, c, d, f64::INFINITY, f, 0.0]),
            _ => Lines([a, b, c, d, e, f, 0.0]),
        }
    }

    fn check<const N: usize>(draws: &mut Draws) {
        let shape = Shape { width: 1 + draws.below(40), height: 1 + draws.below(30), channels: N };
        let pixels: Vec<u8> = (0..shape.width * shape.height * N).map(|_| draws.below(256) as u8).collect();
        let (source, lines) = (Source::<N>::new(&pixels, shape), lines(draws));
        for way in [Way::Mirrored, Way::Pillows] {
            let mut expected = vec![[7; N]; shape.width * shape.height];
            let mut found = expected.clone();
            plain(&mut expected, &source, &lines, way);
            if fill(&mut found, &source, &lines, way) {
                assert_eq!(found, expected, "{shape:?} {way:?} {:?}", lines.0);
            }
        }
    }

    #[test]
    fn every_processor_computes_the_same() {
        let mut draws = Key::new(5).draws();
        for _ in 0..500 {
            check::<1>(&mut draws);
            check::<3>(&mut draws);
        }
    }
}
