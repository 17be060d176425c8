//! Eight numbers at a time: one trait, written once with AVX2 and FMA and once in plain Rust; and sixteen with AVX-512. Which one
//! runs is found out at run time. Owns the choice; knows no operation.
#![allow(unsafe_code)]

use std::sync::OnceLock;

/// Numbers in the widest lanes.
pub const WIDEST: usize = 16;

/// Several numbers that are computed with at once. Where a method meets NaN, it keeps it.
pub trait Lanes: Copy {
    const WIDTH: usize;
    /// One number at a time with the same rounding, for what is left over.
    type Single: Lanes;

    fn splat(value: f32) -> Self;

    /// # Safety
    /// `WIDTH` numbers can be read from there.
    unsafe fn load(from: *const f32) -> Self;

    /// # Safety
    /// `WIDTH` numbers can be written there.
    unsafe fn store(self, to: *mut f32);

    /// The first numbers, at most `WIDTH`, and zeros behind them.
    ///
    /// # Safety
    /// `count` numbers can be read from there.
    unsafe fn load_first(from: *const f32, count: usize) -> Self;

    /// At most `WIDTH` of its numbers.
    ///
    /// # Safety
    /// `count` numbers can be written there.
    unsafe fn store_first(self, to: *mut f32, count: usize);

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    /// `self * factor + term`; rounded once where the processor can.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    /// 1 strictly between the bounds, 0 elsewhere.
    fn inside(self, low: Self, high: Self) -> Self;
    /// 2 to the power of n, where `self` is n plus 1.5 * 2^23: n then stands in the lowest bits.
    fn power_of_two(self) -> Self;
}

/// Work that is written once for all lanes. It must not start threads: they would lose the lanes.
pub trait Kernel {
    type Output;
    fn run<L: Lanes>(self) -> Self::Output;
}

/// Runs a kernel with the widest lanes of this processor.
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: the processor has AVX2 and FMA, as was just asked.
        return unsafe { avx2::run(kernel) };
    }
    kernel.run::<Plain<8, false>>()
}

/// Runs a kernel that can do with sixteen numbers at a time, where the processor has AVX-512. What it gives must not depend on how many they
/// are: machines with and without it go by one name.
pub fn run_wide<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if has_avx512() {
        // SAFETY: the processor has AVX-512 and what it builds on, as was just asked.
        return unsafe { avx512::run(kernel) };
    }
    run(kernel)
}

/// Setting this variable turns AVX2 off, so that the plain form can be tested everywhere.
pub const PORTABLE: &str = "KILN_PORTABLE";
/// And this one AVX-512, for the same reason.
pub const NARROW: &str = "KILN_NARROW";

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        std::env::var_os(PORTABLE).is_none()
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
    })
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        has_avx2() && std::env::var_os(NARROW).is_none() && is_x86_feature_detected!("avx512f")
    })
}

/// Names the lanes that kernels run with here: other lanes round differently.
pub fn name() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        return "avx2";
    }
    "portable"
}

/// An array. `FUSED` may only be set where the processor has FMA: it is very slow elsewhere.
#[derive(Clone, Copy)]
pub struct Plain<const N: usize, const FUSED: bool>([f32; N]);

impl<const N: usize, const FUSED: bool> Plain<N, FUSED> {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut result = self.0;
        result.iter_mut().zip(other.0).for_each(|(a, b)| *a = f(*a, b));
        Self(result)
    }
}

impl<const N: usize, const FUSED: bool> Lanes for Plain<N, FUSED> {
    const WIDTH: usize = N;
    type Single = Plain<1, FUSED>;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; N])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for N numbers; an array of f32 needs no more than f32's alignment.
        Self(unsafe { from.cast::<[f32; N]>().read() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as in load.
        unsafe { to.cast::<[f32; N]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        let mut values = [0.0; N];
        // SAFETY: the caller vouches for `count` numbers.
        (0..count.min(N)).for_each(|i| values[i] = unsafe { from.add(i).read() });
        Self(values)
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        // SAFETY: as in load_first.
        (0..count.min(N)).for_each(|i| unsafe { to.add(i).write(self.0[i]) });
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.zip(self, |a, _| a.sqrt())
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        let mut result = self.0;
        for ((value, factor), term) in result.iter_mut().zip(factor.0).zip(term.0) {
            *value = if FUSED { value.mul_add(factor, term) } else { *value * factor + term };
        }
        Self(result)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if b < a { b } else { a })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if b > a { b } else { a })
    }
    #[inline(always)]
    fn inside(self, low: Self, high: Self) -> Self {
        let above = self.zip(low, |a, b| if a > b { 1.0 } else { 0.0 });
        above.mul(self.zip(high, |a, b| if a < b { 1.0 } else { 0.0 }))
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        let mut result = self.0;
        for value in &mut result {
            *value = f32::from_bits((value.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
        }
        Self(result)
    }
}

#[cfg(target_arch = "x86_64")]
#[path = "lanes_avx512.rs"]
mod avx512;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{Kernel, Lanes, Plain};

    /// # Safety
    /// The processor has AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Avx>()
    }

    #[derive(Clone, Copy)]
    struct Avx(__m256);

    // SAFETY of every block below: `Avx` is private and named only in `run`, which only processors with AVX2
    // and FMA reach; loads and stores are as good as their callers' pointers.
    impl Lanes for Avx {
        const WIDTH: usize = 8;
        type Single = Plain<1, true>;

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: see above.
            unsafe { _mm256_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn load_first(from: *const f32, count: usize) -> Self {
            // SAFETY: see above.
            unsafe {
                if count >= 8 {
                    return Self::load(from);
                }
                let mut values = [0.0; 8];
                (0..count).for_each(|i| values[i] = from.add(i).read());
                Self::load(values.as_ptr())
            }
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            // SAFETY: see above.
            unsafe {
                if count >= 8 {
                    return self.store(to);
                }
                let mut values = [0.0; 8];
                self.store(values.as_mut_ptr());
                (0..count).for_each(|i| to.add(i).write(values[i]));
            }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_div_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_sqrt_ps(self.0) })
        }
        #[inline(always)]
        fn mul_add(self, factor: Self, term: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, term.0) })
        }
        // The processor's min and max give the second operand where either is NaN.
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_min_ps(other.0, self.0) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_max_ps(other.0, self.0) })
        }
        #[inline(always)]
        fn inside(self, low: Self, high: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe {
                let above = _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, low.0);
                let below = _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, high.0);
                _mm256_and_ps(_mm256_and_ps(above, below), _mm256_set1_ps(1.0))
            })
        }
        #[inline(always)]
        fn power_of_two(self) -> Self {
            // SAFETY: see above.
            Self(unsafe {
                let shifted = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.0));
                let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
                _mm256_castsi256_ps(_mm256_add_epi32(shifted, one))
            })
        }
    }
}
