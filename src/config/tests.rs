//! The configuration as its users meet it: what is taken, what is refused and in which words.

mod any_augment;
mod augmentation;
mod balance;
mod batch;
mod labels;
mod overrides;
mod page;
mod refusals;
mod round_trip;
mod told;
mod tracking;

use std::path::Path;

use super::*;
use crate::scaling::{Compound, Family, Padding, Variant};

/// The least that makes a configuration, to which each test adds.
const MODEL: &str = "[model]\nvariant = \"b0\"\n";
const DATA: &str = "[data]\npath = \"pets\"\n";
const STAGE: &str = "[[stage]]\ntrains = \"head\"\nepochs = 4\nlr = 0.1\n";

fn parse(text: &str, overrides: &[&str]) -> Result<Config, ConfigError> {
    let overrides: Vec<_> = overrides.iter().map(ToString::to_string).collect();
    Config::parse(text, Path::new("/home/me/pets.toml"), Path::new("/tmp"), &overrides)
}

fn with(section: &str) -> Config {
    parse(&format!("{MODEL}{DATA}{STAGE}{section}"), &[]).unwrap()
}

#[test]
fn the_least_is_filled_with_defaults() {
    let config = with("");
    assert_eq!(config.name, "pets");
    assert_eq!(config.model.scale, Scale::Variant(Variant::B0));
    assert_eq!(config.model.pretrained, Pretrained::Imagenet);
    assert_eq!(config.data.source, Source::Path("/home/me/pets".into()));
    assert_eq!(config.data.split, SplitShares { val: 0.15, test: 0.15, keep_alike: false });
    assert_eq!(config.augment, Policy::Standard.augment());
    let stage = Stage { trains: Trains::Head, epochs: 4, lr: 0.1, layer_decay: 1.0 };
    assert_eq!(config.stages, [stage]);
    assert_eq!(config.train.monitor, Monitor::Accuracy);
    assert_eq!(config.checkpoint, Checkpoint { every: Every::Epoch, keep: 3 });
}

#[test]
fn a_model_is_scaled_in_four_ways() {
    let check = |keys: &str, expected: Scale| {
        let config = parse(&format!("[model]\n{keys}\n{DATA}{STAGE}"), &[]).unwrap();
        assert_eq!(config.model.scale, expected, "{keys}");
    };
    check("variant = \"lite4\"", Scale::Variant(Variant::Lite4));
    check("phi = 1", Scale::Compound(Compound::new(1.0)));
    check("phi = 0.5\nalpha = 1.3", Scale::Compound(Compound { alpha: 1.3, ..Compound::new(0.5) }));
    check(
        "family = \"lite\"\nwidth = 0.1\ndepth = 0.1\nresolution = 32",
        Scale::Custom { family: Family::Lite, width: 0.1, depth: 0.1, resolution: 32 },
    );
    let budget = |max_macs, max_params, max_memory| Scale::Budget { max_macs, max_params, max_memory };
    check("max_macs = \"400M\"", budget(Some(400_000_000), None, None));
    check("max_macs = 4e8", budget(Some(400_000_000), None, None));
    check("max_params = 5288548\nmax_memory = \"4GiB\"", budget(None, Some(5_288_548), Some(4 << 30)));
}

#[test]
fn weights_are_a_word_a_name_or_a_path() {
    let check = |value: &str, expected: Pretrained| {
        let config = parse(&format!("{MODEL}pretrained = {value}\n{DATA}{STAGE}"), &[]).unwrap();
        assert_eq!(config.model.pretrained, expected, "{value}");
    };
    check("false", Pretrained::None);
    check("\"none\"", Pretrained::None);
    check("\"imagenet\"", Pretrained::Imagenet);
    check(
        "\"tf_efficientnet_b0.ns_jft_in1k\"",
        Pretrained::Entry("tf_efficientnet_b0.ns_jft_in1k".to_string()),
    );
    check("\"timm/efficientnet_b0.ra_in1k\"", Pretrained::Entry("timm/efficientnet_b0.ra_in1k".to_string()));
    check("\"./timm/b0\"", Pretrained::File("/home/me/timm/b0".into()));
    check("\"b0.pth\"", Pretrained::File("/home/me/b0.pth".into()));
    check("\"B0.SafeTensors\"", Pretrained::File("/home/me/B0.SafeTensors".into()));
    check("\"/models/b0.pt\"", Pretrained::File("/models/b0.pt".into()));
    check("\"checkpoints/flowers\"", Pretrained::File("/home/me/checkpoints/flowers".into()));
    let untrained = parse(&format!("[model]\nphi = 1\n{DATA}{STAGE}"), &[]).unwrap();
    assert_eq!(untrained.model.pretrained, Pretrained::None);
}

#[test]
fn the_other_sections_are_read() {
    let config = with(
        "[augment]\npolicy = \"light\"\nflip = 0\n[optimizer]\nkind = \"sgd\"\nmomentum = 0.8\n\
         [schedule]\nkind = \"step\"\nevery_epochs = 1\nwarmup = 2\n\
         [train]\nclip_norm = 1\nema = 0.99\nearly_stopping = 2\nclass_weights = [1, 2.5]\ndevice = \"ndarray\"\n\
         [checkpoint]\nevery = \"200 steps\"\nkeep = 1\n",
    );
    assert_eq!(config.augment, Augment { flip: 0.0, ..Policy::Light.augment() });
    assert_eq!(config.optimizer, Optimizer::Sgd { momentum: 0.8, nesterov: true, weight_decay: 1e-4 });
    let kind = Course::Step { every_epochs: 1.0, factor: 0.97 };
    assert_eq!(config.schedule, Schedule { kind, warmup_epochs: 2.0 });
    let train = &config.train;
    assert_eq!((train.clip_norm, train.ema, train.early_stopping), (Some(1.0), Some(0.99), Some(2)));
    assert_eq!(train.class_weights, ClassWeights::List(vec![1.0, 2.5]));
    assert_eq!(train.device, DeviceChoice::Ndarray);
    assert_eq!(config.checkpoint, Checkpoint { every: Every::Steps(200), keep: 1 });
    assert_eq!(with("[checkpoint]\nevery = 7").checkpoint.every, Every::Steps(7));
}

#[test]
fn auto_and_false_give_a_choice_back() {
    let config = parse(
        &format!("{MODEL}dropout = 0.5\npadding = \"same\"\n{DATA}image_size = 64\n{STAGE}[train]\nema = 0.9\nthreads = 2\n"),
        &["model.dropout=auto", "data.image_size=auto", "train.ema=false", "train.threads=auto"],
    )
    .unwrap();
    assert_eq!((config.model.dropout, config.model.padding), (None, Some(Padding::Same)));
    assert_eq!((config.data.image_size, config.train.ema, config.train.threads), (None, None, None));
}

#[test]
fn the_file_is_read_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    // As some editors on Windows write it: with a byte order mark and CRLF.
    let text = format!("\u{feff}{MODEL}{DATA}{STAGE}").replace('\n', "\r\n");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file, &["data.path=x".to_string()]).unwrap();
    assert_eq!(config.name, "mine");
    assert_eq!(config.data.source, Source::Path(std::env::current_dir().unwrap().join("x")));
}

#[test]
fn the_flowers_that_ship_with_kiln_are_taken() {
    let text = include_str!("../../configs/flowers.toml");
    let config = Config::parse(text, Path::new("configs/flowers.toml"), Path::new("/tmp"), &[]).unwrap();
    assert_eq!(config.name, "flowers");
    assert_eq!(config.data.source, Source::Dataset("flowers".to_string()));
    assert_eq!((config.data.offline, config.model.offline), (DataOffline::Drawn, ModelOffline::Scratch));
    assert_eq!(config.stages[0].trains, Trains::Head);
}
