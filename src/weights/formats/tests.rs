//! Every format against small files that PyTorch wrote (tests/weights/make_files.py), whole, cut short and damaged.

use super::*;
use crate::weights::tensors::Array;
use std::fs;

const ZIP: &[u8] = include_bytes!("../../../tests/weights/tiny_zip.pth");
const LEGACY: &[u8] = include_bytes!("../../../tests/weights/tiny_legacy.pth");
const REPEATED: &[u8] = include_bytes!("../../../tests/weights/repeated.pth");

fn read_bytes(bytes: &[u8]) -> Result<Loaded, ReadError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    read_through(file.path(), bytes)
}

fn read_through(path: &Path, bytes: &[u8]) -> Result<Loaded, ReadError> {
    fs::write(path, bytes).unwrap();
    read(path)
}

fn safetensors() -> Vec<u8> {
    let metadata = [("kiln".to_string(), "{}".to_string())].into();
    to_safetensors(&read_bytes(LEGACY).unwrap().named, &metadata).unwrap()
}

/// The old stream is tried at every byte, the others, whose readers many programs share, at every fifth.
fn tried() -> [(Vec<u8>, usize); 3] {
    [(LEGACY.to_vec(), 1), (ZIP.to_vec(), 5), (safetensors(), 5)]
}

fn check_values(loaded: &Loaded, format: Format) {
    assert_eq!(loaded.format, format);
    let check = |name: &str, shape: &[usize], values: &[f32]| {
        let expected = Array { shape: shape.into(), values: values.into() };
        assert_eq!(loaded.named.entries.get(name), Some(&expected), "{name}");
    };
    // PyTorch's own .contiguous().flatten() of each.
    check("conv_stem.weight", &[4, 3], &[0., 4., 8., 1., 5., 9., 2., 6., 10., 3., 7., 11.]);
    check("bn1.weight", &[3], &[4., 5., 6.]);
    for name in ["half", "brain", "double"] {
        check(name, &[2], &[1.5, -2.0]);
    }
    assert_eq!(loaded.named.entries.len(), 5);
}

#[test]
fn every_format_gives_the_same_numbers() {
    for (bytes, format) in [(ZIP, Format::PytorchZip), (LEGACY, Format::PytorchLegacy)] {
        let loaded = read_bytes(bytes).unwrap();
        check_values(&loaded, format);
        assert_eq!(loaded.beside, ["optimizer.momentum"]);
        assert!(loaded.named.integers.contains("bn1.num_batches_tracked"));
    }
    let loaded = read_bytes(&safetensors()).unwrap();
    check_values(&loaded, Format::Safetensors);
    assert_eq!(loaded.metadata["kiln"], "{}");
}

#[test]
fn no_beginning_of_a_file_is_taken_for_the_whole() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (bytes, step) in tried() {
        for length in (0..bytes.len()).step_by(step) {
            let error = read_through(file.path(), &bytes[..length]).unwrap_err().to_string();
            assert!(error.contains("again") || error.contains("no file of weights"), "{length}: {error}");
        }
    }
}

#[test]
fn no_damaged_byte_does_harm() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (bytes, step) in tried() {
        for place in (0..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[place] ^= [0x01, 0x80, 0xff][place % 3];
            // Wrong numbers cannot be told from right ones; what counts is that reading ends, and small.
            if let Ok(loaded) = read_through(file.path(), &damaged) {
                assert!(loaded.named.count() <= 4 * bytes.len());
            }
        }
    }
}

#[test]
fn claims_beyond_the_file_are_refused() {
    let error = read_bytes(REPEATED).unwrap_err();
    assert!(matches!(error, ReadError::Bomb { claimed: 4_294_967_296, .. }), "{error}");
}

#[test]
fn nothing_in_a_pickle_is_executed() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let call = format!("cos\nsystem\n(S'touch {}'\ntR.", trace.display());
    let path = folder.path().join("weights.pth");
    fs::write(&path, [b"\x80\x02", call.as_bytes()].concat()).unwrap();
    assert!(read(&path).is_err());
    assert!(!trace.exists());
}

#[test]
fn what_is_no_weights_is_said() {
    let check = |bytes: &[u8], expected: &str| {
        let error = read_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(b"", "is empty");
    check(b"<!DOCTYPE html><html>", "is no file of weights");
    check(&[0xff; 300], "is no file of weights");
    assert!(matches!(read(Path::new("absent.pth")), Err(ReadError::Io { .. })));
    assert!(matches!(read(Path::new("/")), Err(ReadError::Io { .. })));
}

#[test]
#[cfg(target_os = "linux")]
fn a_device_without_an_end_does_not_eat_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["safetensors", "bpk", "pth"] {
        let path = folder.path().join("weights").with_extension(ending);
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("no file") && error.contains(ending), "{error}");
    }
}

#[test]
fn a_file_beyond_all_weights_is_refused_by_its_size() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, start) in [("safetensors", &[][..]), ("bpk", b"NRUB"), ("pth", b"\x80\x02")] {
        let path = folder.path().join("weights").with_extension(ending);
        fs::write(&path, start).unwrap();
        // Nothing is on the disk behind its size.
        fs::File::options().write(true).open(&path).unwrap().set_len(LARGEST + 1).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("more than 17179869184 bytes"), "{error}");
    }
}

/// What docs/fuzzing.md says of pickles is the reader's doing; another version of it has to do the same.
#[test]
fn pickles_are_bounded_in_depth_and_repetition() {
    const BOUNDS: [&str; 2] = ["exceeds 1000 levels", "copies exceeded 1000000 nodes or 67108864 bytes"];
    // None of them holds an array, so there is a refusal always.
    let check = |body: &[u8], expected: Option<&str>| {
        let error = read_bytes(&[b"\x80\x02", body, b"."].concat()).unwrap_err().to_string();
        assert_eq!(BOUNDS.into_iter().find(|bound| error.contains(bound)), expected, "{error}");
    };
    // Lists in lists, as deep as this.
    let nested = |depth: usize| [b"]".repeat(depth + 1), b"a".repeat(depth)].concat();
    check(&nested(1000), None);
    check(&nested(1001), Some(BOUNDS[0]));
    // A thousand numbers, then so many copies of them.
    let copied = |times: usize| {
        let numbers = b"K\x01".repeat(1000);
        [b"](".to_vec(), numbers, b"eq\x00".to_vec(), b"h\x000".repeat(times)].concat()
    };
    check(&copied(900), None);
    check(&copied(1100), Some(BOUNDS[1]));
    // A mebibyte of text, then so many copies of it.
    let text = |times: usize| {
        let length = (1_u32 << 20).to_le_bytes().to_vec();
        [b"X".to_vec(), length, b"a".repeat(1 << 20), b"q\x00".to_vec(), b"h\x000".repeat(times)].concat()
    };
    check(&text(50), None);
    check(&text(70), Some(BOUNDS[1]));
}
