//! Where the outputs of frozen layers and decoded pictures are kept makes no difference to a run, later runs find them,
//! and what is kept can be listed and cleared.

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

#[test]
fn neither_workers_nor_caches_change_a_weight() {
    let studio = Studio::new();
    let train = |run: &str, settings: &[&str]| {
        // Each picture comes more than once an epoch, and again in the next.
        let augmented = ["augment.policy=strong", "data.sampler=balanced", "--run", run];
        studio.expect(0, &[&["train", "tiny.toml"], &augmented[..], settings].concat());
        fs::read(studio.newest(run, "model.safetensors")).unwrap()
    };
    for class in ["checks", "discs"] {
        (0..6).for_each(|number| {
            fs::remove_file(studio.path(&format!("pictures/{class}/{number:02}.png"))).unwrap();
        });
    }
    let expected = train("first", &["data.cache=off", "data.workers=0"]);
    for workers in ["0", "1", "4"] {
        let workers_set = format!("data.workers={workers}");
        for cache in ["off", "ram", "disk", "disk-warm", "ram-small"] {
            let settings: &[&str] = match cache {
                "disk-warm" => &["data.cache=disk"],
                "ram-small" => &["data.cache=memory", "data.cache_memory=20kB"],
                "disk" => {
                    let _ = fs::remove_dir_all(studio.path("cache/pictures"));
                    &["data.cache=disk"]
                }
                other => &[["data.cache=off"], ["data.cache=ram"]][usize::from(other == "ram")],
            };
            let run = format!("{cache}-{workers}");
            let weights = train(&run, &[settings, &[&workers_set]].concat());
            assert!(weights == expected, "{workers} workers with the cache {cache}");
        }
    }
    let files = || studio.files("cache/pictures");
    let kept = files();
    assert!(train("found", &["data.cache=disk"]) == expected);
    assert!(files() == kept, "a run wrote pictures that were there");
    let count = kept.len();
    // Damage is noticed, and the picture decoded again.
    for (name, mut bytes) in kept {
        bytes[40] ^= 1;
        studio.write(&format!("cache/pictures/{name}"), bytes);
    }
    assert!(train("damaged", &["data.cache=disk"]) == expected);
    assert!(files().len() > count);
    // A disk that takes nothing slows a run down and changes nothing.
    fs::remove_dir_all(studio.path("cache/pictures")).unwrap();
    studio.write("cache/pictures", "in the way");
    assert!(train("no-disk", &["data.cache=disk"]) == expected);
}

#[test]
fn what_is_kept_is_listed_and_only_kilns_own_is_cleared() {
    let studio = Studio::new();
    studio.write("staged.toml", STAGED);
    studio.expect(0, &["train", "staged.toml", "data.cache=disk"]);
    studio.write("cache/pictures/mine.jpg", "precious");
    let entries = |kind: &str| {
        let listed = studio.expect(0, &["cache", "list", "--json"]).json();
        assert_eq!(listed["schema"], 1);
        let kinds = listed["kinds"].as_array().unwrap().clone();
        let found = kinds.into_iter().find(|found| found["kind"] == kind).unwrap();
        (found["entries"].as_u64().unwrap(), found["foreign"].as_array().unwrap().len())
    };
    assert_eq!(entries("features"), (2, 0));
    let (pictures, foreign) = entries("pictures");
    assert!(pictures > 0 && foreign == 1);
    let text = studio.expect(0, &["cache", "list"]).out;
    assert!(text.contains("features") && text.contains("mine.jpg"), "{text}");
    studio.refused(2, &["cache", "clear"], &["<KIND>"]);
    studio.refused(2, &["cache", "clear", "pictures"], &["--yes"]);
    let kept = studio.expect(0, &["cache", "clear", "pictures", "--older-than", "1", "--yes", "--json"]);
    assert_eq!(kept.json()["removed"], 0);
    let ended = studio.expect(0, &["cache", "clear", "pictures", "--yes"]);
    assert!(ended.err.contains("mine.jpg"), "{}", ended.err);
    assert_eq!((entries("pictures"), entries("features")), ((0, 1), (2, 0)));
    studio.expect(0, &["cache", "clear", "--all", "--yes"]);
    assert_eq!((entries("pictures"), entries("features")), ((0, 1), (0, 0)));
    assert_eq!(fs::read(studio.path("cache/pictures/mine.jpg")).unwrap(), b"precious");
}
