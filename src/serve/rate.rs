//! How often a client may ask: a bucket of tokens for each address, filled steadily. The table of buckets is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fault::Fault;

/// Clients that are remembered at once.
const CLIENTS: usize = 16_384;

pub struct Rates {
    /// Requests a second.
    rate: f64,
    /// Requests at once after a pause.
    burst: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Bucket {
    tokens: f64,
    since: Instant,
}

impl Rates {
    pub fn new(rate: f64) -> Self {
        Self { rate, burst: (2.0 * rate).max(1.0), buckets: Mutex::default() }
    }

    /// Counts a request of a client, or says when it may ask again.
    pub fn pass(&self, client: IpAddr, now: Instant) -> Result<(), Fault> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let client = network(client);
        if buckets.len() >= CLIENTS && !buckets.contains_key(&client) {
            // A full bucket says no more than none.
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.burst);
            if buckets.len() >= CLIENTS {
                return Err(self.later(0.0));
            }
        }
        let bucket = buckets.entry(client).or_insert(Bucket { tokens: self.burst, since: now });
        *bucket = Bucket { tokens: self.filled(bucket, now), since: now };
        if bucket.tokens < 1.0 {
            return Err(self.later(bucket.tokens));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.since);
        (bucket.tokens + passed.as_secs_f64() * self.rate).min(self.burst)
    }

    fn later(&self, tokens: f64) -> Fault {
        let wait = Duration::try_from_secs_f64((1.0 - tokens) / self.rate).unwrap_or(Duration::MAX);
        Fault::TooOften { seconds: wait.as_secs().saturating_add(1) }
    }
}

/// Whoever has one address of version 6 has all those of its network.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn a_burst_then_the_rate_and_each_client_by_itself() {
        let (rates, start) = (Rates::new(2.0), Instant::now());
        let passes = |number, after: f64| {
            let count = (0..10)
                .filter(|_| rates.pass(client(number), start + Duration::from_secs_f64(after)).is_ok());
            count.count()
        };
        assert_eq!(passes(1, 0.0), 4);
        assert_eq!(passes(1, 0.4), 0);
        assert_eq!(passes(1, 0.6), 1);
        assert_eq!(passes(2, 0.6), 4);
        assert_eq!(passes(1, 100.0), 4);
        assert_eq!(rates.pass(client(1), start), Err(Fault::TooOften { seconds: 1 }));
    }

    #[test]
    fn a_slow_rate_still_lets_the_first_request_through() {
        let (rates, now) = (Rates::new(0.1), Instant::now());
        assert!(rates.pass(client(1), now).is_ok());
        assert_eq!(rates.pass(client(1), now), Err(Fault::TooOften { seconds: 11 }));
    }

    #[test]
    fn a_crowd_does_not_fill_the_memory() {
        let (rates, start) = (Rates::new(1.0), Instant::now());
        for number in 0..CLIENTS as u32 {
            assert!(rates.pass(client(number), start).is_ok());
        }
        assert!(rates.pass(client(u32::MAX), start).is_err());
        assert!(rates.pass(client(7), start).is_ok());
        assert!(rates.pass(client(u32::MAX), start + Duration::from_secs(3)).is_ok());
        assert_eq!(rates.buckets.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_network_of_version_6_is_one_client() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
