//! The activations and their slopes, inside kernels.

use cubecl::prelude::*;

use crate::scaling::Activation;

/// What a kernel is compiled for.
pub type Code = u32;

const NONE: Code = 0;
const SILU: Code = 1;
const RELU6: Code = 2;

/// The code of a layer's activation.
pub fn code(activation: Option<Activation>) -> Code {
    match activation {
        None => NONE,
        Some(Activation::Silu) => SILU,
        Some(Activation::Relu6) => RELU6,
    }
}

#[cube]
pub fn activated<N: Size>(x: Vector<f32, N>, #[comptime] code: u32) -> Vector<f32, N> {
    if comptime!(code == SILU) {
        x * sigmoid::<N>(x)
    } else if comptime!(code == RELU6) {
        x.clamp(Vector::new(0.0f32), Vector::new(6.0f32))
    } else {
        x
    }
}

/// The derivative of the activation; nothing at a kink, as in PyTorch.
#[cube]
pub fn slope<N: Size>(x: Vector<f32, N>, #[comptime] code: u32) -> Vector<f32, N> {
    if comptime!(code == SILU) {
        let gate = sigmoid::<N>(x);
        gate + x * gate * (Vector::new(1.0f32) - gate)
    } else if comptime!(code == RELU6) {
        let mut slope = Vector::<f32, N>::new(0.0f32);
        #[unroll]
        for lane in 0..N::value() {
            let value = x.extract(lane);
            if value > 0.0f32 && value < 6.0f32 {
                slope.insert(lane, 1.0f32);
            }
        }
        slope
    } else {
        Vector::new(1.0f32)
    }
}

#[cube]
fn sigmoid<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    Vector::new(1.0f32) / (Vector::new(1.0f32) + (-x).exp())
}
