//! Test-time augmentation: the ways of looking at a picture, and the mean of what they give. The mean is that of the
//! logits, so that the model's temperature applies to it as to those of one look.

use clap::ValueEnum;

use super::failure::Failure;
use crate::dataset::{Crop, Part, Picture, PictureError, Preprocess};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tta {
    /// As it is, and mirrored
    Flip,
    /// The middle and the four corners, each also mirrored
    Crops,
}

/// The middle first: across, down.
const PLACES: [[f64; 2]; 5] = [[0.5, 0.5], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];

impl Tta {
    /// How many looks at a picture there are.
    pub fn views(self) -> usize {
        2 * self.places().len()
    }

    fn places(self) -> &'static [[f64; 2]] {
        match self {
            Self::Flip => &PLACES[..1],
            Self::Crops => &PLACES,
        }
    }

    /// Where nothing is cropped there are no corners.
    pub fn fits(self, preprocess: &Preprocess) -> Result<(), Failure> {
        if self == Self::Crops && preprocess.crop == Crop::None {
            let text = "--tta crops: this model sees whole pictures, so there are no corners; use --tta flip";
            return Err(Failure::Usage(text.into()));
        }
        Ok(())
    }

    /// All looks at a picture, one after the other.
    pub fn seen(
        self,
        preprocess: &Preprocess,
        part: &Part,
        channels: usize,
    ) -> Result<Vec<f32>, PictureError> {
        let mut all = Vec::new();
        for place in self.places() {
            let pixels = normalised(preprocess, &preprocess.apply_at(part, *place)?, channels)?;
            let mirrored = mirrored(&pixels, preprocess.size);
            all.extend(pixels);
            all.extend(mirrored);
        }
        Ok(all)
    }
}

/// The one look that a model is made for.
pub fn plain(preprocess: &Preprocess, part: &Part, channels: usize) -> Result<Vec<f32>, PictureError> {
    normalised(preprocess, &preprocess.apply_to(part)?, channels)
}

fn normalised(preprocess: &Preprocess, view: &Picture, channels: usize) -> Result<Vec<f32>, PictureError> {
    let mut pixels = Vec::new();
    preprocess.normalise(view, channels, &mut pixels)?;
    Ok(pixels)
}

fn mirrored(pixels: &[f32], width: usize) -> Vec<f32> {
    pixels.chunks_exact(width).flat_map(|row| row.iter().rev().copied()).collect()
}

/// The mean of some rows of equal length.
pub fn mean(rows: &[f32], count: usize) -> Vec<f32> {
    let length = rows.len() / count.max(1);
    let sum =
        |class: usize| rows.iter().skip(class).step_by(length).map(|&logit| f64::from(logit)).sum::<f64>();
    match count {
        1 => rows.to_vec(),
        _ => (0..length).map(|class| (sum(class) / count as f64) as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Interpolation;

    #[test]
    fn means_are_of_columns() {
        assert_eq!(mean(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
        assert_eq!(mean(&[1.0, 2.0, 3.0], 1), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn corners_are_the_corners_and_flips_are_flipped() {
        // Every pixel tells where it was: red across, green down.
        let side = 8;
        let bytes = (0..side * side).flat_map(|at: u8| [10 * (at % side), 10 * (at / side), 0]).collect();
        let part = Part::whole(Picture::rgb8(side.into(), side.into(), bytes).unwrap());
        let usual = Preprocess::image_net_resized(4, 8, Interpolation::Bilinear);
        let preprocess = Preprocess { mean: [0.0; 3], std: [1.0; 3], ..usual };
        let seen = Tta::Crops.seen(&preprocess, &part, 3).unwrap();
        let views: Vec<&[f32]> = seen.chunks_exact(3 * 16).collect();
        assert_eq!(views.len(), Tta::Crops.views());
        let first = |view: &[f32]| [view[0], view[16]].map(|value| (value * 25.5).round() as u8);
        let found: Vec<[u8; 2]> = views.iter().map(|view| first(view)).collect();
        let expected = [[2, 2], [5, 2], [0, 0], [3, 0], [4, 0], [7, 0], [0, 4], [3, 4], [4, 4], [7, 4]];
        assert_eq!(found, expected);
        assert_eq!(Tta::Flip.seen(&preprocess, &part, 3).unwrap(), seen[..2 * 3 * 16]);
        assert_eq!(plain(&preprocess, &part, 3).unwrap(), views[0]);
    }
}
