//! Pictures of 8 bits on their way to a device that is not the processor: a quarter of the bytes go there, and the device makes of them
//! what `Preprocess::normalise` and `Mix` make on the processor. Knows no files.

use std::ops::Range;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::augment::Mixing;
use crate::dataset::{LUMA, Preprocess};

/// A batch of pictures as bytes, and what is to become of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    /// Four bytes each, the first in the lowest bits: shaders have no type for one. Every picture begins a new one.
    words: Vec<i32>,
    /// n, c, h, w.
    shape: [usize; 4],
    /// What each channel is multiplied by, and what is added.
    lines: Vec<(f32, f32)>,
    mixing: Option<Mixing>,
}

/// Red, green and blue.
const COLOURS: usize = 3;
const IN_A_WORD: usize = 4;

impl Raw {
    pub fn new(preprocess: &Preprocess, shape: [usize; 4], mixing: Option<Mixing>) -> Self {
        let lines = (0..shape[1]).map(|channel| preprocess.line(channel, 255.0)).collect();
        let mut raw = Self { words: Vec::new(), shape, lines, mixing };
        raw.words.reserve_exact(shape[0] * raw.words_of_one());
        raw
    }

    /// Adds a picture: red, green and blue, pixel after pixel.
    pub fn push(&mut self, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks::<IN_A_WORD>();
        self.words.extend(whole.iter().map(|four| i32::from_le_bytes(*four)));
        if !rest.is_empty() {
            let mut last = [0; IN_A_WORD];
            last[..rest.len()].copy_from_slice(rest);
            self.words.push(i32::from_le_bytes(last));
        }
    }

    /// Mixes the labels `[n, classes]` as the device mixes the pictures.
    pub fn mix_labels(&self, labels: &mut [f32]) {
        if let Some(mixing) = &self.mixing {
            mixing.labels(labels, self.shape[0]);
        }
    }

    /// The pictures on the device, normalised and mixed.
    pub fn images(&self, device: &Device) -> Tensor<4> {
        let [_, channels, _, _] = self.shape;
        let colours = self.unpacked(device);
        let values = match channels {
            1 => grey(colours, device),
            _ => colours,
        };
        let row = |values: Vec<f32>| numbers(values, [1, 1, 1, channels], device);
        let (factors, offsets) = self.lines.iter().copied().unzip();
        let values = values.mul(row(factors)).add(row(offsets));
        let values = match &self.mixing {
            None => values,
            Some(mixing) => mixed(values, mixing),
        };
        values.permute([0, 3, 1, 2])
    }

    /// Each byte as a number, [n, h, w, 3].
    fn unpacked(&self, device: &Device) -> Tensor<4> {
        let [count, _, height, width] = self.shape;
        let (words, samples) = (self.words_of_one(), height * width * COLOURS);
        let packed = integers(self.words.clone(), [count, words, 1], device);
        let places = integers(vec![0, 8, 16, 24], [1, 1, IN_A_WORD], device);
        // The sign comes in from the left and is cut off.
        let bytes = packed.bitwise_right_shift(places).bitwise_and_scalar(255);
        let numbers = bytes.float().cast(DType::F32).reshape([count, words * IN_A_WORD]);
        let numbers = match words * IN_A_WORD == samples {
            true => numbers,
            false => numbers.slice([0..count, 0..samples]),
        };
        numbers.reshape([count, height, width, COLOURS])
    }

    fn words_of_one(&self) -> usize {
        let [_, _, height, width] = self.shape;
        (height * width * COLOURS).div_ceil(IN_A_WORD)
    }
}

/// The luma of colours, [n, h, w, 1]. The weighed sum is a whole number that a float holds exactly.
fn grey(colours: Tensor<4>, device: &Device) -> Tensor<4> {
    let weights = numbers(LUMA.to_vec(), [1, 1, 1, COLOURS], device);
    colours.mul(weights).sum_dim(3).mul_scalar(1.0 / 65_536.0)
}

/// Each picture of [n, h, w, c] with the one before it; the first with the last.
fn mixed(pictures: Tensor<4>, mixing: &Mixing) -> Tensor<4> {
    let [count, height, width, channels] = pictures.dims();
    let some = |pictures: &Tensor<4>, range: Range<usize>| {
        pictures.clone().slice([range, 0..height, 0..width, 0..channels])
    };
    let others = || Tensor::cat(vec![some(&pictures, count - 1..count), some(&pictures, 0..count - 1)], 0);
    match mixing {
        Mixing::Blend(share) => {
            let rest = others().mul_scalar(1.0 - share);
            pictures.mul_scalar(*share).add(rest)
        }
        Mixing::Cut(patch) if patch.rows.is_empty() || patch.columns.is_empty() => pictures,
        Mixing::Cut(patch) => {
            let place = [0..count, patch.rows.clone(), patch.columns.clone(), 0..channels];
            let others = others().slice(place.clone());
            pictures.slice_assign(place, others)
        }
    }
}

fn numbers<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
}

fn integers<const D: usize>(values: Vec<i32>, shape: [usize; D], device: &Device) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values, shape), (device, DType::I32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Mix;
    use crate::chance::Key;
    use crate::dataset::Interpolation;
    use crate::devices::{Kind, list};

    /// Pictures and labels as float64 makes them: normalised as torchvision does, mixed as the papers say.
    fn expected(
        bytes: &[Vec<u8>],
        shape: [usize; 4],
        usual: &Preprocess,
        mixing: Option<&Mixing>,
    ) -> Vec<f64> {
        let [count, channels, height, width] = shape;
        let value = |n: usize, c: usize, at: usize| {
            let pixel = &bytes[n][at * COLOURS..][..COLOURS];
            let weighed = pixel.iter().zip([19_595.0, 38_470.0, 7_471.0]).map(|(&v, w)| f64::from(v) * w);
            let v = if channels == 1 { weighed.sum::<f64>() / 65_536.0 } else { f64::from(pixel[c]) };
            (v / 255.0 - f64::from(usual.mean[c])) / f64::from(usual.std[c])
        };
        let mut all = Vec::new();
        for n in 0..count {
            let other = (n + count - 1) % count;
            for c in 0..channels {
                all.extend((0..height * width).map(|at| {
                    let (own, its) = (value(n, c, at), value(other, c, at));
                    match mixing {
                        None => own,
                        Some(Mixing::Blend(share)) => {
                            own * f64::from(*share) + its * (1.0 - f64::from(*share))
                        }
                        Some(Mixing::Cut(patch)) => {
                            let is_cut =
                                patch.rows.contains(&(at / width)) && patch.columns.contains(&(at % width));
                            if is_cut { its } else { own }
                        }
                    }
                }));
            }
        }
        all
    }

    fn check(device: &Device, side: usize, channels: usize, mix: Mix, number: u64) -> Option<Mixing> {
        let shape = [5, channels, side, side];
        let usual = Preprocess::image_net(side, 1.0, Interpolation::Bilinear);
        let mut draws = Key::new(number).draws();
        let bytes: Vec<Vec<u8>> = (0..shape[0])
            .map(|_| (0..side * side * COLOURS).map(|_| draws.below(256) as u8).collect())
            .collect();
        let mixing = mix.draw(shape, Key::new(number));
        let mut raw = Raw::new(&usual, shape, mixing.clone());
        bytes.iter().for_each(|one| raw.push(one));
        let images = raw.images(device);
        assert_eq!(images.dims(), shape);
        let found: Vec<f32> = images.into_data().try_into_vec().unwrap();
        for (found, wanted) in found.iter().zip(expected(&bytes, shape, &usual, mixing.as_ref())) {
            assert!((f64::from(*found) - wanted).abs() < 2e-6, "{found}, not {wanted}, with {mixing:?}");
        }
        mixing
    }

    #[test]
    fn a_device_makes_the_numbers_that_float64_makes() {
        let others = list().into_iter().filter(|listed| listed.kind != Kind::Cpu && listed.is_present());
        for listed in others {
            let device = listed.open().unwrap().device;
            let both = Mix { mixup: 0.8, cutmix: 1.0, probability: 0.8, switch: 0.5 };
            let mut seen = [false; 4];
            // Sides of which a picture does not fill its last word, and of which it does.
            for (side, channels) in [(5, 3), (8, 3), (3, 1), (4, 1)] {
                for number in 0..60 {
                    let kind = match check(&device, side, channels, both, number) {
                        None => 0,
                        Some(Mixing::Blend(_)) => 1,
                        Some(Mixing::Cut(patch)) if patch.rows.is_empty() || patch.columns.is_empty() => 2,
                        Some(Mixing::Cut(_)) => 3,
                    };
                    seen[kind] = true;
                }
            }
            assert_eq!(seen, [true; 4], "not every kind of mixing came up");
        }
    }
}
