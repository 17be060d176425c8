//! `train --dry-run`: the plan, the memory and the time a run would take, from arithmetic and a short
//! measurement on the device at hand.

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use serde_json::json;

use super::Ended;
use super::console::{answer, print, warn_loudly};
use super::fits::{Steps, through};
use super::prepare::Beginning;
use crate::config::Stage;
use crate::dataset::{Dataset, Split};
use crate::devices::Chosen;
use crate::kernels::{self, Window};
use crate::model::numbers;
use crate::scaling::{Padding, Plan, Trains, grouped};

/// A batch that was tried needs no warning.
pub fn show(dataset: &Dataset, begun: &Beginning, chosen: &Chosen, tried: bool, as_json: bool) -> Ended {
    let (config, plan) = (&begun.config, &begun.plan);
    let (side, classes) = (begun.preprocess.size, dataset.classes.len());
    let [train, val] = [Split::Train, Split::Val].map(|split| dataset.samples(split).count());
    let start = begun.start.weights.as_deref().unwrap_or("from scratch");
    let (parameters, macs) = (plan.parameters(classes), plan.macs(side, classes));
    let mut stages = Vec::new();
    let mut text = format!(
        "network    {} at {side} px, {} parameters, {:.3} GMACs\nstart      {}\ndevice     {}\n",
        plan.name(),
        grouped(parameters),
        macs as f64 * 1e-9,
        start,
        chosen.name
    );
    let steps = Steps { config, plan, side, classes, through: through(chosen) };
    for (number, stage) in config.stages.iter().enumerate() {
        let memory = steps.bytes(stage.trains, config.train.batch);
        text += &format!(
            "stage {}    {}, {} epochs of {} pictures in batches of {}, about {} MiB\n",
            number + 1,
            stage.trains,
            stage.epochs,
            train,
            config.train.batch,
            memory >> 20
        );
        stages.push(json!({
            "trains": stage.trains.to_string(),
            "epochs": stage.epochs,
            "memory_bytes": memory,
        }));
    }
    let seconds = expected_seconds(plan, side, &config.stages, train, val, rate_of(&chosen.device));
    text += &format!("time       about {:.0} minutes\n", (seconds / 60.0).ceil());
    answer(&text, as_json)?;
    if !tried {
        steps.warnings(chosen).iter().for_each(|line| warn_loudly(line));
    }
    if as_json {
        let report = json!({
            "schema": 1,
            "network": plan.name(),
            "image_size": side,
            "classes": classes,
            "parameters": parameters,
            "macs": macs,
            "start": start,
            "device": chosen.name,
            "precision": config.train.precision.unwrap_or_default(),
            "train_pictures": train,
            "val_pictures": val,
            "batch": config.train.batch,
            "stages": stages,
            "seconds": seconds,
        });
        print(&format!("{report}\n"))?;
    }
    Ok(0)
}

/// Seconds that the stages would take at so many multiply-adds a second.
pub fn expected_seconds(
    plan: &Plan,
    side: usize,
    stages: &[Stage],
    train: usize,
    val: usize,
    rate: f64,
) -> f64 {
    let forward = plan.macs(side, 1) as f64;
    let total: f64 =
        stages.iter().map(|stage| stage_macs(plan, side, stage, forward, train as f64, val as f64)).sum();
    total / rate
}

/// A frozen prefix runs once per picture; what trains runs forward and backward each epoch.
fn stage_macs(plan: &Plan, side: usize, stage: &Stage, forward: f64, train: f64, val: f64) -> f64 {
    let tail = match stage.trains {
        Trains::All => forward,
        Trains::Head => 0.0,
        Trains::Last(count) => {
            let first = plan.blocks.len().saturating_sub(count);
            let layers = plan.layers(side, 1);
            layers
                .iter()
                .filter(|layer| layer.block.is_none_or(|b| b >= first) && layer.side_in < side)
                .map(|l| l.macs as f64)
                .sum()
        }
    };
    let prefix = (forward - tail) * (train + val);
    prefix + stage.epochs as f64 * tail * (TRAINING * train + val)
}

/// What forward, backward and update cost together, in forward passes; measured on the CPU.
const TRAINING: f64 = 4.0;

/// Multiply-adds a second of a middle block of B0: a short measurement.
pub fn rate_of(device: &Device) -> f64 {
    let plan = Plan::custom(crate::scaling::Family::Lite, 1.0, 1.0, 32).ok();
    let Some(plan) = plan else { return 1e9 };
    let x = kernels::enter(Tensor::ones([4, 80, 14, 14], device));
    let expand = Tensor::<4>::ones([480, 80, 1, 1], device);
    let depth = Tensor::<4>::ones([480, 1, 3, 3], device);
    let point = Window { kernel: 1, stride: 1, padding: Padding::Symmetric, groups: 1 };
    let middle = Window { kernel: 3, groups: 480, ..point };
    let once = || {
        let hidden = kernels::convolve(x.clone(), expand.clone(), None, point);
        let hidden = kernels::activate(hidden, Some(plan.activation));
        numbers(kernels::convolve(hidden, depth.clone(), None, middle).sum());
    };
    once();
    let started = Instant::now();
    let rounds = 8;
    (0..rounds).for_each(|_| once());
    let macs = (4 * 14 * 14 * 480 * (80 + 9) * rounds) as f64;
    macs / started.elapsed().as_secs_f64().max(1e-6)
}
