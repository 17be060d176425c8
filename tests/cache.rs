//! Where the outputs of frozen layers are kept makes no difference to a run, and later runs find them.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::collections::BTreeMap;
use std::fs;

use studio::{STAGED, Studio};

#[test]
fn wherever_frozen_layers_are_cached_the_run_is_the_same() {
    let studio = Studio::new();
    studio.write("staged.toml", STAGED);
    let train = |run: &str, settings: &[&str]| {
        let ended = studio.expect(0, &[&["train", "staged.toml", "--run", run], settings].concat());
        (ended.err, fs::read(studio.newest(run, "model.safetensors")).unwrap())
    };
    let (said, computed) = train("computed", &["data.cache=off"]);
    assert!(said.contains("data.cache is \"off\""), "{said}");
    let (said, in_memory) = train("memory", &["data.cache=memory"]);
    assert!(said.contains("of memory"), "{said}");
    let (said, on_disk) = train("disk", &["data.cache=disk"]);
    assert!(said.contains("prefixes"), "{said}");
    let files = || studio.files("cache/prefixes");
    let kept = files();
    assert_eq!(kept.len(), 2, "one file for each stage");
    let (_, found) = train("found", &["data.cache=disk"]);
    assert!(computed == in_memory && computed == on_disk && computed == found);
    assert!(files() == kept, "the second run computed them again");
    // Other pictures, other numbers; half of the bits, half of the bytes, and the run says so.
    train("seeded", &["data.cache=disk", "train.seed=9"]);
    assert_eq!(files().len(), 4);
    let (_, half) = train("half", &["data.cache=disk", "data.cache_precision=f16"]);
    assert_eq!(files().len(), 6);
    // A checksum of 64 bytes follows the numbers.
    let numbers =
        |files: &BTreeMap<String, Vec<u8>>| files.values().map(|file| file.len() - 64).sum::<usize>();
    assert_eq!(numbers(&files()), 2 * numbers(&kept) + numbers(&kept) / 2);
    let resolved = fs::read_to_string(studio.path("checkpoints/half/config.toml")).unwrap();
    assert!(resolved.contains("cache_precision = \"f16\""), "{resolved}");
    // No room: said, and trained all the same, rounded where that was asked for.
    let no_room = ["data.cache=disk", "data.cache_limit=1"];
    let (said, uncached) = train("small", &no_room);
    assert!(said.contains("not cached") && uncached == computed, "{said}");
    let (_, uncached) = train("small-half", &[&no_room[..], &["data.cache_precision=f16"]].concat());
    assert!(uncached == half && uncached != computed);
}
