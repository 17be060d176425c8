//! What the targets share: a limit on memory, files that never touch a disk, and what holds for everything that was
//! read.

use std::alloc::System;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cap::Cap;
use kiln::weights::Loaded;

/// All inputs are far smaller. Whoever believes what one of them claims runs into this, and the process ends: a finding.
const MEMORY: usize = 512 << 20;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY);

/// A folder of this process alone: the one it is told, or one in memory.
pub fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let own = || {
            let memory = Path::new("/dev/shm");
            let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
            parent.join(format!("kiln-fuzz-{}", std::process::id()))
        };
        let folder = std::env::var_os("KILN_FUZZ_FILES").map_or_else(own, PathBuf::from);
        fs::create_dir_all(&folder).expect("a folder for the inputs can be made");
        folder
    });
    &FOLDER
}

/// The bytes as a file, for the readers that take one.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).expect("an input can be written");
    path
}

/// Reads the bytes as weights from a file of this name, and expects of what is taken that it is sound. Gives the file.
pub fn weights(name: &str, bytes: &[u8]) -> PathBuf {
    let path = file(name, bytes);
    if let Ok(loaded) = kiln::weights::read(&path) {
        expect_sound(&loaded, bytes.len());
    }
    path
}

/// Arrays are what their shapes say, and no more than a file of this size can hold.
fn expect_sound(loaded: &Loaded, bytes: usize) {
    for (name, array) in &loaded.named.entries {
        let numbers = array.shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        assert_eq!(numbers, Some(array.values.len()), "{name}");
    }
    assert!(loaded.named.count() <= 4 * bytes, "{} numbers from {bytes} bytes", loaded.named.count());
}
