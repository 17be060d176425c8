//! From coefficients to pixels, eight blocks side by side, one in each lane: the inverse cosine transform to 8x8, 4x4,
//! 2x2 or 1x1 pixels. The smaller ones are the means of what the largest would give. All sums are of single precision in
//! one order, so every processor gives the same bits.

// Iterators over arrays of lanes are not always inlined, and then nothing goes side by side.
#![allow(clippy::needless_range_loop)]

/// Blocks that go together.
pub const LANES: usize = 8;
/// Numbers of a group of blocks, and a place for what no block wants.
pub const GROUP: usize = (64 + 1) * LANES;

type Numbers = [[f32; LANES]; 64];
type Coefficients = [i16; GROUP];

/// The transform of one channel.
pub struct Transform {
    edge: usize,
    /// What each coefficient is multiplied with, in rows.
    factors: [f32; 64],
}

/// From the order of the file to rows of eight.
pub const ROWS: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

impl Transform {
    /// To `edge` x `edge` pixels (1, 2, 4 or 8), with the quantisers in the order of the file.
    pub fn new(edge: usize, quantisers: &[u16; 64]) -> Self {
        let weights = weights(edge);
        let mut factors = [0.0; 64];
        for (&place, &quantiser) in ROWS.iter().zip(quantisers) {
            let (row, column) = (usize::from(place) / 8, usize::from(place) % 8);
            factors[usize::from(place)] = (weights[row] * weights[column] * f64::from(quantiser)) as f32;
        }
        Self { edge, factors }
    }

    /// Pixels of a group: `edge` rows, each of all its blocks side by side, written where `plane` begins.
    #[inline(always)]
    pub fn run(&self, group: &Coefficients, plane: &mut [u8], stride: usize) {
        match self.edge {
            8 => self.to_eight(group, plane, stride),
            4 => self.to_four(group, plane, stride),
            2 => self.to_two(group, plane, stride),
            _ => self.to_one(group, plane),
        }
    }

    #[inline(always)]
    fn to_eight(&self, group: &Coefficients, plane: &mut [u8], stride: usize) {
        let mut work: Numbers = self.spread(group);
        for column in 0..8 {
            for lane in 0..LANES {
                let down = down(&work, column, lane);
                let down = eight(down);
                for row in 0..8 {
                    work[row * 8 + column][lane] = down[row];
                }
            }
        }
        for row in 0..8 {
            let mut bytes = [[0u8; LANES]; 8];
            for lane in 0..LANES {
                let along = lane_of(&work.as_chunks().0[row], lane);
                let along = eight(along);
                for column in 0..8 {
                    bytes[column][lane] = byte(along[column]);
                }
            }
            if let Some(to) = plane.get_mut(row * stride..).and_then(|rest| rest.first_chunk_mut::<64>()) {
                *to = side_by_side(bytes);
            }
        }
    }

    #[inline(always)]
    fn to_four(&self, group: &Coefficients, plane: &mut [u8], stride: usize) {
        let work: Numbers = self.spread(group);
        let mut high = [[[0.0f32; LANES]; 8]; 4];
        for column in 0..8 {
            for lane in 0..LANES {
                let down = down(&work, column, lane);
                let down = four(down);
                for row in 0..4 {
                    high[row][column][lane] = down[row];
                }
            }
        }
        for row in 0..4 {
            let mut bytes = [[0u8; LANES]; 4];
            for lane in 0..LANES {
                let along = lane_of(&high[row], lane);
                let along = four(along);
                for column in 0..4 {
                    bytes[column][lane] = byte(along[column]);
                }
            }
            if let Some(to) = plane.get_mut(row * stride..).and_then(|rest| rest.first_chunk_mut::<32>()) {
                for lane in 0..LANES {
                    for column in 0..4 {
                        to[lane * 4 + column] = bytes[column][lane];
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn to_two(&self, group: &Coefficients, plane: &mut [u8], stride: usize) {
        let work: Numbers = self.spread(group);
        let mut high = [[[0.0f32; LANES]; 8]; 2];
        for column in 0..8 {
            for lane in 0..LANES {
                let down = two(down(&work, column, lane));
                high[0][column][lane] = down[0];
                high[1][column][lane] = down[1];
            }
        }
        for row in 0..2 {
            let Some(to) = plane.get_mut(row * stride..).and_then(|rest| rest.first_chunk_mut::<16>()) else {
                continue;
            };
            for lane in 0..LANES {
                let along = two(lane_of(&high[row], lane));
                to[lane * 2] = byte(along[0]);
                to[lane * 2 + 1] = byte(along[1]);
            }
        }
    }

    #[inline(always)]
    fn to_one(&self, group: &Coefficients, plane: &mut [u8]) {
        let Some(to) = plane.first_chunk_mut::<LANES>() else { return };
        for lane in 0..LANES {
            to[lane] = byte(f32::from(group[lane]) * self.factors[0]);
        }
    }

    /// The coefficients as numbers of their true size.
    #[inline(always)]
    fn spread(&self, group: &Coefficients) -> Numbers {
        let mut numbers = [[0.0; LANES]; 64];
        for place in 0..64 {
            for lane in 0..LANES {
                numbers[place][lane] = f32::from(group[place * LANES + lane]) * self.factors[place];
            }
        }
        numbers
    }
}

/// One lane of a column. (Written out, as closures that fill arrays are not always inlined, and so not in wide registers.)
#[inline(always)]
fn down(work: &Numbers, column: usize, lane: usize) -> [f32; 8] {
    let mut numbers = [0.0; 8];
    for row in 0..8 {
        numbers[row] = work[row * 8 + column][lane];
    }
    numbers
}

/// One lane of eight numbers.
#[inline(always)]
fn lane_of(row: &[[f32; LANES]; 8], lane: usize) -> [f32; 8] {
    let mut numbers = [0.0; 8];
    for column in 0..8 {
        numbers[column] = row[column][lane];
    }
    numbers
}

/// What each frequency is multiplied with before a transform of one dimension, whose own factors are left out there.
fn weights(edge: usize) -> [f64; 8] {
    let turn = std::f64::consts::PI / 16.0;
    // The share that is left of a frequency in the mean of neighbours, and of pairs of them.
    let mean = |k: usize| (k as f64 * turn).cos();
    let amplitude = |k: usize| if k == 0 { 0.125f64.sqrt() } else { 0.5 };
    std::array::from_fn(|k| match edge {
        8 => amplitude(k) * mean(k),
        4 => amplitude(k) * mean(k),
        2 => amplitude(k) * mean(k) * mean(2 * k),
        _ => amplitude(k),
    })
}

/// Eight pixels of eight frequencies: Arai, Agui and Nakajima's inverse transform with 5 multiplications.
#[inline(always)]
fn eight(f: [f32; 8]) -> [f32; 8] {
    const SQRT_2: f32 = std::f32::consts::SQRT_2;
    let (sum, difference) = (f[0] + f[4], f[0] - f[4]);
    let outer = f[2] + f[6];
    let inner = (f[2] - f[6]) * SQRT_2 - outer;
    let even = [sum + outer, difference + inner, difference - inner, sum - outer];

    let (z13, z10) = (f[5] + f[3], f[5] - f[3]);
    let (z11, z12) = (f[1] + f[7], f[1] - f[7]);
    let odd0 = z11 + z13;
    let z5 = (z10 + z12) * 1.847_759_1;
    let odd1 = (z5 - z10 * 2.613_125_9) - odd0;
    let odd2 = (z11 - z13) * SQRT_2 - odd1;
    let odd3 = (z5 - z12 * 1.082_392_2) - odd2;
    let odd = [odd0, odd1, odd2, odd3];
    let mut pixels = [0.0; 8];
    for n in 0..4 {
        pixels[n] = even[n] + odd[n];
        pixels[7 - n] = even[n] - odd[n];
    }
    pixels
}

/// The means of pairs of eight pixels: higher frequencies look like lower ones there.
#[inline(always)]
fn four(f: [f32; 8]) -> [f32; 4] {
    let [f0, f1, f2, f3] = [f[0], f[1] - f[7], f[2] - f[6], f[3] - f[5]];
    let middle = f2 * std::f32::consts::FRAC_1_SQRT_2;
    let even = [f0 + middle, f0 - middle];
    let odd = [f1 * COS_1 + f3 * COS_3, f1 * COS_3 - f3 * COS_1];
    [even[0] + odd[0], even[1] + odd[1], even[1] - odd[1], even[0] - odd[0]]
}

/// The means of four of eight pixels.
#[inline(always)]
fn two(f: [f32; 8]) -> [f32; 2] {
    let odd = (f[1] - f[3] - f[5] + f[7]) * std::f32::consts::FRAC_1_SQRT_2;
    [f[0] + odd, f[0] - odd]
}

/// Cosines of an eighth of a half turn, and of three.
const COS_1: f32 = 0.923_879_5;
const COS_3: f32 = 0.382_683_43;

/// The nearest byte of a number about 0.
#[inline(always)]
fn byte(number: f32) -> u8 {
    // Beside 2^23 single precision has no room for fractions, so the sum is rounded and ends in the byte.
    const WHOLE: f32 = 8_388_608.0;
    let shifted = number + 128.0;
    let above = if shifted > 0.0 { shifted } else { 0.0 };
    let within = if above < 255.0 { above } else { 255.0 };
    (within + WHOLE).to_bits() as u8
}

/// Eight pixels of each of eight lanes, from pixel by pixel to lane by lane.
#[inline(always)]
fn side_by_side(bytes: [[u8; LANES]; 8]) -> [u8; 64] {
    let mut out = [0; 64];
    for lane in 0..LANES {
        for pixel in 0..8 {
            out[lane * 8 + pixel] = bytes[pixel][lane];
        }
    }
    out
}
