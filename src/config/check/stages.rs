//! The list of stages.

use crate::config::checked::{Scratch, Stage, Trains};
use crate::config::faults::Faults;
use crate::config::raw;
use crate::config::rules::{COUNT, FACTOR, PIXELS, POSITIVE};

pub(super) fn stages(raw: &[raw::Stage], faults: &mut Faults<'_>) -> Vec<Stage> {
    if raw.is_empty() {
        faults.missing("stage", "there is none; add [[stage]] with trains = \"head\", epochs and lr");
    }
    (1..).zip(raw).map(|(number, raw)| stage(number, raw, faults)).collect()
}

pub(super) fn scratch(raw: &raw::Scratch, faults: &mut Faults<'_>) -> Scratch {
    Scratch {
        image_size: faults.auto(&raw.image_size, &PIXELS),
        epochs: faults.auto(&raw.epochs, &COUNT),
        lr: faults.auto(&raw.lr, &POSITIVE),
    }
}

fn stage(number: usize, raw: &raw::Stage, faults: &mut Faults<'_>) -> Stage {
    let name = |key: &str| format!("stage.{number}.{key}");
    if raw.trains.is_none() {
        faults.missing(
            &name("trains"),
            "is missing; say \"head\", \"last N\" with a number of blocks, or \"all\"",
        );
    }
    Stage {
        trains: raw.trains.as_ref().map_or(Trains::Head, |given| faults.parsed(given, Trains::Head)),
        epochs: faults.needed(&raw.epochs, &name("epochs"), 1, &COUNT),
        lr: faults.needed(&raw.lr, &name("lr"), 1.0, &POSITIVE),
        layer_decay: faults.value(&raw.layer_decay, 1.0, &FACTOR),
    }
}
