//! The layers of the folded network as ONNX nodes, each with the names that its parameters have in kiln. Follows how large
//! the maps are, for SAME padding depends on it.

use super::graph::{Graph, Precision, integer, list};
use crate::kernels::{Bottleneck, Conv, Gate};
use crate::model::numbers;
use crate::scaling::Activation;

/// A map on its way through the network.
#[derive(Debug, Clone)]
pub struct Map {
    /// The value that holds it.
    pub value: String,
    pub channels: usize,
    pub side: usize,
}

pub struct Layers<'a> {
    pub graph: &'a mut Graph,
    pub precision: Precision,
}

impl Layers<'_> {
    pub fn convolve(&mut self, name: &str, conv: &Conv, x: &Map) -> Map {
        let shape @ [channels, _, kernel, _] = conv.weight.dims();
        let window = conv.window;
        let weight = self.constant(&format!("{name}.weight"), &shape, &numbers(conv.weight.clone()));
        let bias = self.constant(&format!("{name}.bias"), &[channels], &numbers(conv.shift.clone()));
        let (before, after) = window.padding.amounts(x.side, kernel, window.stride);
        let attributes = vec![
            integer("group", window.groups as i64),
            list("kernel_shape", [kernel; 2]),
            list("pads", [before, before, after, after]),
            list("strides", [window.stride; 2]),
        ];
        let value = self.graph.node(name, "Conv", &[&x.value, &weight, &bias], attributes);
        let side = window.padding.output(x.side, kernel, window.stride);
        Map { value: self.activate(name, value, conv.activation), channels, side }
    }

    pub fn bottleneck(&mut self, name: &str, block: &Bottleneck, input: &Map) -> Map {
        let mut x = input.clone();
        if let Some(expand) = &block.expand {
            x = self.convolve(&format!("{name}.expand"), expand, &x);
        }
        x = self.convolve(&format!("{name}.depthwise"), &block.depthwise, &x);
        if let Some(gate) = &block.gate {
            x.value = self.weigh(&format!("{name}.squeeze"), gate, x.value);
        }
        x = self.convolve(&format!("{name}.project"), &block.project, &x);
        if block.adds_input {
            x.value = self.graph.node(&format!("{name}.add"), "Add", &[&x.value, &input.value], Vec::new());
        }
        x
    }

    /// The mean of each channel, as a map of one pixel.
    pub fn pool(&mut self, name: &str, x: &str) -> String {
        self.graph.node(name, "GlobalAveragePool", &[x], Vec::new())
    }

    /// The classifier, which is a convolution of one pixel in kiln, as a product with a matrix. In halves it stays a
    /// convolution: tract 0.23 refuses `Gemm` there.
    pub fn dense(&mut self, name: &str, conv: &Conv, x: &Map) -> Map {
        let flatten = |graph: &mut Graph, name: &str, x: &str| {
            graph.node(name, "Flatten", &[x], vec![integer("axis", 1)])
        };
        if self.precision == Precision::Fp16 {
            let map = self.convolve(name, conv, x);
            return Map { value: flatten(self.graph, "classifier.flat", &map.value), ..map };
        }
        let [channels, features, _, _] = conv.weight.dims();
        let flat = flatten(self.graph, "features", &x.value);
        let weight = numbers(conv.weight.clone());
        let weight = self.constant(&format!("{name}.weight"), &[channels, features], &weight);
        let bias = self.constant(&format!("{name}.bias"), &[channels], &numbers(conv.shift.clone()));
        let value = self.graph.node(name, "Gemm", &[&flat, &weight, &bias], vec![integer("transB", 1)]);
        Map { value, channels, side: 1 }
    }

    /// Squeeze-excite.
    fn weigh(&mut self, name: &str, gate: &Gate, x: String) -> String {
        let means = self.pool(&format!("{name}.mean"), &x);
        let reduce = format!("{name}.reduce");
        let reduced = self.point(&reduce, &gate.reduce, &means);
        let reduced = self.activate(&reduce, reduced, Some(Activation::Silu));
        let expand = format!("{name}.expand");
        let expanded = self.point(&expand, &gate.expand, &reduced);
        let share = self.graph.node(&format!("{expand}.sigmoid"), "Sigmoid", &[&expanded], Vec::new());
        self.graph.node(name, "Mul", &[&x, &share], Vec::new())
    }

    fn point(&mut self, name: &str, (weight, bias): &Weights, x: &str) -> String {
        let shape @ [outputs, ..] = weight.dims();
        let weight = self.constant(&format!("{name}.weight"), &shape, &numbers(weight.clone()));
        let bias = self.constant(&format!("{name}.bias"), &[outputs], &numbers(bias.clone()));
        self.graph.node(name, "Conv", &[x, &weight, &bias], vec![list("kernel_shape", [1; 2])])
    }

    fn activate(&mut self, name: &str, x: String, activation: Option<Activation>) -> String {
        match activation {
            None => x,
            Some(Activation::Silu) => {
                let share = self.graph.node(&format!("{name}.sigmoid"), "Sigmoid", &[&x], Vec::new());
                self.graph.node(&format!("{name}.silu"), "Mul", &[&x, &share], Vec::new())
            }
            Some(Activation::Relu6) => {
                self.graph.node(&format!("{name}.relu6"), "Clip", &[&x, LOW, HIGH], Vec::new())
            }
        }
    }

    fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        self.graph.constant(name, shape, values, self.precision)
    }
}

type Weights = (burn::tensor::Tensor<4>, burn::tensor::Tensor<1>);

/// The two ends of ReLU6, which all of them share.
pub fn ends_of_relu6(graph: &mut Graph, precision: Precision, are_used: bool) {
    if are_used {
        graph.constant(LOW, &[], &[0.0], precision);
        graph.constant(HIGH, &[], &[6.0], precision);
    }
}

const LOW: &str = "relu6.low";
const HIGH: &str = "relu6.high";
