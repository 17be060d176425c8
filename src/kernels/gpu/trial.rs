//! How right and how fast each kernel is at a product, on random numbers of its very shape.

use std::time::{Duration, Instant};

use burn::backend::ops::FloatTensorOps;
use burn::backend::{Backend, Cube, DispatchDevice};
use burn::tensor::{DType, Device, Distribution, FloatDType, Shape, read_sync};
use burn_cubecl::kernel::cast;
use burn_cubecl::tensor::CubeTensor;

use super::candidates;
use super::launch::whole;
use super::{product, updates};
use crate::kernels::half::dtype;
use crate::kernels::{Measured, NO_NUMBER, OWN, PLAIN, Product};

/// The time that a kernel is measured for, and how often at most.
const TIME: Duration = Duration::from_millis(30);
const ROUNDS: usize = 5;
/// Launches between two looks at the clock.
const LAUNCHES: u32 = 4;

/// The matrices of one product, and what comes of them by the plainest kernel in 32 bits.
pub struct Trial {
    left: CubeTensor,
    right: CubeTensor,
    into: DType,
    truth: CubeTensor,
    /// The largest number in there.
    top: f64,
}

impl Trial {
    pub fn new(asked: Product, device: &Device) -> Result<Self, String> {
        let DispatchDevice::Cube(cube) = device.as_dispatch() else {
            return Err("this is no GPU".into());
        };
        let Product { count, rows, columns, depth, turned, from, into } = asked;
        let drawn = |[rows, columns]: [usize; 2], turned: bool| {
            let shape = if turned { [count, columns, rows] } else { [count, rows, columns] };
            // As it is asked for: one product has no number beside its sides.
            let shape = if count == 1 { Shape::from(shape[1..].to_vec()) } else { Shape::from(shape) };
            let range = Distribution::Uniform(-1.0, 1.0);
            let x = Cube::float_random(shape, range, cube, FloatDType::F32);
            let last = if count == 1 { 1 } else { 2 };
            let x = cast(x, dtype(from).into());
            if turned { Cube::float_swap_dims(x, last - 1, last) } else { x }
        };
        let (left, right) = (drawn([rows, depth], turned[0]), drawn([depth, columns], turned[1]));
        let plain = candidates::named(PLAIN).ok_or("there is no plain kernel")?;
        let [wide_left, wide_right] = [&left, &right].map(|x| cast(x.clone(), DType::F32));
        let truth = plain.multiply(&wide_left, &wide_right, DType::F32)?;
        let top = number(Cube::float_max_abs(truth.clone()))?;
        if !top.is_normal() {
            return Err(format!("the plain kernel gives {top}"));
        }
        Ok(Self { left, right, into: dtype(into).into(), truth, top })
    }

    /// The kernels that this device has the means for: Burn's own choice first, and last the plainest, which never is the fastest.
    pub fn kernels(&self) -> Vec<&'static str> {
        let fitting = candidates::fitting(&self.left, self.left.dtype, self.into).into_iter();
        let others = fitting.map(|one| one.name).filter(|name| *name != PLAIN);
        std::iter::once(OWN).chain(others).chain([PLAIN]).collect()
    }

    pub fn measure(&self, kernel: &str) -> Result<Measured, String> {
        let error = self.error_of(self.multiply(kernel)?)?;
        let (mut ms, begun) = (f64::INFINITY, Instant::now());
        for _ in 0..ROUNDS {
            let started = Instant::now();
            for _ in 0..LAUNCHES {
                self.multiply(kernel)?;
            }
            self.wait()?;
            ms = ms.min(started.elapsed().as_secs_f64() * 1e3 / f64::from(LAUNCHES));
            if begun.elapsed() > TIME {
                break;
            }
        }
        Ok(Measured { ms, error })
    }

    fn multiply(&self, kernel: &str) -> Result<CubeTensor, String> {
        match kernel {
            OWN => Ok(product::untuned(self.left.clone(), self.right.clone(), self.into)),
            name => candidates::named(name).ok_or_else(|| format!("{name} is no kernel"))?.multiply(
                &self.left,
                &self.right,
                self.into,
            ),
        }
    }

    fn error_of(&self, found: CubeTensor) -> Result<f64, String> {
        // Through CUDA what Burn makes has gaps between its rows, and anything may lie in them.
        let gap = whole(Cube::float_sub(cast(found, DType::F32), self.truth.clone()));
        // The largest of numbers may hide one that is none, their squares' sum does not.
        let sum = number(Cube::float_sum(updates::squares(std::slice::from_ref(&gap))))?;
        let top = number(Cube::float_max_abs(gap))?;
        Ok(if sum.is_finite() { top / self.top } else { NO_NUMBER })
    }

    fn wait(&self) -> Result<(), String> {
        Cube::sync(&self.left.device).map_err(|error| error.to_string())
    }
}

/// The only number of a tensor.
fn number(x: CubeTensor) -> Result<f64, String> {
    let data = read_sync(Cube::float_into_data(x)).map_err(|error| error.to_string())?;
    data.iter::<f64>().next().ok_or_else(|| "the device gave no number".into())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::kernels::gpu::tests::device;
    use crate::scaling::Float;

    const PRODUCT: Product = Product {
        count: 1,
        rows: 96,
        columns: 24,
        depth: 40,
        turned: [false, true],
        from: Float::Fp32,
        into: Float::Fp32,
    };

    #[test]
    fn every_kernel_of_a_device_is_measured_or_says_why_it_is_not() {
        let Some(device) = device() else { return };
        let shapes = [
            PRODUCT,
            Product { turned: [false; 2], ..PRODUCT },
            Product { count: 3, turned: [true, false], ..PRODUCT },
        ];
        for product in shapes {
            let trial = Trial::new(product, &device).unwrap();
            let kernels = trial.kernels();
            assert!(kernels.starts_with(&[OWN, "unit"]) && kernels.ends_with(&[PLAIN]), "{kernels:?}");
            for kernel in [OWN, PLAIN, "unit", "unit small"] {
                let found = trial.measure(kernel).unwrap();
                assert!(found.error < 1e-5, "{kernel} at {product}: {found:?}");
                assert!(found.ms > 0.0 && found.ms.is_finite(), "{kernel} at {product}: {found:?}");
            }
        }
        assert!(Trial::new(PRODUCT, &device).unwrap().measure("none").is_err());
    }

    #[test]
    fn what_lies_between_the_rows_of_a_result_does_not_count() {
        let Some(device) = device().filter(|device| device.supports_dtype(DType::F16)) else { return };
        let trial = Trial::new(Product { from: Float::Fp16, into: Float::Fp16, ..PRODUCT }, &device).unwrap();
        // Freed memory of every size that rows of 24 numbers may take together.
        for width in [24, 32, 64, 128] {
            let _none: Vec<_> = (0..32).map(|_| Tensor::<1>::full([96 * width], f32::NAN, &device)).collect();
        }
        let found = trial.measure(PLAIN).unwrap();
        assert!(found.error < 1e-3, "{found:?}");
    }

    #[test]
    fn one_wrong_number_is_noticed() {
        let Some(device) = device() else { return };
        let mut trial = Trial::new(PRODUCT, &device).unwrap();
        let mut data = read_sync(Cube::float_into_data(trial.truth.clone())).unwrap();
        let wrong = |data| Cube::float_from_data(data, &trial.left.device);
        data.as_mut_slice::<f32>().unwrap()[77] += trial.top as f32 / 10.0;
        trial.truth = wrong(data.clone());
        let error = trial.measure(PLAIN).unwrap().error;
        assert!((error - 0.1).abs() < 1e-3, "{error}");
        data.as_mut_slice::<f32>().unwrap()[77] = f32::NAN;
        trial.truth = Cube::float_from_data(data, &trial.left.device);
        assert_eq!(trial.measure(PLAIN).unwrap().error, NO_NUMBER);
    }
}
