//! Every form comes back as it left, and Burn's own loading takes a burnpack file.

use burn::tensor::Device;
use burn_store::{BurnpackStore, ModuleSnapshot};

use super::*;
use crate::model::{Network, NormSettings, Settings, arrays, initial};
use crate::scaling::{Activation, Family, Padding, Plan, Variant};
use crate::weights::{catalogue, expected, layouts};

fn identity(plan: Plan, padding: Padding, norm_eps: f64) -> Identity {
    Identity {
        classes: ["rose", "tulip", "\"quoted\" ümlaut"].map(String::from).to_vec(),
        padding,
        norm_eps,
        temperature: 1.25,
        drawn: true,
        ..Identity::sample(plan)
    }
}

fn model(plan: Plan) -> Model {
    let numbers = expected(&plan, 3).into_iter().map(|(name, shape)| {
        let values = initial(1, &name, &shape);
        Array { name, shape, values }
    });
    Model { arrays: numbers.collect(), identity: identity(plan, Padding::Symmetric, 1e-5) }
}

fn tiny() -> Model {
    model(Plan::custom(Family::B, 0.1, 0.1, 32).unwrap())
}

fn written(model: &Model, form: Form) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes(model, form).unwrap()).unwrap();
    file
}

#[test]
fn every_form_comes_back_bit_for_bit() {
    let check = |mut model: Model, form: Form| {
        // Numbers that a careless comparison or conversion loses.
        model.arrays[0].values[..3].copy_from_slice(&[-0.0, f32::from_bits(1), f32::NAN]);
        let back = read(written(&model, form).path()).unwrap();
        assert_eq!(difference(&model, &back), None, "{form:?}");
        assert_eq!(bytes(&model, form).unwrap(), bytes(&model, form).unwrap());
    };
    check(tiny(), Form::Safetensors);
    check(tiny(), Form::Burnpack);
    check(model(Plan::variant(Variant::Lite0)), Form::Timm);
    check(model(Plan::variant(Variant::B0)), Form::Torchvision);
}

#[test]
fn a_difference_is_named() {
    let check = |change: fn(&mut Model), expected: &str| {
        let mut other = tiny();
        change(&mut other);
        assert_eq!(difference(&tiny(), &other).as_deref(), Some(expected));
        assert_eq!(difference(&other, &tiny()).as_deref(), Some(expected));
    };
    check(|model| model.arrays[0].values[0] += 1e-6, "the array stem.conv.weight");
    check(|model| model.arrays[1].shape.push(1), "the array stem.norm.weight");
    check(|model| drop(model.arrays.pop()), "the array classifier.bias");
    check(|model| model.identity.temperature = 1.0, "what the model says of itself");
}

#[test]
fn burn_itself_loads_a_burnpack_file() {
    let model = tiny();
    let settings = Settings {
        padding: Padding::Symmetric,
        norm: NormSettings { eps: 1e-5, momentum: 0.1 },
        classes: 3,
        dropout: 0.0,
        stochastic_depth: 0.0,
    };
    let empty = &mut |_: &str, shape: &[usize]| vec![7.0; shape.iter().product()];
    let mut network = Network::build(&model.identity.plan, &settings, &Device::flex(), empty);
    let file = written(&model, Form::Burnpack);
    let mut store = BurnpackStore::from_file(file.path()).auto_extension(false);
    let result = network.load_from(&mut store).unwrap();
    assert_eq!((result.missing.len(), result.unused.len()), (0, 0));
    let loaded = Model { arrays: arrays(&network), identity: model.identity.clone() };
    assert_eq!(difference(&model, &loaded), None);
}

#[test]
fn a_file_cut_anywhere_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for form in [Form::Safetensors, Form::Burnpack] {
        let bytes = bytes(&tiny(), form).unwrap();
        for part in (0..32).map(|i| bytes.len() * i / 32).chain([1, 3, 4, 9, 11, bytes.len() - 1]) {
            std::fs::write(file.path(), &bytes[..part]).unwrap();
            let error = read(file.path()).unwrap_err().to_string();
            assert!(error.contains(&file.path().display().to_string()), "{form:?} {part}: {error}");
        }
    }
}

#[test]
fn the_timm_network_follows_padding_and_eps() {
    let check = |variant, padding, eps, expected: &str| {
        let timm = Timm::fitting(&identity(Plan::variant(variant), padding, eps)).unwrap();
        let [create, load] = timm.python(Path::new("a \"b\".safetensors"));
        assert_eq!(create, format!("model = timm.create_model({expected})"));
        assert_eq!(load, r#"model.load_state_dict(safetensors.torch.load_file("a \"b\".safetensors"))"#);
        assert_eq!(timm.differs.is_some(), expected.contains("bn_eps"));
    };
    check(Variant::B0, Padding::Symmetric, 1e-5, r#""efficientnet_b0", num_classes=3"#);
    check(Variant::B7, Padding::Same, 1e-3, r#""tf_efficientnet_b7", num_classes=3"#);
    check(Variant::Lite4, Padding::Same, 1e-3, r#""tf_efficientnet_lite4", num_classes=3"#);
    check(Variant::B0, Padding::Symmetric, 1e-3, r#""efficientnet_b0", num_classes=3, bn_eps=1e-3"#);
    check(Variant::Lite0, Padding::Same, 1e-5, r#""tf_efficientnet_lite0", num_classes=3, bn_eps=1e-5"#);
}

#[test]
fn a_shape_that_timm_does_not_have_is_refused() {
    let error = bytes(&tiny(), Form::Timm).unwrap_err().to_string();
    assert!(error.starts_with("no timm model has the shape of b-w0.1-d0.1-r32"), "{error}");
}

#[test]
fn a_file_for_torchvision_has_torchvisions_names_and_no_others() {
    let model = model(Plan::variant(Variant::B0));
    let file = written(&model, Form::Torchvision);
    let (arrays, identity) = read_model(file.path()).unwrap();
    let found: Vec<&str> = arrays.iter().map(|array| array.name.as_str()).collect();
    let pairings = layouts::pairings(Layout::Torchvision, &identity.plan);
    let mut wanted: Vec<&str> = pairings.iter().map(|pair| pair.foreign.as_str()).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    let at = |name: &str| arrays.iter().find(|array| array.name == name).unwrap();
    assert_eq!(at("features.0.0.weight").shape, [32, 3, 3, 3]);
    assert_eq!(at("classifier.1.weight").shape, [3, 1280]);
}

#[test]
fn every_network_that_torchvision_publishes_fits() {
    let mut checked = 0;
    for entry in catalogue::Entry::all().filter(|entry| entry.id.starts_with("torchvision/")) {
        let plan = Plan::variant(entry.variant);
        let of = Torchvision::fitting(&identity(plan, entry.padding, entry.norm.eps)).unwrap();
        let [create, load] = of.python(Path::new("a.safetensors"));
        let number = entry.variant;
        assert_eq!(create, format!("model = torchvision.models.efficientnet_{number}(num_classes=3)"));
        assert_eq!(load, r#"model.load_state_dict(safetensors.torch.load_file("a.safetensors"))"#);
        checked += 1;
    }
    assert!(checked >= 8, "{checked}");
}

#[test]
fn what_torchvision_cannot_hold_is_refused_with_another_way() {
    let check = |plan: Plan, padding, eps, reason: &str, instead: &str| {
        let identity = identity(plan, padding, eps);
        let error = Taker::of(Form::Torchvision, &identity).unwrap_err().to_string();
        assert!(error.starts_with("torchvision cannot hold ") && error.contains(reason), "{error}");
        assert!(error.contains(instead), "{error}");
    };
    let (timm, kiln) = ("take `--layout timm`", "leave out `--layout torchvision` for kiln's own layout");
    let (b0, b5) = (Plan::variant(Variant::B0), Plan::variant(Variant::B5));
    check(Plan::variant(Variant::Lite0), Padding::Symmetric, 1e-5, "no lite network", timm);
    check(b0.clone(), Padding::Same, 1e-5, "SAME", timm);
    check(
        b0.clone(),
        Padding::Symmetric,
        1e-3,
        "eps of 1e-3, and torchvision's efficientnet_b0 has 1e-5",
        timm,
    );
    check(b5, Padding::Symmetric, 1e-5, "eps of 1e-5, and torchvision's efficientnet_b5 has 1e-3", timm);
    let grey = Plan { channels: 1, ..b0.clone() };
    check(grey.clone(), Padding::Symmetric, 1e-5, "one channel", timm);
    check(Plan { marks_edge: true, ..grey }, Padding::Symmetric, 1e-5, "2 planes", timm);
    check(tiny().identity.plan, Padding::Symmetric, 1e-5, "no network of this shape", kiln);
    check(Plan { activation: Activation::Relu6, ..b0 }, Padding::Symmetric, 1e-5, "of this shape", kiln);
    assert!(bytes(&tiny(), Form::Torchvision).is_err());
}
