//! Memory that this process may still take: what the system has free, less where a cgroup allows less.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Where neither the system nor a cgroup tells, little is taken.
const UNKNOWN: usize = 1 << 30;

/// Bytes that are free for this process.
pub fn available() -> usize {
    told().unwrap_or(UNKNOWN)
}

/// The same where the system or a cgroup tells.
pub fn told() -> Option<usize> {
    let system = read_to_string("/proc/meminfo").ok().and_then(|text| available_in(&text));
    let groups = read_to_string("/proc/self/cgroup").map(|text| folders(&text)).unwrap_or_default();
    let allowed = groups.iter().filter_map(|folder| left_in(folder)).min();
    [system, allowed].into_iter().flatten().min()
}

fn available_in(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find(|line| line.starts_with("MemAvailable:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
}

/// The folders of this process' memory groups, of both versions, and of those above: each may set a limit.
fn folders(groups: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(kinds), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let root = match kinds {
            "" => Path::new("/sys/fs/cgroup"),
            kinds if kinds.split(',').any(|kind| kind == "memory") => Path::new("/sys/fs/cgroup/memory"),
            _ => continue,
        };
        let below = Path::new(path.trim_start_matches('/'));
        found.extend(below.ancestors().map(|part| root.join(part)));
    }
    found
}

/// What a group's limit leaves. Files that the system only keeps in case they are read again do not count as taken.
fn left_in(folder: &Path) -> Option<usize> {
    let number = |name: &str| read_to_string(folder.join(name)).ok()?.trim().parse::<usize>().ok();
    let limit = number("memory.max").or_else(|| number("memory.limit_in_bytes"))?;
    let taken = number("memory.current").or_else(|| number("memory.usage_in_bytes")).unwrap_or(0);
    let stat = read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let kept = ["total_inactive_file ", "inactive_file "]
        .iter()
        .find_map(|name| stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<usize>().ok()));
    Some(limit.saturating_sub(taken.saturating_sub(kept.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_limit_less_what_is_really_taken() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(left_in(folder.path()), None);
        write("memory.max", "max\n");
        assert_eq!(left_in(folder.path()), None);
        write("memory.max", "1000\n");
        assert_eq!(left_in(folder.path()), Some(1000));
        write("memory.current", "700\n");
        write("memory.stat", "anon 1\ninactive_file 200\nactive_file 5\n");
        assert_eq!(left_in(folder.path()), Some(500));
        write("memory.current", "7000\n");
        assert_eq!(left_in(folder.path()), Some(0));
    }

    #[test]
    fn every_group_above_counts() {
        let found = folders("12:cpu,cpuacct:/a\n5:memory:/docker/x\n0::/user/y\nnonsense\n");
        let names: Vec<_> = found.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        let expected = ["memory/docker/x", "memory/docker", "memory/", "user/y", "user", ""]
            .map(|name| format!("/sys/fs/cgroup/{name}"));
        assert_eq!(names, expected);
    }

    #[test]
    fn the_systems_word_is_in_kibibytes() {
        let text = "MemTotal: 9 kB\nMemAvailable:   12 kB\n";
        assert_eq!(available_in(text), Some(12 * 1024));
        assert_eq!(available_in("nothing"), None);
        assert!(available() > 0);
        assert!(told().is_some() || !cfg!(target_os = "linux"));
    }
}
