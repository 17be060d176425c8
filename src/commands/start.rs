//! What happens before a verb's own work: logging, threads, signals.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals as Arrivals;
use tracing_subscriber::EnvFilter;

/// Warnings of the libraries go to standard error; RUST_LOG asks for more.
pub fn logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only fails where a logger is set already, and then that one serves.
    let _ = subscriber.try_init();
}

/// Sets the number of computing threads of this process.
pub fn threads(wanted: Option<usize>) -> anyhow::Result<()> {
    let Some(count) = wanted else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build_global()
        .context("cannot start the computing threads")
}

/// Processors that this process may use; limits set by cgroups count.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get())
}

/// Told to stop by a signal: the first one asks, the second one leaves at once.
pub struct Signals {
    pub asked: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
    since: Arc<OnceLock<Instant>>,
}

impl Signals {
    pub fn catch() -> anyhow::Result<Self> {
        let (asked, which) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        for signal in [SIGINT, SIGTERM] {
            // Registered before the flag is, so that it only acts from the second signal on.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))?;
            signal_hook::flag::register_usize(signal, Arc::clone(&which), signal as usize)?;
            signal_hook::flag::register(signal, Arc::clone(&asked))?;
        }
        let since = Arc::new(OnceLock::new());
        let (clock, mut arrivals) = (Arc::clone(&since), Arrivals::new([SIGINT, SIGTERM])?);
        // It only notes the time, and ends with the process.
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in arrivals.forever() {
                clock.get_or_init(Instant::now);
            }
        })?;
        Ok(Self { asked, which, since })
    }

    /// Whether a signal came.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// How long ago the first signal came.
    pub fn elapsed(&self) -> Option<Duration> {
        self.since.get().map(Instant::elapsed)
    }

    /// The exit code of a run that stopped because of a signal.
    pub fn exit_code(&self) -> u8 {
        // The dashboard asks to stop without a signal: as if by Ctrl-C.
        let which = match self.which.load(Ordering::Relaxed) {
            0 => SIGINT as usize,
            which => which,
        };
        super::failure::SIGNAL + which as u8
    }
}
