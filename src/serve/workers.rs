//! The threads that do the work. Each takes its share of what waits through decoding, resizing and the network all by
//! itself: no thread waits for another, and there are never more of them at work than processors.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use rayon::ThreadPoolBuilder;
use tokio::sync::oneshot;

use super::fault::Fault;
use super::metrics::Metrics;
use super::model::{Explained, Model, Ranking};
use super::queue::Queue;
use super::upload::Picture;

/// A picture, and what somebody waits to hear of it.
pub struct Task {
    pub picture: Picture,
    pub wish: Wish,
}

pub enum Wish {
    Name(Reply<Ranking>),
    Explain(Option<usize>, Reply<Explained>),
}

pub type Reply<T> = oneshot::Sender<Result<T, Fault>>;

impl Wish {
    /// Whether nobody waits any more.
    fn is_given_up(&self) -> bool {
        match self {
            Self::Name(reply) => reply.is_closed(),
            Self::Explain(_, reply) => reply.is_closed(),
        }
    }
}

pub struct Workers {
    pub model: Arc<dyn Model>,
    pub queue: Arc<Queue<Task>>,
    pub metrics: Arc<Metrics>,
}

impl Workers {
    /// Starts so many threads, which end when the queue is closed and empty.
    pub fn start(self, count: usize) -> io::Result<()> {
        let shared = Arc::new(self);
        for number in 0..count {
            let workers = Arc::clone(&shared);
            thread::Builder::new().name(format!("worker {number}")).spawn(move || workers.work())?;
        }
        Ok(())
    }

    fn work(&self) {
        // What the network would share out over threads stays on this one, which is a pool of its own.
        let pool = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
        if let Err(error) = &pool {
            tracing::warn!("a worker computes in the common pool: {error}");
        }
        while let Some(tasks) = self.queue.take() {
            self.answer(tasks);
        }
    }

    fn answer(&self, tasks: Vec<Task>) {
        let (mut seen, mut replies) = (Vec::new(), Vec::new());
        // Who has hung up is owed nothing.
        for Task { picture, wish } in tasks.into_iter().filter(|task| !task.wish.is_given_up()) {
            match wish {
                Wish::Name(reply) => match guarded(|| self.model.see(&picture.bytes)) {
                    Ok(pixels) => {
                        seen.push(pixels);
                        replies.push(reply);
                    }
                    Err(fault) => tell(reply, Err(fault)),
                },
                Wish::Explain(class, reply) => {
                    tell(reply, guarded(|| self.model.explain(&picture.bytes, class)));
                }
            }
        }
        if !seen.is_empty() {
            self.name(&seen, replies);
        }
    }

    fn name(&self, seen: &[Vec<f32>], replies: Vec<Reply<Ranking>>) {
        self.metrics.batch(seen.len());
        let rankings = match guarded(|| Ok(self.model.name(seen))) {
            Ok(rankings) => rankings.into_iter().map(Ok).collect(),
            Err(fault) => vec![Err(fault); seen.len()],
        };
        replies.into_iter().zip(rankings).for_each(|(reply, ranking)| tell(reply, ranking));
    }
}

/// A client that is gone hears nothing.
fn tell<T>(reply: Reply<T>, outcome: Result<T, Fault>) {
    let _ = reply.send(outcome);
}

/// Whatever goes wrong with a picture, the thread lives on.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // Nothing outlives the closure but its result.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Fault::Failed))
}
