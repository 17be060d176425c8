//! What `key=value` on the command line does, and how it is refused.

use std::path::PathBuf;

use super::refusals::refused;
use super::{DATA, MODEL, STAGE, parse};
use crate::config::*;
use crate::scaling::{Compound, Variant};

#[test]
fn overrides_go_over_the_file() {
    let text = format!("{MODEL}{DATA}{STAGE}{STAGE}");
    let check = |overrides: &[&str], expected: &dyn Fn(&Config) -> bool| {
        assert!(expected(&parse(&text, overrides).unwrap()), "{overrides:?}");
    };
    check(&["train.batch=auto"], &|config| config.train.auto_batch && config.train.batch == 32);
    check(&["train.batch=8", "train.effective_batch=24"], &|config| config.train.accumulate == 3);
    check(&["train.batch=8"], &|config| config.train.batch == 8);
    check(&["train.batch=8", "train.batch=9"], &|config| config.train.batch == 9);
    check(&["stage.2.epochs=3"], &|config| (config.stages[0].epochs, config.stages[1].epochs) == (4, 3));
    check(&["stage.1.trains=last 2"], &|config| config.stages[0].trains == Trains::Last(2));
    check(&["data.split.val=0.2"], &|config| {
        config.data.split == SplitShares { val: 0.2, test: 0.15, keep_alike: false }
    });
    check(&["data.split={val = 0.2}"], &|config| {
        config.data.split == SplitShares { val: 0.2, test: 0.15, keep_alike: false }
    });
    check(&["augment.crop_scale=[0.5, 1]"], &|config| config.augment.crop_scale == [0.5, 1.0]);
    check(&["model.variant=b3"], &|config| config.model.scale == Scale::Variant(Variant::B3));
    check(&["model.pretrained=false"], &|config| config.model.pretrained == Pretrained::None);
    check(&["name=other"], &|config| config.name == "other");
    check(&["data.reduced_jpeg=false"], &|config| !config.data.reduced_jpeg);
    check(&["data.bad=\"fail\""], &|config| config.data.bad == Bad::Fail);
    check(&["data.leakage=allow"], &|config| config.data.leakage == Leakage::Allow);
}

#[test]
fn paths_in_an_override_are_relative_to_the_working_directory() {
    let check = |overrides: &[&str], expected: &str| {
        let config = parse(&format!("{MODEL}{DATA}{STAGE}"), overrides).unwrap();
        assert_eq!(config.data.source, Source::Path(PathBuf::from(expected)));
    };
    check(&[], "/home/me/pets");
    check(&["data.path=pets"], "/tmp/pets");
    check(&["data.path=./pets"], "/tmp/pets");
    check(&["data.path=/x # y=z"], "/x # y=z");
    check(&["train.batch=8", "data.path=\"two words\""], "/tmp/two words");
}

#[test]
fn an_override_replaces_the_files_way() {
    let text =
        format!("[model]\nphi = 1\nalpha = 1.3\n[data]\ndataset = \"flowers\"\noffline = \"drawn\"\n{STAGE}");
    let config = parse(&text, &["model.variant=b1", "data.path=/x"]).unwrap();
    assert_eq!(config.model.scale, Scale::Variant(Variant::B1));
    assert_eq!(config.data.source, Source::Path("/x".into()));
    assert_eq!(config.data.offline, DataOffline::Fail);
    let phi = parse(&text, &["model.phi=2"]).unwrap().model.scale;
    assert_eq!(phi, Scale::Compound(Compound { alpha: 1.3, ..Compound::new(2.0) }));
}

#[test]
fn an_error_in_an_override_names_the_override() {
    let check = |typed: &str, expected: &str| {
        let message = refused(&format!("{MODEL}{DATA}{STAGE}"), &["train.seed=3", typed, "train.ema=0.9"]);
        assert_eq!(message, format!("override `{typed}`: {expected}"));
    };
    check("train.batch=0", "train.batch: is 0, must be a whole number from 1 to 65536, or \"auto\"");
    check(
        "train.batch=eight",
        "train.batch: is string \"eight\", expected a whole number of 0 or more, or \"auto\"",
    );
    check("train.batch=", "train.batch: is string \"\", expected a whole number of 0 or more, or \"auto\"");
    check("train.batchs=8", "train.batchs: unknown key; did you mean `batch`?");
    check("batch=8", "batch: unknown key here; `batch` belongs to [train]");
    check("stage.1.lr=0", "stage.1.lr: is 0, must be a number above 0");
    check("schedule.warmup=9", "schedule.warmup: is 9 epochs, longer than the shortest stage, which has 4");
    check("schedule=3", "schedule: must be a table, written as [schedule]");
    check("stage.2.epochs=3", "there is no stage 2: the file has 1, numbered from 1");
    check("stage.0.epochs=3", "there is no stage 0: the file has 1, numbered from 1");
    check("stage.last.epochs=3", "there is no stage last: the file has 1, numbered from 1");
    check("augment.crop_scale.1=0.2", "there is no augment.crop_scale 1: the file has none");
    check("model.variant.x=3", "names a part of model.variant, which is a single value");
    check("train.batch", "must be key=value, such as train.batch=8");
    check("=8", "has a key with an empty part; write it like train.batch=8");
    check("train..batch=8", "has a key with an empty part; write it like train.batch=8");
    check("a.b.c.d=8", "has a key of 4 parts; no setting has more than 3");
}
