//! What an optimizer does to a parameter, numbers by number: the new values, the moving mean of values, sums
//! and squares of gradients. Owns the rules as formulas; which parameter gets which is decided elsewhere.

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};

use super::extension::Inferred;
use super::gpu::{self, Parameters};
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

/// What differs from parameter to parameter in an update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Own {
    pub rate: f64,
    pub weight_decay: f64,
}

/// A parameter that is to be updated.
#[derive(Debug)]
pub struct Update {
    pub value: Tensor<1>,
    pub gradient: Tensor<1>,
    pub moments: Moments,
    pub own: Own,
}

/// Whether it is worth collecting a device's parameters: it changes many of them as fast as one.
pub fn takes_many(device: &Device) -> bool {
    gpu::is_gpu(device)
}

/// One update of each parameter and its moments, in their order. Gradients are multiplied by `share` first.
pub fn update_all(all: Vec<Update>, rule: Rule, share: f64) -> Vec<(Tensor<1>, Moments)> {
    let keeps = rule.keeps();
    let [mut values, mut gradients, mut firsts, mut seconds] = [const { Vec::new() }; 4];
    let mut own = Vec::with_capacity(all.len());
    for Update { value, gradient, moments, own: its } in all {
        let start = |moment: Option<Tensor<1>>| moment.unwrap_or_else(|| value.zeros_like());
        firsts.extend(keeps[0].then(|| start(moments.first)));
        seconds.extend(keeps[1].then(|| start(moments.second)));
        values.push(value);
        gradients.push(gradient);
        own.push(its);
    }
    let lists = match Parameters::of([values, gradients, firsts, seconds]) {
        Ok(parameters) => {
            let [values, mut firsts, mut seconds] = parameters.update(&own, rule, share).map(Vec::into_iter);
            let new = |value| (value, Moments { first: firsts.next(), second: seconds.next() });
            return values.map(new).collect();
        }
        Err(lists) => lists,
    };
    let [values, gradients, firsts, seconds] = lists;
    let (mut firsts, mut seconds) = (firsts.into_iter(), seconds.into_iter());
    let each = |((value, gradient), own): ((Tensor<1>, Tensor<1>), Own)| {
        let step = Step { rule, rate: own.rate, weight_decay: own.weight_decay, share };
        update(value, gradient, Moments { first: firsts.next(), second: seconds.next() }, step)
    };
    values.into_iter().zip(gradients).zip(own).map(each).collect()
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
    let (value, first, second) = if are_native([&value, &gradient]) {
        let (value, gradient) = (value.into_dispatch(), gradient.into_dispatch());
        let found =
            Dispatch::kiln_update(value, gradient, first.into_dispatch(), second.into_dispatch(), step);
        (Tensor::from_dispatch(found.0), Tensor::from_dispatch(found.1), Tensor::from_dispatch(found.2))
    } else {
        fallback::update(value, gradient, first, second, step)
    };
    (value, Moments { first: keeps_first.then_some(first), second: keeps_second.then_some(second) })
}

/// Means that move towards values by a share of their distance: what does not differ keeps its bits.
pub fn follow_all(means: Vec<Tensor<1>>, values: Vec<Tensor<1>>, share: f64) -> Vec<Tensor<1>> {
    match Parameters::of([means, values]) {
        Ok(both) => both.follow(share),
        Err([means, values]) => {
            means.into_iter().zip(values).map(|(mean, value)| follow(mean, value, share)).collect()
        }
    }
}

/// A mean that moves towards a value.
fn follow(mean: Tensor<1>, value: Tensor<1>, share: f64) -> Tensor<1> {
    if !are_native([&mean, &value]) {
        return mean.clone().add(value.sub(mean).mul_scalar(share));
    }
    Tensor::from_dispatch(Dispatch::kiln_follow(mean.into_dispatch(), value.into_dispatch(), share))
}

/// Mean and variance, `stored` and those of a batch, with the batch's share in what comes of both. Its variance is multiplied by
/// `unbiased` first.
pub fn blend(stored: [Tensor<1>; 2], new: [Tensor<1>; 2], share: f64, unbiased: f64) -> [Tensor<1>; 2] {
    if let Ok(parameters) = Parameters::of([stored.to_vec(), new.to_vec()]) {
        return parameters.blend(share, unbiased);
    }
    let ([mean, variance], [new_mean, new_variance]) = (stored, new);
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

/// Numbers whose sum is the sum of all squares, in one piece on the device; none of nothing.
pub fn squares(all: &[Tensor<1>]) -> Option<Tensor<1>> {
    if all.is_empty() {
        return None;
    }
    Some(match Parameters::of([all.to_vec()]) {
        Ok(all) => all.squares(),
        Err([all]) => Tensor::cat(all.into_iter().map(squares_of).collect(), 0),
    })
}

fn squares_of(x: Tensor<1>) -> Tensor<1> {
    if !are_native([&x]) {
        return x.square().sum();
    }
    Tensor::from_dispatch(Dispatch::kiln_squares(x.into_dispatch()))
}

/// Whether kiln's kernels can work on these: no history of them is kept.
fn are_native<const N: usize>(all: [&Tensor<1>; N]) -> bool {
    all.into_iter().all(|x| is_native(x) && is_plain([&x.device()]))
}
