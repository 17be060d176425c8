//! What a device's memory holds, and work that may not fit into it: on a GPU running out of memory is a panic
//! somewhere in the driver's library, which becomes an error here.

use burn::tensor::Device;

use super::Error;
use super::list::Kind;
use super::open::Chosen;
use super::quiet::{Panic, caught, quietly};

/// Bytes that the device's allocator holds for this process. It gives pages back only when it is asked to, so this
/// is also the most that was needed so far. None where the device does not tell.
pub fn held(device: &Device) -> Option<u64> {
    quietly(|| device.memory_pool_usage()).ok().flatten().map(|usage| usage.bytes_reserved)
}

/// Gives back what a device holds for later use.
pub fn release(device: &Device) {
    // What cannot be given back stays, and will be missed by the next who asks.
    let _ = quietly(|| device.memory_cleanup());
}

/// Does work on a device. On a GPU a panic means that the device gave up; wgpu gives no device back that has run out of
/// memory once, so nothing is tried again in this process.
pub fn on<T>(chosen: &Chosen, work: impl FnOnce() -> T) -> Result<T, Error> {
    match chosen.listed.kind {
        Kind::Cpu | Kind::Ndarray => Ok(work()),
        Kind::Wgpu | Kind::Cuda => caught(work).map_err(|panic| error(chosen, panic)),
    }
}

fn error(chosen: &Chosen, panic: Panic) -> Error {
    let (name, part) = (chosen.name, chosen.listed.name.clone());
    let is_full =
        [Some(panic.words.as_str()), panic.of_device.as_deref()].into_iter().flatten().any(tells_of_memory);
    let reason = panic.of_device.unwrap_or(panic.words);
    match is_full {
        true => Error::Full { name, part },
        false => Error::GaveUp { name, part, reason: reason.lines().next().unwrap_or_default().to_owned() },
    }
}

/// wgpu's words, CubeCL's for the device and for one buffer, and the drivers'.
fn tells_of_memory(words: &str) -> bool {
    const WORDS: [&str; 5] =
        ["out of memory", "out of device memory", "can't allocate", "out_of_memory", "out-of-memory"];
    let words = words.to_lowercase();
    WORDS.iter().any(|known| words.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &str, of_device: Option<&str>, expected: &str) {
        let mut chosen = Chosen::cpu().unwrap();
        (chosen.name, chosen.listed.name) = ("wgpu", "card".to_owned());
        let panic = Panic { words: words.to_owned(), of_device: of_device.map(str::to_owned) };
        let found = error(&chosen, panic).to_string();
        assert!(found.starts_with(expected), "{found}");
    }

    #[test]
    fn running_out_of_memory_is_told_from_other_faults() {
        // As CubeCL 0.11.3 on wgpu 30 says it, on Mesa's llvmpipe.
        let missing = "Error while reading data: use `try_into_data` instead\nCaused by:\n  The bytes were never written";
        check(missing, Some("wgpu error: Out of Memory"), "device wgpu (card) is out of memory");
        check(
            "x\nThe device is poisoned: Unknown: Out of memory",
            None,
            "device wgpu (card) is out of memory",
        );
        check("can't allocate buffer of size: 9", None, "device wgpu (card) is out of memory");
        check(missing, Some("wgpu error: lost\nmore"), "device wgpu (card) gave up: wgpu error: lost");
        check("index out of bounds", None, "device wgpu (card) gave up: index out of bounds");
    }

    #[test]
    fn the_processor_hides_no_panic_and_tells_no_memory() {
        let cpu = Chosen::cpu().unwrap();
        assert_eq!(on(&cpu, || 7).unwrap(), 7);
        assert_eq!(held(&cpu.device), None);
    }
}
