//! The exponential function, the sigmoid, and the activations with their slopes, on lanes.

use super::lanes::Lanes;
use crate::scaling::Activation;

/// e to the power of x, within two units in the last place from -87 to 88 and clamped outside: the power of
/// two nearest to it, times a polynomial on the rest (the Cephes library's coefficients).
#[inline(always)]
pub fn exp<L: Lanes>(x: L) -> L {
    // Adding this number leaves the nearest integer in the lowest bits.
    let rounder = L::splat(12_582_912.0);
    let x = x.max(L::splat(-87.0)).min(L::splat(88.0));
    let shifted = x.mul(L::splat(std::f32::consts::LOG2_E)).add(rounder);
    let n = shifted.sub(rounder);
    // The logarithm of two in two parts, so that nothing of the rest is lost.
    let rest = n.mul_add(L::splat(-0.693_359_4), x);
    let rest = n.mul_add(L::splat(2.121_944_4e-4), rest);
    let mut sum = L::splat(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 5.0e-1] {
        sum = sum.mul_add(rest, L::splat(coefficient));
    }
    let value = sum.mul(rest).mul_add(rest, rest).add(L::splat(1.0));
    value.mul(shifted.power_of_two())
}

#[inline(always)]
pub fn sigmoid<L: Lanes>(x: L) -> L {
    let one = L::splat(1.0);
    one.div(one.add(exp(L::splat(0.0).sub(x))))
}

/// An activation that is known when the kernel is compiled.
pub trait Act: Copy + Sync {
    /// Its slope is 1 everywhere.
    const STRAIGHT: bool = false;
    fn apply<L: Lanes>(self, x: L) -> L;
    /// The derivative at x.
    fn slope<L: Lanes>(self, x: L) -> L;
}

#[derive(Clone, Copy)]
pub struct Identity;
#[derive(Clone, Copy)]
pub struct Silu;
#[derive(Clone, Copy)]
pub struct Relu6;

impl Act for Identity {
    const STRAIGHT: bool = true;

    #[inline(always)]
    fn apply<L: Lanes>(self, x: L) -> L {
        x
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, _: L) -> L {
        L::splat(1.0)
    }
}

impl Act for Silu {
    #[inline(always)]
    fn apply<L: Lanes>(self, x: L) -> L {
        let one = L::splat(1.0);
        x.div(one.add(exp(L::splat(0.0).sub(x))))
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> L {
        let one = L::splat(1.0);
        let gate = sigmoid(x);
        gate.mul(one.sub(gate).mul_add(x, one))
    }
}

impl Act for Relu6 {
    #[inline(always)]
    fn apply<L: Lanes>(self, x: L) -> L {
        x.max(L::splat(0.0)).min(L::splat(6.0))
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> L {
        x.inside(L::splat(0.0), L::splat(6.0))
    }
}

/// The activation by its name, for the last step of a convolution.
#[inline(always)]
pub fn activate<L: Lanes>(x: L, activation: Option<Activation>) -> L {
    match activation {
        None => x,
        Some(Activation::Silu) => Silu.apply(x),
        Some(Activation::Relu6) => Relu6.apply(x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::lanes::{self, Kernel, Plain};

    struct Exp([f32; 8]);

    impl Kernel for Exp {
        type Output = [f32; 8];
        #[inline(always)]
        fn run<L: Lanes>(self) -> [f32; 8] {
            let mut output = self.0;
            for i in (0..8).step_by(L::WIDTH) {
                // SAFETY: eight is a multiple of every width.
                #[allow(unsafe_code)]
                unsafe {
                    exp(L::load(self.0.as_ptr().add(i))).store(output.as_mut_ptr().add(i));
                }
            }
            output
        }
    }

    fn check(x: f32, got: f32) {
        let expected = f64::from(x).exp();
        let error = (f64::from(got) - expected).abs() / expected;
        assert!(error < 2.5e-7, "exp({x}) = {got}, not {expected}: {error:e}");
    }

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for step in 0..20_000 {
            let x = -87.0 + step as f32 * (175.0 / 20_000.0);
            let all = [x; 8];
            check(x, lanes::run(Exp(all))[3]);
            check(x, Exp(all).run::<Plain<8, false>>()[7]);
            check(x, Exp(all).run::<Plain<1, false>>()[7]);
        }
    }

    #[test]
    fn exp_of_what_is_no_number_is_none() {
        assert!(lanes::run(Exp([f32::NAN; 8]))[0].is_nan());
        assert!(Exp([f32::NAN; 8]).run::<Plain<8, false>>()[0].is_nan());
    }

    #[test]
    fn the_ends_stay_finite() {
        let ends = lanes::run(Exp([-1e30, 1e30, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 88.0, -87.0]));
        assert!(ends.iter().all(|value| value.is_finite()), "{ends:?}");
        assert_eq!(ends[4], 1.0);
    }
}
