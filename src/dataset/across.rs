//! Columns of RGB bytes as weighted sums of other columns: the first pass of resizing, for processors with AVX2, in
//! the arithmetic of `fast_image_resize` and twice as fast. Elsewhere there is none, and that crate does it.

#[cfg(target_arch = "x86_64")]
pub use wide::across;

use super::blend::Weights;

/// Rows of RGB bytes.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// From the first byte of the first row on; what follows the last row may be there too.
    pub bytes: &'a [u8],
    /// From the begin of one row to that of the next.
    pub stride: usize,
    /// Bytes of a row.
    pub length: usize,
    pub count: usize,
}

/// The new rows side by side, as many as before. None where the processor cannot, or rows are missing.
#[cfg(not(target_arch = "x86_64"))]
pub fn across(_: &Weights, _: Rows) -> Option<Vec<u8>> {
    None
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::__m256i;
    use std::iter::zip;

    use pulp::NullaryFnOnce;
    use pulp::x86::V3;

    use super::{Rows, Weights};

    /// The new rows side by side, as many as before. None where the processor cannot, or rows are missing.
    pub fn across(weights: &Weights, rows: Rows) -> Option<Vec<u8>> {
        let simd = V3::try_new()?;
        let taps = weights.window.div_ceil(TAPS);
        let width = weights.spans.len();
        let mut starts = vec![0; width.next_multiple_of(PIXELS)];
        let mut shares = vec![[0; 2]; starts.len() * taps];
        for (column, (start, to)) in zip(&mut starts, shares.chunks_exact_mut(taps)).take(width).enumerate() {
            let (first, count) = weights.spans[column];
            let own = &weights.values[column * weights.window..][..count];
            *start = first * 3;
            for (to, from) in zip(to, own.chunks(TAPS)) {
                let mut four = [0; TAPS];
                four[..from.len()].copy_from_slice(from);
                *to = bytemuck::cast(four);
            }
        }
        let mut out = vec![0; width * 3 * rows.count];
        let columns = Columns { starts: &starts, shares: &shares, taps, precision: weights.precision };
        simd.vectorize(Across { simd, columns, rows, width: width * 3, out: &mut out }).then_some(out)
    }

    /// Rows that go side by side, two to a register.
    const ROWS: usize = 4;
    /// New pixels that are put together before they are written.
    const PIXELS: usize = 4;
    /// Old pixels in 16 bytes, less a third of the last four.
    const TAPS: usize = 4;
    const LOADED: usize = 16;

    #[derive(Clone, Copy)]
    struct Columns<'a> {
        /// The first byte that a new pixel sees.
        starts: &'a [usize],
        /// `taps` for each new pixel, each the shares of four pixels as two pairs of 16 bits.
        shares: &'a [[i32; 2]],
        taps: usize,
        precision: u32,
    }

    struct Across<'a> {
        simd: V3,
        columns: Columns<'a>,
        rows: Rows<'a>,
        /// Bytes of a new row.
        width: usize,
        out: &'a mut [u8],
    }

    impl NullaryFnOnce for Across<'_> {
        type Output = bool;

        #[inline(always)]
        fn call(self) -> bool {
            let Self { simd, columns, rows, width, out } = self;
            // What the shares of nothing are multiplied with lies up to so far behind a row.
            let seen = rows.length + columns.taps * TAPS * 3 + LOADED;
            let (mut spare, mut made) = (Vec::new(), Vec::new());
            for (number, to) in out.chunks_mut(ROWS * width).enumerate() {
                let first = number * ROWS;
                let here = first * rows.stride..first * rows.stride + (ROWS - 1) * rows.stride + seen;
                let (from, stride) = match rows.bytes.get(here) {
                    Some(from) => (from, rows.stride),
                    None => {
                        spare.resize(ROWS * seen, 0);
                        for (i, to) in spare.chunks_exact_mut(seen).enumerate() {
                            let start = (first + i).min(rows.count - 1) * rows.stride;
                            let Some(from) = rows.bytes.get(start..start + rows.length) else { return false };
                            to[..rows.length].copy_from_slice(from);
                        }
                        (spare.as_slice(), seen)
                    }
                };
                if to.len() == ROWS * width {
                    if !four_rows(simd, columns, from, [stride, seen], to, width) {
                        return false;
                    }
                    continue;
                }
                made.resize(ROWS * width, 0);
                if !four_rows(simd, columns, from, [stride, seen], &mut made, width) {
                    return false;
                }
                to.copy_from_slice(&made[..to.len()]);
            }
            true
        }
    }

    // What is called here must be inlined, closures and iterators over arrays are not always: hence the repetitions.
    #[inline(always)]
    fn four_rows(
        simd: V3,
        columns: Columns,
        from: &[u8],
        [stride, seen]: [usize; 2],
        to: &mut [u8],
        width: usize,
    ) -> bool {
        let Some(row0) = from.get(..seen) else { return false };
        let Some(row1) = from.get(stride..stride + seen) else { return false };
        let Some(row2) = from.get(2 * stride..2 * stride + seen) else { return false };
        let Some(row3) = from.get(3 * stride..3 * stride + seen) else { return false };
        let (to0, rest) = to.split_at_mut(width);
        let (to1, rest) = rest.split_at_mut(width);
        let (to2, to3) = rest.split_at_mut(width);
        let (near, far, close): (__m256i, __m256i, __m256i) =
            (pulp::cast([NEAR, NEAR]), pulp::cast([FAR, FAR]), pulp::cast([CLOSE, CLOSE]));
        let half = simd.avx._mm256_set1_epi32((1 << columns.precision) >> 1);
        let shift = simd.sse2._mm_cvtsi32_si128(columns.precision as i32);
        for group in 0..columns.starts.len() / PIXELS {
            let starts = &columns.starts[group * PIXELS..][..PIXELS];
            let shares = &columns.shares[group * PIXELS * columns.taps..][..PIXELS * columns.taps];
            let mut sums = [[half; 2]; PIXELS];
            for pixel in 0..PIXELS {
                let (mut upper, mut lower) = (half, half);
                let mut place = starts[pixel];
                for share in &shares[pixel * columns.taps..][..columns.taps] {
                    let Some(bytes0) = sixteen(row0, place) else { return false };
                    let Some(bytes1) = sixteen(row1, place) else { return false };
                    let Some(bytes2) = sixteen(row2, place) else { return false };
                    let Some(bytes3) = sixteen(row3, place) else { return false };
                    let (above, below): (__m256i, __m256i) =
                        (pulp::cast([*bytes0, *bytes1]), pulp::cast([*bytes2, *bytes3]));
                    let (first, second) =
                        (simd.avx._mm256_set1_epi32(share[0]), simd.avx._mm256_set1_epi32(share[1]));
                    upper = add_products(simd, upper, above, near, first);
                    lower = add_products(simd, lower, below, near, first);
                    upper = add_products(simd, upper, above, far, second);
                    lower = add_products(simd, lower, below, far, second);
                    place += TAPS * 3;
                }
                sums[pixel] =
                    [simd.avx2._mm256_sra_epi32(upper, shift), simd.avx2._mm256_sra_epi32(lower, shift)];
            }
            let [a, b, c, d] = sums;
            let upper = put_together(simd, [a[0], b[0], c[0], d[0]], close);
            let lower = put_together(simd, [a[1], b[1], c[1], d[1]], close);
            let at = group * PIXELS * 3;
            put(to0, at, upper[0]);
            put(to1, at, upper[1]);
            put(to2, at, lower[0]);
            put(to3, at, lower[1]);
        }
        true
    }

    /// The bytes of two pixels as pairs of 16 bits, colour by colour; -1 makes a zero.
    const NEAR: [i8; LOADED] = [0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1];
    const FAR: [i8; LOADED] = [6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1];
    /// Without every fourth byte.
    const CLOSE: [i8; LOADED] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1];

    #[inline(always)]
    fn sixteen(row: &[u8], place: usize) -> Option<&[u8; LOADED]> {
        row.get(place..)?.first_chunk()
    }

    #[inline(always)]
    fn add_products(simd: V3, sums: __m256i, pixels: __m256i, pair: __m256i, shares: __m256i) -> __m256i {
        let pairs = simd.avx2._mm256_shuffle_epi8(pixels, pair);
        simd.avx2._mm256_add_epi32(sums, simd.avx2._mm256_madd_epi16(pairs, shares))
    }

    /// The bytes of four pixels in two rows; what is less than 0 or more than 255 is cut off.
    #[inline(always)]
    fn put_together(simd: V3, [a, b, c, d]: [__m256i; PIXELS], close: __m256i) -> [[u8; LOADED]; 2] {
        let (first, second) = (simd.avx2._mm256_packs_epi32(a, b), simd.avx2._mm256_packs_epi32(c, d));
        pulp::cast(simd.avx2._mm256_shuffle_epi8(simd.avx2._mm256_packus_epi16(first, second), close))
    }

    #[inline(always)]
    fn put(row: &mut [u8], at: usize, pixels: [u8; LOADED]) {
        let Some(rest) = row.get_mut(at..) else { return };
        match rest.first_chunk_mut::<{ PIXELS * 3 }>() {
            Some(to) => to.copy_from_slice(&pixels[..PIXELS * 3]),
            None => rest.copy_from_slice(&pixels[..rest.len()]),
        }
    }
}
