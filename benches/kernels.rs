//! Each kernel beside plain Burn on the same backend, forward and backward, at sizes of EfficientNet-B0 with 16 pictures
//! of 224 px: `cargo bench --bench kernels`.

use std::hint::black_box;

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData, activation, module};
use criterion::{Criterion, criterion_group, criterion_main};
use kiln::chance::Key;
use kiln::kernels::{
    self, Bottleneck, Conv, Gate, Moments, Piece, Rule, Sequence, Step, Window, enter, update,
};
use kiln::scaling::{Activation, Padding};
use rayon::prelude::*;

const BATCH: usize = 16;
const SILU: Option<Activation> = Some(Activation::Silu);

fn drawn<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let mut draws = Key::new(1).named("bench").draws();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| draws.normal() as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Times two functions of the same tensors, forward alone and with the way back.
fn pair<const D: usize>(
    bench: &mut Criterion,
    name: &str,
    (native, plain): (Tensor<4>, Tensor<4>),
    weight: Tensor<D>,
    with_kernels: impl Fn(Tensor<4>, Tensor<D>) -> Tensor<4>,
    with_burn: impl Fn(Tensor<4>, Tensor<D>) -> Tensor<4>,
) {
    let mut group = bench.benchmark_group(name);
    group.sample_size(10);
    group.bench_function("kiln/forward", |b| {
        b.iter(|| black_box(with_kernels(native.clone(), weight.clone())));
    });
    group.bench_function("burn/forward", |b| {
        b.iter(|| black_box(with_burn(plain.clone(), weight.clone())));
    });
    let there_and_back = |x: &Tensor<4>, call: &dyn Fn(Tensor<4>, Tensor<D>) -> Tensor<4>| {
        let x = x.clone().autodiff().require_grad();
        let weight = weight.clone().autodiff().require_grad();
        black_box(call(x, weight).backward());
    };
    group.bench_function("kiln/both", |b| b.iter(|| there_and_back(&native, &with_kernels)));
    group.bench_function("burn/both", |b| b.iter(|| there_and_back(&plain, &with_burn)));
}

/// The same pictures in the layout of the kernels, and channels first.
fn pictures(channels: usize, side: usize) -> (Tensor<4>, Tensor<4>) {
    let native = drawn([BATCH, side, side, channels]);
    let plain = drawn([BATCH, channels, side, side]);
    (native, plain)
}

/// Plain Burn's words for a window whose padding is the same on both sides.
fn options(window: Window, side: usize) -> ConvOptions<2> {
    let before = window.padding.amounts(side, window.kernel, window.stride).0;
    ConvOptions::new([window.stride; 2], [before; 2], [1, 1], window.groups)
}

fn depth(kernel: usize, stride: usize, groups: usize) -> Window {
    Window { kernel, stride, padding: Padding::Symmetric, groups }
}

fn convolution(
    bench: &mut Criterion,
    name: &str,
    (channels, side): (usize, usize),
    weight: [usize; 4],
    window: Window,
) {
    pair(
        bench,
        name,
        pictures(channels, side),
        drawn(weight),
        |x, weight| kernels::convolve(x, weight, None, window),
        |x, weight| module::conv2d(x, weight, None, options(window, side)),
    );
}

fn convolutions(bench: &mut Criterion) {
    let point = Window::POINT;
    convolution(bench, "stem 3x3 3->32 @224", (3, 224), [32, 3, 3, 3], depth(3, 2, 1));
    convolution(bench, "1x1 16->96 @112", (16, 112), [96, 16, 1, 1], point);
    convolution(bench, "1x1 80->480 @14", (80, 14), [480, 80, 1, 1], point);
    convolution(bench, "1x1 1152->192 @7", (1152, 7), [192, 1152, 1, 1], point);
    convolution(bench, "depthwise 3x3 96 @112 stride 2", (96, 112), [96, 1, 3, 3], depth(3, 2, 96));
    convolution(bench, "depthwise 5x5 240 @28", (240, 28), [240, 1, 5, 5], depth(5, 1, 240));
    convolution(bench, "depthwise 5x5 1152 @7", (1152, 7), [1152, 1, 5, 5], depth(5, 1, 1152));
}

/// A convolution with its normalisation and activation, as training does them.
fn layer(
    bench: &mut Criterion,
    name: &str,
    (channels, side): (usize, usize),
    weight: [usize; 4],
    window: Window,
) {
    let vector = |x: &Tensor<4>| {
        let vector: Tensor<1> = drawn([weight[0]]);
        if x.device().is_autodiff() { vector.autodiff() } else { vector }
    };
    pair(
        bench,
        &format!("layer {name}"),
        pictures(channels, side),
        drawn(weight),
        |x, weight| {
            let norm = (vector(&x), vector(&x));
            kernels::convolve_normalise(x, weight, window, norm, 1e-5, SILU).output
        },
        |x, weight| {
            let norm = (vector(&x), vector(&x));
            let x = module::conv2d(x, weight, None, options(window, side));
            activation::silu(module::batch_norm_train(x, norm.0, norm.1, 1e-5).output)
        },
    );
}

fn layers(bench: &mut Criterion) {
    layer(bench, "1x1 16->96 @112", (16, 112), [96, 16, 1, 1], Window::POINT);
    layer(bench, "1x1 112->672 @14", (112, 14), [672, 112, 1, 1], Window::POINT);
    layer(bench, "depthwise 3x3 96 @112 stride 2", (96, 112), [96, 1, 3, 3], depth(3, 2, 96));
    layer(bench, "depthwise 5x5 240 @28", (240, 28), [240, 1, 5, 5], depth(5, 1, 240));
}

/// What this machine can do at best: a large product that stays in the caches, and a copy that does not.
fn machine(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("machine");
    group.sample_size(10);
    let (x, weight, bias): (Tensor<2>, Tensor<2>, Tensor<1>) =
        (drawn([6144, 512]), drawn([512, 512]), drawn([512]));
    group.bench_function("product 6144x512x512", |b| {
        b.iter(|| black_box(kernels::dense(x.clone(), weight.clone(), bias.clone())));
    });
    let source = vec![1.0f32; 64 << 20];
    let mut target = vec![0.0f32; 64 << 20];
    group.bench_function("copy 256 MiB", |b| {
        b.iter(|| {
            let parts = target.par_chunks_mut(1 << 16).zip(source.par_chunks(1 << 16));
            parts.for_each(|(target, source)| target.copy_from_slice(source));
            black_box(target[0]);
        });
    });
}

fn norms(bench: &mut Criterion) {
    pair(
        bench,
        "batch norm and SiLU 96 @112",
        pictures(96, 112),
        drawn([96]),
        |x, weight: Tensor<1>| kernels::normalise_batch(x, weight.clone(), weight, 1e-5, SILU).output,
        |x, weight| activation::silu(module::batch_norm_train(x, weight.clone(), weight, 1e-5).output),
    );
}

fn squeezes(bench: &mut Criterion) {
    let (reduce, expand): (Tensor<1>, Tensor<1>) = (drawn([20]), drawn([480]));
    let weight = drawn([20, 480, 1, 1]);
    let layers = |weight: Tensor<4>| {
        let back = weight.clone().permute([1, 0, 2, 3]);
        ((weight, reduce.clone()), (back, expand.clone()))
    };
    pair(
        bench,
        "squeeze-excite 480 @14",
        pictures(480, 14),
        weight,
        |x, weight| {
            let (reduce, expand) = layers(weight);
            kernels::squeeze_excite(x, reduce, expand)
        },
        |x, weight| {
            let (reduce, expand) = layers(weight);
            let [samples, channels, height, width] = x.dims();
            let means: Tensor<4> = x.clone().reshape([samples, channels, height * width, 1]).mean_dim(2);
            let options = || ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
            let hidden = activation::silu(module::conv2d(means, reduce.0, Some(reduce.1), options()));
            x.mul(activation::sigmoid(module::conv2d(hidden, expand.0, Some(expand.1), options())))
        },
    );
}

fn optimizers(bench: &mut Criterion) {
    const COUNT: usize = 4_000_000;
    let rule = Rule::AdamW { betas: [0.9, 0.999], eps: 1e-8, updates: 3 };
    let step = Step { rule, rate: 1e-3, weight_decay: 0.01, share: 1.0 };
    let (value, gradient): (Tensor<1>, Tensor<1>) = (drawn([COUNT]), drawn([COUNT]));
    let mut group = bench.benchmark_group("AdamW, 4 million numbers");
    group.sample_size(10);
    let mut moments = Moments::default();
    group.bench_function("kiln", |b| {
        b.iter(|| {
            let done = update(value.clone(), gradient.clone(), std::mem::take(&mut moments), step);
            moments = done.1;
            black_box(done.0)
        });
    });
    let (mut first, mut second) = (gradient.clone(), gradient.clone().square());
    group.bench_function("burn", |b| {
        b.iter(|| {
            first = first.clone().mul_scalar(0.9).add(gradient.clone().mul_scalar(0.1));
            second = second.clone().mul_scalar(0.999).add(gradient.clone().square().mul_scalar(0.001));
            let change = first.clone().div(second.clone().sqrt().add_scalar(1e-8)).mul_scalar(1e-3);
            black_box(value.clone().mul_scalar(0.99999).sub(change))
        });
    });
}

/// A folded bottleneck of B0's third stage, which plain Burn does layer by layer.
fn bottlenecks(bench: &mut Criterion) {
    let conv = |weight: [usize; 4], window, activation| Conv {
        weight: drawn(weight),
        scale: drawn([weight[0]]),
        shift: drawn([weight[0]]),
        window,
        activation,
    };
    let gate = Gate {
        reduce: (drawn([10, 240, 1, 1]), drawn([10])),
        expand: (drawn([240, 10, 1, 1]), drawn([240])),
    };
    let piece = Piece::Bottleneck(Box::new(Bottleneck {
        expand: Some(conv([240, 40, 1, 1], Window::POINT, SILU)),
        depthwise: conv([240, 1, 5, 5], depth(5, 1, 240), SILU),
        gate: Some(gate),
        project: conv([40, 240, 1, 1], Window::POINT, None),
        adds_input: true,
    }));
    let sequence = Sequence::new(vec![piece]);
    let x = enter(drawn([BATCH, 40, 28, 28]));
    let mut group = bench.benchmark_group("bottleneck 40->240->40 @28, folded");
    group.sample_size(10);
    group.bench_function("kiln", |b| b.iter(|| black_box(sequence.run(0..1, x.clone()))));
}

criterion_group!(all, machine, convolutions, layers, norms, squeezes, optimizers, bottlenecks);
criterion_main!(all);
