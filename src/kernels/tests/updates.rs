//! The optimizers' rules against PyTorch (torch.optim in float64, tests/golden/optimizers.py), in both forms.

use burn::tensor::{Device, Tensor};

use super::super::updates::{Moments, Rule, Step, blend, follow, squares, sum, update};
use super::{close, drawn, gpu, numbers, other};

fn step(rule: Rule, rate: f64, weight_decay: f64) -> Step {
    Step { rule, rate, weight_decay, share: 1.0 }
}

/// Three updates with the gradients of the script.
fn check(step: Step, expected: [f32; 5]) {
    for device in [Some(Device::flex()), Some(other()), gpu()].into_iter().flatten() {
        let mut value = Tensor::from_floats([1.0, -2.0, 0.5, 3.0, -0.25], &device);
        let mut moments = Moments::default();
        for k in 0..3 {
            let k = k as f32;
            let gradient =
                Tensor::from_floats([0.1 * (k + 1.0), -0.3, 2.0, -0.05 * (k - 1.0), 1e-3], &device);
            let step = match step.rule {
                Rule::AdamW { betas, eps, .. } => {
                    Step { rule: Rule::AdamW { betas, eps, updates: k as i32 + 1 }, ..step }
                }
                _ => step,
            };
            (value, moments) = update(value, gradient, moments, step);
        }
        close(&format!("{step:?} on {device:?}"), &numbers(value), &expected, 1e-6);
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

#[test]
fn long_parameters_are_updated_to_their_ends() {
    let (value, gradient) = (drawn("value", [LONG]), drawn("gradient", [LONG]));
    for rule in [
        Rule::AdamW { betas: [0.9, 0.99], eps: 1e-8, updates: 1 },
        Rule::Sgd { momentum: 0.9, nesterov: true },
        Rule::RmsProp { alpha: 0.9, eps: 1e-3, momentum: 0.5 },
    ] {
        let run = |device: &Device| {
            let (value, gradient) = (value.clone().to_device(device), gradient.clone().to_device(device));
            let (value, moments) = update(value, gradient, Moments::default(), step(rule, 0.1, 0.01));
            let moments = [moments.first, moments.second];
            (numbers(value), moments.map(|moment| moment.map_or_else(Vec::new, numbers)))
        };
        let (native, plain) = (run(&Device::flex()), run(&other()));
        if let Some(gpu) = gpu() {
            let gpu = run(&gpu);
            close("value on a GPU", &gpu.0, &plain.0, 1e-6);
            for (gpu, plain) in gpu.1.iter().zip(&plain.1) {
                close("moment on a GPU", gpu, plain, 1e-6);
            }
        }
        close("value", &native.0, &plain.0, 1e-6);
        close("first moment", &native.1[0], &plain.1[0], 1e-6);
        close("second moment", &native.1[1], &plain.1[1], 1e-6);
    }
}

#[test]
fn sums_squares_and_moving_means() {
    let (a, b) = (drawn("a", [LONG]), drawn("b", [LONG]));
    let [left, right] = [numbers(a.clone()), numbers(b.clone())];
    let each =
        |f: fn(f32, f32) -> f32| -> Vec<f32> { left.iter().zip(&right).map(|(a, b)| f(*a, *b)).collect() };
    close("sum", &numbers(sum(a.clone(), b.clone())), &each(|a, b| a + b), 1e-7);
    close("mean", &numbers(follow(a.clone(), b.clone(), 0.25)), &each(|a, b| a + (b - a) * 0.25), 1e-6);
    assert_eq!(numbers(follow(a.clone(), a.clone(), 0.3)), left, "what does not differ keeps its bits");
    let expected: f64 = left.iter().map(|value| f64::from(*value).powi(2)).sum();
    if let Some(gpu) = gpu() {
        close("squares on a GPU", &numbers(squares(a.clone().to_device(&gpu))), &[expected as f32], 1e-6);
        let [a, b] = [&a, &b].map(|x| x.clone().to_device(&gpu));
        let moved = each(|a, b| a + (b - a) * 0.25);
        close("mean on a GPU", &numbers(follow(a.clone(), b, 0.25)), &moved, 1e-6);
        assert_eq!(numbers(follow(a.clone(), a, 0.3)), left, "what does not differ keeps its bits on a GPU");
    }
    close("squares", &numbers(squares(a)), &[expected as f32], 1e-6);
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
