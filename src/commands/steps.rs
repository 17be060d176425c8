//! Training steps on made-up pictures: what `bench` times, and what is tried to find a batch that fits.

use burn::tensor::{Device, Tensor, TensorData};

use crate::chance::Key;
use crate::checkpoint::LossScale;
use crate::config::Optimizer as Rule;
use crate::devices::Reading;
use crate::model::{Cut, Folded, Network, NormForm, NormSettings, Settings, gradients, initial, numbers};
use crate::scaling::{Family, Float, Padding, Plan};
use crate::train::{Loss, Optimizer, added};

/// How a network is trained.
pub struct Training {
    /// What lies before it is folded and runs without gradient.
    pub cut: Cut,
    pub form: NormForm,
    pub rule: Rule,
    pub accumulate: usize,
    pub rate: f64,
    /// What pictures are made of.
    pub float: Float,
}

/// A network of a plan with random numbers.
pub fn network(plan: &Plan, classes: usize, device: &Device) -> Network {
    let padding = if plan.family == Family::B { Padding::Symmetric } else { Padding::Same };
    let norm = NormSettings { eps: 1e-5, momentum: 0.1 };
    let settings = Settings { padding, norm, classes, dropout: plan.dropout, stochastic_depth: 0.2 };
    Network::build(plan, &settings, device, &mut |name, shape| initial(0, name, shape))
}

pub fn pictures(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let mut draws = Key::new(0).named("bench").draws();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| draws.between(-2.0, 2.0) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// One step of training a call. Each ends with a number read back, so that nothing is left waiting.
pub fn trainer(
    network: Network,
    images: Tensor<4>,
    training: &Training,
    device: &Device,
) -> impl FnMut() + use<> {
    let &Training { cut, form, rule, accumulate, rate, float } = training;
    let prefix = (cut != Cut::ALL).then(|| Folded::new(&network));
    let (batch, classes) = (images.dims()[0], network.classifier.bias.dims()[0]);
    let mut optimizer = Optimizer::new(rule, 1.0, network.blocks.len());
    let mut network = network.trainable_from(cut, device);
    let labels = labels(batch, classes, device);
    let keys: Vec<Key> = (0..batch).map(|sample| Key::new(0).with(sample as u64)).collect();
    let loss = Loss::default();
    let scale = if float == Float::Fp16 { LossScale::START.scale } else { 1.0 };
    move || {
        let mut told = Vec::new();
        let mut once = || {
            let input = match &prefix {
                Some(prefix) => prefix.prefix(images.clone(), cut),
                None => images.clone(),
            };
            let input = network.in_float(cut, input, float);
            let logits = network.train_from(cut, input.autodiff(), form, &keys);
            let loss = loss.of(logits, labels.clone());
            // As training does it: asked for here, and not waited for where the device computes by itself.
            told.push(Reading::begin(loss.clone().inner()));
            let mut tape = loss.mul_scalar(scale).backward();
            gradients(&network, &mut tape)
        };
        let first = once();
        let sum = (1..accumulate).fold(first, |sum, _| added(sum, once()));
        network = optimizer.step(network.clone(), sum, 1.0 / (accumulate as f64 * scale), rate);
        numbers(network.classifier.bias.val());
        told.into_iter().for_each(|reading| drop(reading.take()));
    }
}

fn labels(batch: usize, classes: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0f32; batch * classes];
    (0..batch).for_each(|sample| values[sample * classes + 7 * sample % classes] = 1.0);
    Tensor::from_data(TensorData::new(values, [batch, classes]), device)
}
