//! Lists every file below a folder, in a fixed order, through symbolic links but never in circles.
//! Reads no file; leaves to `layout` what a file's place means.

use std::fs;
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
    /// Hidden files and folders; what is inside such a folder is not looked at.
    pub ignored: Vec<SetAside>,
}

pub fn walk(root: &Path) -> Result<Tree, Error> {
    match fs::metadata(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Missing { path: root.into() });
        }
        Err(error) => return Err(Error::unreadable(root)(error)),
        Ok(metadata) if !metadata.is_dir() => return Err(Error::NotAFolder { path: root.into() }),
        Ok(_) => {}
    }
    let mut walker = Walker { tree: Tree::default(), above: Vec::new() };
    walker.folder(root, "")?;
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
    fn folder(&mut self, path: &Path, relative: &str) -> Result<(), Error> {
        let real = fs::canonicalize(path).map_err(Error::unreadable(path))?;
        if self.above.iter().any(|above| above.starts_with(&real)) {
            return Err(Error::LinkLoop { path: path.into(), target: real });
        }
        self.above.push(real);
        for entry in fs::read_dir(path).map_err(Error::unreadable(path))? {
            let entry = entry.map_err(Error::unreadable(path))?;
            let name = entry.file_name();
            let below = |name: &str| {
                if relative.is_empty() { name.to_string() } else { format!("{relative}/{name}") }
            };
            match name.to_str() {
                Some(name) => self.entry(&entry.path(), name, below(name))?,
                None => self.unspeakable(&entry.path(), below(&name.to_string_lossy())),
            }
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: &str, relative: String) -> Result<(), Error> {
        if name.starts_with('.') {
            self.tree.ignored.push(SetAside { relative, reason: "hidden".into() });
            return Ok(());
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                self.folder(path, &relative)?;
                self.tree.folders.push(relative);
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
        Ok(())
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
    use std::os::unix::{ffi::OsStrExt, fs::symlink};

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

    #[test]
    fn circles_of_links_are_found() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("a")).unwrap();
        fs::create_dir_all(at("b")).unwrap();
        symlink(at("b"), at("a/b")).unwrap();
        assert_eq!(walk(root.path()).unwrap().folders, ["a", "a/b", "b"]);
        symlink(at("a"), at("b/a")).unwrap();
        assert!(matches!(walk(root.path()), Err(Error::LinkLoop { .. })));
        fs::remove_file(at("b/a")).unwrap();
        symlink("..", at("b/up")).unwrap();
        assert!(matches!(walk(root.path()), Err(Error::LinkLoop { .. })));
    }
}
