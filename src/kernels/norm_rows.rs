//! The loops of the batch normalisation over rows of channels.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use super::exp::Act;
use super::lanes::{Kernel, Lanes};
use super::norm::Affine;

/// Rows that go through a channel's numbers together.
const TOGETHER: usize = 4;
/// Rows whose sums are kept in 32 bits.
const SHORT: usize = 64;

/// Sums of distances from the pivot, and of their squares.
pub struct Sums<'a> {
    pub x: &'a [f32],
    pub pivot: &'a [f32],
}

pub struct Apply<'a, A> {
    pub x: &'a [f32],
    pub affine: Affine<'a>,
    pub act: A,
    pub output: &'a mut [f32],
}

pub struct Derive<'a, A, const SCALED: bool> {
    pub x: &'a [f32],
    pub affine: Affine<'a>,
    pub act: A,
    pub gradient: Rows<'a>,
}

pub struct Correct<'a> {
    pub x: &'a [f32],
    pub affine: Affine<'a>,
    pub slope: &'a [f32],
    pub gradient: Rows<'a>,
}

/// Rows that are read here and written there, or in one place.
pub struct Rows<'a> {
    from: *const f32,
    to: *mut f32,
    length: usize,
    owner: PhantomData<&'a mut [f32]>,
}

impl<'a> Rows<'a> {
    pub fn here(rows: &'a mut [f32]) -> Self {
        let to = rows.as_mut_ptr();
        Self { from: to, to, length: rows.len(), owner: PhantomData }
    }

    pub fn into(from: &'a [f32], to: &'a mut [f32]) -> Self {
        assert_eq!(from.len(), to.len(), "rows of other sizes");
        Self { from: from.as_ptr(), to: to.as_mut_ptr(), length: from.len(), owner: PhantomData }
    }

    pub fn len(&self) -> usize {
        self.length
    }
}

/// What is done with R rows at one place; `at` is the first row's, `stride` the distance to the next.
trait Step {
    /// # Safety
    /// A whole width can be read and written at the channel and at each row's place.
    unsafe fn step<L: Lanes, const R: usize>(&mut self, channel: usize, at: usize, stride: usize);
}

/// Takes the rows in fours and the channels in lanes.
#[inline(always)]
fn over_rows<L: Lanes>(step: &mut impl Step, rows: std::ops::Range<usize>, channels: usize) {
    let mut row = rows.start;
    while row + TOGETHER <= rows.end {
        over_channels::<L, TOGETHER>(step, row, channels);
        row += TOGETHER;
    }
    while row < rows.end {
        over_channels::<L, 1>(step, row, channels);
        row += 1;
    }
}

#[inline(always)]
fn over_channels<L: Lanes, const R: usize>(step: &mut impl Step, row: usize, channels: usize) {
    let mut channel = 0;
    // SAFETY: the width fits between the channel and the last one, in each of the R rows; every kernel below
    // asks first whether its slices have that size.
    unsafe {
        while channel + L::WIDTH <= channels {
            step.step::<L, R>(channel, row * channels + channel, channels);
            channel += L::WIDTH;
        }
        while channel < channels {
            step.step::<L::Single, R>(channel, row * channels + channel, channels);
            channel += 1;
        }
    }
}

/// Asks whether all slices have one number per channel; gives the number of rows.
fn rows_of(x: &[f32], other: usize, channels: usize, vectors: &[usize]) -> usize {
    assert!(x.len() == other && vectors.iter().all(|length| *length == channels), "rows of other sizes");
    x.len() / channels.max(1)
}

impl Affine<'_> {
    fn lengths(&self) -> [usize; 3] {
        [self.center.len(), self.scale.len(), self.shift.len()]
    }

    /// # Safety
    /// A whole width can be read at the channel.
    #[inline(always)]
    unsafe fn load<L: Lanes>(&self, channel: usize) -> [L; 3] {
        // SAFETY: the caller's promise.
        unsafe {
            [
                L::load(self.center.as_ptr().add(channel)),
                L::load(self.scale.as_ptr().add(channel)),
                L::load(self.shift.as_ptr().add(channel)),
            ]
        }
    }
}

/// Two sums for each channel, in 32 bits.
struct Short(Vec<f32>, Vec<f32>);

impl Short {
    fn new(channels: usize) -> Self {
        Self(vec![0.0; channels], vec![0.0; channels])
    }

    /// # Safety
    /// A whole width can be read and written at the channel.
    #[inline(always)]
    unsafe fn add<L: Lanes>(&mut self, channel: usize, first: L, second: L) {
        // SAFETY: the caller's promise.
        unsafe {
            let (a, b) = (self.0.as_mut_ptr().add(channel), self.1.as_mut_ptr().add(channel));
            L::load(a).add(first).store(a);
            L::load(b).add(second).store(b);
        }
    }

    fn flush(&mut self, long: &mut (Vec<f64>, Vec<f64>)) {
        let both = [(&mut self.0, &mut long.0), (&mut self.1, &mut long.1)];
        for (short, long) in both {
            for (short, long) in short.iter_mut().zip(long) {
                *long += f64::from(std::mem::take(short));
            }
        }
    }
}

struct Summing<'a> {
    x: &'a [f32],
    pivot: &'a [f32],
    short: Short,
}

impl Step for Summing<'_> {
    #[inline(always)]
    unsafe fn step<L: Lanes, const R: usize>(&mut self, channel: usize, at: usize, stride: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let pivot = L::load(self.pivot.as_ptr().add(channel));
            let (mut sum, mut square) = (L::splat(0.0), L::splat(0.0));
            for r in 0..R {
                let distance = L::load(self.x.as_ptr().add(at + r * stride)).sub(pivot);
                sum = sum.add(distance);
                square = distance.mul_add(distance, square);
            }
            self.short.add(channel, sum, square);
        }
    }
}

impl Kernel for Sums<'_> {
    type Output = (Vec<f64>, Vec<f64>);

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let channels = self.pivot.len();
        let rows = rows_of(self.x, self.x.len(), channels, &[]);
        let mut long = (vec![0.0; channels], vec![0.0; channels]);
        let mut step = Summing { x: self.x, pivot: self.pivot, short: Short::new(channels) };
        for first in (0..rows).step_by(SHORT) {
            over_rows::<L>(&mut step, first..rows.min(first + SHORT), channels);
            step.short.flush(&mut long);
        }
        long
    }
}

impl<A: Act> Step for Apply<'_, A> {
    #[inline(always)]
    unsafe fn step<L: Lanes, const R: usize>(&mut self, channel: usize, at: usize, stride: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let [center, scale, shift] = self.affine.load::<L>(channel);
            let mut values = [center; R];
            for (r, value) in values.iter_mut().enumerate() {
                let x = L::load(self.x.as_ptr().add(at + r * stride));
                *value = x.sub(center).mul_add(scale, shift);
            }
            for (r, value) in self.act.apply(values).into_iter().enumerate() {
                value.store(self.output.as_mut_ptr().add(at + r * stride));
            }
        }
    }
}

impl<A: Act> Kernel for Apply<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let channels = self.affine.scale.len();
        let rows = rows_of(self.x, self.output.len(), channels, &self.affine.lengths());
        over_rows::<L>(&mut self, 0..rows, channels);
    }
}

struct Deriving<'a, A, const SCALED: bool>(Derive<'a, A, SCALED>, Short);

impl<A: Act, const SCALED: bool> Step for Deriving<'_, A, SCALED> {
    #[inline(always)]
    unsafe fn step<L: Lanes, const R: usize>(&mut self, channel: usize, at: usize, stride: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let Derive { x, affine, act, gradient } = &mut self.0;
            let [center, scale, shift] = affine.load::<L>(channel);
            let (mut sum, mut product) = (L::splat(0.0), L::splat(0.0));
            let (mut distances, mut slopes) = ([center; R], [center; R]);
            for (r, distance) in distances.iter_mut().enumerate() {
                *distance = L::load(x.as_ptr().add(at + r * stride)).sub(center);
                slopes[r] = distance.mul_add(scale, shift);
            }
            slopes = act.slope(slopes);
            for (r, distance) in distances.into_iter().enumerate() {
                let place = gradient.to.add(at + r * stride);
                let mut value = L::load(gradient.from.add(at + r * stride));
                if !A::STRAIGHT {
                    value = value.mul(slopes[r]);
                }
                sum = sum.add(value);
                product = value.mul_add(distance, product);
                if SCALED {
                    value.mul(scale).store(place);
                } else if !A::STRAIGHT || gradient.from != gradient.to {
                    value.store(place);
                }
            }
            self.1.add(channel, sum, product);
        }
    }
}

impl<A: Act, const SCALED: bool> Kernel for Derive<'_, A, SCALED> {
    type Output = (Vec<f64>, Vec<f64>);

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let channels = self.affine.scale.len();
        let rows = rows_of(self.x, self.gradient.length, channels, &self.affine.lengths());
        let mut long = (vec![0.0; channels], vec![0.0; channels]);
        let mut step = Deriving(self, Short::new(channels));
        for first in (0..rows).step_by(SHORT) {
            over_rows::<L>(&mut step, first..rows.min(first + SHORT), channels);
            step.1.flush(&mut long);
        }
        long
    }
}

impl Step for Correct<'_> {
    #[inline(always)]
    unsafe fn step<L: Lanes, const R: usize>(&mut self, channel: usize, at: usize, stride: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let [center, scale, offset] = self.affine.load::<L>(channel);
            let slope = L::load(self.slope.as_ptr().add(channel));
            for r in 0..R {
                let distance = L::load(self.x.as_ptr().add(at + r * stride)).sub(center);
                let value = L::load(self.gradient.from.add(at + r * stride));
                let value = value.mul_add(scale, distance.mul_add(slope, offset));
                value.store(self.gradient.to.add(at + r * stride));
            }
        }
    }
}

impl Kernel for Correct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let channels = self.affine.scale.len();
        let [a, b, c] = self.affine.lengths();
        let rows = rows_of(self.x, self.gradient.length, channels, &[a, b, c, self.slope.len()]);
        over_rows::<L>(&mut self, 0..rows, channels);
    }
}

/// `value * scale + shift` in place.
pub struct Rescale<'a> {
    pub values: &'a mut [f32],
    pub scale: &'a [f32],
    pub shift: &'a [f32],
}

impl Step for Rescale<'_> {
    #[inline(always)]
    unsafe fn step<L: Lanes, const R: usize>(&mut self, channel: usize, at: usize, stride: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let scale = L::load(self.scale.as_ptr().add(channel));
            let shift = L::load(self.shift.as_ptr().add(channel));
            for r in 0..R {
                let place = self.values.as_mut_ptr().add(at + r * stride);
                L::load(place).mul_add(scale, shift).store(place);
            }
        }
    }
}

impl Kernel for Rescale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let channels = self.scale.len();
        let rows = rows_of(self.values, self.values.len(), channels, &[self.shift.len()]);
        over_rows::<L>(&mut self, 0..rows, channels);
    }
}
