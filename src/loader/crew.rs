//! Threads that prepare pictures ahead of their turn. They take positions in order and finish them in any;
//! whoever receives asks by position. Knows nothing of batches.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::LoaderError;
use super::prepare::{Prepared, Work};

type Outcome = Result<Prepared, LoaderError>;

/// Dropping it stops the threads and waits for them: at most as long as one picture takes.
pub(super) struct Crew {
    work: Arc<Work>,
    gate: Arc<Gate>,
    arrived: Receiver<(usize, Outcome)>,
    /// What arrived before its turn.
    early: BTreeMap<usize, Outcome>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Starts as many threads as asked for, or as the system grants; none if it grants none.
    pub fn start(work: &Arc<Work>, first: usize, workers: usize) -> Option<Self> {
        let gate = Arc::new(Gate::new(first));
        let (sender, arrived) = channel();
        let threads: Vec<_> = (0..workers.min(work.items.len()))
            .map_while(|number| {
                let (work, gate, sender) = (Arc::clone(work), Arc::clone(&gate), sender.clone());
                let named = Builder::new().name(format!("loader {number}"));
                named.spawn(move || labour(&work, &gate, &sender)).ok()
            })
            .collect();
        let crew = Self { work: Arc::clone(work), gate, arrived, early: BTreeMap::new(), threads };
        (!crew.threads.is_empty()).then_some(crew)
    }

    /// Lets the threads go on up to this position.
    pub fn allow(&self, end: usize) {
        self.gate.open(end);
    }

    /// Waits for the picture of a position that has been allowed.
    pub fn receive(&mut self, position: usize) -> Outcome {
        loop {
            if let Some(outcome) = self.early.remove(&position) {
                return outcome;
            }
            let Ok((arrived, outcome)) = self.arrived.recv() else {
                return Err(LoaderError::Ended { path: self.work.items[position].location.clone() });
            };
            self.early.insert(arrived, outcome);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.gate.close();
        for thread in self.threads.drain(..) {
            // A thread that died has been noticed already: its pictures never arrived.
            let _ = thread.join();
        }
    }
}

fn labour(work: &Work, gate: &Gate, sender: &Sender<(usize, Outcome)>) {
    while let Some(position) = gate.take() {
        if sender.send((position, work.prepare(position))).is_err() {
            return;
        }
    }
}

/// Hands out positions in order, up to a bound that moves with the receiver.
struct Gate {
    turns: Mutex<Turns>,
    moved: Condvar,
}

struct Turns {
    next: usize,
    end: usize,
    closed: bool,
}

impl Gate {
    fn new(first: usize) -> Self {
        let turns = Turns { next: first, end: first, closed: false };
        Self { turns: Mutex::new(turns), moved: Condvar::new() }
    }

    /// The next position, once it is allowed; none when there is no more to do.
    fn take(&self) -> Option<usize> {
        let mut turns = self
            .moved
            .wait_while(self.turns(), |turns| !turns.closed && turns.next >= turns.end)
            .unwrap_or_else(PoisonError::into_inner);
        if turns.closed {
            return None;
        }
        turns.next += 1;
        Some(turns.next - 1)
    }

    fn open(&self, end: usize) {
        self.turns().end = end;
        self.moved.notify_all();
    }

    fn close(&self) {
        self.turns().closed = true;
        self.moved.notify_all();
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
