//! Whether a run waits for its pictures more than it should, and what can be done about it, in words.

use std::time::Duration;

use super::run::Session;
use crate::config::Augment;
use crate::devices::Reading;

/// The share of its time that a run may wait for pictures.
const TOLERATED: f64 = 0.1;
/// Shorter waits are not worth a word.
const SHORTEST: Duration = Duration::from_secs(1);

/// How much of a wait for pictures that has just ended was lost: while a device computes what it was given before, nothing is.
pub fn lost(waited: Duration, busy: Option<&Reading>) -> Duration {
    busy.map_or(waited, |reading| waited.min(reading.idle()))
}

/// What is known of the pictures' way.
struct Way {
    workers: usize,
    processors: usize,
    cache: Cache,
    /// Whether the views of pictures take long to make.
    heavy: bool,
}

/// What the cache of decoded pictures could do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cache {
    Off,
    /// It holds all that is used again.
    Whole,
    /// Some pictures found no room in memory.
    NoMemory,
    /// Some found none on the disk.
    NoDisk,
}

/// A sentence on what to do, where the steps waited for pictures for too much of their time.
pub fn advice(session: &Session, waited: Duration, time: Duration) -> Option<String> {
    let cache = match &session.decoded {
        None => Cache::Off,
        Some(decoded) if decoded.left_out() == 0 => Cache::Whole,
        Some(decoded) if decoded.is_on_disk() => Cache::NoDisk,
        Some(_) => Cache::NoMemory,
    };
    let heavy = is_heavy(&session.config.augment);
    let way = Way { workers: session.workers, processors: session.processors, cache, heavy };
    way.advice(waited, time)
}

/// Whether anything is done that takes longer than crop, flip and normalisation together (docs/augmentation.md has times).
fn is_heavy(augment: &Augment) -> bool {
    let (warps, colour) = (&augment.geometry, &augment.colour);
    let slow = [
        augment.rotate,
        augment.saturation,
        augment.hue,
        warps.shear,
        warps.translate,
        warps.perspective,
        colour.blur,
        colour.jpeg,
    ];
    augment.published.is_some() || slow.iter().any(|&strength| strength > 0.0)
}

impl Way {
    fn advice(&self, waited: Duration, time: Duration) -> Option<String> {
        let share = waited.as_secs_f64() / time.as_secs_f64().max(1e-9);
        if share <= TOLERATED || waited < SHORTEST {
            return None;
        }
        let mut ways = Vec::new();
        if self.workers < self.processors {
            ways.push(format!("data.workers = {} uses all processors", self.processors));
        }
        match self.cache {
            Cache::Off => ways.push("data.cache = \"ram\" or \"disk\" decodes each picture only once".into()),
            Cache::NoMemory => ways.push(
                "not all decoded pictures fit into memory: data.cache = \"disk\" keeps them there, data.cache_memory \
                 allows more"
                    .into(),
            ),
            Cache::NoDisk => ways.push("a larger data.cache_limit keeps all decoded pictures".into()),
            Cache::Whole => {}
        }
        if self.heavy {
            ways.push(
                "turning and recolouring takes longer than crop and flip, which is all that augment.policy = \"light\" does"
                    .into(),
            );
        }
        ways.push("smaller picture files decode faster (docs/data.md)".into());
        Some(format!("{:.0}% of the time went into waiting for pictures; {}", share * 100.0, ways.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::config::Policy;

    fn said(workers: usize, cache: Cache, waited: u64, time: u64) -> Option<String> {
        let way = Way { workers, processors: 4, cache, heavy: false };
        way.advice(Duration::from_millis(waited), Duration::from_millis(time))
    }

    #[test]
    fn augmentation_is_named_where_it_may_be_the_cause() {
        let second = Duration::from_secs(2);
        let check = |augment: Augment, expected: bool| {
            let way = Way { workers: 4, processors: 4, cache: Cache::Whole, heavy: is_heavy(&augment) };
            let text = way.advice(second, second).unwrap();
            assert_eq!(text.contains("augment.policy = \"light\""), expected, "{augment:?}: {text}");
        };
        check(Policy::None.augment(), false);
        check(Policy::Light.augment(), false);
        check(Augment { mixup: 0.2, erase: 0.1, ..Policy::Light.augment() }, false);
        check(Policy::Standard.augment(), true);
        check(Policy::TrivialAugment.augment(), true);
        check(Augment { hue: 0.1, ..Policy::Light.augment() }, true);
    }

    #[test]
    fn a_wait_is_lost_only_where_the_device_has_nothing_to_do() {
        let (long, short) = (Duration::from_secs(100), Duration::from_millis(5));
        assert_eq!(lost(long, None), long);
        // The processor has done what it was given when it is asked.
        let reading = Reading::begin(Tensor::<1>::ones([3], &Device::flex()));
        std::thread::sleep(short);
        let some = lost(long, Some(&reading));
        assert!(some >= short && some < long, "{some:?}");
        assert_eq!(lost(short, Some(&reading)), short);
    }

    #[test]
    fn a_tenth_is_tolerated_and_so_is_an_instant() {
        assert_eq!(said(0, Cache::Off, 2000, 20_000), None);
        assert_eq!(said(0, Cache::Off, 999, 1500), None);
        assert!(said(0, Cache::Off, 2001, 20_000).is_some());
    }

    #[test]
    fn what_helps_depends_on_what_is_done_already() {
        let check = |workers, cache, parts: &[&str], not: &[&str]| {
            let text = said(workers, cache, 3000, 6000).unwrap();
            assert!(text.starts_with("50% of the time"), "{text}");
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
            assert!(!not.iter().any(|part| text.contains(part)), "{text}");
        };
        check(1, Cache::Off, &["data.workers = 4", "\"ram\" or \"disk\"", "smaller picture files"], &[]);
        check(4, Cache::NoMemory, &["data.cache = \"disk\"", "data.cache_memory"], &["data.workers"]);
        check(4, Cache::NoDisk, &["data.cache_limit"], &["data.cache ="]);
        check(4, Cache::Whole, &["smaller picture files"], &["data.workers", "data.cache"]);
    }
}
