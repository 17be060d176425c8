//! The loader as a whole, on files whose content tells a stand-in decoder what to do.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burn::tensor::Device;
use tempfile::TempDir;

use super::*;
use crate::augment::{Mix, Policy};
use crate::dataset::{DecodeError, Depth, Interpolation, Limits, Need, Part, Picture, Preprocess};

const CLASSES: usize = 3;

/// A picture that its first byte makes; "bad" is damaged, "panic" panics, "slow" takes its time, "float" has no bytes.
fn decode(bytes: &[u8], _: [u8; 3], _: &Limits, _: &dyn Fn(u32, u32) -> Need) -> Result<Part, DecodeError> {
    match bytes {
        b"bad" => return Err(DecodeError::NotAPicture),
        b"panic" => panic!("a bug in the decoder"),
        b"float" => {
            let grey = (0..40 * 30).map(|i| (i % 97) as f32 / 97.0).collect();
            return Ok(Part::whole(Picture::new(40, 30, 1, Depth::F32(grey)).unwrap()));
        }
        b"slow" => std::thread::sleep(Duration::from_millis(20)),
        _ => {}
    }
    let pixels = (0..40 * 30 * 3).map(|i| (i * (usize::from(bytes[0]) + 3) % 253) as u8).collect();
    Ok(Part::whole(Picture::rgb8(40, 30, pixels).unwrap()))
}

struct Files {
    folder: TempDir,
    items: Vec<Item>,
}

impl Files {
    fn new(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let items = (0..count)
            .map(|sample| {
                let path = folder.path().join(format!("{sample}.jpg"));
                fs::write(&path, [sample as u8]).unwrap();
                let content = crate::durable::hash(&[sample as u8]);
                Item {
                    location: path.into(),
                    class: sample % CLASSES,
                    sample,
                    weight: 1.0,
                    repeat: 0,
                    content,
                    size: (40, 30),
                }
            })
            .collect();
        Self { folder, items }
    }

    fn with(count: usize, sample: usize, content: &str) -> Self {
        let files = Self::new(count);
        fs::write(files.items[sample].location.name(), content).unwrap();
        files
    }

    fn loader(&self, spec: Spec) -> Loader {
        Loader::with_decoder(self.items.clone(), spec, None, decode)
    }

    fn batches(&self, spec: Spec) -> Vec<Batch> {
        self.loader(spec).collect::<Result<_, _>>().unwrap()
    }
}

fn spec(workers: usize) -> Spec {
    let policy = Policy {
        flip: 0.5,
        rotate: 10.0,
        hue: 0.1,
        erase: 0.5,
        mix: Mix { mixup: 0.4, cutmix: 1.0, probability: 1.0, ..Mix::OFF },
        ..Policy::none()
    };
    Spec {
        preprocess: Preprocess::image_net(16, 0.875, Interpolation::Bilinear),
        policy,
        seed: 3,
        view: 1,
        batch: 4,
        lone: Lone::Kept,
        first: 0,
        classes: CLASSES,
        channels: 3,
        as_bytes: false,
        workers,
        ahead: 2,
    }
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let files = Files::with(23, 1, "slow");
    let alone = files.batches(spec(0));
    assert_eq!(alone.iter().map(Batch::len).collect::<Vec<_>>(), [4, 4, 4, 4, 4, 3]);
    assert_eq!(
        alone.iter().flat_map(|batch| batch.samples.clone()).collect::<Vec<_>>(),
        Vec::from_iter(0..23)
    );
    assert_eq!(alone, files.batches(spec(1)));
    assert_eq!(alone, files.batches(spec(4)));
    assert_eq!(alone, files.batches(Spec { ahead: 0, ..spec(4) }));
    assert_eq!(alone, files.batches(Spec { ahead: usize::MAX, ..spec(40) }));
}

#[test]
fn a_pass_taken_up_in_its_middle_goes_on_the_same() {
    let files = Files::new(23);
    let whole = files.batches(spec(0));
    assert_eq!(whole[4..], files.batches(Spec { first: 4, ..spec(2) }));
    assert!(files.batches(Spec { first: 60, ..spec(2) }).is_empty());
    assert!(Files::new(0).batches(spec(2)).is_empty());
}

#[test]
fn the_view_and_the_seed_change_the_pictures() {
    let files = Files::new(4);
    let first = files.batches(spec(0));
    assert_ne!(first, files.batches(Spec { view: 2, ..spec(0) }));
    assert_ne!(first, files.batches(Spec { seed: 4, ..spec(0) }));
}

#[test]
fn a_picture_is_the_same_in_any_batch() {
    let mut files = Files::new(9);
    let alone = |policy: &Policy| Policy { mix: Policy::none().mix, ..policy.clone() };
    let spec = Spec { policy: alone(&spec(0).policy), ..spec(0) };
    let pictures = |files: &Files, batch| -> Vec<Vec<f32>> {
        let batches = files.batches(Spec { batch, ..spec.clone() });
        batches.iter().flat_map(|batch| batch.pixels.chunks(16 * 16 * 3).map(<[f32]>::to_vec)).collect()
    };
    let in_fours = pictures(&files, 4);
    assert_eq!(in_fours, pictures(&files, 7));
    files.items.reverse();
    let mut reversed = pictures(&files, 4);
    reversed.reverse();
    assert_eq!(in_fours, reversed);
}

#[test]
fn the_cache_changes_nothing_but_the_number_of_decodings() {
    static DECODED: AtomicUsize = AtomicUsize::new(0);
    fn counted(
        bytes: &[u8],
        background: [u8; 3],
        limits: &Limits,
        need: &dyn Fn(u32, u32) -> Need,
    ) -> Result<Part, DecodeError> {
        DECODED.fetch_add(1, Ordering::Relaxed);
        decode(bytes, background, limits, need)
    }
    let files = Files::new(10);
    let expected = files.batches(spec(0));
    // Room for six of the ten pictures.
    let decoded = Arc::new(Decoded::new(6 * 40 * 30 * 3 + 10));
    for (pass, decodings) in [(1, 10), (2, 14), (3, 18)] {
        let cache = Some(Arc::clone(&decoded));
        let loader = Loader::with_decoder(files.items.clone(), spec(3), cache, counted);
        assert_eq!(loader.collect::<Result<Vec<_>, _>>().unwrap(), expected);
        assert_eq!(DECODED.load(Ordering::Relaxed), decodings, "pass {pass}");
    }
    assert_eq!(decoded.bytes(), 6 * 3600);
}

#[test]
fn a_faulty_file_is_named_in_its_turn_and_the_rest_goes_on() {
    let check = |files: &Files, named: &Path, told: &str| {
        for workers in [0, 1, 4] {
            let outcomes: Vec<_> = files.loader(spec(workers)).collect();
            assert_eq!(outcomes.len(), 4);
            for (number, outcome) in outcomes.iter().enumerate() {
                assert_eq!(outcome.is_err(), number == 1, "batch {number}");
            }
            let message = outcomes[1].as_ref().unwrap_err().to_string();
            assert!(message.starts_with(&named.display().to_string()) && message.contains(told), "{message}");
            assert_eq!(outcomes[3].as_ref().unwrap().samples, [12, 13]);
        }
    };
    let damaged = Files::with(14, 5, "bad");
    check(&damaged, damaged.items[5].location.name(), "no picture that kiln reads");
    let panicking = Files::with(14, 5, "panic");
    check(&panicking, panicking.items[5].location.name(), "a bug in the decoder");
    let mut vanished = Files::new(14);
    fs::remove_file(vanished.items[6].location.name()).unwrap();
    check(&vanished, vanished.items[6].location.name(), "cannot be read");
    fs::write(vanished.items[6].location.name(), "6").unwrap();
    vanished.items[4].class = 3;
    check(&vanished, vanished.items[4].location.name(), "class number 3, but there are only 3");
}

#[test]
fn labels_carry_the_weights_of_their_pictures_into_every_mix() {
    let mut files = Files::new(4);
    files.items[1].weight = 3.0;
    let rows = |spec: Spec| -> Vec<f32> {
        let batch = files.batches(spec).remove(0);
        batch.labels.chunks(CLASSES).map(|row| row.iter().sum()).collect()
    };
    let mut plain = spec(0);
    plain.policy = Policy::none();
    assert_eq!(rows(plain), [1.0, 3.0, 1.0, 1.0]);
    // Each picture mixes with the one before it, so the weight of the second is in the third too, share by share.
    let mixed = rows(spec(0));
    let share = (3.0 - mixed[1]) / 2.0;
    assert!((0.0..1.0).contains(&share) && (mixed[2] - 1.0 - 2.0 * share).abs() < 1e-5, "{mixed:?}");
    assert!(mixed[0] == 1.0 && (mixed.iter().sum::<f32>() - 6.0).abs() < 1e-5, "{mixed:?}");
}

#[test]
fn a_loader_dropped_early_leaves_no_thread_behind() {
    let files = Files::new(50);
    for taken in [0, 1, 3] {
        let mut loader = files.loader(spec(4));
        for _ in 0..taken {
            loader.next().unwrap().unwrap();
        }
        assert_eq!(loader.len(), 13 - taken);
        // Dropping joins the threads, so this would hang if one of them did not end.
        drop(loader);
    }
    assert!(files.folder.path().exists());
}

#[test]
fn mixed_labels_sum_to_one_and_classes_stay_hard() {
    for batch in Files::new(11).batches(Spec { lone: Lone::Joined, batch: 5, ..spec(2) }) {
        for row in batch.labels.chunks(CLASSES) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
        assert!(batch.samples.iter().zip(&batch.classes).all(|(sample, class)| sample % CLASSES == *class));
    }
}

#[test]
fn tensors_hold_the_numbers_of_the_batch() {
    let device = Device::flex();
    let batch = Files::new(3).batches(spec(0)).remove(0);
    let (images, targets) = (batch.images(&device), batch.targets(&device));
    assert_eq!((images.dims(), targets.dims()), ([3, 3, 16, 16], [3, CLASSES]));
    assert_eq!(images.into_data().try_to_vec::<f32>().unwrap(), batch.pixels);
    assert_eq!(targets.into_data().try_to_vec::<f32>().unwrap(), batch.labels);
}

/// Burn's other backend on the processor stands for what is not Flex.
#[allow(deprecated)]
fn elsewhere() -> Device {
    Device::ndarray()
}

/// The bound is that of one multiplication and one addition of numbers below 8, and of mixing them.
#[test]
fn bytes_become_the_same_numbers_on_their_device() {
    for (channels, side) in [(3, 16), (1, 16), (3, 15)] {
        let files = Files::new(23);
        let numbers =
            Spec { preprocess: Preprocess { size: side, ..spec(0).preprocess }, channels, ..spec(2) };
        let bytes = Spec { as_bytes: true, ..numbers.clone() };
        for (plain, raw) in files.batches(numbers).iter().zip(files.batches(bytes)) {
            assert_eq!((&raw.labels, &raw.samples), (&plain.labels, &plain.samples));
            assert_eq!((&raw.classes, raw.shape), (&plain.classes, plain.shape));
            assert!(raw.pixels.is_empty());
            let found = raw.images(&elsewhere()).into_data().try_to_vec::<f32>().unwrap();
            assert_eq!(found.len(), plain.pixels.len());
            for (found, wanted) in found.iter().zip(&plain.pixels) {
                assert!((found - wanted).abs() < 1e-6, "{found} is not {wanted}");
            }
        }
    }
}

#[test]
fn what_has_more_than_8_bits_stays_numbers() {
    let files = Files::with(8, 5, "float");
    let all = files.batches(Spec { as_bytes: true, ..spec(0) });
    assert!(all[0].pixels.is_empty());
    // One of them is enough.
    assert_eq!(all[1], files.batches(spec(0))[1]);
    let images = all[1].images(&elsewhere()).into_data().try_to_vec::<f32>().unwrap();
    assert_eq!(images, all[1].pixels);
}

#[test]
fn a_picture_of_another_size_is_refused_as_bytes_too() {
    let usual = Preprocess::image_net(16, 0.875, Interpolation::Bilinear);
    let wide = Picture::filled(17, 16, [0; 3]).unwrap();
    let fault = usual.bytes(&wide, 3).unwrap_err().to_string();
    assert_eq!(fault, usual.normalise(&wide, 3, &mut Vec::new()).unwrap_err().to_string());
}

#[test]
fn the_time_spent_waiting_is_counted() {
    let files = Files::with(1, 0, "slow");
    let mut loader = files.loader(spec(0));
    assert_eq!(loader.waited(), Duration::ZERO);
    loader.next().unwrap().unwrap();
    assert!(loader.waited() >= Duration::from_millis(20));
}
