//! `kiln resume`: goes on from the newest checkpoint that is whole.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::console::{answer, tell, warn_loudly};
use super::failure::Failure;
use super::prepare::{DRAWN, SCRATCH, balance_of, pictures_again, splits};
use super::session::{
    Parts, RESULT, RunResult, conclude, devices_ready, fingerprint, others, print_result,
    refuse_tui_without_terminal, warn_of_little_room,
};
use super::{Ended, Format, start};
use crate::checkpoint::{self, Checkpoint, Contents, Found, RunFolder};
use crate::config::Config;
use crate::dataset::{Dataset, Record};
use crate::durable;
use crate::model::{Network, NormSettings, Settings};
use crate::weights;
use burn::tensor::Device;

#[derive(Args)]
pub struct Resume {
    /// The run folder
    run: PathBuf,
    /// Only stage.N.epochs=K of the last stage may change
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Go on although pictures have changed since the run began; the change is recorded
    #[arg(long)]
    allow_changed_data: bool,
    /// Show curves and progress on the whole terminal
    #[arg(long, conflicts_with = "json")]
    tui: bool,
    #[command(flatten)]
    format: Format,
}

impl Resume {
    pub fn run(self) -> Ended {
        refuse_tui_without_terminal(self.tui)?;
        let folder = RunFolder::open(&self.run)?;
        let config = self.config(&folder)?;
        start::threads(config.train.threads)?;
        if let Some(result) = finished(&folder, &config) {
            return tell_finished(&folder, &result, self.format.json);
        }
        let _lock = folder.lock()?;
        folder.sweep()?;
        let found = newest(&folder)?;
        for line in &found.passed_over {
            tell(&format!("passed over {line}"));
        }
        expect_same_settings(&found.checkpoint, &config)?;
        let mut saved = found.checkpoint.contents()?;
        expect_its_network(&saved, &found.checkpoint.folder)?;
        let (chosen, config) = devices_ready(config)?;
        // Fewer than it began with end with the same.
        let others = others(&chosen, &config).unwrap_or_else(|fewer| {
            tell(&format!("WARNING: {fewer}; one goes on alone, which only takes longer"));
            Vec::new()
        });
        let dataset = self.dataset(&folder, &config)?;
        if dataset.classes != saved.identity.classes {
            let text = format!(
                "{} was trained on the classes {}, the data has {}",
                self.run.display(),
                saved.identity.classes.join(", "),
                dataset.classes.join(", ")
            );
            return Err(Failure::Data(text).into());
        }
        saved.identity.drawn |= dataset.origin.is_drawn();
        saved.identity.state_licence(config.data.licence.as_deref());
        self.keep_extension(&folder, &config)?;
        if result(&folder).is_some_and(|shorter| shorter.steps == saved.progress.step) {
            // What has run out of patience gets new patience with its new epochs.
            saved.progress.stale = 0;
        }
        folder.point_as(&found.checkpoint)?;
        let at = &saved.progress;
        let place = format!("stage {}, epoch {}, step {}", at.stage + 1, at.epoch + 1, at.step);
        tell(&format!("resuming {} at {place}", found.checkpoint.folder.display()));
        let signals = start::Signals::catch()?;
        let network = network_of(&saved, &config, &chosen.device);
        warn_of_little_room(folder.path(), &config, &network)?;
        let parts = Parts {
            config: &config,
            splits: splits(&dataset),
            balance: balance_of(&config, &dataset),
            preprocess: saved.identity.preprocess.clone(),
            identity: saved.identity.clone(),
            device: chosen,
            others,
            folder: &folder,
            data: dataset.fingerprint(),
            tried: false,
            tui: self.tui,
            json: self.format.json,
        };
        conclude(parts, network, Some(saved), &signals)
    }

    /// The run's own configuration, with the one change that is allowed.
    fn config(&self, folder: &RunFolder) -> Result<Config> {
        let before = Config::load(&folder.config_path(), &[])?;
        let after = Config::load(&folder.config_path(), &self.overrides)?;
        let last = before.stages.len();
        let allowed = format!("stage.{last}.epochs");
        let refused: Vec<_> = before.difference(&after).into_iter().filter(|key| *key != allowed).collect();
        if !refused.is_empty() {
            let text = format!(
                "a run cannot change while it goes on: {} (only {allowed} may; train a new run for anything else)",
                refused.join(", ")
            );
            return Err(Failure::Usage(text).into());
        }
        if after.stages[last - 1].epochs < before.stages[last - 1].epochs {
            return Err(Failure::Usage(format!("{allowed} can only grow")).into());
        }
        Ok(after)
    }

    /// Writes a longer last stage into the run, so that the next resume knows of it.
    fn keep_extension(&self, folder: &RunFolder, config: &Config) -> Result<()> {
        if Config::load(&folder.config_path(), &[]).is_ok_and(|old| old == *config) {
            return Ok(());
        }
        let epochs = config.stages.last().map_or(0, |stage| stage.epochs);
        tell(&format!(
            "the last stage now has {epochs} epochs; its schedule is recomputed over the new length"
        ));
        Ok(durable::write(&folder.config_path(), config.to_toml().as_bytes())?)
    }

    /// The data as it is now, split as it was, unless it has changed.
    fn dataset(&self, folder: &RunFolder, config: &Config) -> Result<Dataset> {
        let record = Record::read(&folder.dataset_path())?;
        let mut dataset = pictures_again(config, &record.origin)?;
        let changes = record.changes(&dataset);
        if changes.is_empty() {
            if let Some(sourced) = record.sourced(&dataset) {
                sourced.write(&folder.dataset_path())?;
            }
            return Ok(dataset);
        }
        let shown: Vec<String> = changes.iter().take(10).map(|change| format!("  {change}")).collect();
        let more = changes.len().saturating_sub(10);
        let list = format!(
            "{}{}",
            shown.join("\n"),
            if more > 0 { format!("\n  and {more} more") } else { String::new() }
        );
        if !self.allow_changed_data {
            let text = format!(
                "the data has changed since the run began, so it could not go on as it was:\n{list}\nput it back, or allow \
                 it with --allow-changed-data"
            );
            return Err(Failure::Data(text).into());
        }
        tell(&format!("the data has changed, as allowed:\n{list}"));
        record.keep_splits(&mut dataset);
        let number = (1..).find(|n| !folder.file(&format!("dataset-{n}.json")).exists()).unwrap_or(1);
        let before = durable::read_list(&folder.dataset_path())?;
        durable::write_new(&folder.file(&format!("dataset-{number}.json")), &before)?;
        Record::of(&dataset).with(balance_of(config, &dataset)).write(&folder.dataset_path())?;
        Ok(dataset)
    }
}

/// The newest checkpoint that is whole.
fn newest(folder: &RunFolder) -> Result<Found> {
    folder.newest().map_err(|error| match error {
        checkpoint::Error::NoCheckpoint { .. } => {
            let config = folder.config_path();
            let text = format!("{error}\nso it has to begin again: kiln train {}", config.display());
            Failure::RunFolder(text).into()
        }
        other => other.into(),
    })
}

/// Refuses a checkpoint that came from another run, or a run whose settings were edited.
fn expect_same_settings(saved: &Checkpoint, config: &Config) -> Result<()> {
    if saved.manifest.configuration == fingerprint(config) {
        return Ok(());
    }
    let text = format!(
        "{} was made with another configuration than the run's config.toml says, or by a kiln with other defaults; put back the \
         config.toml that belongs to it, or go on with the kiln that began it (its version is in the checkpoint's model file)",
        saved.folder.display()
    );
    Err(Failure::RunFolder(text).into())
}

fn finished(folder: &RunFolder, config: &Config) -> Option<RunResult> {
    let epochs: Vec<usize> = config.stages.iter().map(|stage| stage.epochs).collect();
    result(folder).filter(|result| result.stage_epochs == epochs)
}

/// How the run ended the last time it did.
fn result(folder: &RunFolder) -> Option<RunResult> {
    serde_json::from_str(&durable::read_words(&folder.file(RESULT)).ok()?).ok()
}

fn tell_finished(folder: &RunFolder, result: &RunResult, json: bool) -> Ended {
    let accuracy = result.test.as_ref().and_then(|test| test["accuracy"].as_f64());
    let figure = accuracy.map_or_else(String::new, |value| format!(" with test accuracy {value:.4}"));
    let text = format!("{} is finished{figure}; best model: {}\n", folder.path().display(), result.best);
    answer(&text, json)?;
    if result.drawn {
        warn_loudly(DRAWN);
    }
    if result.from_scratch {
        warn_loudly(SCRATCH);
    }
    if json {
        print_result(folder, result)?;
    }
    Ok(0)
}

/// Refuses arrays that are not those of the network that the checkpoint speaks of, before that is built.
fn expect_its_network(saved: &Contents, checkpoint: &Path) -> Result<()> {
    let (plan, classes) = (&saved.identity.plan, saved.identity.classes.len());
    let arrays = [Some(&saved.model), saved.raw.as_ref()];
    let wrong = arrays.into_iter().flatten().find_map(|arrays| weights::misfit(arrays, plan, classes));
    let stray = || weights::stray_moment(&saved.moments, plan, classes);
    let Some(wrong) = wrong.or_else(|| Some(format!("the optimizer's {} fits no parameter", stray()?)))
    else {
        return Ok(());
    };
    let text = format!("{} does not hold the network that it says it holds: {wrong}", checkpoint.display());
    Err(Failure::RunFolder(text).into())
}

/// A network of the saved shape; the run puts the numbers in.
pub fn network_of(saved: &Contents, config: &Config, device: &Device) -> Network {
    let identity = &saved.identity;
    let settings = Settings {
        padding: identity.padding,
        norm: NormSettings { eps: identity.norm_eps, momentum: identity.norm_momentum },
        classes: identity.classes.len(),
        dropout: config.model.dropout.unwrap_or(identity.plan.dropout),
        stochastic_depth: config.model.stochastic_depth,
    };
    Network::build(&identity.plan, &settings, device, &mut |_, shape| vec![0.0; shape.iter().product()])
}
