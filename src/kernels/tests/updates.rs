//! The optimizers' rules against PyTorch (torch.optim in float64, tests/golden/optimizers.py), in both forms.

use burn::tensor::{Device, Tensor};

use super::super::gpu::Parameters;
use super::super::updates::{
    Moments, Own, Rule, Step, Update, blend, follow_all, squares, sum, takes_many, update_all,
};
use super::{close, drawn, gpu, numbers, other};

fn step(rule: Rule, rate: f64, weight_decay: f64) -> Step {
    Step { rule, rate, weight_decay, share: 1.0 }
}

/// More than one launch on a GPU takes.
const MANY: usize = 37;

/// Three updates with the gradients of the script, of many parameters at once. Every other one has half the rate
/// and twice the gradients, and is not looked at.
fn check(step: Step, expected: [f32; 5]) {
    for device in [Some(Device::flex()), Some(other()), gpu()].into_iter().flatten() {
        let start = || (Tensor::from_floats([1.0, -2.0, 0.5, 3.0, -0.25], &device), Moments::default());
        let mut all: Vec<(Tensor<1>, Moments)> = (0..MANY).map(|_| start()).collect();
        for k in 0..3 {
            let k = k as f32;
            let gradient =
                Tensor::from_floats([0.1 * (k + 1.0), -0.3, 2.0, -0.05 * (k - 1.0), 1e-3], &device);
            let rule = match step.rule {
                Rule::AdamW { betas, eps, .. } => Rule::AdamW { betas, eps, updates: k as i32 + 1 },
                rule => rule,
            };
            let next = all.into_iter().enumerate().map(|(i, (value, moments))| {
                let gradient = gradient.clone().mul_scalar((i % 2 + 1) as f64);
                let own = Own { rate: step.rate / (i % 2 + 1) as f64, weight_decay: step.weight_decay };
                Update { value, gradient, moments, own }
            });
            all = update_all(next.collect(), rule, step.share);
        }
        for (value, _) in all.into_iter().step_by(2) {
            close(&format!("{step:?} on {device:?}"), &numbers(value), &expected, 1e-6);
        }
    }
}

#[test]
fn adam_w_as_pytorch_does_it() {
    let rule = |eps| Rule::AdamW { betas: [0.9, 0.99], eps, updates: 0 };
    check(step(rule(1e-8), 0.01, 0.1), [0.967_838_5, -1.964_036, 0.468_531_5, 2.975_178_6, -0.279_220_46]);
    let half = Step { share: 0.5, ..step(rule(1e-3), 0.01, 0.0) };
    check(half, [0.971_209_6, -1.970_198_7, 0.470_029_97, 2.984_847_8, -0.26]);
}

#[test]
fn sgd_as_pytorch_does_it() {
    let rule = |momentum, nesterov| Rule::Sgd { momentum, nesterov };
    check(
        step(rule(0.0, false), 0.1, 0.1),
        [0.910_698, -1.851_495, -0.108_870_5, 2.910_996_5, -0.242_871_76],
    );
    check(
        step(rule(0.9, false), 0.1, 0.1),
        [0.849_858, -1.721_895, -0.640_230_5, 2.824_776_5, -0.236_650_96],
    );
    check(step(rule(0.9, true), 0.1, 0.0), [0.854_41, -1.758_53, -1.109_8, 2.992_305, -0.250_804_9]);
}

#[test]
fn rms_prop_as_pytorch_does_it() {
    let rule = |momentum| Rule::RmsProp { alpha: 0.9, eps: 1e-3, momentum };
    check(step(rule(0.9), 0.01, 0.1), [0.841_557_76, -1.852_607_1, 0.351_773_65, 2.859_693, -0.122_840_85]);
    check(step(rule(0.0), 0.01, 0.0), [0.915_492_97, -1.926_852_4, 0.426_320_82, 2.992_708, -0.271_138_24]);
}

/// Long enough for several tasks and a rest.
const LONG: usize = 100_003;

/// Of several lengths: four of them in one launch on a GPU, the fifth longer than a launch takes besides others.
#[test]
fn long_parameters_are_updated_to_their_ends() {
    let lengths = [LONG, 3, 4 * LONG, 1, (4 << 20) + 5];
    let drawn = |name: &str| lengths.map(|length| drawn(&format!("{name} {length}"), [length]));
    let (values, gradients) = (drawn("value"), drawn("gradient"));
    for rule in [
        Rule::AdamW { betas: [0.9, 0.99], eps: 1e-8, updates: 1 },
        Rule::Sgd { momentum: 0.9, nesterov: true },
        Rule::RmsProp { alpha: 0.9, eps: 1e-3, momentum: 0.5 },
    ] {
        let run = |device: &Device| -> Vec<[Vec<f32>; 3]> {
            let all = values.iter().zip(&gradients).enumerate().map(|(i, (value, gradient))| {
                let own = Own { rate: 0.1 / (i + 1) as f64, weight_decay: 0.01 * i as f64 };
                let [value, gradient] = [value, gradient].map(|x| x.clone().to_device(device));
                Update { value, gradient, moments: Moments::default(), own }
            });
            let found = update_all(all.collect(), rule, 0.5).into_iter().map(|(value, moments)| {
                [Some(value), moments.first, moments.second].map(|x| x.map_or_else(Vec::new, numbers))
            });
            found.collect()
        };
        let plain = run(&other());
        for (name, device) in [("native", Some(Device::flex())), ("a GPU", gpu())] {
            let Some(device) = device else { continue };
            for (found, plain) in run(&device).iter().zip(&plain) {
                for (kind, (found, plain)) in found.iter().zip(plain).enumerate() {
                    close(&format!("{kind} of {} on {name}", plain.len()), found, plain, 1e-6);
                }
            }
        }
    }
}

#[test]
fn sums_squares_and_moving_means() {
    let (a, b) = (drawn("a", [LONG]), drawn("b", [LONG]));
    let [left, right] = [numbers(a.clone()), numbers(b.clone())];
    let each =
        |f: fn(f32, f32) -> f32| -> Vec<f32> { left.iter().zip(&right).map(|(a, b)| f(*a, *b)).collect() };
    close("sum", &numbers(sum(a.clone(), b.clone())), &each(|a, b| a + b), 1e-7);
    let square = |values: &[f32]| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
    assert!(squares(&[]).is_none());
    for device in [Some(Device::flex()), gpu()].into_iter().flatten() {
        let here = |x: &Tensor<1>, parts: [usize; 2]| -> Vec<Tensor<1>> {
            let [end, count] = parts;
            (0..count).map(|i| x.clone().narrow(0, i, end - 2 * i).to_device(&device)).collect()
        };
        let [means, values] = [&a, &b].map(|x| here(x, [LONG, MANY]));
        let same = follow_all(means.clone(), means.clone(), 0.3);
        for (i, (same, moved)) in same.into_iter().zip(follow_all(means, values, 0.25)).enumerate() {
            let range = i..LONG - i;
            close("mean", &numbers(moved), &each(|a, b| a + (b - a) * 0.25)[range.clone()], 1e-6);
            assert_eq!(numbers(same), left[range], "what does not differ keeps its bits on {device:?}");
        }
        let expected: f64 = (0..MANY).map(|i| square(&left[i..LONG - i])).sum();
        let found = squares(&here(&a, [LONG, MANY])).map_or_else(Vec::new, numbers);
        let found: f64 = found.iter().map(|part| f64::from(*part)).sum();
        close("squares", &[found as f32], &[expected as f32], 1e-6);
        let one = here(&a, [5, 1]);
        assert_eq!(Parameters::of([one.clone()]).is_ok(), takes_many(&device), "{device:?}");
        let found: f32 = squares(&one).map_or_else(Vec::new, numbers).iter().sum();
        close("few squares", &[found], &[square(&left[..5]) as f32], 1e-6);
    }
}

#[test]
fn stored_statistics_take_their_share_of_a_batch() {
    let names = ["mean", "variance", "of a batch", "variance of a batch"];
    let all = names.map(|name| drawn(name, [1003]));
    let [mean, variance, new_mean, new_variance] = all.each_ref().map(|x| numbers(x.clone()));
    let moved = |old: &[f32], new: &[f32], by: f32| -> Vec<f32> {
        old.iter().zip(new).map(|(old, new)| old * 0.9 + new * by * 0.1).collect()
    };
    for device in [Some(Device::flex()), gpu()].into_iter().flatten() {
        let [mean_there, variance_there, new, of_new] = all.each_ref().map(|x| x.clone().to_device(&device));
        let [got_mean, got_variance] = blend([mean_there, variance_there], [new, of_new], 0.1, 1.5);
        close("mean", &numbers(got_mean), &moved(&mean, &new_mean, 1.0), 1e-6);
        close("variance", &numbers(got_variance), &moved(&variance, &new_variance, 1.5), 1e-6);
    }
}
