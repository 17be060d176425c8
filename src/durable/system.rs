//! Every call to the system that this room makes, one function each, with the path and the action in its error.
//! The one place where tests put faults in (faults.rs), before each call that changes anything; decides nothing.

use super::Error;
use super::faults::{self, Call};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub fn open(path: &Path) -> Result<File, Error> {
    named("open", path, File::open(path))
}

/// A new file; an existing one is an error.
pub fn create(path: &Path) -> Result<File, Error> {
    named("create", path, faults::before(Call::Create(path)).and_then(|()| File::create_new(path)))
}

pub fn open_to_append(path: &Path) -> Result<File, Error> {
    let open = || OpenOptions::new().append(true).create(true).open(path);
    named("open", path, faults::before(Call::Append(path)).and_then(|()| open()))
}

/// Readable and writable, made where it is absent, with its contents as they are.
pub fn open_to_lock(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    named("open", path, file)
}

pub fn write(file: &mut File, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    named("write", path, faults::before(Call::Write(file, bytes)).and_then(|()| file.write_all(bytes)))
}

/// Writes over the first bytes of a file and goes back to its end.
pub fn write_first(file: &mut File, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    named("write", path, file.seek(SeekFrom::Start(0)))?;
    write(file, path, bytes)?;
    named("write", path, file.seek(SeekFrom::End(0))).map(|_| ())
}

/// A copy with the permissions and the time of the original, under a name that nothing else uses.
pub fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    named("copy", from, faults::before(Call::Create(to)).and_then(|()| fs::copy(from, to)))?;
    // A file system without times, or a file that may not be written: the content is what counts.
    let _ = fs::metadata(from).and_then(|data| data.modified()).map(|time| set_modified(to, time));
    Ok(())
}

/// A symbolic link; an existing name is an error.
pub fn symbolic_link(original: &Path, to: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    let made =
        faults::before(Call::Link(original, to)).and_then(|()| std::os::unix::fs::symlink(original, to));
    #[cfg(not(unix))]
    let made = faults::before(Call::Link(original, to))
        .and_then(|()| std::os::windows::fs::symlink_file(original, to));
    named("put in place", to, made)
}

pub fn read_text(file: &mut File, path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    named("read", path, file.read_to_string(&mut text))?;
    Ok(text)
}

/// Everything in the file, through `sink`.
pub fn copy(path: &Path, sink: &mut dyn Write) -> Result<u64, Error> {
    // Large pieces keep BLAKE3's wide kernels busy.
    const PIECE: usize = 256 * 1024;
    let mut reader = io::BufReader::with_capacity(PIECE, open(path)?);
    named("read", path, io::copy(&mut reader, sink))
}

pub fn length(file: &File, path: &Path) -> Result<u64, Error> {
    let length = file.metadata().and_then(|data| match data.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(data.len()),
    });
    named("look at", path, length)
}

pub fn set_length(file: &File, path: &Path, length: u64) -> Result<(), Error> {
    named("shorten", path, faults::before(Call::Shorten(file, length)).and_then(|()| file.set_len(length)))
}

pub fn sync(file: &File, path: &Path) -> Result<(), Error> {
    named("sync", path, faults::before(Call::Sync(file)).and_then(|()| file.sync_all()))
}

/// Makes new, renamed and removed entries of a folder last. Not every file system can, and Windows has no such call.
pub fn sync_folder(path: &Path) -> Result<(), Error> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = open(path)?;
    match faults::before(Call::SyncFolder(path)).and_then(|()| folder.sync_all()) {
        Err(cause) if matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        result => named("sync", path, result),
    }
}

pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    named("put in place", to, faults::before(Call::Rename(from, to)).and_then(|()| fs::rename(from, to)))
}

/// A second name for a file; an existing name is an error.
pub fn link(from: &Path, to: &Path) -> Result<(), Error> {
    named("put in place", to, faults::before(Call::Link(from, to)).and_then(|()| fs::hard_link(from, to)))
}

pub fn remove_file(path: &Path) -> Result<(), Error> {
    named("remove", path, faults::before(Call::Remove(path)).and_then(|()| fs::remove_file(path)))
}

/// Notes that a file was used now.
pub fn set_modified(path: &Path, time: std::time::SystemTime) -> Result<(), Error> {
    let set = OpenOptions::new().append(true).open(path).and_then(|file| file.set_modified(time));
    named("touch", path, set)
}

pub fn remove_folder(path: &Path) -> Result<(), Error> {
    named("remove", path, faults::before(Call::RemoveFolder(path)).and_then(|()| fs::remove_dir_all(path)))
}

pub fn create_folder(path: &Path) -> Result<(), Error> {
    named("create", path, faults::before(Call::CreateFolder(path)).and_then(|()| fs::create_dir(path)))
}

pub fn create_folders(path: &Path) -> Result<(), Error> {
    let missing = path.ancestors().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    let mut missing: Vec<&Path> = missing.collect();
    while let Some(folder) = missing.pop() {
        match create_folder(folder) {
            // Somebody else was quicker.
            Err(error) if error.kind() == Some(io::ErrorKind::AlreadyExists) && folder.is_dir() => {}
            // The user knows the folder that was asked for.
            Err(Error::Io { action, cause, .. }) => {
                return Err(Error::Io { action, path: path.to_owned(), cause });
            }
            result => result?,
        }
    }
    Ok(())
}

/// What lies in a folder, in no particular order.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let paths = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    named("list", folder, paths)
}

/// True where something has this name, a broken link included.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// True for a folder itself, not for a link to one.
pub fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| data.is_dir())
}

/// True for a file itself, not for a link to one.
pub fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| data.is_file())
}

/// False where something else holds the lock.
pub fn try_lock(file: &File, path: &Path) -> Result<bool, Error> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => named("lock", path, Err(cause)),
    }
}

/// Bytes that this process may still write into a folder's file system, where the system tells.
pub fn free_space(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let system = rustix::fs::statvfs(folder).ok()?;
        Some(system.f_bavail.saturating_mul(system.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// The name of this machine, as far as it tells.
pub fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// True where no process of this number runs here. Where that cannot be found out, it counts as running.
pub fn is_dead(pid: u32) -> bool {
    Path::new("/proc/self").exists() && !Path::new("/proc").join(pid.to_string()).exists()
}

fn named<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|cause| Error::Io { action, path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::super::faults::{Fault, Plan};
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_synced_is_an_error_unless_no_folder_can() {
        let folder = tempfile::tempdir().unwrap();
        for (fault, fine) in [(Fault::Error, false), (Fault::Unknown, true)] {
            let plan = Plan::fail(0, fault);
            assert_eq!(sync_folder(folder.path()).is_ok(), fine, "{fault:?}");
            assert!(plan.met());
        }
        assert!(sync_folder(folder.path()).is_ok());
    }

    #[test]
    fn folders_made_by_somebody_quicker_are_fine_and_other_faults_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let path = folder.path().join(format!("{round}/a/b/c/d"));
            std::thread::scope(|scope| {
                let makers = [0; 4].map(|_| scope.spawn(|| create_folders(&path)));
                makers.into_iter().for_each(|maker| maker.join().unwrap().unwrap());
            });
            assert!(path.is_dir());
        }
        // As if somebody had been quicker: p is made on the way to itself.
        create_folders(&folder.path().join("p/../p")).unwrap();
        let path = folder.path().join("x/y");
        let plan = Plan::fail(1, Fault::Error);
        assert_eq!(create_folders(&path).unwrap_err().path(), path);
        assert!(plan.met());
        drop(plan);
        // A link to nowhere has the name, and is no folder.
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path().join("nowhere"), folder.path().join("link")).unwrap();
            let below = folder.path().join("link/below");
            let error = create_folders(&below).unwrap_err();
            assert_eq!((error.kind(), error.path()), (Some(io::ErrorKind::AlreadyExists), below.as_path()));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_machine_has_the_name_that_the_system_says() {
        let output = std::process::Command::new("uname").arg("-n").output().unwrap();
        assert_eq!(host(), String::from_utf8(output.stdout).unwrap().trim());
    }

    #[test]
    fn files_and_folders_are_told_apart_and_links_are_neither() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"x").unwrap();
        assert_eq!((is_file(&file), is_folder(&file)), (true, false));
        assert_eq!((is_file(folder.path()), is_folder(folder.path())), (false, true));
        assert!(!is_file(&folder.path().join("absent")));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&file, &link).unwrap();
            assert!(!is_file(&link) && !is_folder(&link) && exists(&link));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn free_space_is_what_the_system_says() {
        let folder = tempfile::tempdir().unwrap();
        let output =
            std::process::Command::new("df").args(["--output=avail", "-B1"]).arg(folder.path()).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let expected: f64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
        let found = free_space(folder.path()).unwrap() as f64;
        // Others write meanwhile.
        assert!((found / expected - 1.0).abs() < 0.1, "{found} {expected}");
        assert_eq!(free_space(&folder.path().join("absent")), None);
    }
}
