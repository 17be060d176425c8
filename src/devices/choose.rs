//! A device from its name in the configuration.

use burn::tensor::Device;

use crate::config::DeviceChoice;

/// A device that is there, and what it is called.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub device: Device,
    pub name: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("device {name} is not in this kiln: build it with `cargo build --release --features {feature}`")]
    NotBuilt { name: &'static str, feature: &'static str },
}

/// The device that a configuration asks for.
pub fn choose(choice: DeviceChoice) -> Result<Chosen, Error> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(Chosen { device: Device::flex(), name: "cpu" }),
        DeviceChoice::Ndarray => Ok(Chosen { device: ndarray(), name: "ndarray" }),
        DeviceChoice::Wgpu => Err(Error::NotBuilt { name: "wgpu", feature: "wgpu" }),
        DeviceChoice::Cuda => Err(Error::NotBuilt { name: "cuda", feature: "cuda" }),
    }
}

/// Burn marks this backend as deprecated; kiln keeps it as the reference.
#[allow(deprecated)]
fn ndarray() -> Device {
    Device::ndarray()
}
