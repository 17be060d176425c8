//! Who does the tasks of an operation: rayon's pool, or a team of threads that work on one picture and stay awake
//! between its operations. Waking a thread takes longer than many of them.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use rayon::prelude::*;

/// Tasks are numbered from 0; who does which has no influence on results.
type Work<'a> = dyn Fn(usize) + Sync + 'a;

#[derive(Clone, Copy)]
pub enum Crew<'a> {
    Pool,
    Team(&'a Team),
}

impl Crew<'_> {
    /// Does every task once, and comes back when all are done.
    pub fn each(self, count: usize, work: &Work) {
        match self {
            _ if count == 1 => work(0),
            Self::Pool => (0..count).into_par_iter().for_each(work),
            Self::Team(team) => team.each(count, work),
        }
    }
}

pub struct Team {
    leader: ThreadId,
    /// Jobs begun so far.
    round: AtomicUsize,
    /// What is being worked on.
    job: Mutex<Option<Job>>,
    /// The next task of the job.
    next: AtomicUsize,
    /// Helpers that are at work on the job.
    busy: AtomicUsize,
    over: AtomicBool,
}

#[derive(Clone, Copy)]
struct Job {
    work: *const Work<'static>,
    count: usize,
}

// SAFETY: the work behind the pointer is `Sync`, and `Team::each` outlives every use of it.
unsafe impl Send for Job {}

/// Looks around so often before it lets others run.
const PATIENCE: usize = 4096;

impl Team {
    /// Calls with a team of this thread and of helpers from rayon's pool, as far as it has idle threads.
    pub fn with(helpers: usize, call: impl FnOnce(Crew)) {
        let team = Self {
            leader: thread::current().id(),
            round: AtomicUsize::new(0),
            job: Mutex::new(None),
            next: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        };
        rayon::in_place_scope(|scope| {
            let _end = End(&team);
            (0..helpers).for_each(|_| scope.spawn(|_| team.serve()));
            call(Crew::Team(&team));
        });
    }

    fn each(&self, count: usize, work: &Work) {
        // SAFETY: only the lifetime changes. `Closing` waits, also after a panic, until nobody uses the work.
        let work: *const Work<'static> = unsafe { std::mem::transmute(work as *const Work<'_>) };
        let job = Job { work, count };
        self.next.store(0, Ordering::Relaxed);
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
        let _closing = Closing(self);
        self.round.fetch_add(1, Ordering::Release);
        self.work_on(job);
    }

    /// Does tasks until none is left.
    fn work_on(&self, job: Job) {
        // SAFETY: the leader is inside `each`, or waits for this helper, which counts as busy.
        let work = unsafe { &*job.work };
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            if task >= job.count {
                return;
            }
            work(task);
        }
    }

    /// Helps until the team is over.
    fn serve(&self) {
        if thread::current().id() == self.leader {
            return;
        }
        let mut seen = 0;
        loop {
            wait_until(|| self.round.load(Ordering::Acquire) != seen || self.over.load(Ordering::Acquire));
            if self.over.load(Ordering::Acquire) {
                return;
            }
            seen = self.round.load(Ordering::Acquire);
            let job = {
                let job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
                // Counted while the job is still there, so that the leader waits.
                if job.is_some() {
                    self.busy.fetch_add(1, Ordering::AcqRel);
                }
                *job
            };
            if let Some(job) = job {
                let _leaving = Leaving(self);
                self.work_on(job);
            }
        }
    }
}

fn wait_until(done: impl Fn() -> bool) {
    let mut looks = 0;
    while !done() {
        looks += 1;
        if looks < PATIENCE {
            std::hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

/// Takes the job away and waits for those who are still at it.
struct Closing<'a>(&'a Team);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        *self.0.job.lock().unwrap_or_else(PoisonError::into_inner) = None;
        wait_until(|| self.0.busy.load(Ordering::Acquire) == 0);
    }
}

struct Leaving<'a>(&'a Team);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

struct End<'a>(&'a Team);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once_in_every_job() {
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                Team::with(4, |crew| {
                    for count in (0..200).chain([5000]) {
                        let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                        crew.each(count, &|task| {
                            done[task].fetch_add(1, Ordering::Relaxed);
                        });
                        assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1), "{count}");
                    }
                });
            });
        }
    }

    #[test]
    fn several_teams_share_a_pool() {
        let sum = AtomicUsize::new(0);
        (0..8).into_par_iter().for_each(|_| {
            Team::with(3, |crew| {
                (0..50).for_each(|_| {
                    crew.each(7, &|task| {
                        sum.fetch_add(task, Ordering::Relaxed);
                    })
                });
            });
        });
        assert_eq!(sum.load(Ordering::Relaxed), 8 * 50 * 21);
    }

    #[test]
    fn a_task_that_panics_ends_the_team() {
        let caught = std::panic::catch_unwind(|| {
            Team::with(2, |crew| crew.each(100, &|task| assert!(task != 50)));
        });
        assert!(caught.is_err());
    }
}
