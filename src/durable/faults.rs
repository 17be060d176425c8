//! The calls that change something, as tests see them: each is counted, can be made to fail, and is written down so
//! that a power cut can be played back. Outside of tests there is nothing here.

use std::fs::File;
use std::path::Path;

/// A call that is about to be made.
#[cfg_attr(not(test), allow(dead_code))]
pub(super) enum Call<'a> {
    Create(&'a Path),
    /// Opened to grow, and made where it is absent.
    Append(&'a Path),
    CreateFolder(&'a Path),
    Write(&'a mut File, &'a [u8]),
    Shorten(&'a File, u64),
    Sync(&'a File),
    SyncFolder(&'a Path),
    Rename(&'a Path, &'a Path),
    Link(&'a Path, &'a Path),
    Remove(&'a Path),
    RemoveFolder(&'a Path),
}

#[cfg(not(test))]
#[inline]
pub(super) fn before(_: Call<'_>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use planned::before;
#[cfg(test)]
pub(crate) use planned::{Done, Fault, Plan};

#[cfg(test)]
mod planned {
    use super::Call;
    use std::cell::RefCell;
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::AsRawFd;
    use std::path::{Path, PathBuf};

    /// What goes wrong at the chosen call.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// It fails as a bad disk does.
        Error,
        /// It fails as a full disk does; a write leaves half of its bytes.
        Full,
        /// The file system has no such call.
        Unknown,
        /// The process is gone: this call and all later ones do nothing.
        Gone,
    }

    /// A call that was made, with the paths of that moment.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum Done {
        Create(PathBuf),
        CreateFolder(PathBuf),
        Write(PathBuf, Vec<u8>),
        Shorten(PathBuf, u64),
        Sync(PathBuf),
        SyncFolder(PathBuf),
        Rename(PathBuf, PathBuf),
        Link(PathBuf, PathBuf),
        Remove(PathBuf),
        RemoveFolder(PathBuf),
    }

    #[derive(Default)]
    struct State {
        fault: Option<(usize, Fault)>,
        done: Vec<Done>,
        met: bool,
    }

    thread_local! {
        static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
    }

    /// Watches the calls of this thread until it is dropped.
    pub(crate) struct Plan(());

    impl Plan {
        /// Lets everything happen, and writes it down.
        pub fn watch() -> Self {
            STATE.set(Some(State::default()));
            Self(())
        }

        /// Puts a fault at the call of this number, from 0.
        pub fn fail(at: usize, fault: Fault) -> Self {
            STATE.set(Some(State { fault: Some((at, fault)), ..State::default() }));
            Self(())
        }

        /// What was done so far.
        pub fn done(&self) -> Vec<Done> {
            STATE.with_borrow(|state| state.as_ref().map(|state| state.done.clone()).unwrap_or_default())
        }

        /// Whether there were enough calls for the fault to be met.
        pub fn met(&self) -> bool {
            STATE.with_borrow(|state| state.as_ref().is_some_and(|state| state.met))
        }
    }

    impl Drop for Plan {
        fn drop(&mut self) {
            STATE.set(None);
        }
    }

    pub(in super::super) fn before(call: Call<'_>) -> io::Result<()> {
        STATE.with_borrow_mut(|state| state.as_mut().map_or(Ok(()), |state| state.meet(call)))
    }

    impl State {
        fn meet(&mut self, call: Call<'_>) -> io::Result<()> {
            let (at, fault) = self.fault.unwrap_or((usize::MAX, Fault::Error));
            if self.done.len() < at || (self.met && fault != Fault::Gone) {
                self.done.push(noted(call));
                return Ok(());
            }
            self.met = true;
            match (fault, call) {
                (Fault::Full, Call::Write(file, bytes)) => {
                    file.write_all(&bytes[..bytes.len() / 2])?;
                    Err(io::ErrorKind::StorageFull.into())
                }
                (Fault::Full, _) => Err(io::ErrorKind::StorageFull.into()),
                (Fault::Unknown, _) => Err(io::ErrorKind::Unsupported.into()),
                (Fault::Error, _) => Err(io::Error::other("a fault that a test has put in")),
                (Fault::Gone, _) => Err(io::Error::other("the process is gone")),
            }
        }
    }

    fn noted(call: Call<'_>) -> Done {
        let own = Path::to_owned;
        match call {
            Call::Create(path) | Call::Append(path) => Done::Create(own(path)),
            Call::CreateFolder(path) => Done::CreateFolder(own(path)),
            Call::Write(file, bytes) => Done::Write(path_of(file), bytes.to_vec()),
            Call::Shorten(file, length) => Done::Shorten(path_of(file), length),
            Call::Sync(file) => Done::Sync(path_of(file)),
            Call::SyncFolder(path) => Done::SyncFolder(own(path)),
            Call::Rename(from, to) => Done::Rename(own(from), own(to)),
            Call::Link(from, to) => Done::Link(own(from), own(to)),
            Call::Remove(path) => Done::Remove(own(path)),
            Call::RemoveFolder(path) => Done::RemoveFolder(own(path)),
        }
    }

    /// The name that an open file has now.
    fn path_of(file: &File) -> PathBuf {
        std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap_or_default()
    }
}
