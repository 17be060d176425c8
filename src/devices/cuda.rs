//! NVIDIA cards through NVIDIA's own driver. Untested wherever kiln's tests run: they have no such card.

use burn::tensor::{Device, DeviceType};

use super::list::{Kind, Listed};
use super::open::Handle;
use super::quiet::quietly;

/// The cards that the driver knows. Without a driver the library panics, which is the error.
pub(super) fn cards() -> Result<Vec<Listed>, String> {
    let count = quietly(|| Device::enumerate(DeviceType::Cuda).len())?;
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
