//! The self-check: every operation of the network, forward and backward, on a device and on a processor's
//! backend that has nothing in common with it. A device that answers is not yet a device that computes.

mod compare;
mod operation;
mod shapes;

use std::time::Instant;

use burn::tensor::Device;
use serde::Serialize;

use self::compare::difference;
use self::operation::{Operation, Values};
use super::open::ndarray;
use super::quiet::quietly;
use crate::scaling::Float;

/// How far a tensor may be from the reference, relative to it. Single precision stays below 1e-5 on Flex,
/// ndarray and Mesa's llvmpipe. A GPU that rounds factors to 10 bits of mantissa comes near to this; a wrong
/// kernel is far above.
pub const TOLERANCE: f64 = 1e-3;

/// The same where pictures are half floats: what goes in is rounded for both, so what is left is the rounding of what
/// comes out, half a bit of 11 or 8, and of the weights that a kernel multiplies with.
pub fn tolerance(float: Float) -> f64 {
    match float {
        Float::Fp32 => TOLERANCE,
        Float::Fp16 => 4e-3,
        Float::Bf16 => 3e-2,
    }
}

/// What a device made of every operation.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The backend that was compared with.
    pub reference: &'static str,
    /// What pictures were made of.
    pub precision: Float,
    pub tolerance: f64,
    pub seconds: f64,
    pub rows: Vec<Row>,
}

/// One operation at one shape. An error is the larger of |a-b| / |b| by norm and by largest entry; a number
/// that is none counts as infinite, which JSON writes as null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub operation: String,
    pub shape: String,
    /// The worst of its outputs.
    pub forward: f64,
    pub gradients: Vec<Gradient>,
    /// Why there are no figures: the device gave up.
    pub fault: Option<String>,
    pub ok: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gradient {
    /// With respect to this input.
    pub of: &'static str,
    pub error: f64,
}

impl Report {
    pub fn passes(&self) -> bool {
        self.rows.iter().all(|row| row.ok)
    }

    pub fn failures(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.ok)
    }
}

impl Row {
    /// The worst of its gradients; 0 where it has none.
    pub fn backward(&self) -> f64 {
        self.gradients.iter().map(|gradient| gradient.error).fold(0.0, f64::max)
    }
}

/// Checks a device; `progress` hears how many operations of how many are done.
pub fn check(device: &Device, progress: &mut dyn FnMut(usize, usize)) -> Report {
    check_in(Float::Fp32, device, progress)
}

/// Checks a device with pictures made of such numbers, against the same pictures as 32-bit floats.
pub fn check_in(float: Float, device: &Device, progress: &mut dyn FnMut(usize, usize)) -> Report {
    let start = Instant::now();
    let flex = Device::flex();
    let (reference, name) = if *device == flex { (ndarray(), "ndarray") } else { (flex, "cpu") };
    let mut operations = shapes::all();
    operations.retain(|operation| !float.is_half() || operation.takes_halves());
    let tolerance = tolerance(float);
    let rows = operations.iter().enumerate().map(|(done, operation)| {
        progress(done, operations.len());
        let given = quietly(|| operation.evaluate(device, float, float));
        row(operation, given, quietly(|| operation.evaluate(&reference, float, Float::Fp32)), tolerance)
    });
    let rows = rows.collect();
    progress(operations.len(), operations.len());
    Report { reference: name, precision: float, tolerance, seconds: start.elapsed().as_secs_f64(), rows }
}

/// Compares what both gave. The outer error is a panic, the inner one what the backend said.
fn row(
    operation: &Operation,
    device: Result<Result<Values, String>, String>,
    reference: Result<Result<Values, String>, String>,
    tolerance: f64,
) -> Row {
    let both =
        device.and_then(|given| given).and_then(|given| Ok((given, reference.and_then(|right| right)?)));
    let (forward, gradients, fault) = match both {
        Ok((given, right)) => (worst(&given, &right), gradients(&given, &right), None),
        Err(fault) => (f64::INFINITY, Vec::new(), Some(fault)),
    };
    let backward = gradients.iter().all(|gradient: &Gradient| gradient.error <= tolerance);
    let ok = fault.is_none() && forward <= tolerance && backward;
    Row { operation: operation.to_string(), shape: operation.shape(), forward, gradients, fault, ok }
}

fn worst(given: &Values, right: &Values) -> f64 {
    let errors = given.outputs.iter().zip(&right.outputs).map(|(a, b)| difference(a, b));
    errors.fold(0.0, f64::max)
}

fn gradients(given: &Values, right: &Values) -> Vec<Gradient> {
    let pairs = given.gradients.iter().zip(&right.gradients);
    pairs.map(|((of, a), (_, b))| Gradient { of, error: difference(a, b) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(operation: &Operation) -> Values {
        operation.evaluate(&Device::flex(), Float::Fp32, Float::Fp32).unwrap()
    }

    /// By the tolerance of fp16: what that catches, the one of fp32 does too.
    fn ok(operation: &Operation, given: Values) -> bool {
        row(operation, Ok(Ok(given)), Ok(Ok(values(operation))), tolerance(Float::Fp16)).ok
    }

    #[test]
    fn a_wrong_output_or_gradient_of_any_operation_is_caught() {
        for operation in shapes::all().iter().filter(|operation| operation.is_small()) {
            let right = values(operation);
            assert!(ok(operation, right.clone()), "{operation}");
            for output in 0..right.outputs.len() {
                let mut wrong = right.clone();
                perturb(&mut wrong.outputs[output]);
                assert!(!ok(operation, wrong), "{operation}, output {output}");
            }
            for gradient in 0..right.gradients.len() {
                let mut wrong = right.clone();
                perturb(&mut wrong.gradients[gradient].1);
                assert!(!ok(operation, wrong), "{operation}, gradient {gradient}");
            }
        }
    }

    /// One number of many, by one hundredth of the largest.
    fn perturb(numbers: &mut [f32]) {
        let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        let middle = numbers.len() / 2;
        numbers[middle] += largest * 0.01;
    }

    #[test]
    fn a_device_that_gives_up_is_a_failed_row() {
        let operation = &shapes::all()[0];
        let gave_up = row(operation, Err("lost the device".to_owned()), Ok(Ok(values(operation))), TOLERANCE);
        assert!(!gave_up.ok);
        assert_eq!(gave_up.fault.as_deref(), Some("lost the device"));
    }

    #[test]
    fn nothing_computed_is_not_right() {
        let operation = &shapes::all()[0];
        let zeros = |numbers: &mut Vec<f32>| numbers.iter_mut().for_each(|number| *number = 0.0);
        let mut silent = values(operation);
        silent.outputs.iter_mut().for_each(zeros);
        assert!(!ok(operation, silent));
    }
}
