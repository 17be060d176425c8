//! A run in fp16, stopped, resumed and made to overflow. On the processor, which users are refused: plain Burn is the same
//! there as on any device that kiln has no kernels for.

use super::*;
use crate::checkpoint::{Contents, LossScale};

pub(super) const SETTINGS: &str = r#"
name = "half"
[model]
width = 0.1
depth = 0.1
resolution = 32
pretrained = "none"
[data]
path = "pictures"
workers = 1
[[stage]]
trains = "last 1"
epochs = 1
lr = 0.01
[[stage]]
trains = "all"
epochs = 1
lr = 0.01
[train]
batch = 4
accumulate = 2
ema = 0.9
clip_norm = 1.0
precision = "fp16"
device = "cpu"
"#;

/// Pictures of three colours with a line each, so that no two are the same.
fn paint(folder: &Path) {
    for (class, ink) in [("red", [200, 30, 40]), ("green", [40, 190, 30]), ("blue", [30, 50, 210])] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for number in 0..20 {
            let picture = image::RgbImage::from_fn(40, 40, |x, _| {
                image::Rgb(if x == 2 * number { [255 - 9 * number as u8; 3] } else { ink })
            });
            picture.save(folder.join(class).join(format!("{number}.png"))).unwrap();
        }
    }
}

/// Users' runs are refused half precision on the processor, where it would be slow; these go past that. Plain Burn
/// computes them there as on any device that kiln has no kernels for.
fn in_fp16(then: impl FnOnce(&Both, &Path)) {
    on(&Chosen::cpu().unwrap(), SETTINGS, then);
}

/// A run of painted pictures on a device, whatever the settings say of one.
pub(super) fn on(device: &Chosen, settings: &str, then: impl FnOnce(&Both, &Path)) {
    let scratch = tempfile::tempdir().unwrap();
    paint(&scratch.path().join("pictures"));
    let config = Config::parse(settings, &scratch.path().join("half.toml"), scratch.path(), &[]).unwrap();
    let dataset = pictures(&config).unwrap();
    let begun = beginning(&config, plan_of(&config, dataset.classes.len()).unwrap()).unwrap();
    then(&Both { begun: &begun, config: &config, dataset: &dataset, device, others: &[] }, scratch.path());
}

pub(super) fn saved(folder: &RunFolder) -> Contents {
    folder.newest().unwrap().checkpoint.contents().unwrap()
}

#[test]
fn a_run_in_fp16_is_resumed_to_the_byte_with_its_loss_scale() {
    in_fp16(|both, scratch| {
        let straight = both.train(&scratch.join("straight"), None).unwrap();
        let mut bar = Bar::count("stops");
        let stopped = both.train(&scratch.join("stopped"), Some(&mut bar)).unwrap();
        assert_eq!(stopped.stops, 2 * UPDATES);
        for file in compared(&straight.folder, &stopped.folder).unwrap() {
            assert!(file.same, "{}", file.name);
        }
        let Contents { progress, model, .. } = saved(&straight.folder);
        let scale = progress.loss_scale.unwrap();
        assert_eq!(u64::from(scale.good) + scale.skipped, 2 * UPDATES as u64, "{scale:?}");
        assert!(model.iter().all(|array| array.values.iter().all(|value| value.is_finite())));
    });
}

/// Hears what is said, and stops after the first update.
struct Listener<'a> {
    said: Vec<String>,
    stop: &'a AtomicBool,
}

impl Observer for Listener<'_> {
    fn remark(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }

    fn batch(&mut self, _: &BatchNote) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The state at the beginning of the second stage's epoch, with another classifier and loss scale.
fn back_again(folder: &RunFolder, factor: f32, scale: f64) -> Contents {
    let mut state = saved(folder);
    let skipped = state.progress.loss_scale.unwrap().skipped;
    (state.progress.stage, state.progress.epoch, state.progress.batch) = (1, 0, 0);
    // Where the schedule is not at its end, or an update would change nothing anyway.
    state.progress.stage_step = 1;
    state.progress.loss_scale = Some(LossScale { scale, good: 0, skipped });
    let classifier = state.raw.as_mut().unwrap().iter_mut().find(|a| a.name == "classifier.weight").unwrap();
    classifier.values.iter_mut().for_each(|value| *value *= factor);
    state
}

/// One more update from a state, and what was said.
fn one_update(both: &Both, folder: &RunFolder, from: Contents) -> Result<Vec<String>, train::Error> {
    let stop = AtomicBool::new(false);
    let mut session = session(both.parts(folder), &stop);
    (session.cache_folder, session.decoded) = (None, None);
    let network = network_of(&from, both.config, &both.device.device);
    let mut listener = Listener { said: Vec::new(), stop: &stop };
    train::run(&session, network, Some(from), &mut listener).map(|_| listener.said)
}

#[test]
fn an_update_that_overflows_in_fp16_is_left_out_and_told() {
    in_fp16(|both, scratch| {
        let folder = both.train(&scratch.join("run"), None).unwrap().folder;
        // What comes back through such a classifier is far beyond 65504.
        let before = back_again(&folder, 1e4, 65536.0);
        let (step, skipped) = (before.progress.step, before.progress.loss_scale.unwrap().skipped);
        let said = one_update(both, &folder, before.clone()).unwrap();
        let line = said.iter().find(|line| line.contains("is left out")).unwrap();
        assert!(line.contains(&format!("update {} ", step + 1)) && line.contains("32768"), "{line}");
        let after = saved(&folder);
        let expected = LossScale { scale: 32768.0, good: 0, skipped: skipped + 1 };
        assert_eq!(after.progress.loss_scale, Some(expected));
        assert_eq!((after.progress.step, after.progress.batch), (step + 1, 2));
        // Nothing that the update would have changed has changed; the running statistics have seen the pictures.
        assert_eq!(after.progress.updates, before.progress.updates);
        assert_eq!(after.moments, before.moments);
        let (after, before) = (after.raw.unwrap(), before.raw.unwrap());
        let changed: Vec<&str> = after
            .iter()
            .zip(&before)
            .filter(|(a, b)| a.values != b.values)
            .map(|(array, _)| array.name.as_str())
            .collect();
        assert!(!changed.is_empty() && changed.iter().all(|name| name.contains("running_")), "{changed:?}");
    });
}

#[test]
fn gradients_that_overflow_at_any_scale_are_a_divergence_that_names_mixed_precision() {
    in_fp16(|both, scratch| {
        let folder = both.train(&scratch.join("run"), None).unwrap().folder;
        let error = one_update(both, &folder, back_again(&folder, 1e9, 1.0)).unwrap_err().to_string();
        for part in [
            "overflow in fp16",
            "diverged",
            "Mixed precision",
            "train.precision=bf16",
            "train.precision=fp32",
        ] {
            assert!(error.contains(part), "{error}");
        }
    });
}

#[test]
fn a_state_whose_loss_scale_is_not_the_runs_is_refused() {
    in_fp16(|both, scratch| {
        let folder = both.train(&scratch.join("run"), None).unwrap().folder;
        let refused = |config: &Config, loss_scale: Option<LossScale>, expected: &str| {
            let mut from = saved(&folder);
            (from.progress.stage, from.progress.batch, from.progress.loss_scale) = (1, 0, loss_scale);
            let both = Both { config, ..*both };
            let stop = AtomicBool::new(true);
            let network = network_of(&from, config, &both.device.device);
            let error = train::run(&session(both.parts(&folder), &stop), network, Some(from), &mut ());
            let error = error.unwrap_err().to_string();
            assert!(error.contains("damaged") && error.contains(expected), "{error}");
        };
        let wide = {
            let mut config = both.config.clone();
            config.train.precision = Some(crate::scaling::Float::Fp32);
            config
        };
        refused(both.config, None, "no loss_scale, and the run trains in fp16");
        refused(&wide, Some(LossScale::START), "a loss_scale, and the run trains in fp32");
        refused(both.config, Some(LossScale { scale: 0.0, ..LossScale::START }), "loss_scale is 0");
        refused(both.config, Some(LossScale { scale: 1e300, ..LossScale::START }), "no power of two");
        refused(both.config, Some(LossScale { scale: f64::NAN, ..LossScale::START }), "loss_scale is NaN");
    });
}
