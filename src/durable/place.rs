//! Files of the user under other names: linked, copied, or moved. Never in place of another file; and an original is only
//! let go of when the same bytes stand under the new name. A move is three calls, so that many files share the waiting
//! for the disk: `name_again` for each, `settle_folder` for each folder, `forget_original` for each.

use std::io;
use std::path::Path;

use super::file::{Unfinished, name_new, place_new, refuse_existing};
use super::{Error, hash_file, system, temporary};

/// A symbolic link to a file.
pub fn link_to(original: &Path, to: &Path) -> Result<(), Error> {
    system::symbolic_link(original, to).map_err(|error| taken(error, to))
}

/// A copy, whole or not at all.
pub fn copy_new(from: &Path, to: &Path) -> Result<(), Error> {
    refuse_existing(to)?;
    let copy = Unfinished(temporary::beside(to)?);
    system::copy_file(from, &copy.0)?;
    name_new(&copy.0, to)
}

/// A second name for a file; where the file systems differ, a copy that lasts.
pub fn name_again(from: &Path, to: &Path) -> Result<(), Error> {
    match system::link(from, to).map_err(|error| taken(error, to)) {
        Ok(()) => Ok(()),
        Err(Error::Io { cause, .. }) if cause.kind() != io::ErrorKind::NotFound => {
            refuse_existing(to)?;
            let copy = Unfinished(temporary::beside(to)?);
            system::copy_file(from, &copy.0)?;
            super::file::sync_file(&copy.0)?;
            place_new(&copy.0, to)
        }
        Err(error) => Err(error),
    }
}

/// Makes the names in a folder last.
pub fn settle_folder(folder: &Path) -> Result<(), Error> {
    system::sync_folder(folder)
}

/// Removes the first name of a file that has a second one. Refuses where they are not the same file or the same bytes.
pub fn forget_original(from: &Path, to: &Path) -> Result<(), Error> {
    if !is_same_file(from, to) && hash_file(from)? != hash_file(to)? {
        let cause = io::Error::other(format!("it is not what stands in {} now", to.display()));
        return Err(Error::Io { action: "move", path: from.to_owned(), cause });
    }
    system::remove_file(from)
}

/// Whether two files hold the same bytes. What cannot be read holds none.
pub fn is_copy(one: &Path, other: &Path) -> bool {
    let length = |path: &Path| {
        std::fs::symlink_metadata(path).ok().filter(|data| data.is_file()).map(|data| data.len())
    };
    let same_length = length(one).is_some_and(|found| length(other) == Some(found));
    same_length && hash_file(one).is_ok_and(|found| hash_file(other).is_ok_and(|hash| hash == found))
}

/// Whether a file has both of these names, so that one of them can go.
pub fn is_second_name(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Through two mounts a single name may show itself twice; then there is one link.
        let links = std::fs::symlink_metadata(one).map_or(0, |data| data.nlink());
        one != other && links > 1 && is_same_file(one, other)
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        false
    }
}

/// Two names of one file, as far as the system tells.
fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| std::fs::symlink_metadata(path).map(|data| (data.dev(), data.ino())).ok();
        id(one).is_some_and(|found| id(other) == Some(found))
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        false
    }
}

fn taken(error: Error, to: &Path) -> Error {
    match error.kind() {
        Some(io::ErrorKind::AlreadyExists) => Error::Exists { path: to.to_owned() },
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::faults::{Done, Fault, Plan};
    use super::*;

    fn moved(from: &Path, to: &Path) -> Result<(), Error> {
        name_again(from, to)?;
        settle_folder(temporary::parent(to))?;
        forget_original(from, to)
    }

    #[test]
    fn nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "mine").unwrap();
        fs::write(&to, "yours").unwrap();
        for place in [link_to, copy_new, name_again] {
            assert!(matches!(place(&from, &to), Err(Error::Exists { .. })));
        }
        assert!(forget_original(&from, &to).unwrap_err().to_string().contains("not what stands in"));
        assert_eq!((fs::read(&from).unwrap(), fs::read(&to).unwrap()), (b"mine".into(), b"yours".into()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_move_across_file_systems_is_a_copy_that_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "mine").unwrap();
        // The link is refused, as between two disks.
        let plan = Plan::fail(0, Fault::Error);
        moved(&from, &to).unwrap();
        assert!(plan.met());
        assert!(!from.exists());
        assert_eq!(fs::read(&to).unwrap(), b"mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_new_name_is_made_to_last_before_the_old_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "mine").unwrap();
        let plan = Plan::watch();
        moved(&from, &to).unwrap();
        let synced = Done::SyncFolder(folder.path().to_owned());
        assert_eq!(plan.done(), [Done::Link(from.clone(), to), synced, Done::Remove(from)]);
    }

    #[test]
    fn what_is_not_there_is_not_copied_either() {
        let folder = tempfile::tempdir().unwrap();
        let (absent, to) = (folder.path().join("absent"), folder.path().join("to"));
        let plan = Plan::watch();
        assert_eq!(name_again(&absent, &to).unwrap_err().kind(), Some(io::ErrorKind::NotFound));
        assert_eq!(plan.done().len(), 1, "the link that was tried");
    }

    /// As through two mounts: whoever takes them for two names removes the only file.
    #[test]
    #[cfg(unix)]
    fn one_name_that_is_reached_in_two_ways_is_no_second_name() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        fs::write(real.join("one"), "mine").unwrap();
        assert!(is_same_file(&real.join("one"), &link.join("one")));
        assert!(!is_second_name(&real.join("one"), &link.join("one")));
    }

    #[test]
    fn copies_and_second_names_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let [one, copy, name, other] = ["one", "copy", "name", "other"].map(|name| folder.path().join(name));
        fs::write(&one, "mine").unwrap();
        assert!(!is_second_name(&one, &one));
        fs::write(&copy, "mine").unwrap();
        fs::write(&other, "your").unwrap();
        fs::hard_link(&one, &name).unwrap();
        assert!(is_copy(&one, &copy) && is_copy(&one, &name) && !is_copy(&one, &other));
        assert!(!is_copy(&one, &folder.path().join("absent")) && !is_copy(folder.path(), folder.path()));
        assert!(!is_second_name(&one, &copy) && !is_second_name(&one, &one));
        assert_eq!(is_second_name(&one, &name), cfg!(unix));
    }

    /// Wherever a move breaks off, the file stands under one name at least, whole.
    #[test]
    fn no_fault_loses_a_file() {
        for fault in [Fault::Error, Fault::Full, Fault::Gone] {
            for at in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let (from, to) = (folder.path().join("from"), folder.path().join("to"));
                fs::write(&from, "mine").unwrap();
                let plan = Plan::fail(at, fault);
                let done = moved(&from, &to);
                let met = plan.met();
                drop(plan);
                let held =
                    [&from, &to].iter().filter(|path| fs::read(path).is_ok_and(|b| b == b"mine")).count();
                assert!(held >= 1, "{fault:?} at {at}: {done:?}");
                assert!(
                    [&from, &to]
                        .iter()
                        .all(|path| fs::read(path).is_err() || fs::read(path).unwrap() == b"mine")
                );
                if !met {
                    break;
                }
            }
        }
    }
}
