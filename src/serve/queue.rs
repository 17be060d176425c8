//! What waits for a worker: a queue with so much room and no more. Who comes too late is told at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    room: usize,
    batch: Batch,
}

struct State<T> {
    /// With the moment when it came.
    waiting: VecDeque<(Instant, T)>,
    is_closed: bool,
}

/// How long a worker has to wait still.
enum Left {
    /// Until something comes.
    Unknown,
    Time(Duration),
}

impl<T> State<T> {
    /// Nothing where a batch can be taken.
    fn left(&self, most: usize, wait: Duration) -> Option<Left> {
        let Some((came, _)) = self.waiting.front() else { return Some(Left::Unknown) };
        let left = wait.saturating_sub(came.elapsed());
        (self.waiting.len() < most && !left.is_zero()).then_some(Left::Time(left))
    }
}

/// What a worker takes at once.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    pub most: usize,
    /// How long the oldest may wait until there are so many.
    pub wait: Duration,
    /// Between how many workers the queue is shared.
    pub workers: usize,
}

impl<T> Queue<T> {
    pub fn new(room: usize, batch: Batch) -> Self {
        let state = State { waiting: VecDeque::new(), is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), room, batch }
    }

    /// Puts all in, or gives them back where there is no room for all.
    pub fn put(&self, items: Vec<T>) -> Result<(), Vec<T>> {
        let mut state = self.lock();
        if state.is_closed || state.waiting.len() + items.len() > self.room {
            return Err(items);
        }
        let several = items.len() > 1;
        let now = Instant::now();
        state.waiting.extend(items.into_iter().map(|item| (now, item)));
        drop(state);
        if several {
            self.changed.notify_all()
        } else {
            self.changed.notify_one()
        }
        Ok(())
    }

    /// A worker's share of what waits, as soon as there is a full batch or the oldest has waited long enough. Nothing
    /// once the queue is closed and empty.
    pub fn take(&self) -> Option<Vec<T>> {
        let Batch { most, wait, workers } = self.batch;
        let mut state = self.lock();
        while let Some(left) = state.left(most, wait) {
            if state.is_closed {
                break;
            }
            state = match left {
                Left::Unknown => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Left::Time(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        // The others are to have something to do as well.
        let share = if wait.is_zero() { state.waiting.len().div_ceil(workers) } else { most };
        let count = share.clamp(1, most).min(state.waiting.len());
        let taken: Vec<T> = state.waiting.drain(..count).map(|(_, item)| item).collect();
        (!taken.is_empty()).then_some(taken)
    }

    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Takes nothing in any more; what is there is still handed out.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(room: usize, most: usize, wait: u64, workers: usize) -> Queue<usize> {
        Queue::new(room, Batch { most, wait: Duration::from_millis(wait), workers })
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let queue = queue(3, 8, 0, 1);
        queue.put(vec![1, 2]).unwrap();
        assert_eq!(queue.put(vec![3, 4]), Err(vec![3, 4]));
        queue.put(vec![3]).unwrap();
        assert_eq!(queue.put(vec![4]), Err(vec![4]));
        assert_eq!(queue.take(), Some(vec![1, 2, 3]));
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_worker_leaves_their_share_to_the_others() {
        let check = |waiting: usize, most: usize, expected: usize| {
            let queue = queue(100, most, 0, 2);
            queue.put((0..waiting).collect()).unwrap();
            assert_eq!(queue.take(), Some((0..expected).collect()), "{waiting} waiting, at most {most}");
        };
        check(1, 8, 1);
        check(2, 8, 1);
        check(5, 8, 3);
        check(100, 8, 8);
        check(3, 1, 1);
    }

    #[test]
    fn a_patient_worker_waits_for_a_full_batch() {
        let queue = queue(100, 4, 10_000, 2);
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| queue.take());
            (0..4).for_each(|number| queue.put(vec![number]).unwrap());
            assert_eq!(worker.join().unwrap(), Some(vec![0, 1, 2, 3]));
        });
    }

    #[test]
    fn a_patient_worker_that_comes_late_waits_as_well() {
        let queue = queue(100, 4, 10_000, 2);
        queue.put(vec![0]).unwrap();
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| queue.take());
            queue.put(vec![1, 2]).unwrap();
            queue.put(vec![3]).unwrap();
            assert_eq!(worker.join().unwrap(), Some(vec![0, 1, 2, 3]));
        });
    }

    #[test]
    fn nobody_waits_longer_than_is_said() {
        let queue = queue(100, 4, 20, 2);
        queue.put(vec![0]).unwrap();
        assert_eq!(queue.take(), Some(vec![0]));
    }

    #[test]
    fn what_waits_when_it_closes_is_still_handed_out() {
        let queue = queue(4, 1, 0, 1);
        queue.put(vec![1]).unwrap();
        queue.close();
        assert_eq!(queue.put(vec![2]), Err(vec![2]));
        assert_eq!((queue.take(), queue.take()), (Some(vec![1]), None));
    }
}
