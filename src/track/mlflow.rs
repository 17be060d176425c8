//! Figures on their way to an MLflow server, from a thread of their own: a server that is slow, or not there, is tried
//! again now and then, and holds nobody up. What is said to it is in server.rs.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::server::{Description, Server};
use super::{End, Named};

/// Figures that wait for the thread to take them; it only ever takes long while it waits for the server.
const QUEUE: usize = 4096;
/// Figures that wait for the server; beyond that the oldest are given up.
const MOST: usize = 10_000;
/// Between attempts at a server that does not answer: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// How long the end of a run waits for the server.
const PATIENCE: Duration = Duration::from_secs(10);

/// The figures of an epoch, or of the test.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub step: u64,
    pub is_test: bool,
    /// Milliseconds since 1970.
    pub time: u64,
    pub figures: Named,
}

impl Point {
    /// Grows from point to point of a run.
    pub fn mark(&self) -> u64 {
        2 * self.step + u64::from(self.is_test)
    }
}

enum Message {
    Point(Point),
    End(End),
}

pub struct Mlflow {
    messages: SyncSender<Message>,
    troubles: Receiver<String>,
    /// Closed by the thread when all is said; before that, what was never told.
    done: Receiver<String>,
    address: String,
}

impl Mlflow {
    pub fn open(address: &str, run: &Path, about: Description) -> Self {
        let (messages, inbox) = mpsc::sync_channel(QUEUE);
        let (complain, troubles) = mpsc::channel();
        let (finish, done) = mpsc::channel();
        let server = Server::new(address, run, about);
        let worker = Worker { server, inbox, complain, waiting: Vec::new(), given_up: 0, failing: None };
        // It is not joined: a server may hold it longer than anybody wants to wait.
        std::thread::spawn(move || worker.work(&finish));
        Self { messages, troubles, done, address: address.to_owned() }
    }

    /// Never waits. What does not fit is missing there.
    pub fn tell(&self, step: u64, is_test: bool, figures: Named) {
        let point = Point { step, is_test, time: now(), figures };
        let _ = self.messages.try_send(Message::Point(point));
    }

    pub fn troubles(&self) -> Vec<String> {
        self.troubles.try_iter().collect()
    }

    /// Says how the run ended, waits a little, and tells what the server does not know.
    pub fn close(self, end: End) -> Vec<String> {
        let sent = self.messages.try_send(Message::End(end)).is_ok();
        let rest = match self.done.recv_timeout(if sent { PATIENCE } else { Duration::ZERO }) {
            Err(RecvTimeoutError::Disconnected) => None,
            Ok(rest) => Some(rest),
            Err(RecvTimeoutError::Timeout) => {
                Some(format!("WARNING: {} did not take all figures of the run in time", self.address))
            }
        };
        self.troubles().into_iter().chain(rest).collect()
    }
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

struct Worker {
    server: Server,
    inbox: Receiver<Message>,
    complain: Sender<String>,
    waiting: Vec<Point>,
    given_up: usize,
    /// When to try again, and how long to wait after that.
    failing: Option<(Instant, Duration)>,
}

impl Worker {
    fn work(mut self, finish: &Sender<String>) {
        self.attempt();
        loop {
            let pause = match self.failing {
                Some((next, _)) => next.saturating_duration_since(Instant::now()),
                None => PAUSES[1],
            };
            match self.inbox.recv_timeout(pause) {
                Ok(Message::Point(point)) => self.keep(point),
                Ok(Message::End(end)) => return self.end(end, finish),
                Err(RecvTimeoutError::Timeout) => {}
                // Whoever told has died.
                Err(RecvTimeoutError::Disconnected) => return self.end(End::Failed, finish),
            }
            if self.failing.is_none_or(|(next, _)| next <= Instant::now()) {
                self.attempt();
            }
        }
    }

    fn keep(&mut self, point: Point) {
        self.waiting.push(point);
        if self.waiting.len() > MOST {
            self.waiting.remove(0);
            self.given_up += 1;
        }
    }

    /// Tells the server what it does not know yet.
    fn attempt(&mut self) {
        match self.server.tell(&self.waiting) {
            Ok(()) => {
                self.waiting.clear();
                self.failing = None;
            }
            Err(reason) => {
                let pause = self.failing.map_or(PAUSES[0], |(_, pause)| (2 * pause).min(PAUSES[1]));
                if self.failing.replace((Instant::now() + pause, pause)).is_none() {
                    let _ = self.complain.send(format!(
                        "WARNING: MLflow is not told of this run for now: {reason}; training goes on, and it is tried again"
                    ));
                }
            }
        }
    }

    fn end(mut self, end: End, finish: &Sender<String>) {
        self.attempt();
        if self.failing.is_none() {
            let _ = self.server.end(end);
        }
        let missing = self.waiting.len() + self.given_up;
        if missing > 0 {
            let _ = finish.send(format!(
                "WARNING: MLflow was not told {missing} sets of figures of this run; metrics.jsonl has them"
            ));
        }
    }
}
