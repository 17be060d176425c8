//! Rows of bytes as weighted sums of other rows, for processors with AVX2: `blend` in the same arithmetic, two rows
//! at a time. Knows nothing of pixels.

#[cfg(target_arch = "x86_64")]
pub use wide::down;

use super::blend::Weights;

/// The new rows, each `width` bytes long. None where the processor cannot, or rows are missing.
#[cfg(not(target_arch = "x86_64"))]
pub fn down(_: &Weights, _: &[u8], _: usize) -> Option<Vec<u8>> {
    None
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::__m256i;

    use pulp::NullaryFnOnce;
    use pulp::x86::V3;

    use super::Weights;

    /// The new rows, each `width` bytes long. None where the processor cannot, or rows are missing.
    pub fn down(weights: &Weights, rows: &[u8], width: usize) -> Option<Vec<u8>> {
        let simd = V3::try_new().filter(|_| width >= AT_ONCE)?;
        let mut out = vec![0; weights.spans.len() * width];
        simd.vectorize(Down { simd, weights, rows, width, out: &mut out }).then_some(out)
    }

    /// Bytes of a register.
    const AT_ONCE: usize = 32;

    struct Down<'a> {
        simd: V3,
        weights: &'a Weights,
        rows: &'a [u8],
        width: usize,
        out: &'a mut [u8],
    }

    impl NullaryFnOnce for Down<'_> {
        type Output = bool;

        #[inline(always)]
        fn call(self) -> bool {
            let Self { simd, weights, rows, width, out } = self;
            for (number, to) in out.chunks_exact_mut(width).enumerate() {
                let (first, count) = weights.spans[number];
                let shares = &weights.values[number * weights.window..][..count];
                let Some(from) = rows.get(first * width..(first + count) * width) else { return false };
                let mut at = 0;
                while at < width {
                    // The last ones again, rather than a few alone.
                    at = at.min(width - AT_ONCE);
                    let Some(sums) = summed(simd, from, width, at, shares, weights.precision) else {
                        return false;
                    };
                    let Some(to) = to[at..].first_chunk_mut::<AT_ONCE>() else { return false };
                    *to = sums;
                    at += AT_ONCE;
                }
            }
            true
        }
    }

    // What is called here must be inlined; closures are not always.
    #[inline(always)]
    fn summed(
        simd: V3,
        from: &[u8],
        width: usize,
        at: usize,
        shares: &[i16],
        precision: u32,
    ) -> Option<[u8; AT_ONCE]> {
        let half = simd.avx._mm256_set1_epi32((1 << precision) >> 1);
        let (mut a, mut b, mut c, mut d) = (half, half, half, half);
        let (pairs, rest) = shares.as_chunks::<2>();
        let mut place = at;
        for pair in pairs {
            let upper = load(from, place)?;
            let lower = load(from, place + width)?;
            (a, b, c, d) = add_products(simd, [a, b, c, d], upper, lower, *pair);
            place += 2 * width;
        }
        if let [share] = rest {
            let row = load(from, place)?;
            (a, b, c, d) = add_products(simd, [a, b, c, d], row, row, [*share, 0]);
        }
        let shift = simd.sse2._mm_cvtsi32_si128(precision as i32);
        let (a, b) = (simd.avx2._mm256_sra_epi32(a, shift), simd.avx2._mm256_sra_epi32(b, shift));
        let (c, d) = (simd.avx2._mm256_sra_epi32(c, shift), simd.avx2._mm256_sra_epi32(d, shift));
        // What is less than 0 or more than 255 is cut off.
        let (first, second) = (simd.avx2._mm256_packs_epi32(a, b), simd.avx2._mm256_packs_epi32(c, d));
        Some(pulp::cast(simd.avx2._mm256_packus_epi16(first, second)))
    }

    #[inline(always)]
    fn load(from: &[u8], place: usize) -> Option<__m256i> {
        let bytes: &[u8; AT_ONCE] = from.get(place..)?.first_chunk()?;
        Some(pulp::cast(*bytes))
    }

    /// Bytes of both rows side by side as pairs of 16 bits, times the pair of shares. Four registers of sums.
    #[inline(always)]
    fn add_products(
        simd: V3,
        [a, b, c, d]: [__m256i; 4],
        upper: __m256i,
        lower: __m256i,
        shares: [i16; 2],
    ) -> (__m256i, __m256i, __m256i, __m256i) {
        let zero = simd.avx._mm256_setzero_si256();
        let shares = simd.avx._mm256_set1_epi32(bytemuck::cast(shares));
        let first = simd.avx2._mm256_unpacklo_epi8(upper, lower);
        let second = simd.avx2._mm256_unpackhi_epi8(upper, lower);
        (
            add(simd, a, simd.avx2._mm256_unpacklo_epi8(first, zero), shares),
            add(simd, b, simd.avx2._mm256_unpackhi_epi8(first, zero), shares),
            add(simd, c, simd.avx2._mm256_unpacklo_epi8(second, zero), shares),
            add(simd, d, simd.avx2._mm256_unpackhi_epi8(second, zero), shares),
        )
    }

    #[inline(always)]
    fn add(simd: V3, sums: __m256i, pairs: __m256i, shares: __m256i) -> __m256i {
        simd.avx2._mm256_add_epi32(sums, simd.avx2._mm256_madd_epi16(pairs, shares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(x: f64) -> f64 {
        (1.0 - x.abs()).max(0.0)
    }

    #[test]
    fn every_processor_computes_the_same() {
        let mut draws = crate::chance::Key::new(3).draws();
        for (limit, width) in [(1, 32), (2, 33), (9, 64), (40, 100), (300, 672)] {
            let rows: Vec<u8> = (0..limit * width).map(|_| draws.between(0.0, 256.0) as u8).collect();
            for _ in 0..20 {
                let start = draws.between(0.0, 0.9) * limit as f64;
                let stretch = (start, draws.between(0.05, 1.0) * (limit as f64 - start));
                let (support, kernel): (_, fn(f64) -> f64) = if draws.chance(0.5) {
                    (1.0, line)
                } else {
                    (2.0, |x| line(x) - 0.2 * line(x.abs() - 1.0))
                };
                let weights = Weights::new(limit, stretch, 1 + limit / 2, support, kernel);
                let Some(found) = down(&weights, &rows, width) else { return };
                assert_eq!(Some(found), weights.blend(&rows, width), "{limit} rows of {width}");
            }
        }
    }
}
