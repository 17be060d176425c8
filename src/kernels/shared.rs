//! One output that many tasks write, each its own part.
#![allow(unsafe_code)]

use std::marker::PhantomData;

/// A slice whose parts are handed out to tasks.
pub struct Shared<'a> {
    start: *mut f32,
    length: usize,
    owner: PhantomData<&'a mut [f32]>,
}

// SAFETY: a part is only handed out by an unsafe call, whose caller vouches that no other task holds it.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), owner: PhantomData }
    }

    pub fn len(&self) -> usize {
        self.length
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// Nobody else holds any number of it at the same time.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    pub unsafe fn part(&self, first: usize, count: usize) -> &mut [f32] {
        assert!(first <= self.length && count <= self.length - first, "a part beyond the end");
        // SAFETY: within the slice, as was just asked, and nobody else's by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), count) }
    }

    /// Where a part of the slice begins, for who writes some numbers of it and leaves those between them to others.
    ///
    /// # Safety
    /// As for `part`, but of the numbers that are written.
    #[inline(always)]
    pub unsafe fn place(&self, first: usize, count: usize) -> *mut f32 {
        assert!(first <= self.length && count <= self.length - first, "a part beyond the end");
        // SAFETY: within the slice, as was just asked.
        unsafe { self.start.add(first) }
    }
}
