//! What the system tells of the machine that it runs on. Linux does, in /proc; elsewhere less is said.

use crate::durable;

/// The processor's name, as its maker gives it.
pub fn processor() -> Option<String> {
    processor_in(&durable::read_words("/proc/cpuinfo".as_ref()).ok()?)
}

/// All memory there is, in bytes.
pub fn memory() -> Option<u64> {
    memory_in(&durable::read_words("/proc/meminfo".as_ref()).ok()?)
}

/// x86 says `model name`, some ARM systems `Model` or `Hardware`.
fn processor_in(cpuinfo: &str) -> Option<String> {
    let value = |wanted: &str| {
        cpuinfo.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == wanted && !value.trim().is_empty()).then(|| value.trim().to_owned())
        })
    };
    ["model name", "Model", "Hardware"].into_iter().find_map(value)
}

fn memory_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_called_as_the_system_calls_it() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(processor_in(text).as_deref(), expected, "{text}")
        };
        check("processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7B13\n", Some("AMD EPYC 7B13"));
        check("processor\t: 0\nBogoMIPS\t: 50\n\nModel\t\t: Raspberry Pi 5\n", Some("Raspberry Pi 5"));
        check("model name\t:\n", None);
        check("", None);
    }

    #[test]
    fn memory_is_in_kibibytes() {
        assert_eq!(memory_in("MemTotal:       24689764 kB\nMemFree: 1 kB\n"), Some(24_689_764 * 1024));
        assert_eq!(memory_in("MemTotal: much\n"), None);
        assert_eq!(memory_in("MemTotal: 18446744073709551615 kB\n"), None);
    }
}
