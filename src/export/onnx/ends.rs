//! The two ends of the graph: from what is handed in to the planes that the stem reads, and from the last layers to what is
//! handed out. Inside, numbers have the file's precision; outside, they are bytes or 32-bit floats.

use super::graph::{Graph, Precision, integer, list};
use super::layers::Map;
use super::proto::ElementType;
use super::{INPUT, Input, LOGITS, Options, PROBABILITIES, map_name};
use crate::checkpoint::Identity;
use crate::dataset::{LUMA, Preprocess};
use crate::model::Scale;

/// From the input to the planes that the stem reads.
pub fn enter(graph: &mut Graph, identity: &Identity, options: Options) -> Map {
    let (side, channels) = (identity.preprocess.size, identity.channels);
    let mut value = match options.input {
        Input::Float => {
            let text = "RGB (or grey), prepared as the metadata says: (v / 255 - mean) / std";
            graph.input(INPUT, ElementType::Float, &[channels, side, side], text);
            INPUT.to_owned()
        }
        Input::Uint8 => {
            let text = "RGB bytes, resized and cropped as the metadata says";
            graph.input(INPUT, ElementType::Uint8, &[side, side, 3], text);
            normalise(graph, &identity.preprocess, channels)
        }
    };
    if options.precision == Precision::Fp16 {
        value = graph.cast("input.half", &value, ElementType::Float16);
    }
    let planes = identity.plan.stem_planes();
    if planes > channels {
        value = mark_edge(graph, &value, planes - channels, options.precision);
    }
    Map { value, channels: planes, side }
}

/// Planes first, then one factor and one offset for each of them, or grey in the same step.
fn normalise(graph: &mut Graph, preprocess: &Preprocess, channels: usize) -> String {
    const WHITE: f64 = 255.0;
    let planes = graph.node("input.planes", "Transpose", &[INPUT], vec![list("perm", [0, 3, 1, 2])]);
    let floats = graph.cast("input.float", &planes, ElementType::Float);
    let lines: Vec<(f32, f32)> = (0..channels).map(|channel| preprocess.line(channel, WHITE)).collect();
    let offsets: Vec<f32> = lines.iter().map(|(_, offset)| *offset).collect();
    if channels == LUMA.len() {
        let factors: Vec<f32> = lines.iter().map(|(factor, _)| *factor).collect();
        let factors = graph.constant("normalise.factor", &[1, channels, 1, 1], &factors, Precision::Fp32);
        let offsets = graph.constant("normalise.offset", &[1, channels, 1, 1], &offsets, Precision::Fp32);
        let scaled = graph.node("normalise.scaled", "Mul", &[&floats, &factors], Vec::new());
        return graph.node("normalise", "Add", &[&scaled, &offsets], Vec::new());
    }
    let grey = |&(factor, _): &(f32, f32)| LUMA.map(|share| share / 65_536.0 * factor);
    let weight: Vec<f32> = lines.iter().flat_map(grey).collect();
    let weight = graph.constant("normalise.weight", &[channels, LUMA.len(), 1, 1], &weight, Precision::Fp32);
    let bias = graph.constant("normalise.bias", &[channels], &offsets, Precision::Fp32);
    graph.node("normalise", "Conv", &[&floats, &weight, &bias], vec![list("kernel_shape", [1; 2])])
}

/// A plane of ones behind the picture's own: padding along the channels.
fn mark_edge(graph: &mut Graph, x: &str, planes: usize, precision: Precision) -> String {
    let pads = graph.integers("edge.pads", &[0, 0, 0, 0, 0, planes as i64, 0, 0]);
    let one = graph.constant("edge.one", &[], &[1.0], precision);
    graph.node("edge", "Pad", &[x, &pads, &one], Vec::new())
}

pub fn leave_map(graph: &mut Graph, scale: &Scale, map: &Map, options: Options) {
    let name = map_name(scale);
    let text = format!("the last map at stride {}", scale.stride);
    graph.output(&name, &[map.channels, map.side, map.side], &text);
    outward(graph, &name, &map.value, options.precision);
}

pub fn leave(graph: &mut Graph, identity: &Identity, logits: &Map, options: Options) {
    let name = outward(graph, LOGITS, &logits.value, options.precision);
    if options.outputs.logits {
        graph.output(LOGITS, &[logits.channels], "one for each class, before temperature and softmax");
    }
    if options.outputs.probabilities {
        let share = (1.0 / identity.temperature) as f32;
        let share = graph.constant("temperature.inverse", &[], &[share], Precision::Fp32);
        let cool = graph.node("calibrated", "Mul", &[&name, &share], Vec::new());
        graph.node(PROBABILITIES, "Softmax", &[&cool], vec![integer("axis", 1)]);
        graph.output(PROBABILITIES, &[logits.channels], "one for each class, with the fitted temperature");
    }
}

/// A value under the name that it is handed out with, as 32-bit floats.
fn outward(graph: &mut Graph, name: &str, value: &str, precision: Precision) -> String {
    match precision {
        Precision::Fp32 => graph.node(name, "Identity", &[value], Vec::new()),
        Precision::Fp16 => graph.cast(name, value, ElementType::Float),
    }
}
