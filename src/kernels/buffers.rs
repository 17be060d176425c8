//! Large buffers that are used again instead of being given back to the system, which would hand out fresh
//! pages and clear them each time. A step needs the same sizes as the one before it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use burn_flex::FlexTensor;

/// Smaller ones stay with the allocator, which keeps them itself.
const SMALLEST: usize = 16 * 1024;
/// Numbers that may lie about unused: 16 GiB. What a step gives back the next one takes again, so there is never more than
/// a step has needed at once, as long as steps are of one size.
const MOST: usize = 4 << 30;

static UNUSED: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());
/// Pictures of the present step and of the largest so far, and whether this one is smaller.
static PICTURES: AtomicUsize = AtomicUsize::new(0);
static MOST_PICTURES: AtomicUsize = AtomicUsize::new(0);
static IS_SMALL: AtomicBool = AtomicBool::new(false);

/// A step over so many pictures comes now; over none where nothing is trained. A smaller one, such as the last of an epoch, takes buffers
/// of the larger ones, which would only lie there. Between training and inference, and before a larger step, they go back to the
/// system: they are of other sizes there.
pub fn expect(pictures: usize) {
    let before = PICTURES.swap(pictures, Ordering::Relaxed);
    let most = MOST_PICTURES.fetch_max(pictures, Ordering::Relaxed);
    IS_SMALL.store((1..most).contains(&pictures), Ordering::Relaxed);
    if pictures > most || (pictures == 0) != (before == 0) {
        UNUSED.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A buffer with anything in it, all of which is to be written over.
pub fn take(length: usize) -> Vec<f32> {
    if length < SMALLEST {
        return vec![0.0; length];
    }
    let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
    // The tightest that fits, and not one that is half empty but where they are too large anyway.
    let largest = if IS_SMALL.load(Ordering::Relaxed) { usize::MAX } else { length + length / 2 };
    let fits = |buffer: &Vec<f32>| (length..=largest).contains(&buffer.capacity());
    let fitting = unused.iter().enumerate().filter(|(_, buffer)| fits(buffer));
    let Some((place, _)) = fitting.min_by_key(|(_, buffer)| buffer.capacity()) else {
        drop(unused);
        return vec![0.0; length];
    };
    let mut buffer = unused.swap_remove(place);
    drop(unused);
    buffer.resize(length, 0.0);
    buffer
}

/// A buffer of zeros.
pub fn zeros(length: usize) -> Vec<f32> {
    if length < SMALLEST {
        return vec![0.0; length];
    }
    let mut buffer = take(length);
    buffer.fill(0.0);
    buffer
}

/// Keeps a buffer for later.
pub fn give(buffer: Vec<f32>) {
    if buffer.capacity() < SMALLEST {
        return;
    }
    let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let kept: usize = unused.iter().map(Vec::capacity).sum();
    if kept + buffer.capacity() <= MOST {
        unused.push(buffer);
    }
}

/// Keeps the buffer of a tensor that nobody else holds.
pub fn give_tensor(tensor: FlexTensor) {
    let length = tensor.layout().num_elements();
    let alone = tensor.is_unique() && tensor.bytes().len() == length * size_of::<f32>();
    if length >= SMALLEST
        && alone
        && let Ok(buffer) = tensor.into_data().try_into_vec()
    {
        give(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_zeros_also_in_used_buffers() {
        let length = 3 * SMALLEST + 17;
        let mut used = take(length);
        used.fill(7.0);
        give(used);
        assert_eq!(take(length - 5).len(), length - 5);
        assert!(zeros(length).iter().all(|value| *value == 0.0));
        assert_eq!(take(0).len(), 0);
    }
}
