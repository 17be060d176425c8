//! The shared test data: real weights and photographs, found beside the repository or by KILN_ASSETS.

// Each file of tests uses a part of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

/// lite0 as its package ships it.
pub const LITE0: &str = "weights/efficientnet-lite0-57934424.pth";

/// A file or folder of the shared test data, or None, said aloud, where this machine has none.
pub fn asset(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/assets");
    let folder = std::env::var_os("KILN_ASSETS").map_or(beside, PathBuf::from);
    let path = folder.join(name);
    if !path.exists() {
        println!("skipped: {} is not there (set KILN_ASSETS to the folder of test data)", path.display());
        return None;
    }
    // Commands run in a folder of their own.
    Some(path.canonicalize().unwrap())
}
