//! From a network that sees red, green and blue to one that sees grey: its first convolution summed over the colours,
//! so that a grey picture gives the same outputs, edges included. docs/pictures.md has the reasoning.

use thiserror::Error;

use crate::dataset::Preprocess;
use crate::scaling::Plan;

use super::tensors::{Array, Named};

const STEM: &str = "stem.conv.weight";

#[derive(Debug, Error)]
#[error(
    "the first convolution is {shape:?}, which is none over three colours; set model.channels to what the weights were trained with"
)]
pub struct NotThree {
    shape: Vec<usize>,
}

/// Turns weights, preprocessing and plan of three colours into those of one grey channel. Without weights there is
/// nothing to keep, and the plain network of one channel comes out.
///
/// Three colours of a grey value g see (g - m_c) / s_c with weights w_c. With one m and s for all, that is
/// w_c s / s_c times (g - m) / s, and w_c (m - m_c) / s_c times 1. The first sum over c is the kernel over the picture.
/// The second is one over a plane of ones, since zero padding takes away from it what it takes away from the picture;
/// as a bias it would be wrong along the edges. Where all m_c and s_c are the same, it is zero and left out.
pub fn to_grey(
    named: Option<&mut Named>,
    preprocess: &mut Preprocess,
    plan: &mut Plan,
) -> Result<(), NotThree> {
    let colours = Colours::of(preprocess);
    let grey = colours.grey();
    (preprocess.mean, preprocess.std) = ([grey.mean as f32; 3], [grey.std as f32; 3]);
    plan.channels = 1;
    let Some(stem) = named.and_then(|named| named.entries.get_mut(STEM)) else { return Ok(()) };
    plan.marks_edge = !colours.are_same();
    let (&[outputs, 3, height, width], false) = (&stem.shape[..], stem.values.is_empty()) else {
        return Err(NotThree { shape: stem.shape.clone() });
    };
    let picture = colours.share(|_, deviation| grey.std / deviation);
    let edge = colours.share(|mean, deviation| (grey.mean - mean) / deviation);
    let area = height * width;
    let mut values = Vec::with_capacity(outputs * plan.stem_planes() * area);
    for kernel in stem.values.chunks_exact(3 * area) {
        values.extend(summed(kernel, area, picture));
        if plan.marks_edge {
            values.extend(summed(kernel, area, edge));
        }
    }
    *stem = Array { shape: vec![outputs, plan.stem_planes(), height, width], values };
    Ok(())
}

/// How the planes of red, green and blue are normalised.
struct Colours {
    mean: [f64; 3],
    std: [f64; 3],
}

struct Grey {
    mean: f64,
    std: f64,
}

impl Colours {
    fn of(preprocess: &Preprocess) -> Self {
        Self { mean: preprocess.mean.map(f64::from), std: preprocess.std.map(f64::from) }
    }

    fn are_same(&self) -> bool {
        self.mean == [self.mean[0]; 3] && self.std == [self.std[0]; 3]
    }

    /// The middle; any other would do. Rounded to what the model file holds, so that the weights fit that.
    fn grey(&self) -> Grey {
        let middle = |values: [f64; 3]| f64::from((values.iter().sum::<f64>() / 3.0) as f32);
        if self.are_same() {
            return Grey { mean: self.mean[0], std: self.std[0] };
        }
        Grey { mean: middle(self.mean), std: middle(self.std) }
    }

    fn share(&self, of: impl Fn(f64, f64) -> f64) -> [f64; 3] {
        [0, 1, 2].map(|colour| of(self.mean[colour], self.std[colour]))
    }
}

/// The kernels of the colours, each times its factor, added up.
fn summed(kernel: &[f32], area: usize, factors: [f64; 3]) -> impl Iterator<Item = f32> {
    (0..area).map(move |tap| {
        let terms = factors.iter().enumerate().map(|(c, factor)| factor * f64::from(kernel[c * area + tap]));
        terms.sum::<f64>() as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Interpolation;
    use crate::scaling::Variant;

    fn stem(values: Vec<f32>) -> Named {
        let shape = vec![values.len() / 3, 3, 1, 1];
        Named { entries: [(STEM.to_owned(), Array { shape, values })].into(), ..Named::default() }
    }

    fn converted(mean: [f32; 3], std: [f32; 3]) -> (Named, Preprocess, Plan) {
        let usual = Preprocess::image_net(224, 0.875, Interpolation::Bicubic);
        let (mut named, mut plan) = (stem(vec![1.0, 2.0, 4.0, -1.0, 0.5, 0.25]), Plan::variant(Variant::B0));
        let mut preprocess = Preprocess { mean, std, ..usual };
        to_grey(Some(&mut named), &mut preprocess, &mut plan).unwrap();
        (named, preprocess, plan)
    }

    #[test]
    fn colours_that_are_normalised_alike_are_added_up() {
        let (named, preprocess, plan) = converted([0.5; 3], [0.25; 3]);
        let wanted = Array { shape: vec![2, 1, 1, 1], values: vec![7.0, -0.25] };
        assert_eq!(named.entries[STEM], wanted);
        assert_eq!((preprocess.mean, preprocess.std), ([0.5; 3], [0.25; 3]));
        assert_eq!((plan.channels, plan.marks_edge), (1, false));
    }

    #[test]
    fn what_each_tap_gives_stays_the_same_for_every_grey() {
        let (mean, std) = ([0.5, 0.4, 0.3], [0.2, 0.25, 0.5]);
        let (named, preprocess, plan) = converted(mean, std);
        assert!(plan.marks_edge);
        let kernels = named.entries[STEM].values.as_chunks::<2>().0.to_vec();
        for (kernel, weights) in kernels.iter().zip([[1.0f32, 2.0, 4.0], [-1.0, 0.5, 0.25]]) {
            for grey in [0.0, 0.3, 1.0f32] {
                let wanted: f32 = (0..3).map(|c| weights[c] * (grey - mean[c]) / std[c]).sum();
                let found = kernel[0] * (grey - preprocess.mean[0]) / preprocess.std[0] + kernel[1];
                assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
            }
        }
    }

    #[test]
    fn a_stem_of_another_kind_is_refused() {
        let mut named = stem(vec![1.0, 2.0, 4.0]);
        named.entries.get_mut(STEM).unwrap().shape = vec![3, 1, 1, 1];
        let mut preprocess = Preprocess::image_net(224, 0.875, Interpolation::Bicubic);
        let mut plan = Plan::variant(Variant::B0);
        let error = to_grey(Some(&mut named), &mut preprocess, &mut plan).unwrap_err();
        assert!(error.to_string().starts_with("the first convolution is [3, 1, 1, 1]"), "{error}");
        let nothing = Array { shape: vec![2, 3, 0, 3], values: Vec::new() };
        named.entries.insert(STEM.into(), nothing);
        assert!(to_grey(Some(&mut named), &mut preprocess, &mut plan).is_err());
    }
}
