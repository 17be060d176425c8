//! The graphics adapters that wgpu reaches, in the order and on the graphics API that Burn takes them from.
//! Only WGSL is used: a driver that read SPIR-V straight from CubeCL once answered with wrong numbers.

use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, OnceLock};
use std::task::{Context, Poll, Waker};

use burn::tensor::{Device, DeviceKind};
use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::wgpu::{self, AdapterInfo, Backend, DeviceType};

use super::list::{Kind, Listed};
use super::open::Handle;
use super::quiet::quietly;

/// What is there, real GPUs first. Asked once: Vulkan's loader crashes when instances come and go on several
/// threads.
pub(super) fn adapters() -> Result<Vec<Listed>, String> {
    static FOUND: OnceLock<Result<Vec<Listed>, String>> = OnceLock::new();
    FOUND.get_or_init(|| quietly(settle).map(|found| described(&found))).clone()
}

/// Opens an adapter, the first time for good.
pub(super) fn open(kind: &DeviceKind) -> Result<Device, String> {
    static OPEN: Mutex<Vec<DeviceKind>> = Mutex::new(Vec::new());
    let mut open = OPEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if open.contains(kind) {
        return Ok(Device::wgpu(kind.clone()));
    }
    let options = Device::wgpu_options().device_kind(kind.clone());
    match quietly(|| options.init())? {
        // Registered already: somebody has computed on it.
        Ok(_) | Err(burn_wgpu::WgpuInitError::Registration { .. }) => open.push(kind.clone()),
        Err(error) => return Err(error.to_string()),
    }
    Ok(Device::wgpu(kind.clone()))
}

/// Burn's own rule: the first graphics API with a GPU, or else the first with anything at all.
fn settle() -> Vec<AdapterInfo> {
    let mut software = Vec::new();
    for api in AutoGraphicsApi::chain() {
        let found = ask(api);
        if found.iter().any(|info| info.device_type != DeviceType::Cpu) {
            return found;
        }
        if software.is_empty() {
            software = found;
        }
    }
    software
}

fn ask(api: Backend) -> Vec<AdapterInfo> {
    if !wgpu::Instance::enabled_backend_features().contains(api.into()) {
        return Vec::new();
    }
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: api.into(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = at_once(instance.enumerate_adapters(api.into())).unwrap_or_default();
    adapters.iter().map(wgpu::Adapter::get_info).collect()
}

/// Outside a browser the answer is there at the first look.
fn at_once<T>(answer: impl Future<Output = T>) -> Option<T> {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Numbers the adapters of each type as Burn does, and puts the best first.
fn described(found: &[AdapterInfo]) -> Vec<Listed> {
    let mut listed: Vec<(usize, Listed)> = Vec::new();
    for (at, info) in found.iter().enumerate() {
        let same = found.iter().take(at).filter(|other| other.device_type == info.device_type).count();
        let (rank, kind) = match info.device_type {
            DeviceType::DiscreteGpu => (0, Some(DeviceKind::DiscreteGpu(same))),
            DeviceType::IntegratedGpu => (1, Some(DeviceKind::IntegratedGpu(same))),
            DeviceType::VirtualGpu => (2, Some(DeviceKind::VirtualGpu(same))),
            // Burn reaches one of these only.
            DeviceType::Cpu => (4, (same == 0).then_some(DeviceKind::Cpu)),
            DeviceType::Other => (3, None),
        };
        listed.push((rank, describe(info, kind)));
    }
    listed.sort_by_key(|(rank, _)| *rank);
    listed.into_iter().map(|(_, listed)| listed).collect()
}

fn describe(info: &AdapterInfo, kind: Option<DeviceKind>) -> Listed {
    let driver = [info.backend.to_str(), &info.driver, &info.driver_info];
    let driver: Vec<&str> = driver.into_iter().filter(|part| !part.is_empty()).collect();
    Listed {
        kind: Kind::Wgpu,
        name: if info.name.is_empty() { "a nameless adapter".to_owned() } else { info.name.clone() },
        driver: driver.join(", "),
        software: info.device_type == DeviceType::Cpu,
        absent: kind.is_none().then(|| "Burn has no name for this one".to_owned()),
        handle: kind.map_or(Handle::None, Handle::Wgpu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, device_type: DeviceType) -> AdapterInfo {
        AdapterInfo { name: name.to_owned(), ..AdapterInfo::new(device_type, Backend::Vulkan) }
    }

    #[test]
    fn real_gpus_come_first_and_are_numbered_by_type() {
        let found = [
            adapter("llvmpipe", DeviceType::Cpu),
            adapter("Iris", DeviceType::IntegratedGpu),
            adapter("first", DeviceType::DiscreteGpu),
            adapter("second", DeviceType::DiscreteGpu),
            adapter("SwiftShader", DeviceType::Cpu),
        ];
        let listed = described(&found);
        let names: Vec<_> =
            listed.iter().map(|one| (one.name.as_str(), one.software, one.is_present())).collect();
        assert_eq!(
            names,
            [
                ("first", false, true),
                ("second", false, true),
                ("Iris", false, true),
                ("llvmpipe", true, true),
                ("SwiftShader", true, false),
            ]
        );
        assert_eq!(listed[1].handle, Handle::Wgpu(DeviceKind::DiscreteGpu(1)));
    }
}
