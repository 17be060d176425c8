//! What an optimizer does to a parameter, numbers by number: the new values, the moving mean of values, sums
//! and squares of gradients. Owns the rules as formulas; which parameter gets which is decided elsewhere.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::extension::Inferred;
use super::gpu::Parameter;
use super::{is_native, is_plain, updates_fallback as fallback};

/// A rule with the numbers of one update, as PyTorch defines the three.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    AdamW {
        betas: [f64; 2],
        eps: f64,
        /// Updates made so far, this one included.
        updates: i32,
    },
    Sgd {
        momentum: f64,
        nesterov: bool,
    },
    RmsProp {
        alpha: f64,
        eps: f64,
        momentum: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub rule: Rule,
    pub rate: f64,
    pub weight_decay: f64,
    /// What the gradient is multiplied by first.
    pub share: f64,
}

/// What a rule remembers of a parameter; it starts at zeros. Which are used depends on the rule.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    /// Mean of the gradients, or the momentum buffer.
    pub first: Option<Tensor<1>>,
    /// Mean of their squares.
    pub second: Option<Tensor<1>>,
}

impl Rule {
    /// Whether the rule keeps a first and a second moment.
    pub fn keeps(&self) -> [bool; 2] {
        match self {
            Self::AdamW { .. } => [true, true],
            Self::Sgd { momentum, .. } => [*momentum != 0.0, false],
            Self::RmsProp { momentum, .. } => [*momentum != 0.0, true],
        }
    }
}

/// One update of a parameter and its moments.
pub fn update(value: Tensor<1>, gradient: Tensor<1>, moments: Moments, step: Step) -> (Tensor<1>, Moments) {
    let device = value.device();
    let [count] = value.dims();
    let [keeps_first, keeps_second] = step.rule.keeps();
    // A moment that is not kept is one number that nobody looks at.
    let start = |moment: Option<Tensor<1>>, keeps: bool| {
        moment.unwrap_or_else(|| Tensor::zeros([if keeps { count } else { 1 }], &device))
    };
    let (first, second) = (start(moments.first, keeps_first), start(moments.second, keeps_second));
    let (value, first, second) = if let Some(value) = Parameter::of(&value, [&gradient, &first, &second]) {
        value.update(gradient, [first, second], step)
    } else if are_native([&value, &gradient]) {
        let (value, gradient) = (value.into_dispatch(), gradient.into_dispatch());
        let found =
            Dispatch::kiln_update(value, gradient, first.into_dispatch(), second.into_dispatch(), step);
        (Tensor::from_dispatch(found.0), Tensor::from_dispatch(found.1), Tensor::from_dispatch(found.2))
    } else {
        fallback::update(value, gradient, first, second, step)
    };
    (value, Moments { first: keeps_first.then_some(first), second: keeps_second.then_some(second) })
}

/// A mean that moves towards a value by a share of their distance: what does not differ keeps its bits.
pub fn follow(mean: Tensor<1>, value: Tensor<1>, share: f64) -> Tensor<1> {
    if let Some(mean) = Parameter::of(&mean, [&value]) {
        return mean.follow(value, share);
    }
    if !are_native([&mean, &value]) {
        return mean.clone().add(value.sub(mean).mul_scalar(share));
    }
    Tensor::from_dispatch(Dispatch::kiln_follow(mean.into_dispatch(), value.into_dispatch(), share))
}

/// Mean and variance, `stored` and those of a batch, with the batch's share in what comes of both. Its variance is multiplied by
/// `unbiased` first.
pub fn blend(stored: [Tensor<1>; 2], new: [Tensor<1>; 2], share: f64, unbiased: f64) -> [Tensor<1>; 2] {
    let ([mean, variance], [new_mean, new_variance]) = (stored, new);
    if let Some(mean) = Parameter::of(&mean, [&variance, &new_mean, &new_variance]) {
        return mean.blend(variance, [new_mean, new_variance], share, unbiased);
    }
    let moved = |old: Tensor<1>, new: Tensor<1>| old.mul_scalar(1.0 - share).add(new.mul_scalar(share));
    [moved(mean, new_mean), moved(variance, new_variance.mul_scalar(unbiased))]
}

/// The sum of two.
pub fn sum(left: Tensor<1>, right: Tensor<1>) -> Tensor<1> {
    if !are_native([&left, &right]) {
        return left.add(right);
    }
    Tensor::from_dispatch(Dispatch::kiln_sum(left.into_dispatch(), right.into_dispatch()))
}

/// The sum of the squares, as one number on the device.
pub fn squares(x: Tensor<1>) -> Tensor<1> {
    if let Some(x) = Parameter::of(&x, []) {
        return x.squares();
    }
    if !are_native([&x]) {
        return x.square().sum();
    }
    Tensor::from_dispatch(Dispatch::kiln_squares(x.into_dispatch()))
}

/// Whether kiln's kernels can work on these: no history of them is kept.
fn are_native<const N: usize>(all: [&Tensor<1>; N]) -> bool {
    all.into_iter().all(|x| is_native(x) && is_plain([&x.device()]))
}
