//! Grey pictures at full depth: a network of one channel computes what the network of three computed on grey, and a run
//! on 16-bit pictures sees what lies below the upper byte, from training to prediction.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use burn::tensor::{Device, Tensor, TensorData};
use image::{ImageBuffer, Luma};
use kiln::chance::Key;
use kiln::dataset::{Interpolation, Preprocess};
use kiln::model::{Cut, Folded, Network, NormForm, NormSettings, Settings, initial, numbers};
use kiln::scaling::{Family, Padding, Plan};
use kiln::weights::{Array, Named, expected, to_grey};
use studio::Studio;

// ---- The same outputs with one channel ----

const CLASSES: usize = 5;
const SAMPLES: usize = 2;

/// A network, its numbers and what its pictures must look like.
struct Made {
    plan: Plan,
    named: Named,
    preprocess: Preprocess,
}

impl Made {
    fn of_three(family: Family, mean: [f32; 3], std: [f32; 3]) -> Self {
        let plan = Plan::custom(family, 0.3, 0.3, 64).unwrap();
        let usual = Preprocess::image_net(64, 0.875, Interpolation::Bicubic);
        let array = |(name, shape): (String, Vec<usize>)| {
            let values = initial(7, &name, &shape);
            (name, Array { shape, values })
        };
        let named =
            Named { entries: expected(&plan, CLASSES).into_iter().map(array).collect(), ..Named::default() };
        Self { plan, named, preprocess: Preprocess { mean, std, ..usual } }
    }

    fn to_grey(&self) -> Self {
        let (mut plan, mut named) = (self.plan.clone(), self.named.clone());
        let mut preprocess = self.preprocess.clone();
        to_grey(Some(&mut named), &mut preprocess, &mut plan).unwrap();
        Self { plan, named, preprocess }
    }

    /// The edge as a bias, which is what most would do.
    fn with_a_bias(mut self) -> Self {
        let stem = self.named.entries.get_mut("stem.conv.weight").unwrap();
        let (picture, edge): (Vec<_>, Vec<_>) =
            stem.values.chunks_exact(18).map(|kernel| kernel.split_at(9)).unzip();
        let (picture, edge) =
            (picture.concat(), edge.iter().map(|taps| taps.iter().sum::<f32>()).collect::<Vec<_>>());
        *stem = Array { shape: vec![picture.len() / 9, 1, 3, 3], values: picture };
        let means = &mut self.named.entries.get_mut("stem.norm.running_mean").unwrap().values;
        means.iter_mut().zip(edge).for_each(|(mean, bias)| *mean -= bias);
        self.plan.marks_edge = false;
        self
    }

    fn network(&self, padding: Padding) -> Network {
        let norm = NormSettings { eps: 1e-3, momentum: 0.1 };
        let settings = Settings { padding, norm, classes: CLASSES, dropout: 0.0, stochastic_depth: 0.0 };
        Network::build(&self.plan, &settings, &Device::flex(), &mut |name, shape| {
            let array = &self.named.entries[name];
            assert_eq!(array.shape, shape, "{name}");
            array.values.clone()
        })
    }

    /// Grey pictures in as many normalised planes as the network has channels.
    fn pictures(&self, side: usize) -> Tensor<4> {
        let channels = self.plan.channels;
        let mut values = Vec::new();
        for sample in 0..SAMPLES {
            for channel in 0..channels {
                let mut draws = Key::new(1).with(sample as u64).draws();
                let (mean, std) = (self.preprocess.mean[channel], self.preprocess.std[channel]);
                values.extend((0..side * side).map(|_| (draws.unit() as f32 - mean) / std));
            }
        }
        Tensor::from_data(TensorData::new(values, [SAMPLES, channels, side, side]), &Device::flex())
    }

    /// Logits of every form of the network.
    fn logits(&self, padding: Padding, side: usize) -> Vec<(&'static str, Vec<f32>)> {
        let train = |form| {
            let mut network = self.network(padding).trainable_from(Cut::ALL, &Device::flex());
            numbers(network.train_from(Cut::ALL, self.pictures(side).autodiff(), form, &[]))
        };
        let folded = Folded::new(&self.network(padding));
        let halves = folded.suffix(folded.prefix(self.pictures(side), Cut(1)), Cut(1));
        vec![
            ("unfolded", numbers(self.network(padding).infer(self.pictures(side)))),
            ("folded", numbers(folded.infer(self.pictures(side)))),
            ("in two halves", numbers(halves)),
            ("training by stored statistics", train(NormForm::Stored)),
            ("training by the batch's", train(NormForm::Batch)),
        ]
    }
}

fn apart(found: &[f32], wanted: &[f32]) -> f32 {
    let largest = |values: &mut dyn Iterator<Item = f32>| values.map(f32::abs).fold(0.0, f32::max);
    largest(&mut found.iter().zip(wanted).map(|(a, b)| a - b)) / largest(&mut wanted.iter().copied())
}

const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

#[test]
fn one_channel_gives_on_grey_what_three_gave() {
    for (mean, std) in [IMAGENET, ([0.5; 3], [0.5; 3])] {
        for (family, padding) in [(Family::B, Padding::Symmetric), (Family::Lite, Padding::Same)] {
            // Both paddings leave out other sides where a side is odd.
            for side in [64, 75] {
                let three = Made::of_three(family, mean, std);
                let grey = three.to_grey();
                assert_eq!((grey.plan.channels, grey.plan.marks_edge), (1, mean == IMAGENET.0));
                let pairs = grey.logits(padding, side).into_iter().zip(three.logits(padding, side));
                for ((form, found), (_, wanted)) in pairs {
                    let error = apart(&found, &wanted);
                    println!("{family:?}, {padding:?}, {side} px, mean {mean:?}, {form}: {error:.1e}");
                    assert!(error < 2e-5, "{form}: {error}");
                }
            }
        }
    }
}

/// What the plane of ones is there for.
#[test]
fn a_bias_in_its_place_would_be_wrong_along_the_edge() {
    let three = Made::of_three(Family::B, IMAGENET.0, IMAGENET.1);
    let logits = |made: &Made| numbers(made.network(Padding::Symmetric).infer(made.pictures(64)));
    let error = apart(&logits(&three.to_grey().with_a_bias()), &logits(&three));
    println!("with a bias: {error:.1e}");
    assert!(error > 1e-4, "{error}");
}

// ---- A run on grey pictures of 16 bits ----

const GREY: &str = r#"
[model]
width = 0.1
depth = 0.1
resolution = 32
channels = 1
pretrained = "none"

[data]
path = "pictures"
workers = 1
window = [32768, 33023]

[augment]
policy = "light"
brightness = 0.05

[[stage]]
trains = "all"
epochs = 16
lr = 0.01

[train]
batch = 8
seed = 1
device = "cpu"
threads = 1
"#;

const KINDS: [(&str, u16); 2] = [("dark", 20), ("bright", 180)];

/// Speckles about a level; all of them share their upper byte, which is all that 8 bits would keep.
fn speckles(level: u16, number: u64) -> ImageBuffer<Luma<u16>, Vec<u16>> {
    let mut draws = Key::new(number).with(u64::from(level)).draws();
    ImageBuffer::from_fn(40, 36, |_, _| Luma([0x8000 + level + draws.below(50) as u16]))
}

fn grey_studio() -> Studio {
    let studio = Studio::empty();
    studio.write("grey.toml", GREY);
    for (class, level) in KINDS {
        std::fs::create_dir_all(studio.path(&format!("pictures/{class}"))).unwrap();
        for number in 0..20 {
            let path = studio.path(&format!("pictures/{class}/{number}.png"));
            speckles(level, number).save(path).unwrap();
        }
    }
    studio
}

#[test]
fn a_grey_run_sees_the_lower_byte_from_training_to_prediction() {
    let studio = grey_studio();
    let trained = studio.expect(0, &["train", "grey.toml"]);
    assert!(trained.err.contains("depth: 40 16-bit grey"), "{}", trained.err);
    let exported = studio.expect(0, &["export", "checkpoints/grey"]);
    let model = exported.out.trim();
    std::fs::create_dir_all(studio.path("new")).unwrap();
    for (class, level) in KINDS {
        let path = format!("new/{class}.png");
        speckles(level, 99).save(studio.path(&path)).unwrap();
        let answer = studio.expect(0, &["predict", model, &path, "--json"]).json();
        assert_eq!(answer["classes"][0]["class"], class, "{answer}");
        assert!(answer["classes"][0]["probability"].as_f64().unwrap() > 0.6, "{answer}");
    }
    let run = studio.expect(0, &["eval", "checkpoints/grey", "--json"]).json();
    let folder = studio.expect(0, &["eval", model, "--data", "pictures", "--json"]).json();
    assert_eq!((run["accuracy"].as_f64(), folder["accuracy"].as_f64()), (Some(1.0), Some(1.0)));
    check_identity(model, &studio);
    studio.expect(0, &["resume", "checkpoints/grey", "stage.1.epochs=17"]);
    check_next_run(&studio);
}

fn check_identity(model: &str, studio: &Studio) {
    let (_, identity) = kiln::checkpoint::read_model(&studio.path(model)).unwrap();
    assert_eq!((identity.channels, identity.plan.marks_edge), (1, false));
    let window: [f64; 2] = identity.preprocess.window.unwrap().into();
    assert_eq!(window, [32_768.0, 33_023.0]);
    assert_eq!(identity.preprocess.mean, [identity.preprocess.mean[0]; 3]);
}

/// A run that starts from a grey one sees grey too, and what its pictures were seen through is taken over.
fn check_next_run(studio: &Studio) {
    let start = "model.pretrained=checkpoints/grey";
    studio.expect(0, &["train", "grey.toml", start, "--run", "next", "stage.1.epochs=1"]);
    let colours = ["train", "grey.toml", start, "--dry-run", "model.channels=3"];
    studio.refused(4, &colours, &["the starting weights see 1 channel", "set it to 1"]);
}

#[test]
fn floats_without_a_window_are_set_aside_with_advice() {
    let studio = grey_studio();
    let signed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/deep/signed16.tiff");
    std::fs::copy(signed, studio.path("pictures/dark/signed.tiff")).unwrap();
    studio.write("wide.toml", GREY.replace("window = [32768, 33023]\n", ""));
    let told = studio.expect(0, &["train", "wide.toml", "--dry-run"]);
    let advice = "signed.tiff: its values reach from -1024 to 3071, and without a window";
    assert!(told.err.contains(advice), "{}", told.err);
    let told = studio.expect(0, &["train", "grey.toml", "--dry-run"]);
    assert!(told.err.contains("depth: 40 16-bit grey, 1 float grey"), "{}", told.err);
}
