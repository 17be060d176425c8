//! Categorical cross-entropy on soft labels, with label smoothing and class weights.

use burn::tensor::{Tensor, activation};

/// What the labels are blurred and weighed by.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The share of each label that is spread over all classes.
    pub smoothing: f64,
    /// One weight per class; nothing weighs all alike.
    pub weights: Option<Vec<f32>>,
    /// Whether pictures weigh differently: rows of labels then sum to the weights of their pictures, and not to 1.
    pub weighed: bool,
}

impl Loss {
    /// The mean over the batch, weighed by the weights of classes and pictures: `[n, classes]` logits and labels to
    /// one number.
    pub fn of(&self, logits: Tensor<2>, labels: Tensor<2>) -> Tensor<1> {
        let [samples, classes] = labels.dims();
        let labels = self.smoothed(labels);
        let surprise = activation::log_softmax(logits, 1).neg();
        let weighed = match &self.weights {
            None if !self.weighed => return labels.mul(surprise).sum().div_scalar(samples as f64),
            None => labels,
            Some(weights) => {
                let weights = Tensor::<1>::from_floats(weights.as_slice(), &labels.device());
                labels.mul(weights.reshape([1, classes]))
            }
        };
        weighed.clone().mul(surprise).sum().div(weighed.sum())
    }

    /// Every row still sums to what it did.
    fn smoothed(&self, labels: Tensor<2>) -> Tensor<2> {
        let [_, classes] = labels.dims();
        let share = self.smoothing / classes as f64;
        if self.weighed {
            let spread = labels.clone().sum_dim(1).mul_scalar(share);
            return labels.mul_scalar(1.0 - self.smoothing).add(spread);
        }
        labels.mul_scalar(1.0 - self.smoothing).add_scalar(share)
    }
}

/// Weights in inverse proportion to how often each class occurs, 1 on average over the samples.
pub fn balanced_weights(counts: &[usize]) -> Vec<f32> {
    let total: usize = counts.iter().sum();
    counts.iter().map(|&count| total as f32 / (counts.len() * count.max(1)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Expected values: torch.nn.functional.cross_entropy(logits, labels, weight, label_smoothing).
    fn check(loss: &Loss, expected: f32) {
        check_labels(loss, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], expected);
    }

    fn check_labels(loss: &Loss, labels: [[f32; 3]; 2], expected: f32) {
        let device = Device::flex();
        let logits = Tensor::from_floats([[1.0, 2.0, 0.5], [0.2, -1.0, 3.0]], &device);
        let labels = Tensor::from_floats(labels, &device);
        let got: f32 = loss.of(logits, labels).into_scalar();
        assert!((got - expected).abs() < 1e-5, "{got} for {loss:?}");
    }

    #[test]
    fn hard_labels_give_the_mean_negative_log_probability() {
        // log-sum-exp of the rows: 2.464369, 3.076151; minus the label's logit; mean.
        check(&Loss { smoothing: 0.0, weights: None, weighed: false }, (0.464_369 + 2.876_151) / 2.0);
    }

    #[test]
    fn smoothing_mixes_in_the_mean_over_the_classes() {
        let spread = (2.464_369 - 3.5 / 3.0 + 3.076_151 - 2.2 / 3.0) / 2.0;
        let hard = (0.464_369 + 2.876_151) / 2.0;
        check(&Loss { smoothing: 0.1, weights: None, weighed: false }, 0.9 * hard + 0.1 * spread);
    }

    #[test]
    fn class_weights_weigh_samples_by_their_class() {
        let weights = Some(vec![3.0, 1.0, 1.0]);
        check(&Loss { smoothing: 0.0, weights, weighed: false }, (0.464_369 + 3.0 * 2.876_151) / 4.0);
    }

    /// Expected values: l = cross_entropy(logits, labels, weight, label_smoothing, reduction="none") per picture, then
    /// (w * l).sum() / w.sum(), where w is the picture's weight times that of its class.
    #[test]
    fn pictures_weigh_as_much_as_their_labels() {
        let labels = [[0.0, 0.5, 0.0], [2.0, 0.0, 0.0]];
        let loss = Loss { smoothing: 0.0, weights: None, weighed: true };
        check_labels(&loss, labels, (0.5 * 0.464_369 + 2.0 * 2.876_151) / 2.5);
        let smooth = |hard: f32, mean: f32| 0.9 * hard + 0.1 * mean;
        let [first, second] =
            [smooth(0.464_369, 2.464_369 - 3.5 / 3.0), smooth(2.876_151, 3.076_151 - 2.2 / 3.0)];
        check_labels(&Loss { smoothing: 0.1, ..loss.clone() }, labels, (0.5 * first + 2.0 * second) / 2.5);
        let weights = Some(vec![3.0, 1.0, 1.0]);
        check_labels(&Loss { weights, ..loss.clone() }, labels, (0.5 * 0.464_369 + 6.0 * 2.876_151) / 6.5);
        // Equal weights are none.
        check_labels(&loss, [[0.0, 7.0, 0.0], [7.0, 0.0, 0.0]], (0.464_369 + 2.876_151) / 2.0);
    }

    #[test]
    fn balanced_weights_average_to_one_over_the_samples() {
        let counts = [10, 30, 60];
        let weights = balanced_weights(&counts);
        let sum: f32 = weights.iter().zip(counts).map(|(w, c)| w * c as f32).sum();
        assert!((sum - 100.0).abs() < 1e-3 && (weights[0] / weights[2] - 6.0).abs() < 1e-4);
    }
}
