//! ONNX Runtime for the browser: the version that the page is written for, and the files of it that it takes, each known by
//! its SHA-256. Whoever fetched them is not asked.

use std::path::{Path, PathBuf};

use super::super::Error;
use crate::durable;

/// The package on npm.
pub const PACKAGE: &str = "onnxruntime-web@1.30.0";

/// With WebGPU and without: what the page imports, and what that loads, by their paths in the page's folder.
const FILES: [(&str, &str); 6] = [
    ("ort/ort.webgpu.min.mjs", "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0"),
    (
        "ort/ort-wasm-simd-threaded.asyncify.mjs",
        "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
    ),
    (
        "ort/ort-wasm-simd-threaded.asyncify.wasm",
        "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
    ),
    ("ort/ort.wasm.min.mjs", "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b"),
    ("ort/ort-wasm-simd-threaded.mjs", "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"),
    ("ort/ort-wasm-simd-threaded.wasm", "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"),
];

/// The largest of them has 27 MB.
const LARGEST: u64 = 64 << 20;

/// The files of an unpacked package by their paths in the page's folder. A file that is not the one known is refused.
pub fn runtime(package: &Path) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
    let places = ["", "dist", "package/dist"].map(|place| package.join(place));
    let (first, _) = FILES[0];
    let Some(folder) = places.iter().find(|place| place.join(name(first)).is_file()) else {
        return Err(refused(package, &format!("it does not hold {}", name(first))));
    };
    FILES.iter().map(|(path, hash)| Ok((*path, checked(&folder.join(name(path)), hash)?))).collect()
}

/// What a file is called in the package.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn checked(path: &Path, hash: &str) -> Result<Vec<u8>, Error> {
    let bytes = durable::read_at_most(path, LARGEST).map_err(|error| refused(path, &error.to_string()))?;
    match durable::sha256(&bytes) == hash {
        true => Ok(bytes),
        false => Err(refused(path, &format!("it is not the file of {PACKAGE}"))),
    }
}

fn refused(path: &Path, reason: &str) -> Error {
    Error::Runtime { path: PathBuf::from(path), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let check = |part: &str| {
            let error = runtime(folder.path()).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(PACKAGE), "{error}");
        };
        check("does not hold ort.webgpu.min.mjs");
        std::fs::create_dir_all(folder.path().join("package/dist")).unwrap();
        std::fs::write(folder.path().join("package/dist/ort.webgpu.min.mjs"), "alert(1)").unwrap();
        check("is not the file of");
    }
}
