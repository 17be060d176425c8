//! From a listed device to one that has answered. Burn opens lazily and panics where that fails; here it is
//! opened at once, and a failure is an error.

#[cfg(feature = "wgpu")]
use burn::tensor::DeviceKind;
use burn::tensor::{Device, Tensor};

use super::list::{Kind, Listed};
use super::quiet::quietly;
use super::{Error, list};
use crate::kernels;

/// A device that is there and has answered.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub device: Device,
    /// As the configuration names it.
    pub name: &'static str,
    /// What it is.
    pub listed: Listed,
}

/// How Burn names a device.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Handle {
    Cpu,
    Ndarray,
    #[cfg(feature = "wgpu")]
    Wgpu(DeviceKind),
    #[cfg(feature = "cuda")]
    Cuda(usize),
    /// Absent.
    None,
}

impl Listed {
    /// Opens the device and lets it add two numbers.
    pub fn open(&self) -> Result<Chosen, Error> {
        let device = self.device()?;
        quietly(|| answer(&device)).and_then(|answer| answer).map_err(|reason| Error::Silent {
            name: self.kind.name(),
            part: self.name.clone(),
            reason,
        })?;
        Ok(Chosen { device, name: self.kind.name(), listed: self.clone() })
    }

    fn device(&self) -> Result<Device, Error> {
        let name = self.kind.name();
        match &self.handle {
            Handle::Cpu => Ok(Device::flex()),
            Handle::Ndarray => Ok(ndarray()),
            #[cfg(feature = "wgpu")]
            Handle::Wgpu(kind) => super::adapters::open(kind).map_err(|reason| Error::Silent {
                name,
                part: self.name.clone(),
                reason,
            }),
            #[cfg(feature = "cuda")]
            Handle::Cuda(index) => Ok(super::cuda::open(*index)),
            Handle::None => Err(Error::Absent { name, reason: self.absent.clone().unwrap_or_default() }),
        }
    }
}

impl Chosen {
    /// What computes: other parts, drivers or lanes give other last bits.
    pub fn machine(&self) -> String {
        match self.listed.kind {
            Kind::Cpu | Kind::Ndarray => format!("{} {}", self.name, kernels::lanes()),
            Kind::Wgpu | Kind::Cuda => format!("{} {} {}", self.name, self.listed.name, self.listed.driver),
        }
    }

    /// The processor through Burn's Flex: always there.
    pub fn cpu() -> Result<Self, Error> {
        match list::of_kind(Kind::Cpu).first() {
            Some(cpu) => cpu.open(),
            None => Err(Error::Absent { name: "cpu", reason: "it is not listed".to_owned() }),
        }
    }
}

/// Burn marks this backend as deprecated; kiln keeps it as the reference.
#[allow(deprecated)]
pub(super) fn ndarray() -> Device {
    Device::ndarray()
}

fn answer(device: &Device) -> Result<(), String> {
    let sum = Tensor::<1>::from_floats([1.0, 2.0], device).add_scalar(1.0).try_into_vec_as::<f32>();
    match sum {
        Ok(values) if values == [2.0, 3.0] => Ok(()),
        Ok(values) => Err(format!("it says that [1, 2] + 1 is {values:?}")),
        Err(error) => Err(error.to_string()),
    }
}
