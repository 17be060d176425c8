//! What can go wrong with a file: the path, what was tried, and what the system answered.

use super::Holder;
use std::io;
use std::path::{Path, PathBuf};

/// The io error is part of the message and not a `source`, so that a printed chain names it once.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {action} {}: {cause}", .path.display())]
    Io { action: &'static str, path: PathBuf, cause: io::Error },

    #[error("{} is already there and is not replaced; choose another name or remove it first", .path.display())]
    Exists { path: PathBuf },

    #[error("{} names no file or folder that could be written", .path.display())]
    Nameless { path: PathBuf },

    #[error("{} is in use by {holder}; wait until that has ended, or stop it", .path.display())]
    Locked { path: PathBuf, holder: Holder },

    #[error("{} has {length} bytes and should have at least {wanted}: something else has shortened it", .path.display())]
    Short { path: PathBuf, length: u64, wanted: u64 },
}

impl Error {
    /// The file or folder that it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Exists { path }
            | Self::Nameless { path }
            | Self::Locked { path, .. }
            | Self::Short { path, .. } => path,
        }
    }

    /// What kind of io error it was, where it was one.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { cause, .. } => Some(cause.kind()),
            _ => None,
        }
    }

    /// True where the disk, or the user's share of it, is full.
    pub fn is_full(&self) -> bool {
        matches!(self.kind(), Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// True where something else holds the lock.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Locked { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(kind: io::ErrorKind) -> Error {
        Error::Io { action: "write", path: "run/model.bin".into(), cause: kind.into() }
    }

    #[test]
    fn a_full_disk_is_told_from_other_faults() {
        assert!(io_error(io::ErrorKind::StorageFull).is_full());
        assert!(io_error(io::ErrorKind::QuotaExceeded).is_full());
        assert!(!io_error(io::ErrorKind::PermissionDenied).is_full());
        assert!(!Error::Exists { path: "x".into() }.is_full());
        assert!(!Error::Exists { path: "x".into() }.is_locked());
    }

    #[test]
    fn messages_name_action_path_and_cause() {
        let message = io_error(io::ErrorKind::StorageFull).to_string();
        assert_eq!(message, "cannot write run/model.bin: no storage space");
    }
}
