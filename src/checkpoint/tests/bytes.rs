//! Every byte of a small checkpoint flipped, one at a time.

use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::{run, small_network};
use crate::checkpoint::{Checkpoint, Manifest, POINTERS, Pointer, RunFolder};

/// Bytes of the files of numbers that one test run leaves out between two that it flips; KILN_LONG=1 flips every one.
/// Files of words are flipped byte by byte always.
const STRIDE: usize = 499;

#[test]
fn every_flipped_byte_of_a_checkpoint_is_noticed() {
    let stride = if std::env::var_os("KILN_LONG").is_some() { 1 } else { STRIDE };
    let folder = tempfile::tempdir().unwrap();
    let (run, contents) = (run(folder.path()), small_network());
    let saved = run.write(&contents, Manifest::new("configuration", "data")).unwrap();
    run.point_at(&saved, &contents.progress).unwrap();
    assert!(Checkpoint::open(&saved).unwrap().contents().unwrap() == contents);
    let mut flips = 0;
    for entry in fs::read_dir(&saved).unwrap() {
        let path = entry.unwrap().path();
        let words = path.extension().is_some_and(|ending| ending == "json");
        flips += flip_each(&saved, &path, if words { 1 } else { stride });
    }
    for pointer in POINTERS {
        flips += flip_pointer(&run, pointer);
    }
    println!("{flips} flips, all noticed");
}

/// Each thread flips bytes of a copy of its own.
fn flip_each(saved: &Path, path: &Path, stride: usize) -> usize {
    let bytes = fs::read(path).unwrap();
    let places: Vec<usize> = (0..bytes.len()).step_by(stride).collect();
    let pieces = places.len().div_ceil(rayon::current_num_threads()).max(1);
    places.par_chunks(pieces).for_each(|places| {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(saved).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let file = copy.path().join(path.file_name().unwrap());
        let mut bytes = bytes.clone();
        for &place in places {
            bytes[place] ^= 1 << (place % 8);
            fs::write(&file, &bytes).unwrap();
            assert!(Checkpoint::open(copy.path()).is_err(), "byte {place} of {}", path.display());
            bytes[place] ^= 1 << (place % 8);
        }
        fs::write(&file, &bytes).unwrap();
        Checkpoint::open(copy.path()).unwrap();
    });
    places.len()
}

fn flip_pointer(run: &RunFolder, pointer: &str) -> usize {
    let path = run.file(pointer);
    let bytes = fs::read(&path).unwrap();
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        fs::write(&path, flipped).unwrap();
        assert!(matches!(run.pointer(pointer), Pointer::Damaged(_)), "byte {place} of {pointer}");
        run.best().unwrap();
    }
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(run.pointer(pointer), Pointer::To(_)));
    bytes.len()
}

/// Whoever writes a pointer can seal it.
#[test]
fn a_pointer_that_leads_out_of_the_run_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    // What it leads to is there and has a checkpoint's name.
    fs::create_dir(folder.path().join("000002")).unwrap();
    let whole = folder.path().join("000002");
    for name in ["../../000002", whole.to_str().unwrap(), "../../elsewhere", "..", "latest", "a/000002", ""] {
        let sealed = format!("{name} {}\n", crate::durable::hash(name.as_bytes()));
        fs::write(run.file("best"), sealed).unwrap();
        assert!(matches!(run.pointer("best"), Pointer::Damaged(_)), "{name}");
    }
    fs::write(run.file("best"), vec![b'x'; (16 << 20) + 1]).unwrap();
    assert!(matches!(run.pointer("best"), Pointer::Damaged(_)));
}
