//! Mixing the pictures of one batch with each other: mixup (Zhang et al. 2018) and cutmix (Yun et al. 2019), on
//! normalised pixels and soft labels. Label smoothing is the loss's affair.

use std::ops::Range;

use crate::chance::{Draws, Key};

/// How strongly a batch is mixed. An alpha of 0 switches its kind off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    pub mixup: f64,
    pub cutmix: f64,
    /// The share of batches that is mixed at all.
    pub probability: f64,
    /// The share of mixed batches that takes cutmix where both kinds are on.
    pub switch: f64,
}

impl Mix {
    pub const OFF: Self = Self { mixup: 0.0, cutmix: 0.0, probability: 0.0, switch: 0.5 };

    /// Mixes each picture of a batch [n, c, h, w] and its labels [n, classes] with the one before it, the first
    /// with the last: the order of an epoch is random already. With both kinds on, a batch takes one of them.
    pub fn apply(&self, pixels: &mut [f32], labels: &mut [f32], shape: [usize; 4], key: Key) {
        if let Some(mixing) = self.draw(shape, key) {
            mixing.pixels(pixels, shape);
            mixing.labels(labels, shape[0]);
        }
    }

    /// What happens to a batch [n, c, h, w], if anything.
    pub fn draw(&self, [count, _, height, width]: [usize; 4], key: Key) -> Option<Mixing> {
        if count < 2 || !key.named("mix").draws().chance(self.probability) {
            return None;
        }
        let both = self.mixup > 0.0 && self.cutmix > 0.0;
        let cut = if both { key.named("kind").draws().chance(self.switch) } else { self.cutmix > 0.0 };
        let alpha = if cut { self.cutmix } else { self.mixup };
        if alpha <= 0.0 {
            return None;
        }
        let share = key.named("share").draws().beta(alpha, alpha);
        Some(match cut {
            true => Mixing::Cut(Patch::draw(share, height, width, &mut key.named("patch").draws())),
            false => Mixing::Blend(share as f32),
        })
    }
}

/// What one batch's draws came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Mixing {
    /// This share of each picture, and the rest of its neighbour.
    Blend(f32),
    /// All of each picture but a patch, which is its neighbour's.
    Cut(Patch),
}

impl Mixing {
    pub(super) fn pixels(&self, pixels: &mut [f32], [_, channels, height, width]: [usize; 4]) {
        let picture = channels * height * width;
        match self {
            Self::Blend(share) => with_neighbour(pixels, picture, |own, other| blend(own, other, *share)),
            Self::Cut(patch) => with_neighbour(pixels, picture, |own, other| patch.copy(own, other)),
        }
    }

    /// Mixes the labels [n, classes] as the pictures are mixed.
    pub fn labels(&self, labels: &mut [f32], count: usize) {
        let share = match self {
            Self::Blend(share) => *share,
            Self::Cut(patch) => patch.rest() as f32,
        };
        with_neighbour(labels, labels.len() / count, |own, other| blend(own, other, share));
    }
}

fn blend(own: &mut [f32], other: &[f32], share: f32) {
    for (own, other) in own.iter_mut().zip(other) {
        *own = share * *own + (1.0 - share) * other;
    }
}

/// The rectangle that cutmix takes from the other picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    height: usize,
    width: usize,
}

impl Patch {
    /// A rectangle of about 1 - share of the picture about any pixel, cut off at the edges.
    pub(super) fn draw(share: f64, height: usize, width: usize, draws: &mut Draws) -> Self {
        let half = 0.5 * (1.0 - share).sqrt();
        let mut side = |size: usize| {
            let (centre, half) = (draws.below(size), (half * size as f64) as usize);
            centre.saturating_sub(half)..(centre + half).min(size)
        };
        let (columns, rows) = (side(width), side(height));
        Self { rows, columns, height, width }
    }

    fn copy(&self, own: &mut [f32], other: &[f32]) {
        let plane = self.height * self.width;
        for channel in 0..own.len() / plane {
            for row in self.rows.clone() {
                let start = channel * plane + row * self.width;
                let span = start + self.columns.start..start + self.columns.end;
                own[span.clone()].copy_from_slice(&other[span]);
            }
        }
    }

    /// The share of the picture that stays, by the pixels really covered.
    fn rest(&self) -> f64 {
        1.0 - (self.rows.len() * self.columns.len()) as f64 / (self.height * self.width) as f64
    }
}

/// Gives each row to `merge` with the row before it as that was; the first row's neighbour is the last.
fn with_neighbour(rows: &mut [f32], length: usize, merge: impl Fn(&mut [f32], &[f32])) {
    if length == 0 || rows.len() < length {
        return;
    }
    let last = rows[rows.len() - length..].to_vec();
    // From the end, so that every neighbour is still untouched.
    for row in (1..rows.len() / length).rev() {
        let (before, own) = rows.split_at_mut(row * length);
        merge(&mut own[..length], &before[(row - 1) * length..]);
    }
    merge(&mut rows[..length], &last);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 4] = [4, 3, 6, 5];

    /// Four pictures, each of one number, and their labels.
    fn batch() -> (Vec<f32>, Vec<f32>) {
        let pixels = (0..4).flat_map(|n| vec![n as f32; 90]).collect();
        let labels = (0..16).map(|i| f32::from(u8::from(i % 4 == i / 4))).collect();
        (pixels, labels)
    }

    fn mixed(mix: Mix, number: u64) -> (Vec<f32>, Vec<f32>) {
        let (mut pixels, mut labels) = batch();
        mix.apply(&mut pixels, &mut labels, SHAPE, Key::new(5).with(number));
        (pixels, labels)
    }

    #[test]
    fn labels_follow_the_pixels_and_sum_to_one() {
        for mix in [
            Mix { mixup: 0.8, cutmix: 0.0, probability: 1.0, ..Mix::OFF },
            Mix { mixup: 0.0, cutmix: 1.0, probability: 1.0, ..Mix::OFF },
            Mix { mixup: 0.2, cutmix: 1.0, probability: 1.0, ..Mix::OFF },
        ] {
            for number in 0..50 {
                let (pixels, labels) = mixed(mix, number);
                for (n, (picture, label)) in pixels.chunks(90).zip(labels.chunks(4)).enumerate() {
                    let other = (n + 3) % 4;
                    let mean = picture.iter().sum::<f32>() / 90.0;
                    let expected = label[n] * n as f32 + label[other] * other as f32;
                    assert!((mean - expected).abs() < 1e-5, "{mean} {expected}");
                    assert!((label.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn with_both_kinds_a_batch_takes_one() {
        let mix = Mix { mixup: 1.0, cutmix: 1.0, probability: 1.0, ..Mix::OFF };
        let is_cut = |mix, number| mixed(mix, number).0.iter().all(|value| value.fract() == 0.0);
        let cuts = (0..200).filter(|&number| is_cut(mix, number)).count();
        assert!((70..130).contains(&cuts), "{cuts}");
        let cuts_of = |switch| (0..200).filter(|&n| is_cut(Mix { switch, ..mix }, n)).count();
        assert_eq!([cuts_of(0.0), cuts_of(0.5), cuts_of(1.0)], [0, cuts, 200]);
    }

    #[test]
    fn the_probability_is_that_of_a_batch() {
        let mix = Mix { mixup: 1.0, cutmix: 0.0, probability: 0.3, ..Mix::OFF };
        let count = (0..300).filter(|&number| mixed(mix, number).0 != batch().0).count();
        assert!((60..120).contains(&count), "{count}");
    }

    #[test]
    fn what_is_off_or_alone_is_left_as_it_is() {
        assert_eq!(mixed(Mix { mixup: 0.0, cutmix: 0.0, probability: 1.0, ..Mix::OFF }, 1), batch());
        assert_eq!(mixed(Mix { mixup: 1.0, cutmix: 1.0, probability: 0.0, ..Mix::OFF }, 1), batch());
        let (mut pixels, mut labels) = (vec![0.1; 90], vec![1.0, 0.0]);
        let mix = Mix { mixup: 1.0, cutmix: 1.0, probability: 1.0, ..Mix::OFF };
        mix.apply(&mut pixels, &mut labels, [1, 3, 6, 5], Key::new(1));
        assert_eq!((pixels, labels), (vec![0.1; 90], vec![1.0, 0.0]));
    }

    #[test]
    fn patches_lie_inside_and_report_their_real_share() {
        for number in 0..200 {
            let mut draws = Key::new(9).with(number).draws();
            let share = draws.unit();
            let patch = Patch::draw(share, 7, 11, &mut draws);
            assert!(patch.rows.end <= 7 && patch.columns.end <= 11);
            let covered = (patch.rows.len() * patch.columns.len()) as f64 / 77.0;
            assert!((patch.rest() + covered - 1.0).abs() < 1e-12 && covered <= 1.0 - share + 1e-9);
        }
    }
}
