//! A small disk in memory that can be filled and made read-only. It needs the right to mount.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CLASSES, Studio};

/// Unmounted at the end.
pub struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// None where mounting is not allowed.
    pub fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        if !mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], folder.path()) {
            println!("skipped: a tmpfs cannot be mounted here");
            return None;
        }
        Some(Self { folder })
    }

    /// A studio whose commands run on the disk.
    pub fn studio(&self) -> Studio {
        let studio = Studio::new();
        for class in CLASSES {
            let folder = self.folder.path().join("pictures").join(class);
            fs::create_dir_all(&folder).unwrap();
            for (name, bytes) in studio.files(&format!("pictures/{class}")) {
                fs::write(folder.join(name), bytes).unwrap();
            }
        }
        fs::copy(studio.path("tiny.toml"), self.folder.path().join("tiny.toml")).unwrap();
        studio.working_in(self.folder.path())
    }

    /// Fills the disk but for so many bytes.
    pub fn fill(&self, left: usize) {
        let mut filler = fs::File::create(self.filler()).unwrap();
        let mut length = 0;
        while let Ok(more) = filler.write(&[1; 4096]) {
            length += more;
        }
        filler.set_len((length - left) as u64).unwrap();
    }

    pub fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    pub fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], self.folder.path()));
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

fn mount(options: &[&str], folder: &Path) -> bool {
    Command::new("mount").args(options).arg(folder).output().is_ok_and(|output| output.status.success())
}
