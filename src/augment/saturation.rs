//! Colours moved away from their own grey or towards it, sixteen pixels at a time: in steps that the compiler puts side by
//! side, and for processors with AVX2 in their own. Pillow's ImageEnhance to the bit, both.

/// Pixels at a time.
const PIXELS: usize = 16;

/// Interleaved bytes of as many pixels.
type Block = [u8; 3 * PIXELS];

/// Scales away from each pixel's own grey.
pub fn saturate(pixels: &mut [u8], factor: f32) {
    let (blocks, rest) = pixels.as_chunks_mut();
    many(blocks, factor);
    let mut last = [0; 3 * PIXELS];
    last[..rest.len()].copy_from_slice(rest);
    portable::many(std::slice::from_mut(&mut last), factor);
    rest.copy_from_slice(&last[..rest.len()]);
}

fn many(blocks: &mut [Block], factor: f32) {
    #[cfg(target_arch = "x86_64")]
    if wide::many(blocks, factor) {
        return;
    }
    portable::many(blocks, factor);
}

mod portable {
    // Iterators over arrays are not always inlined, and then nothing goes side by side.
    #![allow(clippy::needless_range_loop)]

    use super::{Block, PIXELS};
    use crate::augment::colour::grey;

    pub fn many(blocks: &mut [Block], factor: f32) {
        for block in blocks {
            let mut greys = [0.0; PIXELS];
            for i in 0..PIXELS {
                greys[i] = f32::from(grey([block[3 * i], block[3 * i + 1], block[3 * i + 2]]));
            }
            for colour in 0..3 {
                let mut values = [0; PIXELS];
                for i in 0..PIXELS {
                    values[i] = blended(greys[i], f32::from(block[3 * i + colour]), factor);
                }
                for i in 0..PIXELS {
                    block[3 * i + colour] = values[i];
                }
            }
        }
    }

    #[inline(always)]
    fn blended(grey: f32, value: f32, factor: f32) -> u8 {
        (grey + factor * (value - grey)) as u8
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{__m128i, __m256, __m256i};

    use pulp::NullaryFnOnce;
    use pulp::x86::V3;

    use super::{Block, PIXELS};

    /// Whether it was done: not where the processor cannot.
    pub fn many(blocks: &mut [Block], factor: f32) -> bool {
        let Some(simd) = V3::try_new() else { return false };
        simd.vectorize(Many { simd, blocks, factor });
        true
    }

    struct Many<'a> {
        simd: V3,
        blocks: &'a mut [Block],
        factor: f32,
    }

    impl NullaryFnOnce for Many<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Self { simd, blocks, factor } = self;
            let factor = simd.avx._mm256_set1_ps(factor);
            for block in blocks {
                *block = pulp::cast(one(simd, pulp::cast(*block), factor));
            }
        }
    }

    // What is called here must be inlined; closures and iterators over arrays are not always: hence the repetitions.
    #[inline(always)]
    fn one(simd: V3, bytes: [__m128i; 3], factor: __m256) -> [__m128i; 3] {
        let red = simd.avx2._mm256_cvtepu8_epi16(gathered(simd, bytes, OF_COLOUR[0]));
        let green = simd.avx2._mm256_cvtepu8_epi16(gathered(simd, bytes, OF_COLOUR[1]));
        let blue = simd.avx2._mm256_cvtepu8_epi16(gathered(simd, bytes, OF_COLOUR[2]));
        let (red_green, blue_green) = (pairs(simd, red, green), pairs(simd, blue, green));
        let greys = [grey(simd, red_green[0], blue_green[0]), grey(simd, red_green[1], blue_green[1])];
        let moved = [
            blended(simd, greys, red, factor),
            blended(simd, greys, green, factor),
            blended(simd, greys, blue, factor),
        ];
        [
            gathered(simd, moved, OF_PLACE[0]),
            gathered(simd, moved, OF_PLACE[1]),
            gathered(simd, moved, OF_PLACE[2]),
        ]
    }

    /// Bytes of three registers in one.
    #[inline(always)]
    fn gathered(simd: V3, from: [__m128i; 3], places: Places) -> __m128i {
        let first = simd.ssse3._mm_shuffle_epi8(from[0], pulp::cast(places[0]));
        let second = simd.ssse3._mm_shuffle_epi8(from[1], pulp::cast(places[1]));
        let third = simd.ssse3._mm_shuffle_epi8(from[2], pulp::cast(places[2]));
        simd.sse2._mm_or_si128(simd.sse2._mm_or_si128(first, second), third)
    }

    /// Values of 16 bits side by side, in two registers.
    #[inline(always)]
    fn pairs(simd: V3, a: __m256i, b: __m256i) -> [__m256i; 2] {
        [simd.avx2._mm256_unpacklo_epi16(a, b), simd.avx2._mm256_unpackhi_epi16(a, b)]
    }

    /// `colour::grey`. Half of green goes with red and half with blue: as a whole its weight has no room in 16 bits with a sign.
    #[inline(always)]
    fn grey(simd: V3, red_green: __m256i, blue_green: __m256i) -> __m256 {
        let (of_red, of_green, of_blue) = (19_595, 38_470 / 2, 7_471);
        let with_red = simd.avx._mm256_set1_epi32(of_green << 16 | of_red);
        let with_blue = simd.avx._mm256_set1_epi32(of_green << 16 | of_blue);
        let sum = simd.avx2._mm256_add_epi32(
            simd.avx2._mm256_madd_epi16(red_green, with_red),
            simd.avx2._mm256_madd_epi16(blue_green, with_blue),
        );
        let sum = simd.avx2._mm256_add_epi32(sum, simd.avx._mm256_set1_epi32(0x8000));
        simd.avx._mm256_cvtepi32_ps(simd.avx2._mm256_srli_epi32::<16>(sum))
    }

    #[inline(always)]
    fn blended(simd: V3, greys: [__m256; 2], values: __m256i, factor: __m256) -> __m128i {
        let [low, high] = pairs(simd, values, simd.avx._mm256_setzero_si256());
        let (low, high) = (blend(simd, greys[0], low, factor), blend(simd, greys[1], high, factor));
        let words = simd.avx2._mm256_packs_epi32(low, high);
        // What is less than 0 is cut off here.
        simd.sse2._mm_packus_epi16(
            simd.avx._mm256_castsi256_si128(words),
            simd.avx2._mm256_extracti128_si256::<1>(words),
        )
    }

    #[inline(always)]
    fn blend(simd: V3, grey: __m256, values: __m256i, factor: __m256) -> __m256i {
        let simd = simd.avx;
        let more = simd._mm256_sub_ps(simd._mm256_cvtepi32_ps(values), grey);
        let sum = simd._mm256_add_ps(grey, simd._mm256_mul_ps(factor, more));
        simd._mm256_cvttps_epi32(simd._mm256_min_ps(simd._mm256_set1_ps(255.0), sum))
    }

    /// For each of three registers which of its bytes go where; -1 makes a zero.
    type Places = [[i8; PIXELS]; 3];

    /// All bytes of a colour, and what brings the colours back.
    const OF_COLOUR: [Places; 3] = [of_colour(0), of_colour(1), of_colour(2)];
    const OF_PLACE: [Places; 3] = [of_place(0), of_place(1), of_place(2)];

    const fn of_colour(colour: usize) -> Places {
        let mut places = [[-1; PIXELS]; 3];
        let mut pixel = 0;
        while pixel < PIXELS {
            let at = 3 * pixel + colour;
            places[at / PIXELS][pixel] = (at % PIXELS) as i8;
            pixel += 1;
        }
        places
    }

    const fn of_place(register: usize) -> Places {
        let mut places = [[-1; PIXELS]; 3];
        let mut to = 0;
        while to < PIXELS {
            let at = register * PIXELS + to;
            places[at % 3][to] = (at / 3) as i8;
            to += 1;
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::colour::{blend, grey};

    #[test]
    fn every_form_computes_the_same() {
        // Every fifth value of each colour; no multiple of sixteen pixels.
        let levels = || (0..=255_u8).step_by(5);
        let colours = levels().flat_map(|r| levels().flat_map(move |g| levels().map(move |b| [r, g, b])));
        let original: Vec<[u8; 3]> = colours.skip(1).collect();
        for factor in [0.0, 0.37, 0.9, 1.0, 1.2, 1.9, 30.0, 1e12, f32::MAX, f32::INFINITY] {
            let one_by_one = |pixel: &[u8; 3]| pixel.map(|value| blend(grey(*pixel), value, factor));
            let expected: Vec<u8> = original.iter().flat_map(one_by_one).collect();
            let (mut here, mut plain) = (original.as_flattened().to_vec(), original.as_flattened().to_vec());
            saturate(&mut here, factor);
            assert!(here == expected, "{factor}");
            let (blocks, rest) = plain.as_chunks_mut();
            portable::many(blocks, factor);
            let done = expected.len() - rest.len();
            assert!(plain[..done] == expected[..done], "{factor}");
        }
    }

    #[test]
    fn few_pixels_are_taken() {
        for count in [0, 1, 15, 16, 17] {
            let mut pixels = [255, 0, 0].repeat(count);
            saturate(&mut pixels, 0.0);
            assert_eq!(pixels, [76; 3].repeat(count));
        }
    }
}
