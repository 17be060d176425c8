//! Every operation against plain Burn, against arithmetic in 64 bits, with one thread and with several, alone
//! and in a batch. The whole set also runs once more without AVX2.

mod convolution;
mod half;
mod join;
mod norm;
mod sameness;
mod sequence;
mod squeeze;
mod updates;

use burn::tensor::{DType, Device, Tensor, TensorData};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::chance::Key;
use crate::scaling::Activation;

/// A tensor of normal draws named after what it is.
fn drawn<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
    let mut draws = Key::new(7).named(name).draws();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| draws.normal() as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Another backend, which takes the plain forms.
#[allow(deprecated)]
fn other() -> Device {
    Device::ndarray()
}

/// A GPU, where there is one.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn gpu() -> Option<Device> {
    super::gpu::tests::device()
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn gpu() -> Option<Device> {
    None
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.cast(DType::F32).into_data().try_into_vec().unwrap()
}

/// Random shapes, the same ones each time: a number that falls on the kink of an activation is right on either side of
/// it, but not the same. PROPTEST_RNG_SEED asks for others.
fn cases(count: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        given => given,
    };
    ProptestConfig { cases: count, failure_persistence: None, rng_seed, ..default }
}

/// Asks that two lists agree, measured by the largest number in them. What goes in is of size 1, so sums that
/// cancel to less than a hundredth carry the rounding of their terms, in both forms.
fn close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(1e-2f32, |top, value| top.max(value.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs() / scale;
        assert!(error <= tolerance, "{what}[{i}]: {got}, not {expected} ({error:e} of {scale})");
    }
}

fn activations() -> impl Strategy<Value = Option<Activation>> {
    prop_oneof![Just(None), Just(Some(Activation::Silu)), Just(Some(Activation::Relu6))]
}

/// A function of tensors: the first of four dimensions, the others of any, flattened to one.
type Parameters = Vec<Tensor<1>>;

/// The output and the gradients of everything that goes in, weighed by fixed draws.
fn gradients(
    x: &Tensor<4>,
    parameters: &[Tensor<1>],
    call: impl Fn(Tensor<4>, Parameters) -> Tensor<4>,
) -> Vec<Vec<f32>> {
    let x = x.clone().autodiff().require_grad();
    let parameters: Parameters = parameters.iter().map(|p| p.clone().autodiff().require_grad()).collect();
    let output = call(x.clone(), parameters.clone());
    let weights = drawn("output weights", output.dims()).cast(output.dtype()).autodiff();
    let mut found = output.clone().mul(weights).sum().backward();
    let mut all = vec![numbers(output.inner())];
    all.push(x.grad_remove(&mut found).map(numbers).unwrap_or_default());
    all.extend(parameters.iter().map(|p| p.grad_remove(&mut found).map(numbers).unwrap_or_default()));
    all
}

/// Asks that a function and its plain form agree in output and gradients, in 32 bits and in 64. The plain form takes
/// and gives channels first, and so does `native` here.
fn agree(
    x: &Tensor<4>,
    parameters: &[Tensor<1>],
    native: impl Fn(Tensor<4>, Parameters) -> Tensor<4>,
    plain: impl Fn(Tensor<4>, Parameters) -> Tensor<4>,
) {
    let native = |x, parameters| super::leave(native(super::enter(x), parameters));
    let got = gradients(x, parameters, native);
    for (precision, tolerance) in [(DType::F32, 3e-5), (DType::F64, 1e-5)] {
        let parameters: Parameters = parameters.iter().map(|p| p.clone().cast(precision)).collect();
        let expected = gradients(&x.clone().cast(precision), &parameters, &plain);
        for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
            let what = format!("part {i} (output, input, parameters) in {precision:?}");
            close(&what, got, expected, tolerance);
        }
    }
}

/// The whole set once more, in processes that were told to do without AVX2, and without AVX-512.
#[test]
fn the_portable_and_the_narrow_form_pass_the_same_tests() {
    for variable in [super::lanes::PORTABLE, super::lanes::NARROW] {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let done = command.env(variable, "1").args(["kernels::", "--skip", "portable"]).output().unwrap();
        assert!(done.status.success(), "{variable}: {}", String::from_utf8_lossy(&done.stdout));
    }
}
