//! The network against PyTorch's float64, tensor by tensor: tests/golden/README.md has the formula and how the
//! values were made. The bound is 1e-4, or twice PyTorch's own float32 error where that is larger.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "studio/gpu.rs"]
mod gpu;

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln::devices::{self, halves};
use kiln::evaluate::Evidence;
use kiln::model::{Cut, Folded, Network, NormForm, NormSettings, Settings, arrays, gradients, numbers};
use kiln::scaling::{Activation, Float, Padding, Plan, Variant};
use kiln::train::Loss;
use safetensors::SafeTensors;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    variant: String,
    size: usize,
    batch: usize,
    classes: usize,
    input: String,
    padding: Padding,
    activation: Activation,
    eps: f64,
    momentum: f64,
    tensors: BTreeMap<String, Wanted>,
}

#[derive(Deserialize)]
struct Wanted {
    stride: usize,
    float32: Error,
}

#[derive(Deserialize, Clone, Copy)]
struct Error {
    norm: f64,
    max: f64,
}

impl Error {
    fn larger(&self, norm: f64, max: f64) -> Self {
        Self { norm: self.norm.max(norm), max: self.max.max(max) }
    }
}

/// What is allowed where PyTorch's own float32 is no further off.
const BOUND: f64 = 1e-4;

#[test]
fn cpu_computes_what_pytorch_computes() {
    for case in CASES {
        check(case, &Device::flex());
    }
}

#[test]
#[allow(deprecated)]
fn ndarray_computes_what_pytorch_computes() {
    for case in CASES {
        check(case, &Device::ndarray());
    }
}

#[test]
fn a_gpu_computes_what_pytorch_computes() {
    let Some(chosen) = gpu::listed() else { return };
    let chosen = chosen.open().unwrap();
    let report = devices::check(&chosen.device, &mut |_, _| {});
    if !report.passes() {
        println!("skipped: {} does not pass the self-check", chosen.listed.name);
        return;
    }
    for case in ["torchvision_b0_64", "timm_tf_b0_64"] {
        check(case, &chosen.device);
    }
}

const CASES: [&str; 10] = [
    "torchvision_b0_64",
    "torchvision_b0_75",
    "torchvision_b0_224",
    "torchvision_b3_64",
    "torchvision_b3_75",
    "timm_tf_b0_64",
    "timm_tf_b0_75",
    "timm_tf_lite0_64",
    "timm_tf_lite0_75",
    "timm_tf_lite0_224",
];

/// What a file of the network says of itself, and its bytes.
fn read(case: &str) -> (Golden, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/network/{case}.safetensors"));
    let bytes = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    (serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap(), bytes)
}

fn check(case: &str, device: &Device) {
    let (golden, bytes) = read(case);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let got = computed(&golden, device);
    let mut faults = Vec::new();
    let mut worst = Error { norm: 0.0, max: 0.0 };
    let mut own = Error { norm: 0.0, max: 0.0 };
    for (name, wanted) in &golden.tensors {
        let expected = exact(&file, name);
        let found = got.get(name).unwrap_or_else(|| panic!("{case}: {name} was not computed"));
        let found: Vec<f64> = found.iter().step_by(wanted.stride).map(|&v| f64::from(v)).collect();
        let error = error(&found, &expected);
        let bound = |own: f64| BOUND.max(2.0 * own);
        if error.norm > bound(wanted.float32.norm) || !error.norm.is_finite() {
            faults.push(format!(
                "{name}: error {:.1e} (max {:.1e}), PyTorch's float32 {:.1e} (max {:.1e})",
                error.norm, error.max, wanted.float32.norm, wanted.float32.max
            ));
        }
        worst = worst.larger(error.norm, error.max);
        own = own.larger(wanted.float32.norm, wanted.float32.max);
    }
    println!(
        "{case}: largest error {:.1e}, max {:.1e}; PyTorch's float32 {:.1e}, max {:.1e}",
        worst.norm, worst.max, own.norm, own.max
    );
    assert!(faults.is_empty(), "{case}:\n  {}", faults.join("\n  "));
}

/// PyTorch's float64.
fn exact(file: &SafeTensors, name: &str) -> Vec<f64> {
    let tensor = file.tensor(name).unwrap();
    tensor.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

/// What PyTorch's own mixed precision makes of one of the networks: tests/golden/make_half.py.
#[derive(Deserialize)]
struct Mixed {
    case: String,
    precision: Float,
    loss_scale: f64,
    tensors: BTreeMap<String, Error>,
}

#[derive(Deserialize)]
struct AllMixed {
    cases: Vec<Mixed>,
}

/// No tensor is further from float64 than twice PyTorch's autocast on the processor at its worst of several brightnesses, or than
/// four times the rounding of one number, where that is more: the loss is one number, and may come out right by luck.
fn check_mixed(mixed: &Mixed, device: &Device) {
    let (golden, bytes) = read(&mixed.case);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (float, what) = (mixed.precision, format!("{} in {}", mixed.case, mixed.precision));
    let got = trained(&golden, device, float, mixed.loss_scale);
    let rounding = if float == Float::Fp16 { 1.0 / 2048.0 } else { 1.0 / 256.0 };
    let mut faults = Vec::new();
    let mut worst = [0.0_f64; 2];
    for (name, own) in &mixed.tensors {
        let found = got[name].iter().step_by(golden.tensors[name].stride).map(|&v| f64::from(v));
        let error = error(&found.collect::<Vec<_>>(), &exact(&file, name));
        if error.norm.is_nan() || error.norm > (2.0 * own.norm).max(4.0 * rounding) {
            faults.push(format!("{name}: error {:.1e}, PyTorch's {:.1e}", error.norm, own.norm));
        }
        worst = [worst[0].max(error.norm), worst[1].max(own.norm)];
    }
    println!("{what}: largest error {:.1e}, PyTorch's {:.1e}", worst[0], worst[1]);
    assert!(faults.is_empty(), "{what}:\n  {}", faults.join("\n  "));
}

fn mixed() -> Vec<Mixed> {
    serde_json::from_str::<AllMixed>(include_str!("golden/half.json")).unwrap().cases
}

#[test]
fn mixed_precision_is_as_near_as_pytorchs() {
    let all = mixed();
    assert_eq!(all.len(), 6);
    all.iter().for_each(|mixed| check_mixed(mixed, &Device::flex()));
}

#[test]
fn mixed_precision_on_a_gpu_is_as_near_as_pytorchs() {
    let Some(chosen) = gpu::listed() else { return };
    let chosen = chosen.open().unwrap();
    let halves = halves(&chosen);
    println!("{} has {halves:?}", chosen.listed.name);
    let all = mixed();
    let cases =
        all.iter().filter(|mixed| mixed.case == "torchvision_b0_64" && halves.contains(&mixed.precision));
    cases.for_each(|mixed| check_mixed(mixed, &chosen.device));
}

/// PyTorch's own gradients of this network overflow in fp16 until its loss is scaled by a quarter of kiln's first scale.
#[test]
fn gradients_that_overflow_in_fp16_are_infinite_and_come_back_with_a_smaller_scale() {
    let finite = |scale: f64| {
        let (golden, _) = read("timm_tf_lite0_64");
        let found = trained(&golden, &Device::flex(), Float::Fp16, scale);
        assert!(found["train.loss"][0].is_finite());
        found
            .iter()
            .filter(|(name, _)| name.starts_with("train.gradient"))
            .flat_map(|(_, g)| g)
            .all(|g| g.is_finite())
    };
    assert!(!finite(16_777_216.0));
    assert!(finite(16384.0));
}

/// ||a - b|| / ||b|| and max |a - b| / max |b|.
fn error(found: &[f64], expected: &[f64]) -> Error {
    assert_eq!(found.len(), expected.len());
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |m: f64, v| m.max(v.abs()));
    let differences = || found.iter().zip(expected).map(|(a, b)| a - b);
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    Error {
        norm: norm(&mut differences()) / norm(&mut expected.iter().copied()),
        max: largest(&mut differences()) / largest(&mut expected.iter().copied()),
    }
}

/// A map of Grad-CAM by PyTorch's autograd, not brought to shares: tests/golden/make_explanation.py.
#[derive(Deserialize)]
struct Explained {
    network: String,
    sample: usize,
    class: usize,
    is_predicted: bool,
    columns: usize,
    cam: Vec<f64>,
}

#[test]
#[allow(deprecated)]
fn heat_is_that_of_pytorchs_gradients() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/explanation.json");
    let maps: Vec<Explained> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut worst = 0.0_f64;
    for (device, is_slow) in [(Device::flex(), false), (Device::ndarray(), true)] {
        // Small pictures say as much.
        for some in
            maps.chunk_by(|a, b| a.network == b.network).filter(|some| !is_slow || some[0].columns < 7)
        {
            worst = worst.max(heat_error(some, &device));
        }
    }
    println!("heat: {} maps, largest error {worst:.1e} of the hottest place", maps.len());
    assert!(worst < BOUND, "{worst}");
}

/// The largest error of one network's maps, in shares of the hottest place.
fn heat_error(maps: &[Explained], device: &Device) -> f64 {
    let (golden, _) = read(&maps[0].network);
    let (images, folded) = (input(&golden, device), Folded::new(&network(&golden, device)));
    let error = |map: &Explained| {
        let image = images.clone().narrow(0, map.sample, 1);
        let (logits, places) = folded.explain(image.clone());
        let (logits, columns) = (numbers(logits), places.dims()[3]);
        assert_eq!(logits, numbers(folded.infer(image)), "the same bits as a prediction's");
        let evidence = Evidence::new(logits, numbers(places), columns);
        assert!(!map.is_predicted || evidence.predicted() == map.class, "{}", map.network);
        let heat = evidence.heat(map.class);
        assert_eq!((heat.columns, heat.values.len()), (map.columns, map.cam.len()));
        let most = map.cam.iter().copied().fold(0.0, f64::max);
        let found: Vec<f64> = heat.values.iter().map(|&share| most * f64::from(share)).collect();
        error(&found, &map.cam).max
    };
    maps.iter().map(error).fold(0.0, f64::max)
}

fn input(golden: &Golden, device: &Device) -> Tensor<4> {
    let side = golden.size;
    let count = golden.batch * 3 * side * side;
    let input: Vec<f32> = (0..count).map(|i| unit(&golden.input, i)).collect();
    Tensor::from_data(TensorData::new(input, [golden.batch, 3, side, side]), device)
}

/// Everything that the files may ask for, by its name there.
fn computed(golden: &Golden, device: &Device) -> BTreeMap<String, Vec<f32>> {
    let network = network(golden, device);
    let images = input(golden, device);
    let mut found = BTreeMap::new();
    let folded = numbers(Folded::new(&network).infer(images.clone()));
    let plain = numbers(network.infer(images.clone()));
    let f64s = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    assert!(error(&f64s(&folded), &f64s(&plain)).norm < BOUND, "folded and unfolded differ");
    found.insert("infer.logits".to_owned(), folded);
    if !golden.tensors.contains_key("train.loss") {
        return found;
    }
    found.extend(trained(golden, device, Float::Fp32, 1.0));
    found
}

/// The training form, with pictures of such numbers and its loss scaled.
fn trained(golden: &Golden, device: &Device, float: Float, scale: f64) -> BTreeMap<String, Vec<f32>> {
    let mut found = BTreeMap::new();
    let mut network = network(golden, device).trainable_from(Cut::ALL, device);
    let images = network.in_float(Cut::ALL, input(golden, device), float);
    let logits = network.train_from(Cut::ALL, images.autodiff(), NormForm::Batch, &[]);
    assert_eq!(logits.dtype(), DType::F32, "logits are never halves");
    let mut labels = vec![0.0f32; golden.batch * golden.classes];
    (0..golden.batch).for_each(|n| labels[n * golden.classes + 7 * n % 10] = 1.0);
    let labels = Tensor::from_data(TensorData::new(labels, [golden.batch, golden.classes]), device);
    let loss = Loss::default().of(logits.clone(), labels);
    let mut tape = loss.clone().mul_scalar(scale).backward();
    for (name, gradient) in gradients(&network, &mut tape) {
        assert_eq!(gradient.dtype(), DType::F32, "{name}: gradients are never halves");
        let gradient = gradient.div_scalar(scale);
        found.insert(format!("train.gradient.{name}"), numbers(gradient));
    }
    for array in arrays(&network) {
        found.insert(format!("train.statistics.{}", array.name), array.values);
    }
    found.insert("train.logits".into(), numbers(logits));
    found.insert("train.loss".into(), numbers(loss));
    found
}

fn network(golden: &Golden, device: &Device) -> Network {
    let plan = Plan::variant(golden.variant.parse::<Variant>().unwrap());
    assert_eq!(plan.activation, golden.activation);
    let settings = Settings {
        padding: golden.padding,
        norm: NormSettings { eps: golden.eps, momentum: golden.momentum },
        classes: golden.classes,
        dropout: 0.0,
        stochastic_depth: 0.0,
    };
    let relu6 = golden.activation == Activation::Relu6;
    Network::build(&plan, &settings, device, &mut |name, shape| formula(name, shape, relu6))
}

/// tests/golden/README.md, 'The formula'.
fn formula(name: &str, shape: &[usize], relu6: bool) -> Vec<f32> {
    let count = shape.iter().product();
    let kinked = relu6 && name.contains(".norm.") && !name.contains("project");
    let centre = |i: usize| if kinked { [0.0, 3.0, -3.0, 3.0, 9.0, 3.0, -3.0, 3.0][i % 8] } else { 0.0f32 };
    let spread = |i: usize| if kinked && !i.is_multiple_of(8) { 0.75 } else { 1.0f32 };
    let value = |i: usize| {
        let u = unit(name, i);
        let kind = name.rsplit('.').next().unwrap();
        match kind {
            "running_mean" => 0.1 * u,
            "running_var" => (spread(i) * spread(i)) * (1.0 + 0.5 * u.abs()),
            "weight" if name.contains(".norm.") => spread(i) * (1.0 + 0.1 * u),
            "bias" if name.contains(".norm.") => centre(i) + 0.1 * u,
            "bias" => 0.1 * u,
            _ => u * ((gain(name) / shape[1..].iter().product::<usize>() as f64).sqrt() as f32),
        }
    };
    (0..count).map(value).collect()
}

fn gain(name: &str) -> f64 {
    let gains = [
        ("squeeze", 0.3),
        ("stem", 768.0),
        ("expand", 3.0),
        ("depthwise", 6.0),
        ("project", 24.0),
        ("head", 12.0),
        ("classifier", 1.0),
    ];
    gains.iter().find(|(part, _)| name.contains(part)).unwrap().1
}

fn unit(name: &str, index: usize) -> f32 {
    let hash =
        name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut z = hash.wrapping_add((index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 40) as f32 / 8_388_608.0 - 1.0
}

#[test]
fn the_formula_is_the_one_that_made_the_files() {
    let input: Vec<f32> = (0..3).map(|i| unit("input", i)).collect();
    assert_eq!(input, [-0.804_363_37, 0.304_720_76, -0.592_751_5]);
    let stem: Vec<u32> =
        formula("stem.conv.weight", &[32, 3, 3, 3], false)[..3].iter().map(|v| v.to_bits()).collect();
    assert_eq!(stem, [0xc085_10ae, 0xbfd0_44a6, 0x4014_bb16]);
}
