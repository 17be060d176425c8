//! Little-endian bytes of any float type into f32. Whole numbers are only recognised: no weight of an EfficientNet is one.

use half::{bf16, f16};

/// The types that files name, as far as weights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    F16,
    Bf16,
    F32,
    F64,
    Integer,
}

/// The values, or None for whole numbers. A trailing part of an element is dropped; readers check lengths before.
pub fn floats(kind: Type, bytes: &[u8]) -> Option<Vec<f32>> {
    match kind {
        Type::F16 => Some(each(bytes, |b| f16::from_le_bytes(b).to_f32())),
        Type::Bf16 => Some(each(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        Type::F32 => Some(each(bytes, f32::from_le_bytes)),
        Type::F64 => Some(each(bytes, |b| f64::from_le_bytes(b) as f32)),
        Type::Integer => None,
    }
}

fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| value(chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_type_is_read() {
        let check = |kind, bytes: &[u8]| assert_eq!(floats(kind, bytes), Some(vec![1.5, -2.0]), "{kind:?}");
        // Bytes from numpy's tobytes(); bfloat16 is the upper half of float32.
        check(Type::F16, &[0x00, 0x3e, 0x00, 0xc0]);
        check(Type::Bf16, &[0xc0, 0x3f, 0x00, 0xc0]);
        check(Type::F32, &[0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0]);
        check(Type::F64, &[0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0]);
        assert_eq!(floats(Type::Integer, &[1, 0, 0, 0]), None);
    }
}
