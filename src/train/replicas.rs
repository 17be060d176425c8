//! The other GPUs of a run. They share the batches of an update, which GPU takes which being a matter of its number alone, and what
//! comes of them is taken in the order of the batches: gradients are added, and running statistics moved, as one GPU does with one batch
//! after the other. So their number changes when a run ends, and not what it ends with.

use burn::tensor::{Device, Tensor};

use super::epoch::Named;
use crate::kernels::blend;
use crate::model::{Cut, Network, NormForm, Role, role, update};

/// Networks on other GPUs than the first.
pub(super) struct Replicas {
    devices: Vec<Device>,
    /// As the first GPU's was before this update; none where all is done there.
    networks: Vec<Network>,
    /// Batches of this round that were begun there, each with its gradients and its own statistics.
    begun: Vec<[Named; 2]>,
}

impl Replicas {
    pub fn on(devices: &[Device]) -> Self {
        Self { devices: devices.to_vec(), networks: Vec::new(), begun: Vec::new() }
    }

    /// Takes the network over, for the next update.
    pub fn follow(&mut self, network: &Network, cut: Cut) {
        if self.devices.is_empty() {
            return;
        }
        let all = all_of(network);
        let copies = self.devices.iter().map(|device| {
            let mut moved = brought(all.clone(), device).into_iter();
            let copy = update(network.clone(), &mut |_, _, _| moved.next().map(|(_, value)| value));
            // Statistics there are each batch's own; the first GPU's running ones move by them.
            copy.trainable_from(cut, device).with_momentum(1.0)
        });
        self.networks = copies.collect();
    }

    pub fn network(&mut self, other: usize) -> Option<&mut Network> {
        self.networks.get_mut(other)
    }

    /// A batch has gone through there and back.
    pub fn keep(&mut self, other: usize, gradients: Named, cut: Cut, form: NormForm) {
        let network = self.networks.get(other).filter(|_| form == NormForm::Batch);
        let statistics = network.map(|network| statistics_of(network, cut)).unwrap_or_default();
        self.begun.push([gradients, statistics]);
    }

    /// What came of the batches since it was asked last, on the first GPU, in their order.
    pub fn gathered(&mut self, first: &Device) -> Vec<[Named; 2]> {
        let begun = std::mem::take(&mut self.begun);
        begun.into_iter().map(|both| both.map(|all| brought(all, first))).collect()
    }
}

/// The network after another batch, whose statistics were computed elsewhere.
pub(super) fn followed(network: Network, cut: Cut, statistics: Named) -> Network {
    let share = network.stem.norm.settings.momentum;
    let stored = statistics_of(&network, cut);
    // A layer's mean and variance follow each other. The operation is the one that moves them where their batch is, so the
    // bits are the same.
    let pairs = stored.chunks_exact(2).zip(statistics.chunks_exact(2));
    let mut moved = pairs.flat_map(|(old, own)| {
        let [old, own] = [old, own].map(|pair| [pair[0].1.clone(), pair[1].1.clone()]);
        blend(old, own, share, 1.0)
    });
    let follows = that_follow(&network, cut);
    update(network, &mut |name, dims, _| if follows(name, dims) { moved.next() } else { None })
}

/// The running statistics of the layers that train.
fn statistics_of(network: &Network, cut: Cut) -> Named {
    chosen(network, &that_follow(network, cut))
}

/// Which of a network's tensors those are.
fn that_follow(network: &Network, cut: Cut) -> impl Fn(&str, &[usize]) -> bool + use<> {
    let blocks = network.blocks.len();
    move |name, dims| role(name, dims.len()) == Role::Statistic && Cut::layer_of(name, blocks) >= cut.0
}

fn all_of(network: &Network) -> Named {
    chosen(network, &|_, _| true)
}

fn chosen(network: &Network, wanted: &dyn Fn(&str, &[usize]) -> bool) -> Named {
    let mut all = Named::new();
    update(network.clone(), &mut |name, dims, value| {
        if wanted(name, dims) {
            all.push((name.to_owned(), value.inner()));
        }
        None
    });
    all
}

/// The same tensors on another device, in one piece on their way.
fn brought(all: Named, device: &Device) -> Named {
    let (names, tensors): (Vec<String>, Vec<Tensor<1>>) = all.into_iter().unzip();
    if tensors.is_empty() {
        return Named::new();
    }
    let counts: Vec<usize> = tensors.iter().map(|tensor| tensor.dims()[0]).collect();
    let piece = Tensor::cat(tensors, 0).to_device(device);
    let mut end = 0;
    let parts = counts.into_iter().map(|count| {
        end += count;
        piece.clone().narrow(0, end - count, count)
    });
    names.into_iter().zip(parts).collect()
}
