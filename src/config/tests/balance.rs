//! What is said about classes of unequal size and about caches: its words, numbers and refusals.

use super::refusals::refused;
use super::{DATA, MODEL, STAGE, parse, with};
use crate::config::*;

#[test]
fn imbalance_and_caches_have_words_and_numbers() {
    let check = |section: &str, expected: ClassWeights| {
        assert_eq!(
            with(&format!("[train]\nclass_weights = {section}")).train.class_weights,
            expected,
            "{section}"
        );
    };
    check("\"inverse\"", ClassWeights::Balanced);
    check("\"effective\"", ClassWeights::Effective { beta: 0.999 });
    check("\"effective\"\nclass_weights_beta = 0.9", ClassWeights::Effective { beta: 0.9 });
    check(
        "{ cat = 2, \"big dog\" = 0.5 }",
        ClassWeights::Table([("cat".into(), 2.0), ("big dog".into(), 0.5)].into()),
    );
    assert_eq!(with("[train]\nloss = \"focal\"").train.loss, Loss::Focal { gamma: 2.0 });
    let data = |value: &str| parse(&format!("{MODEL}{DATA}{STAGE}"), &[value]).unwrap().data;
    assert_eq!(data("train.seed=1").sampler, Sampler::Shuffle);
    assert_eq!(data("data.sampler=sqrt").sampler, Sampler::Power(0.5));
    assert_eq!(data("data.sampler=balanced").sampler, Sampler::Power(0.0));
    assert_eq!(data("data.sampler=1").sampler, Sampler::Power(1.0));
    assert_eq!((data("data.cache=ram").cache, data("data.workers=0").workers), (CachePlace::Memory, Some(0)));
    assert_eq!(data("data.cache_memory=2GiB").cache_memory, Some(2 << 30));
    assert_eq!(data("data.cache_memory=auto").cache_memory, None);
}

#[test]
fn other_words_and_numbers_are_refused() {
    let check_data = |key: &str, expected: &str| {
        let text = format!("[data]\npath = \"x\"\n{key}\n{MODEL}{STAGE}");
        assert_eq!(refused(&text, &[]), expected, "{key}");
    };
    let check_train = |key: &str, value: &str, expected: &str| {
        let text = format!("{MODEL}{DATA}{STAGE}[train]\n{key} = {value}");
        assert_eq!(refused(&text, &[]), format!("F:10: train.{key}: {expected}"), "{key}");
    };
    check_data("sampler = 2", "F:3: data.sampler: is 2, must be a number from 0 to 1");
    check_data(
        "sampler = \"even\"",
        "F:3: data.sampler: \"even\" is not known; say \"shuffle\", \"balanced\", \"sqrt\", or a number from 0 to 1",
    );
    check_data(
        "cache_memory = \"much\"",
        "F:3: data.cache_memory: \"much\" is no amount; it must be an amount from 1 to 9e15, such as 400000000, \
         \"400M\", \"2.5G\" or \"4GiB\"",
    );
    check_train("class_weights", "{ cat = 0 }", "must hold numbers above 0 by the names of classes");
    check_train("class_weights_beta", "1", "is 1, must be a number above 0 and below 1");
    check_train(
        "class_weights_beta",
        "0.9",
        "is for class_weights = \"effective\"; say that too, or take it out",
    );
    check_train("focal_gamma", "-1", "is -1, must be a number of 0 or more");
    check_train("focal_gamma", "2", "is for loss = \"focal\"; say that too, or take it out");
    check_train(
        "loss",
        "\"focel\"",
        "\"focel\" is not known; did you mean \"focal\"? Possible are \"cross_entropy\", \"focal\"",
    );
}
