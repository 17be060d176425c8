//! Every refusal, with its words.

use super::{DATA, MODEL, STAGE, parse};
use crate::config::Config;
use std::path::Path;

pub(super) fn refused(text: &str, overrides: &[&str]) -> String {
    match parse(text, overrides) {
        Ok(_) => panic!("should be refused: {text:?} {overrides:?}"),
        Err(error) => error.to_string().replace("/home/me/pets.toml", "F"),
    }
}

/// Puts a section after the least configuration, so that its header is on line 9.
pub(super) fn check(section: &str, expected: &str) {
    assert_eq!(refused(&format!("{MODEL}{DATA}{STAGE}{section}"), &[]), expected, "{section}");
}

/// Gives another `[model]` or `[data]`, its header on line 1.
fn check_model(keys: &str, expected: &str) {
    assert_eq!(refused(&format!("[model]\n{keys}\n{DATA}{STAGE}"), &[]), expected, "{keys}");
}

pub(super) fn check_data(keys: &str, expected: &str) {
    assert_eq!(refused(&format!("[data]\n{keys}\n{MODEL}{STAGE}"), &[]), expected, "{keys}");
}

#[test]
fn unknown_keys_get_the_nearest_or_their_own_section() {
    check("[trian]", "F:9: trian: unknown key; did you mean `train`?");
    check("[train]\nbatchs = 8", "F:10: train.batchs: unknown key; did you mean `batch`?");
    check("[train]\nlr = 8", "F:10: train.lr: unknown key here; `lr` belongs to [[stage]]");
    check("[checkpoint]\nqqq = 8", "F:10: checkpoint.qqq: unknown key; the keys here are every, keep");
    check("[[stages]]", "F:9: stages: unknown key; did you mean `stage`?");
    check_data(
        "path = \"x\"\nsplit = { vla = 0.1 }",
        "F:3: data.split.vla: unknown key; did you mean `val`?",
    );
}

#[test]
fn text_that_is_no_toml_is_refused_with_its_line() {
    check("[train]\nbatch = 1\nbatch = 2", "F:11: is not valid TOML: duplicate key");
    check("[train\nbatch = 8", "F:9: is not valid TOML: unclosed table, expected `]`");
}

#[test]
fn wrong_types() {
    check(
        "[train]\nbatch = \"8\"",
        "F:10: train.batch: is string \"8\", expected a whole number of 0 or more, or \"auto\"",
    );
    check(
        "[train]\nbatch = 8.5",
        "F:10: train.batch: is number `8.5`, expected a whole number of 0 or more, or \"auto\"",
    );
    check(
        "[train]\nbatch = -1",
        "F:10: train.batch: is number `-1`, expected a whole number of 0 or more, or \"auto\"",
    );
    check(
        "[train]\nbatch = [1]",
        "F:10: train.batch: is a list, expected a whole number of 0 or more, or \"auto\"",
    );
    check("[train]\nforce_device = 1", "F:10: train.force_device: is number `1`, expected true or false");
    check("[augment]\nflip = true", "F:10: augment.flip: is `true`, expected a number");
    check(
        "[augment]\ncrop_scale = [0.5]",
        "F:10: augment.crop_scale: invalid length 1, expected a list of two numbers",
    );
    check(
        "[train]\nema = true",
        "F:10: train.ema: must be a number, whole where it counts something, or false",
    );
    check(
        "[train]\nthreads = \"many\"",
        "F:10: train.threads: must be a number, whole where it counts something, or \"auto\"",
    );
    check(
        "[train]\nclass_weights = 3",
        "F:10: train.class_weights: must be \"none\", \"balanced\", \"effective\", a list of numbers, or a table of \
         numbers by class",
    );
    check(
        "[checkpoint]\nevery = true",
        "F:10: checkpoint.every: must be \"epoch\", a number of steps such as 200, or a time such as \"10 min\"",
    );
    let text = format!("train = 3\n{MODEL}{DATA}{STAGE}");
    assert_eq!(refused(&text, &[]), "F:1: train: must be a table, written as [train]");
    let text = format!("{MODEL}{DATA}{}", STAGE.replace("[[stage]]", "[stage]"));
    assert_eq!(
        refused(&text, &[]),
        "F:5: stage: must be a list; begin each stage with double brackets: [[stage]]"
    );
}

#[test]
fn a_model_has_one_size_and_a_possible_one() {
    check_model("", "F:1: model: has no size; say variant = \"b0\", or phi, or width and depth, or max_macs");
    check_model(
        "variant = \"b9\"",
        "F:2: model.variant: \"b9\" is not known; did you mean \"b7\"? Possible are \"b0\", \"b1\", \"b2\", \"b3\", \
         \"b4\", \"b5\", \"b6\", \"b7\", \"lite0\", \"lite1\", \"lite2\", \"lite3\", \"lite4\"",
    );
    check_model(
        "variant = \"b0\"\nphi = 1",
        "F:3: model.phi: `variant` gives the network's size already; keep one of `variant` and `phi`",
    );
    check_model(
        "max_macs = \"1G\"\nwidth = 1",
        "F:2: model.max_macs: `width` gives the network's size already; keep one of `width` and `max_macs`",
    );
    check_model("alpha = 1.2", "F:1: model.phi: is missing; it must be a finite number");
    check_model("phi = nan", "F:2: model.phi: is NaN, must be a finite number");
    check_model("phi = 30", "F:2: model.phi: phi is 30; it must lie between -12 and 20");
    check_model("phi = 1\ngamma = 0.5", "F:3: model.gamma: gamma is 0.5; it must lie between 1 and 64");
    check_model("width = 1000", "F:2: model.width: width is 1000; it must lie between 0.1 and 64");
    check_model(
        "resolution = 16",
        "F:2: model.resolution: is 16, must be a whole number of pixels from 32 to 4096",
    );
    check_model(
        "family = \"c\"",
        "F:2: model.family: \"c\" is not known; did you mean \"b\"? Possible are \"b\", \"lite\"",
    );
    let amount = "an amount from 1 to 9e15, such as 400000000, \"400M\", \"2.5G\" or \"4GiB\"";
    check_model(
        "max_macs = \"4Q\"",
        &format!("F:2: model.max_macs: \"4Q\" is no amount; it must be {amount}"),
    );
    check_model("max_params = 0", &format!("F:2: model.max_params: is 0, must be {amount}"));
    check_model("max_memory = nan", &format!("F:2: model.max_memory: is NaN, must be {amount}"));
    check_model(
        "max_memory = true",
        &format!("F:2: model.max_memory: must be {}", amount.replace("from 1 to 9e15, ", "")),
    );
}

#[test]
fn what_a_model_is_told() {
    let check = |key: &str, expected: &str| check_model(&format!("variant = \"b0\"\n{key}"), expected);
    check(
        "pretrained = true",
        "F:3: model.pretrained: must be \"none\", \"imagenet\", the name of an entry, or a path",
    );
    check("pretrained = \"\"", "F:3: model.pretrained: is empty");
    check(
        "offline = \"drawn\"",
        "F:3: model.offline: \"drawn\" is not known; possible are \"fail\", \"scratch\"",
    );
    check("channels = 2", "F:3: model.channels: is 2, must be 1 for grey or 3 for RGB");
    check("dropout = 1", "F:3: model.dropout: is 1, must be a number of at least 0 and below 1");
    check(
        "stochastic_depth = -0.1",
        "F:3: model.stochastic_depth: is -0.1, must be a number of at least 0 and below 1",
    );
    check(
        "padding = \"smae\"",
        "F:3: model.padding: \"smae\" is not known; did you mean \"same\"? Possible are \"symmetric\", \"same\"",
    );
    check("norm_eps = 0", "F:3: model.norm_eps: is 0, must be a number above 0");
    check("norm_momentum = 1.5", "F:3: model.norm_momentum: is 1.5, must be a number above 0 and at most 1");
}

#[test]
fn pictures_come_from_one_place_and_some_are_left_to_train_on() {
    check_data("", "F:1: data: has no pictures; say path = \"FOLDER\", or dataset = \"flowers\"");
    check_data(
        "path = \"x\"\ndataset = \"y\"",
        "F:3: data.dataset: `path` is given too; keep one of `path` and `dataset`",
    );
    check_data(
        "path = \"x\"\nfiles = [{ glob = \"*.jpg\", class = \"a\" }]",
        "F:2: data.path: `files` are given too; keep one of `path`, `dataset` and `files`",
    );
    check_data("path = \"\"", "F:2: data.path: is empty");
    check_data(
        "dataset = \"../x\"",
        "F:2: data.dataset: \"../x\" is no recipe's name; for a folder say path = \"../x\"",
    );
    check_data(
        "path = \"x\"\noffline = \"drawn\"",
        "F:3: data.offline: is for a data set that is fetched; `path` fetches nothing, take it out",
    );
    check_data(
        "dataset = \"x\"\noffline = \"draw\"",
        "F:3: data.offline: \"draw\" is not known; did you mean \"drawn\"? Possible are \"fail\", \"drawn\"",
    );
    let check = |key: &str, expected: &str| check_data(&format!("path = \"x\"\n{key}"), expected);
    let nothing_left = "leave nothing to train on; together they must stay below 1";
    check(
        "split = { val = 0.5, test = 0.5 }",
        &format!("F:3: data.split.test: val 0.5 and test 0.5 {nothing_left}"),
    );
    check("split = { val = 0.9 }", &format!("F:3: data.split.val: val 0.9 and test 0.15 {nothing_left}"));
    check(
        "split = { val = -0.1 }",
        "F:3: data.split.val: is -0.1, must be a number of at least 0 and below 1",
    );
    check("split = 0.3", "F:3: data.split: must be a table, written as [data.split]");
    check("image_size = 0", "F:3: data.image_size: is 0, must be a whole number of pixels from 32 to 4096");
    check("workers = 5000", "F:3: data.workers: is 5000, must be a whole number from 0 to 4096, or \"auto\"");
    let window = "must be two finite numbers [low, high] with low < high";
    check("window = [9, 9]", &format!("F:3: data.window: is [9, 9], {window}"));
    check("window = [0, inf]", &format!("F:3: data.window: is [0, inf], {window}"));
    check("window = [4095]", "F:3: data.window: invalid length 1, expected a list of two numbers");
    check("split.keep_alike = 1", "F:3: data.split.keep_alike: is number `1`, expected true or false");
    check("views = 0", "F:3: data.views: is 0, must be a whole number from 1 to 1000000");
    check("reduced_jpeg = 1", "F:3: data.reduced_jpeg: is number `1`, expected true or false");
    check("bad = \"stop\"", "F:3: data.bad: \"stop\" is not known; possible are \"skip\", \"fail\"");
    check(
        "leakage = \"ignore\"",
        "F:3: data.leakage: \"ignore\" is not known; possible are \"refuse\", \"skip\", \"allow\"",
    );
}

#[test]
fn stages() {
    assert_eq!(
        refused(&format!("{MODEL}{DATA}"), &[]),
        "F: stage: there is none; add [[stage]] with trains = \"head\", epochs and lr"
    );
    check(
        "[[stage]]",
        "F:9: stage.2.trains: is missing; say \"head\", \"last N\" with a number of blocks, or \"all\"\n\
         F:9: stage.2.epochs: is missing; it must be a whole number from 1 to 1000000\n\
         F:9: stage.2.lr: is missing; it must be a number above 0",
    );
    let check = |key: &str, value: &str, expected: &str| {
        let text = STAGE.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
        check(&format!("{text}\n{key} = {value}"), &format!("F:12: stage.2.{key}: {expected}"));
    };
    check("trains", "\"last 0\"", "\"last 0\" trains nothing; say \"head\" to train the head alone");
    check(
        "trains",
        "\"tail\"",
        "\"tail\" is not known; say \"head\", \"last N\" with a number of blocks, or \"all\"",
    );
    check("epochs", "0", "is 0, must be a whole number from 1 to 1000000");
    check("lr", "0", "is 0, must be a number above 0");
    check("lr", "-0.1", "is -0.1, must be a number above 0");
    check("lr", "nan", "is NaN, must be a number above 0");
    check("lr", "inf", "is inf, must be a number above 0");
    let expected = "is 0, must be a number above 0 and at most 1";
    self::check(&format!("{STAGE}layer_decay = 0"), &format!("F:13: stage.2.layer_decay: {expected}"));
}

#[test]
fn optimizer_and_schedule() {
    check(
        "[optimizer]\nkind = \"adam\"",
        "F:10: optimizer.kind: \"adam\" is not known; did you mean \"adamw\"? Possible are \"adamw\", \"sgd\", \"rmsprop\"",
    );
    check(
        "[optimizer]\nkind = \"sgd\"\nbetas = [0.9, 0.99]",
        "F:11: optimizer.betas: `betas` belongs to kind = \"adamw\", not to \"sgd\"; take it out",
    );
    check(
        "[optimizer]\nmomentum = 0.9",
        "F:10: optimizer.momentum: `momentum` belongs to kind = \"sgd\" or \"rmsprop\", not to \"adamw\"; take it out",
    );
    check(
        "[optimizer]\nbetas = [0.9, 1]",
        "F:10: optimizer.betas: is [0.9, 1.0], each must be a number of at least 0 and below 1",
    );
    check("[optimizer]\neps = 0", "F:10: optimizer.eps: is 0, must be a number above 0");
    check(
        "[optimizer]\nweight_decay = -1",
        "F:10: optimizer.weight_decay: is -1, must be a number of 0 or more",
    );
    check(
        "[optimizer]\nkind = \"rmsprop\"\nalpha = 1",
        "F:11: optimizer.alpha: is 1, must be a number of at least 0 and below 1",
    );
    check(
        "[optimizer]\nkind = \"sgd\"\nmomentum = 0\nnesterov = true",
        "F:12: optimizer.nesterov: needs a momentum above 0",
    );
    check(
        "[schedule]\nkind = \"linear\"",
        "F:10: schedule.kind: \"linear\" is not known; possible are \"cosine\", \"step\", \"constant\"",
    );
    check("[schedule]\nmin = 2", "F:10: schedule.min: is 2, must be a number from 0 to 1");
    check(
        "[schedule]\nfactor = 0.5",
        "F:10: schedule.factor: `factor` belongs to kind = \"step\", not to \"cosine\"; take it out",
    );
    check(
        "[schedule]\nkind = \"step\"\nevery_epochs = 0",
        "F:11: schedule.every_epochs: is 0, must be a number above 0",
    );
    check("[schedule]\nwarmup = -1", "F:10: schedule.warmup: is -1, must be a number of 0 or more");
    check(
        "[schedule]\nwarmup = 5",
        "F:10: schedule.warmup: is 5 epochs, longer than the shortest stage, which has 4",
    );
}

#[test]
fn training_and_checkpoints() {
    let count = "is 0, must be a whole number from 1 to";
    let check_train = |key: &str, value: &str, expected: &str| {
        check(&format!("[train]\n{key} = {value}"), &format!("F:10: train.{key}: {expected}"));
    };
    check_train("batch", "0", &format!("{count} 65536, or \"auto\""));
    check_train("effective_batch", "0", &format!("{count} 65536"));
    check_train("accumulate", "0", &format!("{count} 65536"));
    check_train("threads", "0", &format!("{count} 4096, or \"auto\""));
    check_train("early_stopping", "0", &format!("{count} 1000000"));
    check_train(
        "on_divergence",
        "\"rewnd\"",
        "\"rewnd\" is not known; did you mean \"rewind\"? Possible are \"stop\", \"rewind\"",
    );
    check_train(
        "precision",
        "\"fp-16\"",
        "\"fp-16\" is not known; did you mean \"fp16\"? Possible are \"fp32\", \"fp16\", \"bf16\", \"auto\"",
    );
    check_train("label_smoothing", "1", "is 1, must be a number of at least 0 and below 1");
    check_train("label_smoothing", "nan", "is NaN, must be a number of at least 0 and below 1");
    check_train("ema", "1", "is 1, must be a number above 0 and below 1");
    check_train("clip_norm", "0", "is 0, must be a number above 0");
    check_train("clip_norm", "inf", "is inf, must be a number above 0");
    check_train("seed", "-1", "is number `-1`, expected a whole number of 0 or more");
    check_train(
        "seed",
        "9223372036854775808",
        "is 9223372036854775808, must be a whole number from 0 to 9223372036854775807",
    );
    check_train(
        "class_weights",
        "\"equal\"",
        "\"equal\" is not known; say \"none\", \"balanced\", \"effective\", or one weight for each class",
    );
    check_train("class_weights", "[1, 0]", "must hold one number above 0 for each class");
    check_train("class_weights", "[]", "must hold one number above 0 for each class");
    check_train(
        "monitor",
        "\"acuracy\"",
        "\"acuracy\" is not known; did you mean \"accuracy\"? Possible are \"accuracy\", \"loss\"",
    );
    check_train(
        "device",
        "\"gpu\"",
        "\"gpu\" is not known; did you mean \"wgpu\"? Possible are \"auto\", \"cpu\", \"ndarray\", \"wgpu\", \"cuda\"",
    );
    check("[checkpoint]\nkeep = 0", &format!("F:10: checkpoint.keep: {count} 1000000"));
    check("[checkpoint]\nevery = 0", &format!("F:10: checkpoint.every: {count} 1000000"));
    check("[checkpoint]\nevery = \"0 steps\"", &format!("F:10: checkpoint.every: {count} 1000000"));
    check(
        "[checkpoint]\nevery = \"week\"",
        "F:10: checkpoint.every: \"week\" is not known; say \"epoch\", a number of steps such as \"200 steps\", or \
         a time such as \"10 min\"",
    );
}

#[test]
fn a_name_must_do_for_a_folder() {
    for name in ["", "../x", ".", "a/b", "-x"] {
        let text = format!("name = \"{name}\"\n{MODEL}{DATA}{STAGE}");
        let expected = format!("F:1: name: {name:?} cannot name a folder; use letters, digits, - and _");
        assert_eq!(refused(&text, &[]), expected);
    }
}

#[test]
fn several_faults_are_reported_at_once_in_the_order_of_the_file() {
    let text =
        format!("{MODEL}dropout = 2\n{DATA}bad = \"x\"\n{STAGE}[train]\nbatch = 0\nseed = \"x\"\n[modle]\n");
    let expected = [
        "F:3: model.dropout: is 2, must be a number of at least 0 and below 1",
        "F:6: data.bad: \"x\" is not known; possible are \"skip\", \"fail\"",
        "F:12: train.batch: is 0, must be a whole number from 1 to 65536, or \"auto\"",
        "F:13: train.seed: is string \"x\", expected a whole number of 0 or more",
        "F:14: modle: unknown key; did you mean `model`?",
        "override `train.ema=7`: train.ema: is 7, must be a number above 0 and below 1",
    ];
    assert_eq!(refused(&text, &["train.ema=7"]), expected.join("\n"));
    assert_eq!(refused("", &[]).lines().count(), 3);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(Path::new("/nowhere/pets.toml"), &[]).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/pets.toml: cannot be read: "), "{error}");
    assert!(error.ends_with("write one with `kiln init DIR`"), "{error}");
}
