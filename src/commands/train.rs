//! `kiln train`: from a TOML to a tested model, always in a new run folder.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::console::tell;
use super::failure::Failure;
use super::fits::{self, Steps};
use super::prepare::{Beginning, balance_of, beginning, pictures, plan_of, splits};
use super::session::{
    Parts, conclude, devices_ready, others, refuse_tui_without_terminal, warn_of_little_room,
};
use super::{Ended, Format, fitting, start};
use crate::checkpoint::RunFolder;
use crate::config::Config;
use crate::dataset::Record;
use crate::durable;

#[derive(Args)]
pub struct Train {
    /// The TOML file
    config: PathBuf,
    /// Settings that replace those of the file, as dotted keys: train.batch=8 stage.2.epochs=3
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// The run's name; its folder is checkpoints/NAME
    #[arg(long)]
    run: Option<String>,
    /// Show the plan, the memory and the time it would take, and stop
    #[arg(long)]
    dry_run: bool,
    /// Show curves and progress on the whole terminal
    #[arg(long, conflicts_with = "json")]
    tui: bool,
    #[command(flatten)]
    format: Format,
}

impl Train {
    pub fn run(self) -> Ended {
        refuse_tui_without_terminal(self.tui)?;
        let config = Config::load(&self.config, &self.overrides)?;
        if let Some(name) = &self.run {
            expect_folder_name(name)?;
        }
        start::threads(config.train.threads)?;
        let (chosen, config) = devices_ready(config)?;
        let others = others(&chosen, &config)?;
        let dataset = pictures(&config)?;
        let plan = plan_of(&config, dataset.classes.len())?;
        let begun = beginning(&config, plan)?;
        let tried = fitting::is_tried(&begun.config, &chosen);
        let config = {
            let (config, side) = (&begun.config, begun.preprocess.size);
            let (plan, classes, through) = (&begun.plan, dataset.classes.len(), fits::through(&chosen));
            fitting::settle(&Steps { config, plan, side, classes, through }, &chosen)?
        };
        let begun = Beginning { config: config.clone(), ..begun };
        if self.dry_run {
            return super::dry_run::show(&dataset, &begun, &chosen, tried, self.format.json);
        }
        let signals = start::Signals::catch()?;
        let network = begun.network(dataset.classes.len(), &chosen.device);
        warn_of_little_room(Path::new("checkpoints"), &config, &network)?;
        let folder = new_folder(self.run.as_deref().unwrap_or(&config.name), &config, &dataset)?;
        tell(&format!("run folder: {}", folder.path().display()));
        let _lock = folder.lock()?;
        let parts = Parts {
            config: &config,
            splits: splits(&dataset),
            balance: balance_of(&config, &dataset),
            preprocess: begun.preprocess.clone(),
            identity: begun.identity(&dataset),
            device: chosen,
            others,
            folder: &folder,
            data: dataset.fingerprint(),
            tried,
            tui: self.tui,
            json: self.format.json,
        };
        conclude(parts, network, None, &signals)
    }
}

/// A run lies in checkpoints/, nowhere else.
fn expect_folder_name(name: &str) -> Result<(), Failure> {
    if name.is_empty() || name.starts_with('.') || name.contains(std::path::is_separator) {
        return Err(Failure::Usage(format!("--run {name:?} cannot name a folder in checkpoints/")));
    }
    Ok(())
}

/// A run folder that was not there before: NAME, or NAME-2, NAME-3 and so on.
fn new_folder(name: &str, config: &Config, dataset: &crate::dataset::Dataset) -> Result<RunFolder> {
    let scratch = tempfile::tempdir()?;
    let record = scratch.path().join("dataset.json");
    Record::of(dataset).with(balance_of(config, dataset)).write(&record)?;
    let record = std::fs::read(&record)?;
    for number in 1.. {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let path = Path::new("checkpoints").join(name);
        if path.exists() {
            continue;
        }
        match RunFolder::create(&path, &config.to_toml(), &dataset.classes, &record) {
            // Another process was quicker.
            Err(crate::checkpoint::Error::File(durable::Error::Exists { .. })) => {}
            other => return Ok(other?),
        }
    }
    unreachable!("numbers do not end")
}
