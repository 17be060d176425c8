//! Categorical cross-entropy and focal loss on soft labels, with label smoothing and class weights.
//! What the weights are is for `balance` to say.

use burn::tensor::{Tensor, activation};

/// What the labels are blurred and weighed by.
#[derive(Debug, Clone, Default)]
pub struct Loss {
    /// The share of each label that is spread over all classes.
    pub smoothing: f64,
    /// One weight per class; nothing weighs all alike.
    pub weights: Option<Vec<f32>>,
    /// Focal loss (Lin et al. 2017): each class' surprise counts (1 - p)^gamma. With 0 it is cross-entropy.
    pub gamma: f64,
}

/// The least that 1 - p counts as: below it a power under 1 would have an infinite slope.
const LEAST: f64 = 1e-6;

impl Loss {
    /// The weighed mean over the batch: `[n, classes]` logits and labels to one number. A row of labels sums to its
    /// sample's own weight, usually 1, and counts by the weights of its classes besides. Smoothing leaves weights alone.
    pub fn of(&self, logits: Tensor<2>, labels: Tensor<2>) -> Tensor<1> {
        let classes = labels.dims()[1];
        let surprise = self.surprise(logits);
        let spread = labels.clone().sum_dim(1).mul_scalar(self.smoothing / classes as f64);
        let smoothed = labels.clone().mul_scalar(1.0 - self.smoothing).add(spread);
        let Some(weights) = &self.weights else {
            return smoothed.mul(surprise).sum().div(labels.sum());
        };
        let weights = Tensor::<1>::from_floats(weights.as_slice(), &labels.device()).reshape([1, classes]);
        let whole = labels.mul(weights.clone()).sum();
        smoothed.mul(weights).mul(surprise).sum().div(whole)
    }

    /// What each class would cost were it the right one.
    fn surprise(&self, logits: Tensor<2>) -> Tensor<2> {
        let logarithms = activation::log_softmax(logits, 1);
        if self.gamma == 0.0 {
            return logarithms.neg();
        }
        let doubt = logarithms.clone().exp().neg().add_scalar(1.0).clamp_min(LEAST);
        doubt.powf_scalar(self.gamma).mul(logarithms.neg())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::numbers;
    use burn::tensor::Device;
    use serde::Deserialize;

    /// A batch, its settings, and what PyTorch makes of it in float64 (tests/golden/make_losses.py).
    #[derive(Deserialize)]
    struct Golden {
        name: String,
        classes: usize,
        logits: Vec<f32>,
        labels: Vec<f32>,
        smoothing: f64,
        weights: Option<Vec<f32>>,
        gamma: f64,
        loss: f64,
        gradient: Vec<f64>,
    }

    #[test]
    fn every_loss_and_its_gradient_are_pytorchs() {
        let text = include_str!("../../tests/golden/losses.json");
        let cases: Vec<Golden> = serde_json::from_str(text).unwrap();
        assert!(cases.len() >= 10);
        let device = Device::flex();
        for case in cases {
            let rows = case.logits.len() / case.classes;
            let tensor =
                |values: &[f32]| Tensor::<1>::from_floats(values, &device).reshape([rows, case.classes]);
            let logits = tensor(&case.logits).autodiff().require_grad();
            let loss = Loss { smoothing: case.smoothing, weights: case.weights, gamma: case.gamma };
            let value = loss.of(logits.clone(), tensor(&case.labels).autodiff());
            let gradient = logits.grad(&value.backward()).unwrap();
            let found = f64::from(numbers(value)[0]);
            assert!(
                (found - case.loss).abs() < 1e-6 * case.loss.max(1.0),
                "{}: {found} {}",
                case.name,
                case.loss
            );
            let largest = case.gradient.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            for (found, expected) in numbers(gradient).into_iter().zip(case.gradient) {
                assert!(
                    (f64::from(found) - expected).abs() < 2e-6 * largest,
                    "{}: {found} {expected}",
                    case.name
                );
            }
        }
    }

    /// Expected values: l = cross_entropy(logits, labels, weight, label_smoothing, reduction="none") per picture, then
    /// (w * l).sum() / w.sum(), where w is the picture's weight times that of its class.
    #[test]
    fn pictures_weigh_as_much_as_their_labels() {
        let device = Device::flex();
        let check = |loss: &Loss, labels: [[f32; 3]; 2], expected: f32| {
            let logits = Tensor::from_floats([[1.0, 2.0, 0.5], [0.2, -1.0, 3.0]], &device);
            let got: f32 = loss.of(logits, Tensor::from_floats(labels, &device)).into_scalar();
            assert!((got - expected).abs() < 1e-5, "{got} for {loss:?}");
        };
        let labels = [[0.0, 0.5, 0.0], [2.0, 0.0, 0.0]];
        let loss = Loss::default();
        check(&loss, labels, (0.5 * 0.464_369 + 2.0 * 2.876_151) / 2.5);
        let smooth = |hard: f32, mean: f32| 0.9 * hard + 0.1 * mean;
        let [first, second] =
            [smooth(0.464_369, 2.464_369 - 3.5 / 3.0), smooth(2.876_151, 3.076_151 - 2.2 / 3.0)];
        check(&Loss { smoothing: 0.1, ..loss.clone() }, labels, (0.5 * first + 2.0 * second) / 2.5);
        let weights = Some(vec![3.0, 1.0, 1.0]);
        check(&Loss { weights, ..loss.clone() }, labels, (0.5 * 0.464_369 + 6.0 * 2.876_151) / 6.5);
        // Equal weights are none.
        check(&loss, [[0.0, 7.0, 0.0], [7.0, 0.0, 0.0]], (0.464_369 + 2.876_151) / 2.0);
    }

    #[test]
    fn a_sure_answer_gives_a_finite_slope() {
        let device = Device::flex();
        for gamma in [0.5, 1.0, 2.0] {
            let logits = Tensor::<2>::from_floats([[200.0, -200.0]], &device).autodiff().require_grad();
            let labels = Tensor::<2>::from_floats([[1.0, 0.0]], &device).autodiff();
            let value = Loss { gamma, ..Loss::default() }.of(logits.clone(), labels);
            let gradient = numbers(logits.grad(&value.backward()).unwrap());
            assert!(gradient.iter().all(|slope| slope.abs() < 1e-3), "{gradient:?} for {gamma}");
        }
    }
}
