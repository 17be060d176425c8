//! Pictures of half floats: how they become such, and how an operation computes on them in 32 bits. The casts are on the
//! tape, so what is handed back through them has the type of what went in.

use burn::tensor::{DType, FloatDType, Tensor};

use crate::scaling::Float;

/// As Burn names it.
pub fn dtype(float: Float) -> FloatDType {
    match float {
        Float::Fp32 => FloatDType::F32,
        Float::Fp16 => FloatDType::F16,
        Float::Bf16 => FloatDType::BF16,
    }
}

/// The same numbers as closely as the type has them; those beyond its range become infinite.
pub fn in_float<const D: usize>(x: Tensor<D>, float: Float) -> Tensor<D> {
    x.cast(dtype(float))
}

/// Halves become 32-bit floats, anything else stays as it is.
pub fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F16 | DType::BF16 => x.cast(FloatDType::F32),
        _ => x,
    }
}

/// Back to the halves that went in.
pub fn narrowed<const D: usize>(x: Tensor<D>, float: DType) -> Tensor<D> {
    match float {
        DType::F16 => x.cast(FloatDType::F16),
        DType::BF16 => x.cast(FloatDType::BF16),
        _ => x,
    }
}
