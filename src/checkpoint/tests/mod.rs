//! What is left of a save that does not come to its end: always the checkpoint before or the new one, whole.

mod bytes;
mod faults;
mod folder;
mod power;

use std::path::Path;

use super::{Best, Checkpoint, Contents, Identity, Manifest, Progress, RunFolder};
use crate::model::{Array, initial};
use crate::scaling::{Family, Plan};

/// A checkpoint of a few numbers, the best so far, that is like no other step's.
fn contents(step: usize) -> Contents {
    let array = |name: &str, length: usize| Array {
        name: name.into(),
        shape: vec![length],
        values: (0..length).map(|n| (step * 1000 + n) as f32).collect(),
    };
    let progress = Progress {
        step,
        stage_step: step,
        updates: step as i32,
        best: Some(Best { step, accuracy: 0.5, loss: 1.0 }),
        metrics_bytes: step as u64,
        ..Progress::default()
    };
    Contents {
        model: vec![array("classifier.weight", 6), array("stem.conv.weight", 9)],
        raw: Some(vec![array("classifier.weight", 6)]),
        moments: vec![array("classifier.weight.first", 6)],
        identity: Identity::sample(plan()),
        progress,
    }
}

/// The smallest network that a TOML can ask for.
fn plan() -> Plan {
    Plan::custom(Family::B, 0.1, 0.1, 32).unwrap()
}

/// All numbers of that network, with two moments each.
fn small_network() -> Contents {
    let list = crate::weights::expected(&plan(), 2);
    let arrays = |seed: u64, ending: &str| -> Vec<Array> {
        let one = |(name, shape): &(String, Vec<usize>)| Array {
            name: format!("{name}{ending}"),
            shape: shape.clone(),
            values: initial(seed, name, shape),
        };
        let mut all: Vec<Array> = list.iter().map(one).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    };
    Contents { model: arrays(1, ""), raw: None, moments: arrays(2, ".first"), ..contents(7) }
}

fn run(parent: &Path) -> RunFolder {
    RunFolder::create(&parent.join("run"), "", &["rose".into(), "tulip".into()], b"{}").unwrap()
}

fn save(run: &RunFolder, contents: &Contents) -> Result<(), super::Error> {
    run.save(contents, Manifest::new("configuration", "data"), 1).map(|_| ())
}

/// The step of the newest checkpoint, once its content is found to be what was saved at that step; `best` has to be
/// readable as well.
#[track_caller]
fn newest_step(run: &RunFolder) -> usize {
    let read = |checkpoint: Checkpoint| {
        let read = checkpoint.contents().unwrap();
        assert!(read == contents(read.progress.step), "a mixture of two checkpoints");
        read.progress.step
    };
    read(run.best().unwrap());
    read(run.newest().unwrap().checkpoint)
}
