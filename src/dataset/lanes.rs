//! Runs work with the widest registers of the processor at hand: the compiler makes one form of it for each kind.
//! What is computed is the same in all of them, as nothing here is rounded differently. The crate that `kiln export` writes
//! has a file of its own in this one's place.

use macerator::{AutoArch, Simd, WithSimd};

/// Something to compute. `run` and what it calls must be inlined, or stay in the plain form.
pub trait Work {
    type Output;

    fn run(self) -> Self::Output;
}

/// Runs it.
pub fn widest<W: Work>(work: W) -> W::Output {
    AutoArch::new().dispatch(Lanes(work))
}

/// Where this byte comes first.
pub fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    memchr::memchr(byte, bytes)
}

struct Lanes<W>(W);

impl<W: Work> WithSimd for Lanes<W> {
    type Output = W::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self) -> W::Output {
        self.0.run()
    }
}
