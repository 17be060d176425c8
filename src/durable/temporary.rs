//! Names of files and folders that are not finished. They carry machine, process and a number, so that nothing
//! alive is ever taken for a leftover.

use super::{Error, system};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const PREFIX: &str = ".kiln-tmp";

/// Removes what dead processes of this machine left unfinished in a folder, and says what that was.
pub fn sweep(parent: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    for path in system::entries(parent)? {
        if is_left_over(&path) && remove(&path)? {
            removed.push(path);
        }
    }
    removed.sort();
    Ok(removed)
}

/// The folders in a folder; a link to one is none.
pub fn folders(parent: &Path) -> Result<Vec<PathBuf>, Error> {
    Ok(system::entries(parent)?.into_iter().filter(|path| system::is_folder(path)).collect())
}

/// A name beside the given one that nothing else uses. Short, as file systems limit the length of names.
pub fn beside(path: &Path) -> Result<PathBuf, Error> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if path.file_name().is_none() {
        return Err(Error::Nameless { path: path.to_owned() });
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let own = Owner::this();
    Ok(parent(path).join(format!("{PREFIX}-{}-{:x}-{:x}-{count}", own.pid, own.host, own.start)))
}

/// The folder that holds a path; the working folder for a bare name.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// False where somebody else was faster.
fn remove(path: &Path) -> Result<bool, Error> {
    let result =
        if system::is_folder(path) { system::remove_folder(path) } else { system::remove_file(path) };
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_left_over(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(Owner::read).is_some_and(Owner::is_gone)
}

/// Who made a temporary name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner {
    pid: u32,
    /// A short hash of the machine's name: folders may be shared between machines.
    host: u32,
    /// When the process first asked for a name; tells processes apart that had the same number.
    start: u64,
}

impl Owner {
    fn this() -> Self {
        static THIS: OnceLock<Owner> = OnceLock::new();
        *THIS.get_or_init(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Self { pid: std::process::id(), host: host_number(), start: since.as_micros() as u64 }
        })
    }

    fn read(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-');
        let pid = parts.next()?.parse().ok()?;
        let host = u32::from_str_radix(parts.next()?, 16).ok()?;
        let start = u64::from_str_radix(parts.next()?, 16).ok()?;
        let _count: u64 = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { pid, host, start })
    }

    fn is_gone(self) -> bool {
        let own = Self::this();
        let same_number = self.pid == own.pid;
        self.host == own.host && if same_number { self.start != own.start } else { system::is_dead(self.pid) }
    }
}

fn host_number() -> u32 {
    let [a, b, c, d, ..] = *blake3::hash(system::host().as_bytes()).as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::super::faults::{Fault, Plan};
    use super::*;
    use std::fs;

    /// No Linux process can have this number (the largest is 2^22).
    const DEAD: u32 = u32::MAX;

    fn name(pid: u32, host: u32, start: u64) -> String {
        format!("{PREFIX}-{pid}-{host:x}-{start:x}-0")
    }

    #[test]
    fn only_leftovers_of_the_dead_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let own = Owner::this();
        let gone = [name(DEAD, own.host, 1), name(own.pid, own.host, own.start ^ 1)];
        let kept = [
            name(own.pid, own.host, own.start),
            name(1, own.host, 1),
            name(DEAD, own.host ^ 1, 1),
            format!("{PREFIX}-{DEAD}"),
            format!("{PREFIX}-{DEAD}-x-y-z"),
            ".hidden".to_owned(),
            "model.safetensors".to_owned(),
        ];
        fs::create_dir(folder.path().join(&gone[0])).unwrap();
        fs::write(folder.path().join(&gone[0]).join("inside"), "x").unwrap();
        fs::write(folder.path().join(&gone[1]), "x").unwrap();
        for name in &kept {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        assert_eq!(sweep(folder.path()).unwrap().len(), gone.len());
        assert!(gone.iter().all(|name| !folder.path().join(name).exists()));
        assert!(kept.iter().all(|name| folder.path().join(name).exists()));
    }

    #[test]
    fn a_name_is_read_back_and_never_given_twice() {
        let (one, two) = (beside(Path::new("a/b")).unwrap(), beside(Path::new("a/b")).unwrap());
        assert_ne!(one, two);
        assert_eq!(one.parent(), Some(Path::new("a")));
        let name = one.file_name().unwrap().to_str().unwrap();
        assert!(Owner::read(name) == Some(Owner::this()));
    }

    #[test]
    fn the_folder_of_a_bare_name_is_the_working_folder() {
        let check = |path: &str, expected: &str| assert_eq!(parent(Path::new(path)), Path::new(expected));
        check("a", ".");
        check("a/b", "a");
        check("/a", "/");
        check("/", ".");
    }

    #[test]
    fn what_somebody_else_removed_is_no_fault_and_what_cannot_be_removed_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(!remove(&path).unwrap());
        fs::write(&path, "x").unwrap();
        let plan = Plan::fail(0, Fault::Error);
        assert!(remove(&path).is_err());
        drop(plan);
        assert!(remove(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn machines_are_told_apart_by_their_names() {
        let hash = blake3::hash(system::host().as_bytes()).to_hex();
        let number = u32::from_str_radix(&hash[..8], 16).unwrap();
        assert_eq!(host_number(), number.swap_bytes());
    }

    #[test]
    fn a_path_without_a_name_is_refused() {
        assert!(matches!(beside(Path::new("/")), Err(Error::Nameless { .. })));
        assert!(matches!(beside(Path::new("a/..")), Err(Error::Nameless { .. })));
    }
}
