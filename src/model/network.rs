//! EfficientNet, whole: stem, blocks, head, classifier, as Tan and Le (2019) draw it. The plan comes from
//! scaling/, the numbers from a source; the cut says from where on it trains.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::block::Block;
use super::layer::{ConvNorm, NormForm, NormSettings};
use super::parameters::{Role, Source, role, update};
use crate::chance::Key;
use crate::kernels::{self, Window};
use crate::scaling::{Float, Padding, Plan};

/// What a plan leaves open: the traits that belong to a set of weights, and what training adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub padding: Padding,
    pub norm: NormSettings,
    pub classes: usize,
    pub dropout: f64,
    /// The drop rate of the last block; it rises linearly from 0.
    pub stochastic_depth: f64,
}

/// The first layer that trains, counted from the stem: 0 is the stem, 1 the first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut(pub usize);

/// The classifier's matrix in PyTorch's layout, `[classes, features]`.
#[derive(Module, Debug)]
pub struct Dense {
    pub weight: Param<Tensor<2>>,
    pub bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
pub struct Network {
    pub stem: ConvNorm,
    pub blocks: Vec<Block>,
    pub head: ConvNorm,
    pub classifier: Dense,
    #[module(skip)]
    pub dropout: f64,
}

impl Network {
    /// With this share of a batch in its running statistics.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        let blocks = self.blocks.iter_mut().flat_map(Block::layers_mut);
        for layer in blocks.chain([&mut self.stem, &mut self.head]) {
            layer.norm.settings.momentum = momentum;
        }
        self
    }

    /// Builds the network of a plan; `numbers` is asked for every parameter by name, in model order.
    pub fn build(
        plan: &Plan,
        settings: &Settings,
        device: &Device,
        numbers: &mut dyn FnMut(&str, &[usize]) -> Vec<f32>,
    ) -> Self {
        let mut source = Source::new(device, numbers);
        let Settings { padding, norm, classes, .. } = *settings;
        let act = Some(plan.activation);
        let entry = Window { kernel: 3, stride: 2, padding, groups: 1 };
        let point = Window { kernel: 1, stride: 1, padding, groups: 1 };
        let sizes = (plan.stem_planes(), plan.stem);
        let stem = ConvNorm::build(&mut source.scope("stem"), sizes, entry, norm, act);
        let count = plan.blocks.len();
        let blocks = plan.blocks.iter().enumerate().map(|(i, shape)| {
            let drop_rate = settings.stochastic_depth * i as f64 / count as f64;
            let name = format!("blocks.{i}");
            Block::build(&mut source.scope(&name), shape, padding, norm, plan.activation, drop_rate)
        });
        let blocks = blocks.collect();
        let last = plan.blocks.last().map_or(plan.stem, |block| block.output);
        let head = ConvNorm::build(&mut source.scope("head"), (last, plan.features), point, norm, act);
        let classifier = Dense::build(&mut source.scope("classifier"), plan.features, classes);
        Self { stem, blocks, head, classifier, dropout: settings.dropout }
    }

    /// The form that predicts, unfolded: pictures to logits.
    pub fn infer(&self, images: Tensor<4>) -> Tensor<2> {
        let mut x = self.stem.infer(kernels::enter(edged(images, self.stem_planes())));
        for block in &self.blocks {
            x = block.infer(x);
        }
        self.classifier.forward(kernels::pool(self.head.infer(x)))
    }

    /// What the frozen layers before the cut gave, or pictures, as `train_from` takes them where it is to hand them on in
    /// this type. The classifier alone works on 32-bit floats.
    pub fn in_float(&self, cut: Cut, x: Tensor<4>, float: Float) -> Tensor<4> {
        if cut > Cut::head_of(self.blocks.len()) { x } else { kernels::in_float(x, float) }
    }

    /// The form that trains. `x` is what the frozen layers before the cut give: pictures where all
    /// trains, else the device's own layout; pooled features in a 4-D shape `[n, features, 1, 1]` where only the classifier does.
    pub fn train_from(&mut self, cut: Cut, mut x: Tensor<4>, form: NormForm, keys: &[Key]) -> Tensor<2> {
        if cut.0 == 0 {
            x = self.stem.forward_train(kernels::enter(edged(x, self.stem_planes())), form);
        }
        for (i, block) in self.blocks.iter_mut().enumerate().skip(cut.0.saturating_sub(1)) {
            x = block.forward_train(x, form, &branch(keys, i));
        }
        let features = if cut <= Cut::head_of(self.blocks.len()) {
            kernels::in_float(kernels::pool(self.head.forward_train(x, form)), Float::Fp32)
        } else {
            let [samples, features, ..] = x.dims();
            x.reshape([samples, features])
        };
        self.classifier.forward(dropout(features, self.dropout, keys))
    }

    /// Planes that the stem reads.
    pub(super) fn stem_planes(&self) -> usize {
        self.stem.conv.weight.dims()[1]
    }

    /// Makes the layers from the cut on ready to train on an autodiff device; the others lose theirs.
    pub fn trainable_from(self, cut: Cut, device: &Device) -> Self {
        let (keep, train) = (device.clone().inner(), device.clone().autodiff());
        let blocks = self
            .blocks
            .into_iter()
            .enumerate()
            .map(|(i, block)| if i + 1 >= cut.0 { thaw(block, &train) } else { freeze(block, &keep) });
        let blocks: Vec<Block> = blocks.collect();
        let count = blocks.len();
        Self {
            stem: if cut.0 == 0 { thaw(self.stem, &train) } else { freeze(self.stem, &keep) },
            blocks,
            head: if cut <= Cut::head_of(count) { thaw(self.head, &train) } else { freeze(self.head, &keep) },
            classifier: thaw(self.classifier, &train),
            dropout: self.dropout,
        }
    }

    /// The same numbers with nothing that trains.
    pub fn frozen(self, device: &Device) -> Self {
        freeze(self, &device.clone().inner())
    }
}

impl Cut {
    pub const ALL: Cut = Cut(0);

    /// Only the classifier trains.
    pub fn classifier_of(blocks: usize) -> Self {
        Cut(blocks + 2)
    }

    /// The head convolution and the classifier train.
    pub fn head_of(blocks: usize) -> Self {
        Cut(blocks + 1)
    }

    /// The last `count` blocks and all that follows them train.
    pub fn last_of(count: usize, blocks: usize) -> Self {
        if count >= blocks { Self::ALL } else { Cut(blocks - count + 1) }
    }

    /// The layer number that a parameter belongs to; the cut's own numbering.
    pub fn layer_of(name: &str, blocks: usize) -> usize {
        let mut parts = name.split('.');
        match parts.next() {
            Some("stem") => 0,
            Some("blocks") => 1 + parts.next().and_then(|i| i.parse::<usize>().ok()).unwrap_or(0),
            Some("head") => blocks + 1,
            _ => blocks + 2,
        }
    }
}

impl Dense {
    fn build(source: &mut Source, features: usize, classes: usize) -> Self {
        Self {
            weight: source.parameter("weight", [classes, features]),
            bias: source.parameter("bias", [classes]),
        }
    }

    pub fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        kernels::dense(features, self.weight.val(), self.bias.val())
    }
}

/// Pictures with as many planes as the stem reads: where it marks the edge, one of ones behind the picture's own.
pub(super) fn edged(images: Tensor<4>, planes: usize) -> Tensor<4> {
    let [samples, channels, height, width] = images.dims();
    if channels >= planes {
        return images;
    }
    let ones: Tensor<4> = Tensor::ones([samples, planes - channels, height, width], &images.device());
    let ones = ones.cast(images.dtype());
    Tensor::cat(vec![images, ones], 1)
}

/// Each sample's own key for one block.
fn branch(keys: &[Key], block: usize) -> Vec<Key> {
    keys.iter().map(|key| key.named("drop path").with(block as u64)).collect()
}

/// Inverted dropout; each sample's mask is a function of its key.
fn dropout(x: Tensor<2>, rate: f64, keys: &[Key]) -> Tensor<2> {
    if rate <= 0.0 || keys.is_empty() {
        return x;
    }
    let [samples, features] = x.dims();
    let kept = (1.0 / (1.0 - rate)) as f32;
    let mut mask = Vec::with_capacity(samples * features);
    for key in keys {
        let mut draws = key.named("dropout").draws();
        mask.extend((0..features).map(|_| if draws.chance(rate) { 0.0 } else { kept }));
    }
    let mask = Tensor::from_data(TensorData::new(mask, [samples, features]), &x.device());
    x.mul(mask)
}

fn thaw<M: Module>(module: M, device: &Device) -> M {
    let plain = device.clone().inner();
    update(module, &mut |name, dims, tensor| {
        let tensor = tensor.inner().to_device(&plain);
        let trains = role(name, dims.len()) != Role::Statistic;
        Some(if trains { tensor.autodiff().require_grad() } else { tensor })
    })
}

fn freeze<M: Module>(module: M, device: &Device) -> M {
    update(module, &mut |_, _, tensor| Some(tensor.inner().to_device(device)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{initial, parameter_list};
    use crate::scaling::Variant;

    fn settings(classes: usize) -> Settings {
        let norm = NormSettings { eps: 1e-3, momentum: 0.1 };
        Settings { padding: Padding::Symmetric, norm, classes, dropout: 0.2, stochastic_depth: 0.2 }
    }

    /// Parameters as published; the arithmetic in scaling/ is pinned to the same numbers by itself.
    fn check(variant: Variant, parameters: usize) {
        let empty = |_: &str, shape: &[usize]| vec![0.0; shape.iter().product()];
        let network =
            Network::build(&Plan::variant(variant), &settings(1000), &Device::flex(), &mut { empty });
        let list = parameter_list(&network);
        let trained = list.iter().filter(|(name, shape)| role(name, shape.len()) != Role::Statistic);
        let sum: usize = trained.map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(sum, parameters, "{variant}");
    }

    #[test]
    fn the_network_has_the_published_number_of_parameters() {
        check(Variant::B0, 5_288_548);
        check(Variant::B1, 7_794_184);
        check(Variant::B3, 12_233_232);
        check(Variant::Lite0, 4_652_008);
        check(Variant::Lite2, 6_092_072);
    }

    #[test]
    fn names_and_shapes_are_those_that_weights_expects() {
        for variant in [Variant::B0, Variant::Lite0] {
            let plan = Plan::variant(variant);
            let mut asked = Vec::new();
            Network::build(&plan, &settings(7), &Device::flex(), &mut |name, shape| {
                asked.push((name.to_owned(), shape.to_vec()));
                initial(1, name, shape)
            });
            let network = Network::build(&plan, &settings(7), &Device::flex(), &mut |name, shape| {
                initial(1, name, shape)
            });
            assert_eq!(asked, parameter_list(&network));
        }
    }

    fn tiny() -> Network {
        let plan = Plan::custom(crate::scaling::Family::B, 0.1, 0.1, 32).unwrap();
        Network::build(&plan, &settings(3), &Device::flex(), &mut |name, shape| initial(5, name, shape))
    }

    #[test]
    fn a_cut_trains_what_comes_after_it_and_nothing_else() {
        let device = Device::flex();
        let blocks = tiny().blocks.len();
        for cut in [Cut::ALL, Cut::last_of(2, blocks), Cut::head_of(blocks), Cut::classifier_of(blocks)] {
            let prefix = super::super::Folded::new(&tiny());
            let mut network = tiny().trainable_from(cut, &device);
            let images = Tensor::ones([2, 3, 32, 32], &device);
            let input = if cut == Cut::ALL { images } else { prefix.prefix(images, cut) };
            let keys = [Key::new(1), Key::new(2)];
            let loss = network.train_from(cut, input.autodiff(), NormForm::Batch, &keys).square().sum();
            let mut tape = loss.backward();
            let found = crate::model::gradients(&network, &mut tape);
            let names: Vec<&String> = found.iter().map(|(name, _)| name).collect();
            let expected = parameter_list(&network);
            let expected: Vec<&String> = expected
                .iter()
                .filter(|(name, shape)| {
                    Cut::layer_of(name, blocks) >= cut.0 && role(name, shape.len()) != Role::Statistic
                })
                .map(|(name, _)| name)
                .collect();
            assert_eq!(names, expected, "{cut:?}");
        }
    }

    #[test]
    fn frozen_layers_keep_their_statistics() {
        let device = Device::flex();
        let before = crate::model::arrays(&tiny());
        let blocks = tiny().blocks.len();
        let cut = Cut::last_of(1, blocks);
        let mut network = tiny().trainable_from(cut, &device);
        let input = super::super::Folded::new(&tiny()).prefix(Tensor::ones([4, 3, 32, 32], &device), cut);
        network.train_from(cut, input.autodiff(), NormForm::Batch, &[Key::new(1); 4]);
        let changed: Vec<String> = crate::model::arrays(&network)
            .into_iter()
            .zip(before)
            .filter(|(now, then)| now.values != then.values)
            .map(|(now, _)| now.name)
            .collect();
        assert!(
            !changed.is_empty() && changed.iter().all(|name| Cut::layer_of(name, blocks) >= cut.0),
            "{changed:?}"
        );
    }
}
