//! What a configuration says beyond the defaults, which is what a run is known by.

use std::path::Path;

use proptest::prelude::*;

use super::round_trip::any_config;
use super::{DATA, MODEL, STAGE, parse, with};
use crate::config::Config;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// So two that differ never say the same.
    #[test]
    fn what_is_told_reads_back_to_the_same(config in any_config()) {
        let sections = toml::to_string(&config.shortest()).unwrap();
        let again = Config::parse(&sections, Path::new("/config.toml"), Path::new("/"), &[]);
        match again {
            Ok(again) => prop_assert_eq!(again, config),
            Err(error) => prop_assert!(false, "{}\n{}", error, sections),
        }
    }
}

#[test]
fn only_what_is_not_at_its_default_is_told() {
    let least = "data.path = \"/home/me/pets\"\nmodel.variant = \"b0\"\nname = \"pets\"\n\
                 stage.1.epochs = 4\nstage.1.lr = 0.1\nstage.1.trains = \"head\"\n";
    assert_eq!(with("").told(), least);
    // A default that is spelled out is still one.
    let spelled = with(
        "[train]\nbatch = 32\nema = false\nthreads = \"auto\"\n[augment]\npolicy = \"standard\"\nflip = 0.5\n",
    );
    assert_eq!(spelled.told(), least);
    let every = parse(&with("").to_toml(), &[]).unwrap();
    assert_eq!(every.told(), least);
}

#[test]
fn every_change_is_told() {
    let least = with("").told();
    let check = |section: &str, line: &str| {
        let told = with(section).told();
        let new: Vec<_> = told.lines().filter(|one| !least.lines().any(|other| other == *one)).collect();
        assert_eq!(new, line.split('\n').collect::<Vec<_>>(), "{section}");
    };
    check("[train]\nbatch = 8", "train.batch = 8");
    check("[augment]\npolicy = \"light\"", "augment.policy = \"light\"");
    check("[augment]\npolicy = \"light\"\nflip = 0.25", "augment.flip = 0.25\naugment.policy = \"light\"");
    check(
        "[optimizer]\nkind = \"sgd\"\nmomentum = 0.8",
        "optimizer.kind = \"sgd\"\noptimizer.momentum = 0.8",
    );
    check("[data.split]\nval = 0.2", "data.split.val = 0.2");
    check("[data.columns]\nsource = \"site\"", "data.columns.source = \"site\"");
    check("[train]\nclass_weights = { cat = 1.0 }", "train.class_weights.cat = 1.0");
    let deeper = parse(&format!("{MODEL}{DATA}{STAGE}layer_decay = 0.5\n"), &[]).unwrap().told();
    assert!(deeper.contains("stage.1.layer_decay = 0.5\n"), "{deeper}");
}
