//! ONNX: the network that predicts as a graph, batch norms folded in, with all that it takes to use it right. Whether a file
//! gives what kiln gives is asked in check.rs.

pub mod check;
mod ends;
mod graph;
mod layers;
mod metadata;
pub mod proto;
#[cfg(feature = "onnx-check")]
mod tract;

use burn::tensor::Device;
use prost::Message;

pub use graph::{BATCH, Precision};
pub use metadata::{properties, property};

use super::{Error, Model};
use crate::kernels::Piece;
use crate::model::{Scale, pieces, scales};
use crate::scaling::Activation;
use graph::Graph;
use layers::{Layers, Map};
use proto::{ModelProto, OperatorSetIdProto};

/// The oldest set of operators in which all that kiln writes has its present form: so older runtimes take the file.
pub const OPSET: i64 = 13;
/// Of the protobuf, as ONNX published it with that set.
const IR_VERSION: i64 = 7;

/// What a protobuf message may hold.
const LARGEST: usize = i32::MAX as usize;

/// The names of what goes in and comes out.
pub const INPUT: &str = "input";
pub const LOGITS: &str = "logits";
pub const PROBABILITIES: &str = "probabilities";

/// What a map at a stride is called.
pub fn map_name(scale: &Scale) -> String {
    format!("stride{}", scale.stride)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub input: Input,
    pub precision: Precision,
    pub outputs: Outputs,
}

/// What the model takes, of the size that it was trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Normalised numbers, `[batch, channels, height, width]`.
    Float,
    /// Bytes of RGB, `[batch, height, width, 3]`; normalising is inside.
    Uint8,
}

/// What the model gives, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outputs {
    pub logits: bool,
    /// With the temperature that was fitted.
    pub probabilities: bool,
    /// The maps at strides 8, 16 and 32.
    pub maps: bool,
}

/// The bytes of an ONNX file. The arrays must be those of the plan.
pub fn bytes(model: &Model, options: Options) -> Result<Vec<u8>, Error> {
    let file = file(model, options);
    let size = file.encoded_len();
    if size > LARGEST {
        return Err(Error::TooLargeForOnnx { bytes: size });
    }
    Ok(file.encode_to_vec())
}

fn file(model: &Model, options: Options) -> ModelProto {
    let identity = &model.identity;
    let pieces: Vec<Piece> =
        pieces(&model.clone().network(&Device::flex())).into_iter().map(Piece::folded).collect();
    let mut graph = Graph::default();
    let input = ends::enter(&mut graph, identity, options);
    let maps = walk(&mut graph, &pieces, options.precision, input);
    if options.outputs.maps {
        let scales = scales(&pieces);
        scales.iter().for_each(|scale| ends::leave_map(&mut graph, scale, &maps[scale.layers - 1], options));
    }
    if let Some(logits) = maps.last() {
        ends::leave(&mut graph, identity, logits, options);
    }
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "kiln".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: metadata::summary(identity),
        graph: Some(graph.finish(&identity.network)),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: OPSET }],
        metadata_props: properties(identity, options),
    }
}

/// The whole network; gives what comes out of each piece.
fn walk(graph: &mut Graph, pieces: &[Piece], precision: Precision, input: Map) -> Vec<Map> {
    layers::ends_of_relu6(graph, precision, uses_relu6(pieces));
    let mut layers = Layers { graph, precision };
    let mut maps: Vec<Map> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let x = maps.last().unwrap_or(&input);
        let next = match piece {
            Piece::Convolve(conv) if index == 0 => layers.convolve("stem", conv, x),
            Piece::Bottleneck(block) => layers.bottleneck(&format!("blocks.{}", index - 1), block, x),
            Piece::Pool => Map { value: layers.pool("pool", &x.value), side: 1, ..x.clone() },
            Piece::Convolve(conv) if x.value == "pool" => layers.dense("classifier", conv, x),
            Piece::Convolve(conv) => layers.convolve("head", conv, x),
        };
        maps.push(next);
    }
    maps
}

fn uses_relu6(pieces: &[Piece]) -> bool {
    pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Convolve(conv) if conv.activation == Some(Activation::Relu6)))
}

#[cfg(test)]
mod tests;
