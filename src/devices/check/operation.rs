//! One operation of the network at one shape, computed on a device with numbers that depend on nothing else.
//! It calls what the network calls: kernels/.

use std::fmt;

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use half::{bf16, f16};

use crate::chance::Key;
use crate::kernels::{self, Moments, Own, Rule, Update, Window};
use crate::scaling::{Activation, Float, Padding};

/// Pictures in a batch.
const SAMPLES: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operation {
    /// Channels in and out, side of the picture.
    Convolve {
        input: usize,
        output: usize,
        side: usize,
        window: Window,
        bias: bool,
    },
    /// Batch normalisation by the batch, and the activation.
    Normalise {
        channels: usize,
        side: usize,
        activation: Option<Activation>,
    },
    /// Batch normalisation by stored statistics, and the activation.
    Scale {
        channels: usize,
        side: usize,
        activation: Option<Activation>,
    },
    Pool {
        channels: usize,
        side: usize,
    },
    Squeeze {
        channels: usize,
        reduced: usize,
        side: usize,
    },
    Dense {
        inputs: usize,
        outputs: usize,
    },
    /// A branch added to its input, each picture of the branch with its own factor.
    Join {
        channels: usize,
        side: usize,
    },
    /// An optimizer's update of so many numbers, and the sum of their squares.
    Update {
        count: usize,
        rule: Rule,
    },
}

/// What an operation gave, in row-major order.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub outputs: Vec<Vec<f32>>,
    pub gradients: Vec<(&'static str, Vec<f32>)>,
}

type Computed = Result<Values, String>;

impl Operation {
    /// Forward and backward. Pictures and what comes back for them are drawn as numbers of one type and computed on as
    /// numbers of the same or of a wider one.
    pub fn evaluate(&self, device: &Device, drawn: Float, float: Float) -> Computed {
        let (device, key) = (device.clone().autodiff(), Key::new(0).named(&format!("{self:?}")));
        let draw = Numbers { device, key, drawn, float };
        match *self {
            Self::Convolve { input, output, side, window, bias } => {
                convolve(&draw, [input, output, side], window, bias)
            }
            Self::Normalise { channels, side, activation } => normalise(&draw, channels, side, activation),
            Self::Scale { channels, side, activation } => scale(&draw, channels, side, activation),
            Self::Pool { channels, side } => {
                let (x, pictures) = draw.pictures([SAMPLES, channels, side, side]);
                let (values, gradients) = draw.backward(kernels::pool(pictures))?;
                values.and("x", &x, &gradients)
            }
            Self::Squeeze { channels, reduced, side } => squeeze(&draw, channels, reduced, side),
            Self::Join { channels, side } => join(&draw, channels, side),
            Self::Update { count, rule } => update(&draw, count, rule),
            Self::Dense { inputs, outputs } => {
                let x = draw.leaf("x", [SAMPLES, inputs], 1.0);
                let weight = draw.leaf("weight", [outputs, inputs], fan(inputs));
                let bias = draw.leaf("bias", [outputs], 1.0);
                let output = kernels::dense(x.clone(), weight.clone(), bias.clone());
                let (values, gradients) = draw.backward(output)?;
                values
                    .and("x", &x, &gradients)?
                    .and("weight", &weight, &gradients)?
                    .and("bias", &bias, &gradients)
            }
        }
    }

    /// Whether training does this on half floats. The classifier, and layers that are folded, stay in 32 bits.
    pub fn takes_halves(&self) -> bool {
        !matches!(self, Self::Dense { .. } | Self::Update { .. } | Self::Convolve { bias: true, .. })
    }

    /// The sizes of the input and what else there is to say.
    pub fn shape(&self) -> String {
        match *self {
            Self::Convolve { input, output, side, .. } => format!("{input} to {output} at {side}x{side}"),
            Self::Normalise { channels, side, .. }
            | Self::Scale { channels, side, .. }
            | Self::Join { channels, side }
            | Self::Pool { channels, side } => format!("{channels} at {side}x{side}"),
            Self::Squeeze { channels, reduced, side } => {
                format!("{channels} over {reduced} at {side}x{side}")
            }
            Self::Dense { inputs, outputs } => format!("{inputs} to {outputs}"),
            Self::Update { count, .. } => format!("{count} numbers"),
        }
    }

    /// Small enough to be computed several times by a unit test.
    #[cfg(test)]
    pub fn is_small(&self) -> bool {
        match *self {
            Self::Convolve { input, output, side, window, .. } => {
                input * output / window.groups * side * side < 20_000
            }
            Self::Dense { inputs, outputs } => inputs * outputs < 20_000,
            Self::Update { count, .. } => count < 20_000,
            Self::Normalise { channels, side, .. }
            | Self::Scale { channels, side, .. }
            | Self::Join { channels, side }
            | Self::Pool { channels, side }
            | Self::Squeeze { channels, side, .. } => channels * side * side < 20_000,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Convolve { window: Window { kernel, stride, padding, groups }, bias, .. } => {
                let what = if groups > 1 { "depthwise" } else { "convolution" };
                let padding = match padding {
                    // Nothing is padded.
                    _ if kernel == 1 => "",
                    Padding::Same => ", same",
                    Padding::Symmetric => ", symmetric",
                };
                let bias = if bias { ", bias" } else { "" };
                write!(f, "{what} {kernel}x{kernel}, stride {stride}{padding}{bias}")
            }
            Self::Normalise { activation, .. } => write!(f, "batch norm{}", suffix(activation)),
            Self::Scale { activation, .. } => write!(f, "stored norm{}", suffix(activation)),
            Self::Pool { .. } => f.write_str("mean over the picture"),
            Self::Squeeze { .. } => f.write_str("squeeze-excite"),
            Self::Dense { .. } => f.write_str("matrix product"),
            Self::Join { .. } => f.write_str("branch added"),
            Self::Update { rule: Rule::AdamW { .. }, .. } => f.write_str("adamw's update"),
            Self::Update { rule: Rule::Sgd { .. }, .. } => f.write_str("sgd's update"),
            Self::Update { rule: Rule::RmsProp { .. }, .. } => f.write_str("rmsprop's update"),
        }
    }
}

fn suffix(activation: Option<Activation>) -> &'static str {
    match activation {
        None => "",
        Some(Activation::Silu) => ", silu",
        Some(Activation::Relu6) => ", relu6",
    }
}

fn convolve(draw: &Numbers, [input, output, side]: [usize; 3], window: Window, bias: bool) -> Computed {
    let (x, pictures) = draw.pictures([SAMPLES, input, side, side]);
    let inputs = input / window.groups;
    let scale = fan(inputs * window.kernel * window.kernel);
    let weight = draw.leaf("weight", [output, inputs, window.kernel, window.kernel], scale);
    let bias = bias.then(|| draw.leaf("bias", [output], 1.0));
    let output = kernels::convolve(pictures, weight.clone(), bias.clone(), window);
    let (values, gradients) = draw.backward(kernels::leave(output))?;
    let values = values.and("x", &x, &gradients)?.and("weight", &weight, &gradients)?;
    match bias {
        Some(bias) => values.and("bias", &bias, &gradients),
        None => Ok(values),
    }
}

fn normalise(draw: &Numbers, channels: usize, side: usize, activation: Option<Activation>) -> Computed {
    let (x, pictures) = draw.pictures([SAMPLES, channels, side, side]);
    let (weight, bias) = draw.affine(channels);
    let result = kernels::normalise_batch(pictures, weight.clone(), bias.clone(), 1e-3, activation);
    let statistics = [numbers(result.mean.inner())?, numbers(result.variance.inner())?];
    let (mut values, gradients) = draw.backward(kernels::leave(result.output))?;
    values.outputs.extend(statistics);
    values.and("x", &x, &gradients)?.and("weight", &weight, &gradients)?.and("bias", &bias, &gradients)
}

fn scale(draw: &Numbers, channels: usize, side: usize, activation: Option<Activation>) -> Computed {
    let (x, pictures) = draw.pictures([SAMPLES, channels, side, side]);
    let (scale, shift) = draw.affine(channels);
    let output = kernels::scale_and_shift(pictures, scale.clone(), shift.clone(), activation);
    let (values, gradients) = draw.backward(kernels::leave(output))?;
    values.and("x", &x, &gradients)?.and("scale", &scale, &gradients)?.and("shift", &shift, &gradients)
}

fn squeeze(draw: &Numbers, channels: usize, reduced: usize, side: usize) -> Computed {
    let (x, pictures) = draw.pictures([SAMPLES, channels, side, side]);
    let reduce =
        (draw.leaf("down", [reduced, channels, 1, 1], fan(channels)), draw.leaf("low", [reduced], 1.0));
    let expand =
        (draw.leaf("up", [channels, reduced, 1, 1], fan(reduced)), draw.leaf("high", [channels], 1.0));
    let output = kernels::squeeze_excite(pictures, reduce.clone(), expand.clone());
    let (values, gradients) = draw.backward(kernels::leave(output))?;
    let values = values.and("x", &x, &gradients)?;
    let values = values.and("reduce", &reduce.0, &gradients)?.and("reduce bias", &reduce.1, &gradients)?;
    values.and("expand", &expand.0, &gradients)?.and("expand bias", &expand.1, &gradients)
}

fn join(draw: &Numbers, channels: usize, side: usize) -> Computed {
    let (x, pictures) = draw.pictures([SAMPLES, channels, side, side]);
    let (branch, shortcut) = kernels::fork(pictures);
    let output = kernels::join(branch, shortcut, vec![0.0, 1.25]);
    let (values, gradients) = draw.backward(kernels::leave(output))?;
    values.and("x", &x, &gradients)
}

/// More parameters than a launch takes at once, the first of this length and the others shorter.
fn update(draw: &Numbers, count: usize, rule: Rule) -> Computed {
    let parameter = |i: usize| {
        let drawn =
            |name, low| draw.between(&format!("{name} {i}"), [count.div_ceil(i + 1)], low, 1.0).inner();
        let moments = Moments { first: Some(drawn("first", -1.0)), second: Some(drawn("second", 0.0)) };
        let own = Own { rate: 0.1 / (i + 1) as f64, weight_decay: 0.1 };
        Update { value: drawn("value", -1.0), gradient: drawn("gradient", -1.0), moments, own }
    };
    let all: Vec<Update> = (0..20).map(parameter).collect();
    let gradients: Vec<_> = all.iter().map(|update| update.gradient.clone()).collect();
    let squares = kernels::squares(&gradients).map(numbers).transpose()?.unwrap_or_default();
    let mut outputs = vec![vec![squares.iter().sum()]];
    for (value, moments) in kernels::update_all(all, rule, 0.5) {
        for tensor in [Some(value), moments.first, moments.second].into_iter().flatten() {
            outputs.push(numbers(tensor)?);
        }
    }
    Ok(Values { outputs, gradients: Vec::new() })
}

/// Keeps the outputs near 1 whatever the number of products in a sum.
fn fan(products: usize) -> f64 {
    (3.0 / products.max(1) as f64).sqrt()
}

/// Where an operation's numbers come from: the same on every device.
struct Numbers {
    device: Device,
    key: Key,
    drawn: Float,
    float: Float,
}

impl Numbers {
    /// An input that gets a gradient, uniform in [-scale, scale).
    fn leaf<const D: usize>(&self, name: &str, shape: [usize; D], scale: f64) -> Tensor<D> {
        self.between(name, shape, -scale, scale).require_grad()
    }

    /// The input that pictures are, which gets a gradient, and they themselves in their type and the device's layout.
    fn pictures(&self, shape: [usize; 4]) -> (Tensor<4>, Tensor<4>) {
        let x = self.rounded("x", shape).require_grad();
        let pictures = kernels::enter(kernels::in_float(x.clone(), self.float));
        (x, pictures)
    }

    /// Numbers in [-1, 1) that the drawn type has, as 32-bit floats. They are rounded here: not every reference knows halves.
    fn rounded<const D: usize>(&self, name: &str, shape: [usize; D]) -> Tensor<D> {
        self.values(name, shape, -1.0, 1.0, |value| match self.drawn {
            Float::Fp32 => value,
            Float::Fp16 => f16::from_f32(value).to_f32(),
            Float::Bf16 => bf16::from_f32(value).to_f32(),
        })
    }

    /// A norm's two vectors; wide enough that both ends of a ReLU6 are met.
    fn affine(&self, channels: usize) -> (Tensor<1>, Tensor<1>) {
        let weight = self.between("weight", [channels], 1.0, 4.0).require_grad();
        (weight, self.between("bias", [channels], -1.0, 4.0).require_grad())
    }

    fn between<const D: usize>(&self, name: &str, shape: [usize; D], low: f64, high: f64) -> Tensor<D> {
        self.values(name, shape, low, high, |value| value)
    }

    fn values<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        low: f64,
        high: f64,
        rounded: impl Fn(f32) -> f32,
    ) -> Tensor<D> {
        let mut draws = self.key.named(name).draws();
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| rounded(draws.between(low, high) as f32)).collect();
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Keeps the output, and goes back from it with a random gradient.
    fn backward<const D: usize>(&self, output: Tensor<D>) -> Result<(Values, Gradients), String> {
        let upstream = self.rounded("upstream", output.dims());
        let output = kernels::in_float(output, Float::Fp32);
        let values = Values { outputs: vec![numbers(output.clone().inner())?], gradients: Vec::new() };
        Ok((values, output.mul(upstream).sum().backward()))
    }
}

impl Values {
    /// Adds the gradient with respect to an input.
    fn and<const D: usize>(mut self, of: &'static str, input: &Tensor<D>, gradients: &Gradients) -> Computed {
        let gradient = input.grad(gradients).ok_or_else(|| format!("no gradient with respect to {of}"))?;
        self.gradients.push((of, numbers(gradient)?));
        Ok(self)
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
    tensor.try_into_vec_as::<f32>().map_err(|error| error.to_string())
}
