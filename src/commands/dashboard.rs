//! `--tui`: burn-train's terminal dashboard as a watcher of kiln's own loop. Curves and progress are its
//! business; a wish to stop comes back as the run's stop flag.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn_train::Interrupter;
use burn_train::logger::TrainingProgressLogger;
use burn_train::metric::{
    MetricDefinition, MetricEntry, MetricId, NumericAttributes, NumericEntry, SerializedEntry,
};
use burn_train::renderer::tui::TuiMetricsRendererWrapper;
use burn_train::renderer::{MetricState, MetricsRenderer, MetricsRendererTraining};

use crate::train::{BatchNote, EpochNote, Observer, StageNote};

pub struct Dashboard {
    renderer: TuiMetricsRendererWrapper,
    interrupter: Interrupter,
    stop: Arc<AtomicBool>,
    epoch: (usize, usize),
}

const LOSS: &str = "Loss";
const ACCURACY: &str = "Accuracy";

impl Dashboard {
    pub fn open(stop: Arc<AtomicBool>) -> Self {
        let interrupter = Interrupter::new();
        let mut renderer = TuiMetricsRendererWrapper::new(interrupter.clone(), None);
        for (name, higher_is_better) in [(LOSS, false), (ACCURACY, true)] {
            renderer.register_metric(MetricDefinition {
                metric_id: id(name),
                name: Arc::new(name.to_owned()),
                description: None,
                attributes: NumericAttributes { unit: None, higher_is_better }.into(),
            });
        }
        Self { renderer, interrupter, stop, epoch: (0, 0) }
    }

    /// The dashboard panics where the user asks it to leave at once; here that is a wish to stop like any other.
    fn show(&mut self, act: impl FnOnce(&mut TuiMetricsRendererWrapper)) {
        let killed = catch_unwind(AssertUnwindSafe(|| act(&mut self.renderer))).is_err();
        if killed || self.interrupter.should_stop() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Observer for Dashboard {
    fn stage(&mut self, note: &StageNote) {
        let (epochs, label) = (note.epochs, format!("stage {}: {}", note.number, note.trains));
        self.show(|renderer| renderer.start(epochs, 1, None, Some(&label)));
    }

    fn caching(&mut self, done: usize, total: usize) {
        if self.epoch != (0, 1) {
            self.epoch = (0, 1);
            self.show(|renderer| renderer.start_split("Frozen layers", total));
        }
        self.show(|renderer| renderer.update_split(done));
        if done == total {
            self.epoch = (0, 0);
            self.show(|renderer| renderer.end_split());
        }
    }

    fn batch(&mut self, note: &BatchNote) {
        let (batches, batch) = (note.batches, note.batch);
        if self.epoch != (note.stage, note.epoch) {
            self.epoch = (note.stage, note.epoch);
            self.show(|renderer| renderer.start_split("Train", batches));
        }
        let states = [state(LOSS, note.loss), state(ACCURACY, note.accuracy)];
        self.show(|renderer| {
            states.into_iter().for_each(|state| renderer.update_train(state));
            renderer.update_split(batch);
        });
    }

    fn epoch(&mut self, note: &EpochNote) {
        let epoch = note.epoch;
        let scores =
            note.validation.as_ref().map(|scores| [(LOSS, scores.loss), (ACCURACY, scores.accuracy)]);
        self.show(|renderer| {
            renderer.end_split();
            for (name, value) in scores.into_iter().flatten() {
                renderer.update_valid(state(name, value));
            }
            renderer.update_epoch(epoch);
        });
    }
}

fn id(name: &str) -> MetricId {
    MetricId::new(Arc::new(name.to_owned()))
}

fn state(name: &str, value: f64) -> MetricState {
    let text = SerializedEntry::new(format!("{value:.4}"), value.to_string());
    MetricState::Numeric(MetricEntry::new(id(name), text), Some(NumericEntry::Value(value)))
}
