//! Requests that no network answers, and why.

use super::plan::SMALLEST_SIDE;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("unknown variant `{given}`{} There are b0 to b7 and lite0 to lite4", meant(.nearest))]
    UnknownVariant { given: String, nearest: Option<&'static str> },

    #[error("{name} is {value}; it must lie between {low} and {high}")]
    OutOfRange { name: &'static str, value: f64, low: f64, high: f64 },

    #[error(
        "pictures of {side} px are too small: the network halves them five times, which takes at least {} px",
        SMALLEST_SIDE
    )]
    TooSmall { side: usize },

    #[error("no limit is given; set at least one of multiply-adds, parameters and memory")]
    NoLimit,

    #[error("even the smallest network needs {needed} {limit}, and {allowed} are allowed; raise that limit")]
    DoesNotFit { limit: &'static str, needed: u64, allowed: u64 },

    #[error(
        "the network that is described is none that width {width} and depth {depth} give; the description is damaged"
    )]
    Inconsistent { width: f64, depth: f64 },
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(|| ".".to_owned(), |name| format!(", did you mean `{name}`?"))
}
