//! The file itself, read back by the messages that wrote it: shapes, names, order, constants and what it says.

use std::collections::BTreeSet;

use super::proto::{Dimension, ElementType, GraphProto, NodeProto, ValueInfoProto};
use super::*;
use crate::checkpoint::Identity;
use crate::model::{Array, initial};
use crate::scaling::{Family, Padding, Plan, Variant};
use crate::weights::expected;

const USUAL: Options = Options {
    input: Input::Float,
    precision: Precision::Fp32,
    outputs: Outputs { logits: true, probabilities: false, maps: false },
};

fn model(plan: Plan) -> Model {
    let identity = Identity { padding: Padding::Same, temperature: 1.25, ..Identity::sample(plan) };
    let arrays = expected(&identity.plan, identity.classes.len()).into_iter().map(|(name, shape)| {
        let values = initial(1, &name, &shape);
        Array { name, shape, values }
    });
    Model { arrays: arrays.collect(), identity }
}

fn tiny(family: Family) -> Plan {
    Plan::custom(family, 0.1, 0.1, 64).unwrap()
}

fn written(plan: Plan, options: Options) -> ModelProto {
    ModelProto::decode(bytes(&model(plan), options).unwrap().as_slice()).unwrap()
}

fn graph(plan: Plan, options: Options) -> GraphProto {
    written(plan, options).graph.unwrap()
}

fn told(value: &ValueInfoProto) -> String {
    let tensor = value.r#type.clone().unwrap().tensor_type.unwrap();
    let lengths = tensor.shape.clone().unwrap().dim.into_iter().map(|dim| match dim.value.unwrap() {
        Dimension::Of(length) => length.to_string(),
        Dimension::Named(name) => name,
    });
    format!("{} {:?} {}", value.name, tensor.elem_type(), lengths.collect::<Vec<_>>().join("x"))
}

fn named<'a>(graph: &'a GraphProto, name: &str) -> &'a NodeProto {
    graph.node.iter().find(|node| node.name == name).unwrap()
}

#[test]
fn what_goes_in_and_comes_out() {
    let check = |plan: Plan, options: Options, expected: &[&str]| {
        let graph = graph(plan, options);
        let found: Vec<String> = graph.input.iter().chain(&graph.output).map(told).collect();
        assert_eq!(found, expected);
    };
    check(tiny(Family::B), USUAL, &["input Float batchx3x64x64", "logits Float batchx2"]);
    let all = Outputs { logits: true, probabilities: true, maps: true };
    let bytes = Options { input: Input::Uint8, precision: Precision::Fp16, outputs: all };
    let grey = Plan { channels: 1, marks_edge: true, ..tiny(Family::B) };
    check(
        grey.clone(),
        bytes,
        &[
            "input Uint8 batchx64x64x3",
            "stride8 Float batchx8x8x8",
            "stride16 Float batchx16x4x4",
            "stride32 Float batchx32x2x2",
            "logits Float batchx2",
            "probabilities Float batchx2",
        ],
    );
    check(grey, USUAL, &["input Float batchx1x64x64", "logits Float batchx2"]);
}

#[test]
fn every_value_is_there_before_it_is_used_and_has_a_name_of_its_own() {
    let all = Outputs { logits: true, probabilities: true, maps: true };
    for family in [Family::B, Family::Lite] {
        for input in [Input::Float, Input::Uint8] {
            for precision in [Precision::Fp32, Precision::Fp16] {
                let plan = Plan { channels: 1, marks_edge: true, ..tiny(family) };
                let graph = graph(plan, Options { input, precision, outputs: all });
                let constants = graph.initializer.iter().map(|constant| constant.name.clone());
                let mut known: BTreeSet<String> =
                    constants.chain(graph.input.iter().map(|value| value.name.clone())).collect();
                for node in &graph.node {
                    assert!(node.input.iter().all(|name| known.contains(name)), "{node:?}");
                    assert!(node.output.iter().all(|name| known.insert(name.clone())), "{node:?}");
                }
                assert!(graph.output.iter().all(|output| known.contains(&output.name)));
                let used: BTreeSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
                assert!(graph.initializer.iter().all(|constant| used.contains(&constant.name)));
            }
        }
    }
}

#[test]
fn batch_norms_are_folded_and_nothing_else_is_added() {
    let graph = graph(Plan::variant(Variant::B0), USUAL);
    let count = |op: &str| graph.node.iter().filter(|node| node.op_type == op).count();
    // 16 blocks, one of them without expansion; the gates' convolutions; stem and head.
    assert_eq!(count("Conv"), 15 + 16 + 16 + 2 * 16 + 2);
    assert_eq!((count("BatchNormalization"), count("Gemm"), count("Add")), (0, 1, 9));
    assert_eq!((count("GlobalAveragePool"), count("Flatten"), count("Identity")), (17, 1, 1));
    // Two factors for each SiLU, and one gate in each block.
    assert_eq!((count("Sigmoid"), count("Mul")), (49 + 16, 49 + 16));
    assert_eq!(graph.node.len(), 81 + 10 + 17 + 2 + 130);
}

#[test]
fn same_padding_is_written_out_for_the_size() {
    let graph = graph(tiny(Family::Lite), USUAL);
    let pads = |name: &str| {
        let node = named(&graph, name);
        node.attribute.iter().find(|attribute| attribute.name == "pads").unwrap().ints.clone()
    };
    assert_eq!(pads("stem"), [0, 0, 1, 1]);
    assert_eq!(pads("blocks.0.depthwise"), [1, 1, 1, 1]);
    assert_eq!(pads("blocks.2.depthwise"), [1, 1, 2, 2]);
    assert_eq!(named(&graph, "stem.relu6").input, ["stem", "relu6.low", "relu6.high"]);
}

#[test]
fn numbers_are_halved_where_asked_and_only_inside() {
    let halves = Options { precision: Precision::Fp16, ..USUAL };
    let (whole, half) = (written(tiny(Family::B), USUAL), written(tiny(Family::B), halves));
    let ratio = half.encoded_len() as f64 / whole.encoded_len() as f64;
    assert!(ratio < 0.75, "{ratio}");
    let graph = half.graph.unwrap();
    assert!(graph.initializer.iter().all(|constant| constant.data_type() == ElementType::Float16));
    assert_eq!(graph.node.iter().filter(|node| node.op_type == "Cast").count(), 2);
}

#[test]
fn no_constant_is_stored_twice() {
    let graph = graph(tiny(Family::B), USUAL);
    let kept: BTreeSet<_> =
        graph.initializer.iter().map(|constant| (constant.dims.clone(), constant.raw_data.clone())).collect();
    assert_eq!(kept.len(), graph.initializer.len());
    // Weight and shift of each of them; before training most shifts are zeros of the same length.
    let layers = graph.node.iter().filter(|node| matches!(node.op_type.as_str(), "Conv" | "Gemm")).count();
    assert!(kept.len() < 2 * layers, "{} of {layers}", kept.len());
}

#[test]
fn it_says_what_it_takes_to_use_it() {
    let model = model(tiny(Family::B));
    let file = written(tiny(Family::B), USUAL);
    let check = |key, expected| assert_eq!(property(&file, key), Some(expected), "{key}");
    check("classes", r#"["rose","tulip"]"#);
    check("input_size", "64");
    check("input_layout", "NCHW float32, normalised");
    check("resize", "shorter edge to 73");
    check("crop", "center");
    check("interpolation", "bicubic");
    check("mean", "[0.485,0.456,0.406]");
    check("std", "[0.229,0.224,0.225]");
    check("channel_order", "RGB");
    check("temperature", "1.25");
    let own: Identity = serde_json::from_str(property(&file, "kiln").unwrap()).unwrap();
    assert_eq!(own, model.identity);
    assert_eq!((file.ir_version, file.opset_import[0].version), (7, 13));
    assert_eq!(property(&file, "nothing"), None);
}

#[test]
fn what_is_off_is_named() {
    let answer = |name: &str, values: &[f32]| check::Answer { name: name.into(), values: values.into() };
    let check = |wanted: &[check::Answer], found: &[&[f32]], expected: Result<f64, &str>| {
        let found: Vec<Vec<f32>> = found.iter().map(|values| values.to_vec()).collect();
        let result = check::compare(wanted, &found, Precision::Fp32);
        match (result, expected) {
            (Ok(off), Ok(expected)) => assert!((off - expected).abs() < 1e-9, "{off}"),
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
            (result, _) => panic!("{result:?}"),
        }
    };
    let logits = [answer(LOGITS, &[1000.0, -1.0])];
    check(&logits, &[&[1000.0, -1.0]], Ok(0.0));
    check(&logits, &[&[1000.0, -1.0625]], Ok(6.25e-5));
    check(&logits, &[&[1000.0, -1.25]], Err("its logits are 2.5e-4 off"));
    check(&logits, &[&[1000.0, f32::NAN]], Err("its logits are NaN off"));
    check(&logits, &[&[1000.0]], Err("1 numbers instead of 2"));
    check(&logits, &[], Err("0 outputs instead of 1"));
    check(&[answer(PROBABILITIES, &[0.01])], &[&[0.0102]], Err("probabilities"));
}
