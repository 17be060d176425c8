//! NVIDIA cards through NVIDIA's own driver. Tried on the card that is made of a C compiler (`tests/cuda`), and on no other.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, DeviceType};

use super::list::{Kind, Listed};
use super::open::Handle;
use super::quiet::quietly;

/// What kernels call for exponentials and the like, in a toolkit's folder.
const LIBDEVICE: &str = "nvvm/libdevice/libdevice.10.bc";

/// Where CubeCL looks for a toolkit that `CUDA_PATH` does not name.
const TOOLKITS: [&str; 4] = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda", "/usr"];

/// The cards that the driver knows. Without a driver the library panics, which is the error.
pub(super) fn cards() -> Result<Vec<Listed>, String> {
    let count = quietly(|| Device::enumerate(DeviceType::Cuda).len())
        .map_err(|panic| format!("the CUDA driver does not answer: {panic}"))?;
    if count > 0 {
        has_libdevice(std::env::var_os("CUDA_PATH").map(PathBuf::from))?;
    }
    Ok((0..count).map(card).collect())
}

pub(super) fn open(index: usize) -> Device {
    Device::cuda(index)
}

fn card(index: usize) -> Listed {
    let identity = quietly(|| Device::cuda(index).identity()).ok().flatten();
    let (name, driver) = identity.map_or_else(
        || (format!("CUDA card {index}"), "CUDA".to_owned()),
        |identity| (identity.name, format!("CUDA, {}", identity.fingerprint)),
    );
    Listed { kind: Kind::Cuda, name, driver, software: false, absent: None, handle: Handle::Cuda(index) }
}

/// Without it only the first kernel that calls it would fail, and nobody would say why.
fn has_libdevice(named: Option<PathBuf>) -> Result<(), String> {
    let there = |toolkit: &Path| toolkit.join(LIBDEVICE).is_file();
    match named {
        Some(toolkit) if there(&toolkit) => Ok(()),
        Some(toolkit) => Err(format!(
            "CUDA_PATH names {}, where there is no {LIBDEVICE}; it should be the folder of a CUDA toolkit",
            toolkit.display()
        )),
        None if TOOLKITS.iter().any(|toolkit| there(Path::new(toolkit))) => Ok(()),
        None => Err(format!(
            "kernels need {LIBDEVICE} of the CUDA toolkit, which is not under {}; install it, or name its folder with CUDA_PATH",
            TOOLKITS.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolkit_that_is_named_has_to_be_one() {
        let toolkit = tempfile::tempdir().unwrap();
        let check = || has_libdevice(Some(toolkit.path().to_owned()));
        let said = check().unwrap_err();
        assert!(said.contains("CUDA_PATH names") && said.contains(LIBDEVICE), "{said}");
        let file = toolkit.path().join(LIBDEVICE);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
        assert_eq!(check(), Ok(()));
    }
}
