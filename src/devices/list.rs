//! Every device that kiln knows how to ask for, with the driver behind it or the reason why it is not there.
//! Opens none of them.

use serde::Serialize;

use super::open::Handle;

/// A device as the configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Cpu,
    Ndarray,
    Wgpu,
    Cuda,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Cpu, Kind::Ndarray, Kind::Wgpu, Kind::Cuda];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        }
    }
}

/// One device, there or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    pub kind: Kind,
    /// The part as its driver names it; empty where there is none.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// A GPU's driver that computes on the processor: right, but slower than `cpu`.
    pub software: bool,
    /// Why it cannot be used here. None: it can be opened.
    pub absent: Option<String>,
    #[serde(skip)]
    pub(super) handle: Handle,
}

impl Listed {
    pub fn is_present(&self) -> bool {
        self.absent.is_none()
    }

    /// What comes with kiln and is no driver.
    pub fn is_processor(&self) -> bool {
        matches!(self.kind, Kind::Cpu | Kind::Ndarray)
    }

    /// A GPU in earnest.
    pub fn is_gpu(&self) -> bool {
        self.is_present() && !self.software && matches!(self.kind, Kind::Wgpu | Kind::Cuda)
    }
}

/// All devices, best GPU first within its kind.
pub fn list() -> Vec<Listed> {
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

/// The devices of one kind: at least one, absent perhaps.
pub(super) fn of_kind(kind: Kind) -> Vec<Listed> {
    match kind {
        Kind::Cpu => vec![processor(kind, "Burn's Flex and kiln's own kernels", Handle::Cpu)],
        Kind::Ndarray => vec![processor(kind, "Burn's reference for processors", Handle::Ndarray)],
        Kind::Wgpu => wgpu(),
        Kind::Cuda => cuda(),
    }
}

fn processor(kind: Kind, name: &str, handle: Handle) -> Listed {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    Listed {
        kind,
        name: name.to_owned(),
        driver: format!("{} threads", threads),
        software: false,
        absent: None,
        handle,
    }
}

fn absent(kind: Kind, why: String) -> Vec<Listed> {
    let (name, driver) = (String::new(), String::new());
    vec![Listed { kind, name, driver, software: false, absent: Some(why), handle: Handle::None }]
}

#[cfg(any(not(feature = "wgpu"), not(feature = "cuda")))]
fn not_built(kind: Kind) -> Vec<Listed> {
    let name = kind.name();
    absent(
        kind,
        format!("this kiln was built without it (`cargo build --release --features {name}` builds it)"),
    )
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Vec<Listed> {
    match super::adapters::adapters() {
        Err(panic) => absent(Kind::Wgpu, format!("asking for the graphics drivers failed: {panic}")),
        Ok(found) if found.is_empty() => absent(
            Kind::Wgpu,
            "no driver for Vulkan, Metal, DirectX 12 or OpenGL answers: install the one of your card"
                .to_owned(),
        ),
        Ok(found) => found,
    }
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Vec<Listed> {
    not_built(Kind::Wgpu)
}

#[cfg(feature = "cuda")]
fn cuda() -> Vec<Listed> {
    match super::cuda::cards() {
        Err(why) => absent(Kind::Cuda, why),
        Ok(found) if found.is_empty() => absent(Kind::Cuda, "the CUDA driver knows no card".to_owned()),
        Ok(found) => found,
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Vec<Listed> {
    not_built(Kind::Cuda)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_with_a_name_or_a_reason() {
        let all = list();
        for kind in Kind::ALL {
            assert!(all.iter().any(|listed| listed.kind == kind), "{kind:?}");
        }
        for listed in all {
            assert_eq!(listed.is_present(), !listed.name.is_empty(), "{listed:?}");
        }
    }
}
