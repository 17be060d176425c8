//! What pictures are made of while training: the type that was asked for where the device can compute with it, or the best
//! one that it has.

use burn::tensor::Device;

use super::Error;
use super::list::Kind;
use super::open::Chosen;
use super::quiet::quietly;
use crate::kernels::dtype;
use crate::scaling::Float;

/// The half types, best first: bf16 has the range of 32-bit floats, so that nothing overflows.
const HALVES: [Float; 2] = [Float::Bf16, Float::Fp16];

/// The half types that training may take on a device, best first. Processors compute in 32 bits: with halves they would
/// only be slower.
pub fn halves(chosen: &Chosen) -> Vec<Float> {
    match chosen.listed.kind {
        Kind::Cpu | Kind::Ndarray => Vec::new(),
        Kind::Wgpu | Kind::Cuda => HALVES.into_iter().filter(|float| has(&chosen.device, *float)).collect(),
    }
}

/// A driver that cannot even say so does not have it.
fn has(device: &Device, float: Float) -> bool {
    quietly(|| device.supports_dtype(dtype(float))).unwrap_or(false)
}

/// What a training on this device computes with. Nothing was asked for where the best is wanted.
pub fn precision(chosen: &Chosen, asked: Option<Float>) -> Result<Float, Error> {
    settle(chosen, asked, &halves(chosen))
}

fn settle(chosen: &Chosen, asked: Option<Float>, halves: &[Float]) -> Result<Float, Error> {
    let refused = |float: Float, reason| {
        Err(Error::Precision { float, name: chosen.name, part: chosen.listed.name.clone(), reason })
    };
    match asked {
        // Software drivers compute with halves one by one.
        None if !chosen.listed.is_gpu() => Ok(Float::Fp32),
        None => Ok(halves.first().copied().unwrap_or_default()),
        Some(float) if !float.is_half() => Ok(float),
        Some(float) if matches!(chosen.listed.kind, Kind::Cpu | Kind::Ndarray) => {
            refused(float, "would only be slower there, since processors compute in 32 bits".to_owned())
        }
        Some(float) if halves.contains(&float) => Ok(float),
        Some(float) => {
            let names: Vec<&str> = halves.iter().copied().chain([Float::Fp32]).map(Float::name).collect();
            refused(float, format!("is nothing that it can compute with; it has {}", names.join(" and ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Float::{Bf16, Fp16, Fp32};
    use super::*;

    fn device(kind: Kind, software: bool) -> Chosen {
        let mut chosen = Chosen::cpu().unwrap();
        (chosen.listed.kind, chosen.listed.software, chosen.name) = (kind, software, kind.name());
        chosen
    }

    #[test]
    fn auto_takes_the_best_half_type_of_a_gpu_in_earnest() {
        let check = |kind, software, halves: &[Float], expected| {
            assert_eq!(settle(&device(kind, software), None, halves).unwrap(), expected, "{kind:?}");
        };
        check(Kind::Cuda, false, &[Bf16, Fp16], Bf16);
        check(Kind::Wgpu, false, &[Fp16], Fp16);
        check(Kind::Wgpu, false, &[], Fp32);
        check(Kind::Wgpu, true, &[Fp16], Fp32);
        check(Kind::Cpu, false, &[Bf16, Fp16], Fp32);
        check(Kind::Ndarray, false, &[], Fp32);
    }

    #[test]
    fn what_a_device_has_not_is_refused_by_key_with_what_it_has() {
        let wgpu = device(Kind::Wgpu, true);
        for float in [Fp32, Fp16] {
            assert_eq!(settle(&wgpu, Some(float), &[Fp16]).unwrap(), float);
        }
        let check = |chosen: &Chosen, float, halves: &[Float], parts: &[&str]| {
            let error = settle(chosen, Some(float), halves).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        };
        check(&wgpu, Bf16, &[Fp16], &["train.precision = \"bf16\"", "device wgpu", "it has fp16 and fp32"]);
        check(&wgpu, Fp16, &[], &["train.precision = \"fp16\"", "it has fp32;", "\"auto\""]);
        check(&device(Kind::Cpu, false), Fp16, &[Bf16, Fp16], &["device cpu", "slower"]);
        check(&device(Kind::Ndarray, false), Bf16, &[], &["device ndarray", "slower"]);
        assert_eq!(settle(&device(Kind::Cpu, false), Some(Fp32), &[]).unwrap(), Fp32);
    }

    #[test]
    fn burn_says_what_the_processor_has() {
        let chosen = Chosen::cpu().unwrap();
        assert_eq!(HALVES.map(|float| has(&chosen.device, float)), [true, true]);
        assert_eq!(HALVES.map(|float| has(&super::super::open::ndarray(), float)), [false, false]);
        assert_eq!(halves(&chosen), []);
    }
}
