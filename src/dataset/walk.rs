//! Lists every file below a folder, in a fixed order, through symbolic links but never in circles.
//! Reads no file; leaves to `layout` what a file's place means.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Error, SetAside};

/// What lies below a folder. Relative paths have `/` on every system.
#[derive(Debug, Default)]
pub struct Tree {
    /// In bytewise order.
    pub files: Vec<String>,
    /// In bytewise order, without the root itself.
    pub folders: Vec<String>,
    /// Files that cannot be used whatever they hold.
    pub set_aside: Vec<SetAside>,
    /// Folders that cannot be looked into, whatever is inside.
    pub closed: Vec<SetAside>,
    /// Hidden files and folders; what is inside such a folder is not looked at.
    pub ignored: Vec<SetAside>,
}

pub fn walk(root: &Path) -> Result<Tree, Error> {
    match fs::metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Missing { path: root.into() });
        }
        Err(error) => return Err(Error::unreadable(root)(error)),
        Ok(metadata) if !metadata.is_dir() => return Err(Error::NotAFolder { path: root.into() }),
        Ok(_) => {}
    }
    let mut walker = Walker { tree: Tree::default(), above: Vec::new() };
    walker.folder(root, "").map_err(Error::unreadable(root))?;
    let mut tree = walker.tree;
    tree.files.sort_unstable();
    tree.folders.sort_unstable();
    Ok(tree)
}

struct Walker {
    tree: Tree,
    /// The folders from the root down to the present one, links resolved.
    above: Vec<PathBuf>,
}

impl Walker {
    fn folder(&mut self, path: &Path, relative: &str) -> io::Result<()> {
        let real = fs::canonicalize(path)?;
        if self.above.iter().any(|above| above.starts_with(&real)) {
            let reason =
                format!("leads back into itself through {}; remove the symbolic link", real.display());
            self.tree.closed.push(SetAside { relative: relative.into(), reason });
            return Ok(());
        }
        // All of it or nothing: of a folder that breaks off in the middle nobody knows what is missing.
        let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
        if !relative.is_empty() {
            self.tree.folders.push(relative.into());
        }
        self.above.push(real);
        for entry in entries {
            let name = entry.file_name();
            let below = |name: &str| {
                if relative.is_empty() { name.to_string() } else { format!("{relative}/{name}") }
            };
            match name.to_str() {
                Some(name) => self.entry(&entry.path(), name, below(name)),
                None => self.unspeakable(&entry.path(), below(&name.to_string_lossy())),
            }
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: &str, relative: String) {
        if name.starts_with('.') {
            self.tree.ignored.push(SetAside { relative, reason: "hidden".into() });
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                if let Err(error) = self.folder(path, &relative) {
                    self.unreadable(relative, &error);
                }
            }
            Ok(metadata) if metadata.is_file() => self.tree.files.push(relative),
            Ok(_) => {
                let reason = "neither a file nor a folder".into();
                self.tree.ignored.push(SetAside { relative, reason });
            }
            Err(error) => {
                let reason = match fs::read_link(path) {
                    Ok(target) => format!("a link to {}, which cannot be read: {error}", target.display()),
                    Err(_) => error.to_string(),
                };
                self.tree.set_aside.push(SetAside { relative, reason });
            }
        }
    }

    /// It stays a folder: a class that cannot be read is refused by its name, and not forgotten.
    fn unreadable(&mut self, relative: String, error: &io::Error) {
        let reason = format!("this folder cannot be read: {error}");
        self.tree.closed.push(SetAside { relative: relative.clone(), reason });
        self.tree.folders.push(relative);
    }

    /// Records have to name every file, and JSON cannot name this one.
    fn unspeakable(&mut self, path: &Path, relative: String) {
        let what = if path.is_dir() { "this folder's name" } else { "its name" };
        self.tree.set_aside.push(SetAside { relative, reason: format!("{what} is not UTF-8; rename it") });
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn every_file_is_listed_in_order() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("b/deep")).unwrap();
        fs::create_dir_all(at(".git/objects")).unwrap();
        for name in ["b/deep/2.jpg", "b/1.jpg", "a.txt", "b/.DS_Store"] {
            fs::write(at(name), "x").unwrap();
        }
        symlink(at("nowhere"), at("b/broken.jpg")).unwrap();
        fs::write(root.path().join(OsStr::from_bytes(b"b/\xff.jpg")), "x").unwrap();
        let tree = walk(root.path()).unwrap();
        assert_eq!(tree.files, ["a.txt", "b/1.jpg", "b/deep/2.jpg"]);
        assert_eq!(tree.folders, ["b", "b/deep"]);
        assert_eq!(tree.ignored.len(), 2);
        let mut names: Vec<_> = tree.set_aside.iter().map(|file| file.relative.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["b/broken.jpg", "b/\u{fffd}.jpg"]);
    }

    /// Each ended the search, and training with it.
    #[test]
    fn circles_of_links_are_left_out_and_named() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("a")).unwrap();
        fs::create_dir_all(at("b")).unwrap();
        fs::write(at("b/z.jpg"), "x").unwrap();
        let check = |folders: &[&str], files: &[&str], closed: &[&str]| {
            let mut tree = walk(root.path()).unwrap();
            tree.closed.sort_unstable_by(|a, b| a.relative.cmp(&b.relative));
            assert_eq!((tree.folders, tree.files), (owned(folders), owned(files)));
            assert!(tree.closed.iter().all(|one| one.reason.contains("remove the symbolic link")));
            assert_eq!(tree.closed.into_iter().map(|one| one.relative).collect::<Vec<_>>(), closed);
        };
        symlink(at("b"), at("a/b")).unwrap();
        check(&["a", "a/b", "b"], &["a/b/z.jpg", "b/z.jpg"], &[]);
        symlink(at("a"), at("b/a")).unwrap();
        // Once around, and no further.
        check(&["a", "a/b", "b", "b/a"], &["a/b/z.jpg", "b/z.jpg"], &["a/b/a", "b/a/b"]);
        fs::remove_file(at("b/a")).unwrap();
        symlink("..", at("b/up")).unwrap();
        check(&["a", "a/b", "b"], &["a/b/z.jpg", "b/z.jpg"], &["a/b/up", "b/up"]);
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_string()).collect()
    }

    #[test]
    fn folders_that_may_not_be_read_are_named_and_the_rest_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("a/locked")).unwrap();
        fs::create_dir_all(at("b")).unwrap();
        fs::write(at("b/1.jpg"), "x").unwrap();
        let mode = |mode| fs::set_permissions(at("a/locked"), fs::Permissions::from_mode(mode)).unwrap();
        mode(0o000);
        // Who is root may read everything.
        let is_root = fs::read_dir(at("a/locked")).is_ok();
        let tree = walk(root.path());
        mode(0o755);
        let tree = tree.unwrap();
        assert_eq!((tree.files, tree.folders), (owned(&["b/1.jpg"]), owned(&["a", "a/locked", "b"])));
        let closed: Vec<_> = tree.closed.iter().map(|one| one.relative.as_str()).collect();
        assert_eq!(closed, if is_root { vec![] } else { vec!["a/locked"] });
        assert!(tree.closed.iter().all(|one| one.reason.contains("this folder cannot be read")));
    }

    /// The same without the right to read, for a test that root runs.
    #[test]
    fn an_unreadable_folder_stays_a_folder() {
        let mut walker = Walker { tree: Tree::default(), above: Vec::new() };
        walker.unreadable("a".into(), &io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!((walker.tree.folders.len(), walker.tree.closed.len()), (1, 1));
    }
}
