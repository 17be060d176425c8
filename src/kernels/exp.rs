//! The exponential function, the sigmoid, and the activations with their slopes, on lanes.

#![allow(unsafe_code)]

use super::lanes::Lanes;
use crate::scaling::Activation;

/// Several lanes at once: each step is done to all of them before the next, so that they share its constants and none
/// waits for the step before. No closures: the compiler leaves some of them as calls, without the processor's lanes.
macro_rules! each {
    ($values:ident, $i:ident, $step:expr) => {
        for $i in 0..N {
            $values[$i] = $step;
        }
    };
}

/// e to the power of -x, within two units in the last place from -88 to 87 and clamped outside: the power of two
/// nearest to it, times a polynomial on the rest (the Cephes library's coefficients).
#[inline(always)]
pub fn exp_of_negatives<L: Lanes, const N: usize>(mut x: [L; N]) -> [L; N] {
    // Adding this number leaves the nearest integer in the lowest bits.
    let rounder = L::splat(12_582_912.0);
    let (mut shifted, mut n, mut sum) = (x, x, x);
    each!(x, i, x[i].max(L::splat(-88.0)).min(L::splat(87.0)));
    each!(shifted, i, x[i].mul_add(L::splat(-std::f32::consts::LOG2_E), rounder));
    each!(n, i, shifted[i].sub(rounder));
    // The logarithm of two in two parts, so that nothing of the rest is lost.
    each!(x, i, n[i].mul_add(L::splat(0.693_359_4), x[i]));
    each!(x, i, n[i].mul_add(L::splat(-2.121_944_4e-4), x[i]));
    each!(sum, i, x[i].mul_add(L::splat(-1.987_569_1e-4), L::splat(1.398_199_9e-3)));
    for coefficient in [-8.333_452e-3, 4.166_579_6e-2, -1.666_666_6e-1, 5.0e-1, -1.0, 1.0] {
        each!(sum, i, sum[i].mul_add(x[i], L::splat(coefficient)));
    }
    each!(sum, i, sum[i].mul(shifted[i].power_of_two()));
    sum
}

#[inline(always)]
pub fn sigmoid<L: Lanes, const N: usize>(x: [L; N]) -> [L; N] {
    let one = L::splat(1.0);
    let mut gate = exp_of_negatives(x);
    each!(gate, i, one.div(one.add(gate[i])));
    gate
}

/// An activation that is known when the kernel is compiled.
pub trait Act: Copy + Sync {
    /// Its slope is 1 everywhere.
    const STRAIGHT: bool = false;
    fn apply<L: Lanes, const N: usize>(self, x: [L; N]) -> [L; N];
    /// The derivative at x.
    fn slope<L: Lanes, const N: usize>(self, x: [L; N]) -> [L; N];
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
    fn apply<L: Lanes, const N: usize>(self, x: [L; N]) -> [L; N] {
        x
    }
    #[inline(always)]
    fn slope<L: Lanes, const N: usize>(self, _: [L; N]) -> [L; N] {
        [L::splat(1.0); N]
    }
}

impl Act for Silu {
    #[inline(always)]
    fn apply<L: Lanes, const N: usize>(self, x: [L; N]) -> [L; N] {
        let one = L::splat(1.0);
        let mut power = exp_of_negatives(x);
        each!(power, i, x[i].div(one.add(power[i])));
        power
    }
    #[inline(always)]
    fn slope<L: Lanes, const N: usize>(self, x: [L; N]) -> [L; N] {
        let one = L::splat(1.0);
        let mut gate = sigmoid(x);
        each!(gate, i, gate[i].mul(one.sub(gate[i]).mul_add(x[i], one)));
        gate
    }
}

impl Act for Relu6 {
    #[inline(always)]
    fn apply<L: Lanes, const N: usize>(self, mut x: [L; N]) -> [L; N] {
        each!(x, i, x[i].max(L::splat(0.0)).min(L::splat(6.0)));
        x
    }
    #[inline(always)]
    fn slope<L: Lanes, const N: usize>(self, mut x: [L; N]) -> [L; N] {
        each!(x, i, x[i].inside(L::splat(0.0), L::splat(6.0)));
        x
    }
}

/// The activation by its name, of so many lanes at an address. They are taken from memory four at a time: one piece of
/// code for all, and sums that are still being made stay in registers.
///
/// # Safety
/// So many lanes can be read and written there.
#[inline(always)]
pub unsafe fn activate<L: Lanes>(at: *mut f32, lanes: usize, activation: Option<Activation>) {
    // SAFETY: the caller's promise.
    unsafe {
        match activation {
            None => {}
            Some(Activation::Silu) => in_fours::<L>(at, lanes, Silu),
            Some(Activation::Relu6) => in_fours::<L>(at, lanes, Relu6),
        }
    }
}

/// # Safety
/// As for `activate`.
#[inline(always)]
unsafe fn in_fours<L: Lanes>(at: *mut f32, lanes: usize, act: impl Act) {
    let mut lane = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while lane + 4 <= lanes {
            let at = at.add(lane * L::WIDTH);
            let second = at.add(L::WIDTH);
            let (third, fourth) = (at.add(2 * L::WIDTH), at.add(3 * L::WIDTH));
            let found = act.apply([L::load(at), L::load(second), L::load(third), L::load(fourth)]);
            found[0].store(at);
            found[1].store(second);
            found[2].store(third);
            found[3].store(fourth);
            lane += 4;
        }
        while lane < lanes {
            let at = at.add(lane * L::WIDTH);
            act.apply([L::load(at)])[0].store(at);
            lane += 1;
        }
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
                    let x = L::splat(0.0).sub(L::load(self.0.as_ptr().add(i)));
                    exp_of_negatives([x])[0].store(output.as_mut_ptr().add(i));
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
