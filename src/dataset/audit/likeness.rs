//! How alike two pictures are whatever their size, brightness, contrast and compression, also where one of them is a
//! little less of the other. Works on the lowest frequencies of a small grey copy; finding pairs belongs to `near`.

use std::f32::consts::PI;
use std::sync::LazyLock;

use super::super::Picture;
use super::shrink::{Grey, SIDE, shrink};

/// Frequencies kept along each edge.
pub const KEPT: usize = 16;

/// Cosine coefficients, row by row from the lowest; the mean is in none of them.
pub type Frequencies = [f32; KEPT * KEPT];

/// What is kept of a picture: the shape of its frequencies, without brightness and contrast.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint([i16; KEPT * KEPT]);

/// A picture that varies less than this around its mean, in steps of 256, has nothing to be told by.
const BLANK: f32 = 1.5;
const SCALE: f32 = i16::MAX as f32;

impl Fingerprint {
    /// None where the picture is the same all over.
    pub fn of(picture: &Picture) -> Option<Self> {
        let mut frequencies = transform(&SHRUNK, SIDE, &shrink(picture));
        frequencies[0] = 0.0;
        let length = dot(&frequencies, &frequencies).sqrt();
        if length < BLANK * SIDE as f32 {
            return None;
        }
        Some(Self(frequencies.map(|value| (value / length * SCALE).round() as i16)))
    }

    pub fn frequencies(&self) -> Frequencies {
        self.0.map(|value| f32::from(value) / SCALE)
    }
}

/// From 0 (nothing in common) to 1 (the same). A correlation in which fine detail counts as much as the large shapes
/// that most photographs share.
pub fn likeness(a: &Frequencies, b: &Frequencies) -> f32 {
    let weighed =
        |a: &Frequencies, b: &Frequencies| (0..KEPT * KEPT).map(|i| WEIGHTS[i] * a[i] * b[i]).sum::<f32>();
    let length = (weighed(a, a) * weighed(b, b)).sqrt();
    if length > 0.0 { (weighed(a, b) / length).max(0.0) } else { 0.0 }
}

/// The lowest frequencies as bits: whether each is above zero. Pictures alike differ in few of them.
pub fn bits(frequencies: &Frequencies) -> u64 {
    let bit = |(bit, &place): (usize, &usize)| u64::from(frequencies[place] > 0.0) << bit;
    LOWEST.iter().enumerate().map(bit).sum()
}

/// The same picture seen through windows that leave out up to a tenth of each edge. The first is all of it.
pub fn windows(whole: &Frequencies) -> Vec<Frequencies> {
    let rows: Vec<_> = WINDOWS.iter().map(|window| rows(window, KEPT, whole)).collect();
    rows.iter().flat_map(|rows| WINDOWS.iter().map(move |window| columns(window, KEPT, rows))).collect()
}

/// For each value along an edge, what it adds to each frequency: in this order the sums of all frequencies run side by side.
type Basis = Vec<[f32; KEPT]>;

/// From the squares of a small copy to frequencies.
static SHRUNK: LazyLock<Basis> = LazyLock::new(|| {
    let value = |k: usize, i: usize| scale(k) * cosine(k, (i as f32 + 0.5) / SIDE as f32);
    let unit = (SIDE as f32).sqrt();
    (0..SIDE).map(|i| std::array::from_fn(|k| value(k, i) / unit)).collect()
});

/// Start and length of what is seen of an edge.
const VIEWS: [(f32, f32); 5] = [(0.0, 1.0), (0.025, 0.95), (0.0, 0.95), (0.05, 0.95), (0.05, 0.9)];

/// From the frequencies of an edge to those of what is seen of it.
static WINDOWS: LazyLock<Vec<Basis>> = LazyLock::new(|| VIEWS.map(window).to_vec());

/// 64 places, lowest frequencies first.
static LOWEST: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let mut places: Vec<_> = (1..KEPT * KEPT).collect();
    places.sort_by_key(|place| (place / KEPT + place % KEPT, *place));
    places.truncate(64);
    places
});

/// In photographs the strength of a frequency falls with its number; this lets them count alike.
static WEIGHTS: LazyLock<Frequencies> = LazyLock::new(|| {
    std::array::from_fn(|place| {
        let (y, x) = ((place / KEPT) as f32, (place % KEPT) as f32);
        y.hypot(x)
    })
});

fn window((start, length): (f32, f32)) -> Basis {
    const STEPS: usize = 64;
    let share = |k: usize, l: usize| {
        let value = |step: usize| {
            let at = (step as f32 + 0.5) / STEPS as f32;
            cosine(k, at) * cosine(l, start + length * at)
        };
        scale(k) * scale(l) * (0..STEPS).map(value).sum::<f32>() / STEPS as f32
    };
    (0..KEPT).map(|l| std::array::from_fn(|k| share(k, l))).collect()
}

fn scale(k: usize) -> f32 {
    if k == 0 { 1.0 } else { 2_f32.sqrt() }
}

fn cosine(k: usize, at: f32) -> f32 {
    (PI * k as f32 * at).cos()
}

fn transform(basis: &Basis, side: usize, values: &Grey) -> Frequencies {
    columns(basis, side, &rows(basis, side, values))
}

/// Applies a basis down the columns of a square of this side; the result has KEPT rows.
fn rows(basis: &Basis, side: usize, values: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; KEPT * side];
    for (shares, row) in basis.iter().zip(values.chunks_exact(side)) {
        for (share, out) in shares.iter().zip(out.chunks_exact_mut(side)) {
            out.iter_mut().zip(row).for_each(|(sum, value)| *sum += share * value);
        }
    }
    out
}

/// Applies a basis along the rows.
fn columns(basis: &Basis, side: usize, rows: &[f32]) -> Frequencies {
    let mut out = [0.0; KEPT * KEPT];
    for (row, out) in rows.chunks_exact(side).zip(out.as_chunks_mut::<KEPT>().0) {
        for (value, shares) in row.iter().zip(basis) {
            for k in 0..KEPT {
                out[k] += value * shares[k];
            }
        }
    }
    out
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of soft spots; the seed says which. A window of 0..1 shows all of it.
    fn spots(seed: u64, size: u32, window: [f32; 4], light: f32) -> Picture {
        let mut draws = crate::chance::Key::new(seed).named("spots").draws();
        let mut number = || draws.below(1000) as f32 / 1000.0;
        let spots: Vec<[f32; 4]> =
            (0..12).map(|_| [number(), number(), 0.02 + number() / 6.0, number()]).collect();
        let [left, top, width, height] = window;
        let value = |x: u32, y: u32| {
            let (x, y) = (
                left + width * (x as f32 + 0.5) / size as f32,
                top + height * (y as f32 + 0.5) / size as f32,
            );
            let spot = |[cx, cy, radius, depth]: &[f32; 4]| {
                (depth - 0.5) * (-((x - cx).powi(2) + (y - cy).powi(2)) / radius.powi(2)).exp()
            };
            (light * (128.0 + 120.0 * spots.iter().map(spot).sum::<f32>())).clamp(0.0, 255.0) as u8
        };
        let pixels = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
        Picture::rgb8(size, size, pixels.flat_map(|(x, y)| [value(x, y); 3]).collect()).unwrap()
    }

    const WHOLE: [f32; 4] = [0.0, 0.0, 1.0, 1.0];

    fn of(picture: &Picture) -> Frequencies {
        Fingerprint::of(picture).unwrap().frequencies()
    }

    #[test]
    fn size_and_light_change_little() {
        for seed in 0..5 {
            let first = of(&spots(seed, 200, WHOLE, 1.0));
            let second = of(&spots(seed, 90, WHOLE, 0.8));
            assert!(likeness(&first, &second) > 0.98);
            assert!((bits(&first) ^ bits(&second)).count_ones() <= 6);
            assert!(likeness(&first, &of(&spots(seed + 100, 200, WHOLE, 1.0))) < 0.7);
        }
    }

    #[test]
    fn a_crop_is_found_in_one_of_the_windows() {
        for (seed, window) in
            [[0.025, 0.025, 0.95, 0.95], [0.0, 0.05, 0.95, 0.95], [0.05, 0.0, 0.9, 0.95]].iter().enumerate()
        {
            let whole = of(&spots(seed as u64, 200, WHOLE, 1.0));
            let crop = of(&spots(seed as u64, 190, *window, 1.0));
            let best = windows(&whole).iter().map(|seen| likeness(seen, &crop)).fold(0.0, f32::max);
            assert!(best > 0.97, "{best}");
        }
    }

    #[test]
    fn the_first_window_shows_everything() {
        let whole = of(&spots(1, 64, WHOLE, 1.0));
        let seen = windows(&whole);
        assert_eq!(seen.len(), 25);
        assert!(seen[0].iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn one_colour_has_no_fingerprint() {
        assert_eq!(Fingerprint::of(&Picture::filled(40, 30, [90, 200, 10]).unwrap()), None);
    }
}
