//! The memory that a device computes in: the machine's or its own, and how much of its own is free, as far as anybody tells.
//! What the machine has free is not known here.

#[cfg(feature = "wgpu")]
use burn::tensor::DeviceKind;

use super::choose::alike;
use super::list::Listed;
use super::open::Chosen;

/// The memory that a device computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// The machine's: that of processors, software drivers and GPUs without memory of their own.
    Machine,
    /// Its own, with so many bytes that this process holds already or may still take.
    Free(u64),
    /// Its own, of so many bytes; nobody tells what is taken.
    Whole(u64),
    /// Its own, of which nobody tells anything.
    Untold,
}

impl Room {
    /// Bytes of a memory of its own.
    pub fn own(self) -> Option<u64> {
        match self {
            Self::Free(bytes) | Self::Whole(bytes) => Some(bytes),
            Self::Machine | Self::Untold => None,
        }
    }
}

/// The room of a device; of the one that has least where several of its kind share the work.
pub fn room(chosen: &Chosen, devices: usize) -> Room {
    // Where there are fewer, one goes on alone.
    let others = alike(chosen, devices).unwrap_or_default();
    least(std::iter::once(chosen).chain(&others).map(of_one).collect())
}

fn least(rooms: Vec<Room>) -> Room {
    let told = rooms.iter().filter(|room| room.own().is_some());
    told.min_by_key(|room| room.own()).or(rooms.first()).copied().unwrap_or(Room::Untold)
}

fn of_one(chosen: &Chosen) -> Room {
    match is_the_machines(&chosen.listed) {
        true => Room::Machine,
        false => own(chosen),
    }
}

fn is_the_machines(listed: &Listed) -> bool {
    #[cfg(feature = "wgpu")]
    if let super::open::Handle::Wgpu(DeviceKind::IntegratedGpu(_)) = listed.handle {
        return true;
    }
    listed.is_processor() || listed.software
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn own(chosen: &Chosen) -> Room {
    super::card::room(&chosen.device)
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn own(_: &Chosen) -> Room {
    Room::Untold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_that_has_least_counts() {
        let check = |rooms: &[Room], expected| assert_eq!(least(rooms.to_vec()), expected, "{rooms:?}");
        check(&[Room::Free(5), Room::Free(3), Room::Free(4)], Room::Free(3));
        check(&[Room::Free(5), Room::Whole(4)], Room::Whole(4));
        check(&[Room::Untold, Room::Free(3)], Room::Free(3));
        check(&[Room::Untold, Room::Untold], Room::Untold);
        check(&[Room::Machine], Room::Machine);
    }

    #[test]
    fn a_processor_computes_in_the_machines_memory() {
        let cpu = Chosen::cpu().unwrap();
        assert_eq!(room(&cpu, 1), Room::Machine);
        assert_eq!(room(&cpu, 1).own(), None);
    }

    #[cfg(feature = "wgpu")]
    #[test]
    fn so_do_software_drivers_and_gpus_without_memory_of_their_own() {
        use crate::devices::open::Handle;

        let of = |kind, software| {
            let mut listed = Chosen::cpu().unwrap().listed;
            listed.kind = crate::devices::Kind::Wgpu;
            (listed.handle, listed.software) = (Handle::Wgpu(kind), software);
            is_the_machines(&listed)
        };
        assert!(of(DeviceKind::Cpu, true) && of(DeviceKind::IntegratedGpu(1), false));
        assert!(!of(DeviceKind::DiscreteGpu(0), false) && !of(DeviceKind::VirtualGpu(0), false));
    }
}
