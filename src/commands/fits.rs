//! Whether the stages of a run fit into memory, said before the first step: what each takes by the estimate, what
//! the machine or the GPU has free, and which batch would fit.

use super::memory;
use crate::config::Config;
use crate::devices::{Chosen, Kind, Room, held, room};
use crate::scaling::{Frozen, Plan, Trains, fitting_batch, grouped};
use crate::train::TOGETHER;

/// What a run on the processor holds beside steps through frozen layers, and half of its parameters: pictures on their way, the network
/// that validates, a checkpoint that is being written. Fitted to whole runs (docs/memory.md). Where all layers train, buffers of a
/// step lie unused meanwhile.
const BESIDE: u64 = 60 << 20;

/// A run as the estimate sees it.
pub struct Steps<'a> {
    pub config: &'a Config,
    pub plan: &'a Plan,
    pub side: usize,
    pub classes: usize,
    pub through: Frozen,
}

/// Memory for the steps of a run.
struct Space {
    bytes: u64,
    /// What there is so much of.
    words: &'static str,
}

impl Space {
    /// Nothing where nobody tells. What a device holds for this process serves its steps.
    fn of(device: &Chosen, devices: usize) -> Option<Self> {
        let (bytes, words) = match room(device, devices) {
            Room::Machine => (memory::told()? as u64 + held(&device.device).unwrap_or(0), "MiB are free"),
            Room::Free(bytes) => (bytes, "MiB are free on the device"),
            Room::Whole(bytes) => (bytes, "MiB are all that the device has"),
            Room::Untold => return None,
        };
        Some(Self { bytes, words })
    }
}

/// How a device takes the pictures of a batch through frozen layers.
pub fn through(device: &Chosen) -> Frozen {
    match device.listed.kind {
        Kind::Cpu => shared(),
        _ => Frozen::Together,
    }
}

/// On the CPU, with the threads that there are.
pub fn shared() -> Frozen {
    Frozen::Shared { threads: rayon::current_num_threads() }
}

impl Steps<'_> {
    /// Bytes of a stage, and of one with another batch: of a training step, or of a validation where that takes more.
    pub fn bytes(&self, trains: Trains, batch: usize) -> u64 {
        let float = self.config.train.precision.unwrap_or_default();
        let sizes = (self.side, self.classes);
        let step = |trains, batch| self.plan.training_memory_in(float, batch, sizes, trains, self.through);
        let Frozen::Shared { .. } = self.through else { return step(trains, batch) };
        let parameters = size_of::<f32>() as u64 * self.plan.parameters(self.classes);
        let beside = BESIDE + parameters / 2;
        let is_frozen = match trains {
            Trains::Head => true,
            Trains::Last(count) => count < self.plan.blocks.len(),
            Trains::All => false,
        };
        let training = step(trains, batch) + if is_frozen { beside } else { 0 };
        training.max(step(Trains::Head, TOGETHER) + beside)
    }

    /// Bytes of the stage that needs most.
    pub fn most(&self, batch: usize) -> u64 {
        self.config.stages.iter().map(|stage| self.bytes(stage.trains, batch)).max().unwrap_or(0)
    }

    /// The number of that stage, from 0.
    pub fn heaviest(&self, batch: usize) -> usize {
        let stages = self.config.stages.iter().enumerate();
        stages.max_by_key(|(_, stage)| self.bytes(stage.trains, batch)).map_or(0, |(index, _)| index)
    }

    /// What to do where a device ran out of memory while it held so much. The estimate only compares batches: it was not
    /// fitted to GPUs.
    pub fn after_running_out(&self, held: Option<u64>) -> String {
        let batch = self.config.train.batch;
        let most = |batch| self.most(batch);
        let within = held.and_then(|held| fitting_batch(batch, held, most)).unwrap_or(batch);
        let while_holding =
            held.map_or_else(String::new, |held| format!(" while it held {} MiB", grouped(held >> 20)));
        let fitting = within.min(batch / 2);
        let advice = match fitting {
            0 => self.advice(None),
            fitting => format!(
                "{}, and train.batch = \"auto\" finds the largest that does by trying",
                self.advice(Some(fitting)).replace("would fit", "should fit")
            ),
        };
        format!(
            "it was too much for the device to train {batch} pictures at once (train.batch){while_holding}. {advice}. A run \
             keeps its batch, so this takes a new one"
        )
    }

    /// A line for each stage that needs more than the device has free, as far as that is known.
    pub fn warnings(&self, device: &Chosen) -> Vec<String> {
        Space::of(device, self.config.train.gpus).map_or_else(Vec::new, |space| self.beyond(&space))
    }

    fn beyond(&self, space: &Space) -> Vec<String> {
        let batch = self.config.train.batch;
        let stages = self.config.stages.iter().enumerate();
        let lines = stages.filter_map(|(index, stage)| {
            let needed = self.bytes(stage.trains, batch);
            let fitting = fitting_batch(batch, space.bytes, |batch| self.bytes(stage.trains, batch));
            (needed > space.bytes).then(|| {
                format!(
                    "stage {} ({}) will probably not fit into memory: with train.batch = {batch} it takes about {} \
                     MiB, and {} {}. {}",
                    index + 1,
                    stage.trains,
                    grouped(needed >> 20),
                    grouped(space.bytes >> 20),
                    space.words,
                    self.advice(fitting)
                )
            })
        });
        lines.collect()
    }

    /// How as many pictures come to one step where fewer fit at once. Each GPU takes as many batches of it.
    fn advice(&self, fitting: Option<usize>) -> String {
        let train = &self.config.train;
        match fitting {
            Some(fitting) => format!(
                "train.batch = {fitting} would fit; train.accumulate = {} with it makes a step of as many pictures",
                (train.batch * train.accumulate).div_ceil(fitting).next_multiple_of(train.gpus)
            ),
            None => "Not even one picture would fit: take a smaller model.variant or data.image_size".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::Variant;
    use std::path::Path;

    fn with_steps<T>(batch: usize, then: impl Fn(&Steps) -> T) -> T {
        accumulating(batch, 1, then)
    }

    fn accumulating<T>(batch: usize, accumulate: usize, then: impl Fn(&Steps) -> T) -> T {
        sharing(1, batch, accumulate, then)
    }

    fn sharing<T>(gpus: usize, batch: usize, accumulate: usize, then: impl Fn(&Steps) -> T) -> T {
        let file = Path::new("/a.toml");
        let text = format!(
            "name = \"a\"\n[data]\npath = \"a\"\n[model]\nvariant = \"b0\"\n[train]\nbatch = {batch}\naccumulate = {accumulate}\n\
             gpus = {gpus}\n[[stage]]\ntrains = \"head\"\nepochs = 1\nlr = 0.1\n[[stage]]\ntrains = \"all\"\nepochs = 1\nlr = 0.1\n"
        );
        let config = Config::parse(&text, file, Path::new("/"), &[]).unwrap();
        let plan = Plan::variant(Variant::B0);
        let through = Frozen::Shared { threads: 2 };
        then(&Steps { config: &config, plan: &plan, side: 224, classes: 1000, through })
    }

    fn free(mib: u64) -> Space {
        Space { bytes: mib << 20, words: "MiB are free" }
    }

    fn check(free_mib: u64, batch: usize, expected: &[&str]) {
        let lines = with_steps(batch, |steps| steps.beyond(&free(free_mib)));
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.contains(expected), "{line}");
        }
    }

    #[test]
    fn a_device_that_ran_out_of_memory_gets_at_most_half_the_batch() {
        let check = |held: Option<u64>, batch: usize, expected: &str| {
            let said = with_steps(batch, |steps| steps.after_running_out(held.map(|mib| mib << 20)));
            assert!(said.contains(expected), "{said}");
        };
        // b0 takes 627 MiB at 8 by the estimate, 1124 at 16.
        check(
            Some(630),
            32,
            "while it held 630 MiB. train.batch = 8 should fit; train.accumulate = 4 with it",
        );
        check(Some(100_000), 32, "train.batch = 16 should fit; train.accumulate = 2");
        check(None, 9, "train.batch = 4 should fit; train.accumulate = 3");
        check(Some(630), 1, "Not even one picture would fit");
    }

    #[test]
    fn the_advice_keeps_the_pictures_of_a_step_that_accumulates_already() {
        let lines = accumulating(16, 4, |steps| steps.beyond(&free(630)));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("train.batch = 8 would fit; train.accumulate = 8 with it"), "{lines:?}");
        let said = accumulating(32, 2, |steps| steps.after_running_out(Some(630 << 20)));
        assert!(said.contains("train.batch = 8 should fit; train.accumulate = 8 with it"), "{said}");
    }

    #[test]
    fn a_stage_that_does_not_fit_is_named_with_the_batch_that_does() {
        // b0 takes 1124 MiB at 16 and 627 at 8 when all of it trains (docs/memory.md).
        check(4000, 16, &[]);
        check(630, 16, &["stage 2 (all) will probably not fit into memory: with train.batch = 16"]);
        check(630, 16, &["train.batch = 8 would fit; train.accumulate = 2"]);
        check(60, 16, &["stage 1 (head)", "Not even one picture would fit"]);
    }

    #[test]
    fn what_is_known_of_the_memory_is_said() {
        let space = Space { bytes: 630 << 20, words: "MiB are all that the device has" };
        let lines = with_steps(16, |steps| steps.beyond(&space));
        assert!(lines[0].contains("and 630 MiB are all that the device has. train.batch"), "{lines:?}");
    }

    #[test]
    fn gpus_that_share_a_step_get_as_many_batches_of_it_each() {
        let lines = sharing(2, 16, 2, |steps| steps.beyond(&free(400)));
        assert!(lines[0].contains("train.batch = 4 would fit; train.accumulate = 8 with it"), "{lines:?}");
        let lines = sharing(3, 16, 3, |steps| steps.beyond(&free(460)));
        assert!(lines[0].contains("train.batch = 5 would fit; train.accumulate = 12 with it"), "{lines:?}");
    }
}
