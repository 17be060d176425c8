//! What the server allows. Where these come from is left to the caller; which numbers make sense is said here.

use std::time::Duration;

use super::token::Token;

#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads that decode and compute.
    pub workers: usize,
    /// Pictures that may wait for a worker.
    pub queue: usize,
    /// Pictures that a worker takes at once.
    pub most_together: usize,
    /// How long a worker waits for more pictures than there are.
    pub wait: Duration,
    /// Bytes of a request's body.
    pub upload: usize,
    /// Requests a second and client; without it there is no limit.
    pub rate: Option<f64>,
    pub token: Option<Token>,
    pub patience: Patience,
}

/// How long the server waits for whom.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a request's header, which an idle connection lacks as well.
    pub header: Duration,
    /// For a request's body, whole.
    pub body: Duration,
    /// Until a connection is asked to end, however busy it is: nobody holds a place for good.
    pub connection: Duration,
    /// For what is under way once the server was asked to stop.
    pub stop: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { header: seconds(10), body: seconds(30), connection: seconds(600), stop: seconds(10) }
    }
}

/// Connections at once; who comes later waits until one ends.
pub const CONNECTIONS: usize = 512;
/// Uploads of full size whose bytes may lie in memory at once.
pub const UPLOADS: usize = 8;
/// Pictures in one request.
pub const PICTURES: usize = 32;
