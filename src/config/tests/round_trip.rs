//! The resolved file reads back to the same settings, differences are named by key, and no input panics.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_augment::any_augment;
use super::{DATA, MODEL, STAGE, parse, with};
use crate::config::*;
use crate::scaling::{Compound, Family, Float, Padding, Variant};

proptest! {
    #[test]
    fn the_resolved_file_reads_back_to_the_same(config in any_config()) {
        let text = config.to_toml();
        match parse(&text, &[]) {
            Ok(again) => {
                prop_assert!(config.difference(&again).is_empty());
                prop_assert_eq!(again, config);
            }
            Err(error) => prop_assert!(false, "{}\n{}", error, text),
        }
    }

    #[test]
    fn no_text_and_no_override_panics(text in "\\PC{0,60}", key in "[a-z0-9.]{0,20}", value in "\\PC{0,20}") {
        let _ = parse(&text, &[&value, &format!("{key}={value}")]);
        let _ = parse(&format!("{MODEL}{DATA}{STAGE}"), &[&text, &format!("{key}={value}"), "train.batch=8"]);
    }
}

#[test]
fn differences_are_named_by_key() {
    let base = with("");
    let check =
        |section: &str, expected: &[&str]| assert_eq!(base.difference(&with(section)), expected, "{section}");
    check("", &[]);
    check("[train]\nbatch = 32", &[]);
    check("[train]\neffective_batch = 64", &["train.accumulate"]);
    check("[train]\nbatch = \"auto\"", &["train.accumulate", "train.batch", "train.effective_batch"]);
    check("[train]\nbatch = 8\nema = 0.9", &["train.batch", "train.ema"]);
    check("[data.split]\nval = 0.2", &["data.split.val"]);
    check("[augment]\ncrop_scale = [0.5, 1]", &["augment.crop_scale"]);
    check("[schedule]\nkind = \"constant\"", &["schedule.kind", "schedule.min"]);
    check(
        "[[stage]]\ntrains = \"all\"\nepochs = 1\nlr = 1",
        &["stage.2.epochs", "stage.2.layer_decay", "stage.2.lr", "stage.2.trains"],
    );
    let phi = parse(&format!("{MODEL}{DATA}{STAGE}"), &["model.phi=1", "stage.1.epochs=5"]).unwrap();
    let expected =
        ["alpha", "beta", "gamma", "phi", "pretrained", "variant"].map(|key| format!("model.{key}"));
    assert_eq!(base.difference(&phi)[..6], expected);
    assert_eq!(base.difference(&phi)[6..], ["stage.1.epochs"]);
}

pub(super) fn any_config() -> impl Strategy<Value = Config> {
    let name = "[a-zé][a-zA-Z0-9 ._-]{0,9}";
    let stages = prop::collection::vec(any_stage(), 1..4);
    let first = (name, any_model(), any_data(), any_augment(), stages);
    (first, any_optimizer(), any_course(), any_train(), (any_checkpoint(), any_track(), any_scratch()))
        .prop_map(
            |((name, model, data, augment, stages), optimizer, kind, train, (checkpoint, track, scratch))| {
                let schedule = Schedule { kind, warmup_epochs: 0.75 };
                Config {
                    name,
                    model,
                    data,
                    augment,
                    stages,
                    optimizer,
                    schedule,
                    train,
                    checkpoint,
                    track,
                    scratch,
                }
            },
        )
}

fn share() -> std::ops::Range<f64> {
    0.0..1.0
}

pub(super) fn positive() -> std::ops::Range<f64> {
    1e-12..1e6
}

fn any_path() -> impl Strategy<Value = std::path::PathBuf> {
    "/[a-zé\"'\\\\# \t\n]{1,12}".prop_map(std::path::PathBuf::from)
}

fn any_model() -> impl Strategy<Value = Model> {
    let pretrained = prop_oneof![
        Just(Pretrained::None),
        Just(Pretrained::Imagenet),
        "tf_[a-z0-9]{1,9}".prop_map(Pretrained::Entry),
        any_path().prop_map(Pretrained::File),
    ];
    let offline = select(vec![ModelOffline::Fail, ModelOffline::Scratch]);
    let padding = option::of(select(vec![Padding::Symmetric, Padding::Same]));
    let norm = (option::of(positive()), option::of(1e-6..=1.0));
    let shape = (any_scale(), select(vec![1, 3]));
    (shape, pretrained, offline, option::of(share()), share(), padding, norm).prop_map(
        |(
            (scale, channels),
            pretrained,
            offline,
            dropout,
            stochastic_depth,
            padding,
            (norm_eps, norm_momentum),
        )| Model {
            scale,
            channels,
            pretrained,
            offline,
            dropout,
            stochastic_depth,
            padding,
            norm_eps,
            norm_momentum,
        },
    )
}

fn any_scale() -> impl Strategy<Value = Scale> {
    let limit = || option::of(1..9_000_000_000_000_000_u64);
    prop_oneof![
        select(Variant::ALL.to_vec()).prop_map(Scale::Variant),
        (-1.0..4.0).prop_map(|phi| Scale::Compound(Compound { alpha: 1.25, ..Compound::new(phi) })),
        (select(vec![Family::B, Family::Lite]), 0.1..4.0, 0.1..4.0, 32..4096_usize).prop_map(
            |(family, width, depth, resolution)| Scale::Custom { family, width, depth, resolution }
        ),
        (1..9_000_000_000_u64, limit(), limit()).prop_map(|(macs, max_params, max_memory)| Scale::Budget {
            max_macs: Some(macs),
            max_params,
            max_memory
        }),
    ]
}

fn any_data() -> impl Strategy<Value = Data> {
    let offline = select(vec![DataOffline::Fail, DataOffline::Drawn]);
    let source = prop_oneof![
        any_path().prop_map(|path| (Source::Path(path), DataOffline::Fail)),
        ("[a-z0-9_-]{1,9}", offline).prop_map(|(name, offline)| (Source::Dataset(name), offline)),
        prop::collection::vec(any_files(), 1..3).prop_map(|files| (Source::Files(files), DataOffline::Fail)),
    ];
    let classes = prop_oneof![Just(Vec::new()), Just(vec!["b".to_string(), "a \"é\"".to_string()])];
    let labels = (classes, 1..=16_usize, any_columns());
    let split = (0.0..0.5, 0.0..0.5, any::<bool>());
    let split = split.prop_map(|(val, test, keep_alike)| SplitShares { val, test, keep_alike });
    let bad = (select(vec![Bad::Skip, Bad::Fail]), any::<bool>());
    let leakage = select(vec![Leakage::Refuse, Leakage::Skip, Leakage::Allow]);
    let place = select(vec![CachePlace::Auto, CachePlace::Memory, CachePlace::Disk, CachePlace::Off]);
    let bytes = || 1..9_000_000_000_000_000_u64;
    let cache = (place, select(vec![Precision::F32, Precision::F16]), bytes(), option::of(bytes()));
    let sampler = prop_oneof![Just(Sampler::Shuffle), (0.0..=1.0).prop_map(Sampler::Power)];
    let window = option::of((-1e6..0.0, 1e-3..1e6).prop_map(|(low, high)| [low, high]));
    let sizes = (option::of(32..4096_usize), option::of(0..99_usize), 1..99_usize, window);
    let licence = option::of("[a-zé\"'#]([a-z /\"'#.:]{0,9}[a-z])?");
    (source, split, sizes, cache, (bad, leakage, sampler), (labels, licence)).prop_map(
        |(
            (source, offline),
            split,
            (image_size, workers, views, window),
            (cache, cache_precision, cache_limit, cache_memory),
            ((bad, reduced_jpeg), leakage, sampler),
            ((classes, depth, columns), licence),
        )| Data {
            source,
            offline,
            split,
            image_size,
            window,
            workers,
            views,
            cache,
            cache_precision,
            cache_limit,
            cache_memory,
            sampler,
            bad,
            leakage,
            classes,
            depth,
            columns,
            reduced_jpeg,
            licence,
        },
    )
}

fn any_files() -> impl Strategy<Value = Files> {
    let split = option::of(select(vec![Part::Train, Part::Val, Part::Test]));
    (any_path(), "[a-zé][a-z /]{0,5}", split).prop_map(|(glob, class, split)| Files { glob, class, split })
}

fn any_columns() -> impl Strategy<Value = Columns> {
    let name = || option::of("[a-zé][a-z ]{0,5}");
    let names = (name(), name(), name(), name(), name());
    names.prop_map(|(path, label, split, weight, source)| Columns { path, label, split, weight, source })
}

fn any_stage() -> impl Strategy<Value = Stage> {
    let trains = prop_oneof![Just(Trains::Head), Just(Trains::All), (1..99_usize).prop_map(Trains::Last)];
    (trains, 1..999_usize, positive(), 1e-6..=1.0).prop_map(|(trains, epochs, lr, layer_decay)| Stage {
        trains,
        epochs,
        lr,
        layer_decay,
    })
}

fn any_optimizer() -> impl Strategy<Value = Optimizer> {
    let adamw = ([share(), share()], positive(), share());
    let sgd = (1e-3..1.0, any::<bool>(), share());
    let rmsprop = (share(), positive(), share(), share());
    prop_oneof![
        adamw.prop_map(|(betas, eps, weight_decay)| Optimizer::AdamW { betas, eps, weight_decay }),
        sgd.prop_map(|(momentum, nesterov, weight_decay)| Optimizer::Sgd {
            momentum,
            nesterov,
            weight_decay
        }),
        rmsprop.prop_map(|(alpha, eps, momentum, weight_decay)| Optimizer::RmsProp {
            alpha,
            eps,
            momentum,
            weight_decay
        }),
    ]
}

fn any_course() -> impl Strategy<Value = Course> {
    prop_oneof![
        share().prop_map(|min| Course::Cosine { min }),
        (positive(), 1e-6..=1.0).prop_map(|(every_epochs, factor)| Course::Step { every_epochs, factor }),
        Just(Course::Constant),
    ]
}

fn any_train() -> impl Strategy<Value = Train> {
    use DeviceChoice::{Auto, Cpu, Cuda, Ndarray, Wgpu};
    let class_weights = prop_oneof![
        Just(ClassWeights::None),
        Just(ClassWeights::Balanced),
        (1e-6..1.0).prop_map(|beta| ClassWeights::Effective { beta }),
        prop::collection::btree_map("[a-zé\"\\. ]{1,5}", positive(), 0..3).prop_map(ClassWeights::Table),
        prop::collection::vec(positive(), 1..5).prop_map(ClassWeights::List),
    ];
    let loss = prop_oneof![Just(Loss::CrossEntropy), share().prop_map(|gamma| Loss::Focal { gamma })];
    let pictures = prop_oneof![
        (1..999_usize, 1..999_usize).prop_map(|(batch, accumulate)| (batch, false, accumulate)),
        (1..999_usize).prop_map(|batch| (batch, true, 1)),
    ];
    let numbers = (pictures, 0..=i64::MAX as u64, (share(), loss));
    let precision = option::of(select(vec![Float::Fp32, Float::Fp16, Float::Bf16]));
    let devices = select(vec![Auto, Cpu, Ndarray, Wgpu, Cuda]);
    let tune = select(vec![Tune::Auto, Tune::On, Tune::Off]);
    let devices = (devices, any::<bool>(), tune, precision, option::of(1..99_usize));
    let words = (
        select(vec![BatchNorm::Batch, BatchNorm::Stored]),
        select(vec![Monitor::Accuracy, Monitor::Loss]),
        select(vec![OnDivergence::Stop, OnDivergence::Rewind]),
    );
    let choices = (class_weights, words, option::of(1..99_usize));
    (numbers, devices, option::of(positive()), option::of(1e-9..1.0), choices).prop_map(
        |(
            numbers,
            (device, force_device, tune, precision, threads),
            clip_norm,
            ema,
            (class_weights, (batch_norm, monitor, on_divergence), early_stopping),
        )| {
            let ((batch, auto_batch, accumulate), seed, (label_smoothing, loss)) = numbers;
            Train {
                batch,
                auto_batch,
                seed,
                device,
                force_device,
                tune,
                // They share what there is of batches.
                gpus: 2 - if auto_batch { batch } else { accumulate } % 2,
                precision,
                threads,
                clip_norm,
                accumulate,
                ema,
                label_smoothing,
                loss,
                class_weights,
                batch_norm,
                monitor,
                early_stopping,
                on_divergence,
            }
        },
    )
}

fn any_checkpoint() -> impl Strategy<Value = Checkpoint> {
    let every = prop_oneof![
        Just(Every::Epoch),
        (1..999_usize).prop_map(Every::Steps),
        (1..99_999_u64).prop_map(Every::Seconds)
    ];
    (every, 1..99_usize).prop_map(|(every, keep)| Checkpoint { every, keep })
}

fn any_track() -> impl Strategy<Value = Track> {
    let mlflow = option::of("https?://[a-z.]{1,9}(:[0-9]{1,4})?(/[a-z]{1,4})?");
    (any::<bool>(), mlflow, "[a-zé][a-z /\"]{0,9}").prop_map(|(tensorboard, mlflow, experiment)| Track {
        tensorboard,
        mlflow,
        experiment,
    })
}

fn any_scratch() -> impl Strategy<Value = Scratch> {
    (option::of(32..512_usize), option::of(1..99_usize), option::of(positive()))
        .prop_map(|(image_size, epochs, lr)| Scratch { image_size, epochs, lr })
}
