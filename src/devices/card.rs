//! What a GPU has of its own memory, from those who tell: amdgpu in files of the system, NVIDIA by its own program, CUDA to
//! CubeCL. Graphics interfaces tell it only to unsafe code. A card is known by its address on the PCI bus.

use std::fs::read_to_string;
use std::path::Path;
use std::process::{Command, Stdio};

use burn::backend::DispatchDevice;
use burn::tensor::{Device, PciAddress, PciVendor, PhysicalDevice};

use super::memory::held;
use super::quiet::quietly;
use super::room::Room;

/// Where Linux shows what lies on the bus.
const BUS: &str = "/sys/bus/pci/devices";

/// The memory of a GPU that has its own. What this process holds there serves it again.
pub(super) fn room(device: &Device) -> Room {
    let free = || free(&device.identity()?.physical?);
    let [free, whole] = [quietly(free), quietly(|| whole(device))].map(|told| told.ok().flatten());
    settle(free.map(|bytes| bytes.saturating_add(held(device).unwrap_or(0))), whole)
}

/// A slice of a card has no more free than it has.
fn settle(free: Option<u64>, whole: Option<u64>) -> Room {
    match (free, whole) {
        (Some(free), whole) => Room::Free(free.min(whole.unwrap_or(u64::MAX))),
        (None, Some(whole)) => Room::Whole(whole),
        (None, None) => Room::Untold,
    }
}

/// What CUDA tells; wgpu tells nothing.
fn whole(device: &Device) -> Option<u64> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => cube.client().properties().memory.max_memory(),
        _ => None,
    }
}

/// Bytes that nobody has taken, this process among others.
fn free(card: &PhysicalDevice) -> Option<u64> {
    let address = card.pci_address?;
    match card.vendor? {
        PciVendor::Amd => amdgpu(Path::new(BUS), address),
        PciVendor::Nvidia => nvidia(&nvidia_smi()?, address),
        _ => None,
    }
}

fn amdgpu(bus: &Path, address: PciAddress) -> Option<u64> {
    let folder = bus.join(address.to_string());
    let bytes = |name| read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    Some(bytes("mem_info_vram_total")?.saturating_sub(bytes("mem_info_vram_used")?))
}

/// A line for each card.
fn nvidia_smi() -> Option<String> {
    let output = Command::new("nvidia-smi")
        .args(["--query-gpu=pci.bus_id,memory.free", "--format=csv,noheader,nounits"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The number is in MiB; a card that computes in the machine's memory has words there.
fn nvidia(said: &str, address: PciAddress) -> Option<u64> {
    let line = |line: &str| {
        let (card, free) = line.split_once(',')?;
        (card.trim().parse() == Ok(address)).then(|| free.trim().parse::<u64>().ok())?
    };
    said.lines().find_map(line)?.checked_mul(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> PciAddress {
        address.parse().unwrap()
    }

    #[test]
    fn nvidias_program_tells_of_the_card_at_an_address() {
        let said = "00000000:01:00.0, 22841\n00000000:C1:00.0, 79\n00000001:01:00.0, [N/A]\nnonsense\n";
        let check = |address, expected: Option<u64>| {
            assert_eq!(nvidia(said, at(address)), expected.map(|mib| mib << 20), "{address}");
        };
        check("0000:01:00.0", Some(22841));
        check("0000:c1:00.0", Some(79));
        check("0001:01:00.0", None);
        check("0000:02:00.0", None);
        assert_eq!(nvidia("No devices were found\n", at("0000:01:00.0")), None);
        assert_eq!(nvidia("00000000:01:00.0, 99999999999999999\n", at("0000:01:00.0")), None);
    }

    #[test]
    fn amdgpu_tells_what_there_is_and_what_is_taken() {
        let bus = tempfile::tempdir().unwrap();
        let write = |address: &str, name: &str, text: &str| {
            let folder = bus.path().join(address);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name), text).unwrap();
        };
        let check = |address, expected| assert_eq!(amdgpu(bus.path(), at(address)), expected, "{address}");
        check("0000:03:00.0", None);
        write("0000:03:00.0", "mem_info_vram_total", "1000\n");
        check("0000:03:00.0", None);
        write("0000:03:00.0", "mem_info_vram_used", "300\n");
        check("0000:03:00.0", Some(700));
        write("0000:03:00.0", "mem_info_vram_used", "3000\n");
        check("0000:03:00.0", Some(0));
        check("0000:04:00.0", None);
    }

    #[test]
    fn a_card_that_does_not_tell_what_is_free_may_tell_what_it_has() {
        assert_eq!(settle(Some(5), None), Room::Free(5));
        assert_eq!(settle(Some(5), Some(8)), Room::Free(5));
        assert_eq!(settle(Some(9), Some(8)), Room::Free(8));
        assert_eq!(settle(None, Some(8)), Room::Whole(8));
        assert_eq!(settle(None, None), Room::Untold);
    }

    #[test]
    fn a_card_without_an_address_or_of_another_make_is_not_asked_for() {
        let mut card = PhysicalDevice::default();
        assert_eq!(free(&card), None);
        card.pci_address = Some(at("0000:03:00.0"));
        assert_eq!(free(&card), None);
        card.vendor = Some(PciVendor::Intel);
        assert_eq!(free(&card), None);
    }
}
