//! What the server counts, in Prometheus' text form (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds in seconds; what takes longer falls into the last one, without bound.
const SECONDS: [f64; 13] = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
const PICTURES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

pub struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    seconds: Histogram<14>,
    batches: Histogram<8>,
    pub connections: AtomicUsize,
}

/// What is measured at the moment of asking.
pub struct Now {
    pub waiting: usize,
    pub upload_bytes: usize,
}

impl Metrics {
    pub fn new() -> Self {
        Self {
            requests: Mutex::default(),
            seconds: Histogram::new(),
            batches: Histogram::new(),
            connections: AtomicUsize::new(0),
        }
    }

    /// A request to one of the known paths, or to none of them.
    pub fn request(&self, path: &'static str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((path, status)).or_insert(0) += 1;
        drop(requests);
        self.seconds.add(took.as_secs_f64(), &SECONDS);
    }

    /// So many pictures went through the network together.
    pub fn batch(&self, pictures: usize) {
        self.batches.add(pictures as f64, &PICTURES);
    }

    pub fn text(&self, now: &Now) -> String {
        let mut text = String::new();
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        head(&mut text, "kiln_requests_total", "counter", "Requests answered, by path and status.");
        for ((path, status), count) in &requests {
            line(&mut text, &format!("kiln_requests_total{{path=\"{path}\",status=\"{status}\"}}"), count);
        }
        head(&mut text, "kiln_rejected_total", "counter", "Requests turned away, by reason.");
        for (reason, status) in [("rate", 429), ("busy", 503)] {
            let count: u64 = requests.iter().filter(|((_, found), _)| *found == status).map(|(_, n)| n).sum();
            line(&mut text, &format!("kiln_rejected_total{{reason=\"{reason}\"}}"), &count);
        }
        self.seconds.text(&mut text, "kiln_request_seconds", "From the header to the answer.", &SECONDS);
        self.batches.text(&mut text, "kiln_batch_pictures", "Pictures computed together.", &PICTURES);
        let mut gauge = |name, help, value: usize| {
            head(&mut text, name, "gauge", help);
            line(&mut text, name, &value);
        };
        gauge("kiln_queue_pictures", "Pictures that wait for a worker.", now.waiting);
        gauge("kiln_upload_bytes", "Bytes of uploads in memory.", now.upload_bytes);
        gauge("kiln_connections", "Connections open.", self.connections.load(Relaxed));
        text
    }
}

/// Counts by upper bound; the last count has none.
struct Histogram<const N: usize> {
    counts: [AtomicU64; N],
    /// In millionths.
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; N], sum: AtomicU64::new(0) }
    }

    fn add(&self, value: f64, bounds: &[f64]) {
        let place = bounds.iter().position(|bound| value <= *bound).unwrap_or(N - 1);
        self.counts[place].fetch_add(1, Relaxed);
        self.sum.fetch_add((value * 1e6).round() as u64, Relaxed);
    }

    fn text(&self, text: &mut String, name: &str, help: &str, bounds: &[f64]) {
        head(text, name, "histogram", help);
        let mut below = 0;
        let labels = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        for (count, bound) in self.counts.iter().zip(labels) {
            below += count.load(Relaxed);
            line(text, &format!("{name}_bucket{{le=\"{bound}\"}}"), &below);
        }
        line(text, &format!("{name}_sum"), &(self.sum.load(Relaxed) as f64 / 1e6));
        line(text, &format!("{name}_count"), &below);
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to memory does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, value: &impl std::fmt::Display) {
    let _ = writeln!(text, "{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let metrics = Metrics::new();
        metrics.request("/predict", 200, Duration::from_millis(10));
        metrics.request("/predict", 503, Duration::from_millis(1));
        metrics.request("/health", 200, Duration::from_secs(100));
        [1, 3, 4, 99].into_iter().for_each(|pictures| metrics.batch(pictures));
        let text = metrics.text(&Now { waiting: 2, upload_bytes: 7 });
        for expected in [
            "kiln_requests_total{path=\"/predict\",status=\"200\"} 1\n",
            "kiln_rejected_total{reason=\"busy\"} 1\n",
            "kiln_request_seconds_bucket{le=\"0.005\"} 1\n",
            "kiln_request_seconds_bucket{le=\"0.01\"} 2\n",
            "kiln_request_seconds_bucket{le=\"+Inf\"} 3\n",
            "kiln_request_seconds_sum 100.011\n",
            "kiln_batch_pictures_bucket{le=\"2\"} 1\n",
            "kiln_batch_pictures_bucket{le=\"4\"} 3\n",
            "kiln_batch_pictures_sum 107\n",
            "kiln_batch_pictures_count 4\n",
            "kiln_queue_pictures 2\n",
            "# TYPE kiln_batch_pictures histogram\n",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
