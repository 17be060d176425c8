//! The optimizers' rules in plain Burn, for every backend that kiln has no kernels for.

use burn::tensor::Tensor;

use super::updates::{Rule, Step};

/// The value and both moments after one update.
pub fn update(
    value: Tensor<1>,
    gradient: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    step: Step,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let rate = step.rate;
    let gradient = if step.share == 1.0 { gradient } else { gradient.mul_scalar(step.share) };
    let decayed = |gradient: Tensor<1>| gradient.add(value.clone().mul_scalar(step.weight_decay));
    match step.rule {
        Rule::AdamW { betas, eps, updates } => {
            let first = faded(first, gradient.clone(), betas[0]);
            let second = faded(second, gradient.square(), betas[1]);
            let corrected = [1.0 - betas[0].powi(updates), 1.0 - betas[1].powi(updates)];
            let deviation = second.clone().sqrt().div_scalar(corrected[1].sqrt()).add_scalar(eps);
            let change = first.clone().div(deviation).mul_scalar(rate / corrected[0]);
            (value.mul_scalar(1.0 - rate * step.weight_decay).sub(change), first, second)
        }
        Rule::Sgd { momentum, nesterov } => {
            let gradient = decayed(gradient);
            if momentum == 0.0 {
                return (value.sub(gradient.mul_scalar(rate)), first, second);
            }
            let first = first.mul_scalar(momentum).add(gradient.clone());
            let change =
                if nesterov { gradient.add(first.clone().mul_scalar(momentum)) } else { first.clone() };
            (value.sub(change.mul_scalar(rate)), first, second)
        }
        Rule::RmsProp { alpha, eps, momentum } => {
            let gradient = decayed(gradient);
            let second = faded(second, gradient.clone().square(), alpha);
            let change = gradient.div(second.clone().sqrt().add_scalar(eps));
            if momentum == 0.0 {
                return (value.sub(change.mul_scalar(rate)), first, second);
            }
            let first = first.mul_scalar(momentum).add(change);
            (value.sub(first.clone().mul_scalar(rate)), first, second)
        }
    }
}

/// A moving mean after one more value.
fn faded(mean: Tensor<1>, new: Tensor<1>, keep: f64) -> Tensor<1> {
    mean.mul_scalar(keep).add(new.mul_scalar(1.0 - keep))
}
