//! An ONNX graph as it grows: nodes, their constants, what goes in and what comes out. Every value has the name of the
//! node that gives it. Knows nothing of networks.

use half::f16;

use super::proto::{
    AttributeProto, AttributeType, Dimension, DimensionProto, ElementType, GraphProto, NodeProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// In what the numbers between input and output are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    Fp32,
    Fp16,
}

/// The name of the axis of pictures, which has any length.
pub const BATCH: &str = "batch";

#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
}

impl Graph {
    /// Adds a node with one output, which is called like the node.
    pub fn node(&mut self, name: &str, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: op.to_owned(),
            attribute: attributes,
        });
        name.to_owned()
    }

    /// Numbers that are the same for every picture.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: &[f32], precision: Precision) -> String {
        let raw = match precision {
            Precision::Fp32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Precision::Fp16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
        };
        self.tensor(name, shape, precision.element(), raw)
    }

    pub fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, &[values.len()], ElementType::Int64, raw)
    }

    /// What is there already is not stored a second time: where norms were never trained, most shifts are the same zeros.
    fn tensor(&mut self, name: &str, shape: &[usize], element: ElementType, raw_data: Vec<u8>) -> String {
        let dims: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        let is_same = |other: &&TensorProto| {
            other.dims == dims && other.data_type() == element && other.raw_data == raw_data
        };
        if let Some(twin) = self.constants.iter().find(is_same) {
            return twin.name.clone();
        }
        self.constants.push(TensorProto { dims, data_type: element.into(), name: name.to_owned(), raw_data });
        name.to_owned()
    }

    /// A value in another type.
    pub fn cast(&mut self, name: &str, x: &str, to: ElementType) -> String {
        self.node(name, "Cast", &[x], vec![integer("to", i64::from(i32::from(to)))])
    }

    pub fn input(&mut self, name: &str, element: ElementType, shape: &[usize], text: &str) {
        self.inputs.push(value(name, element, shape, text));
    }

    pub fn output(&mut self, name: &str, shape: &[usize], text: &str) {
        self.outputs.push(value(name, ElementType::Float, shape, text));
    }

    pub fn finish(self, name: &str) -> GraphProto {
        GraphProto {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.constants,
            input: self.inputs,
            output: self.outputs,
        }
    }
}

impl Precision {
    pub fn element(self) -> ElementType {
        match self {
            Self::Fp32 => ElementType::Float,
            Self::Fp16 => ElementType::Float16,
        }
    }
}

pub fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        ints: Vec::new(),
        r#type: AttributeType::Int.into(),
    }
}

pub fn list(name: &str, values: impl IntoIterator<Item = usize>) -> AttributeProto {
    let ints = values.into_iter().map(|value| value as i64).collect();
    AttributeProto { name: name.to_owned(), i: None, ints, r#type: AttributeType::Ints.into() }
}

/// What goes in or comes out: any number of pictures, each of this shape.
fn value(name: &str, element: ElementType, shape: &[usize], text: &str) -> ValueInfoProto {
    let lengths = shape.iter().map(|&length| Dimension::Of(length as i64));
    let dim = std::iter::once(Dimension::Named(BATCH.to_owned())).chain(lengths);
    let dim = dim.map(|value| DimensionProto { value: Some(value) }).collect();
    let tensor = TensorTypeProto { elem_type: element.into(), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor) }),
        doc_string: text.to_owned(),
    }
}
