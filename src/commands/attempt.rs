//! One attempt at a batch, in a kiln of its own: wgpu gives no device back that has run out of memory. A hidden verb
//! takes a few steps on made-up pictures and says whether they went well.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::console::print;
use super::failure::Failure;
use super::fits::Steps;
use super::steps::{Training, network, pictures, trainer};
use super::{Ended, start};
use crate::config::{BatchNorm, Config};
use crate::devices::{self, choose, held, on};
use crate::model::NormForm;
use crate::scaling::Plan;
use crate::train::cut_of;
use burn::tensor::{Device, Tensor};

/// Steps until everything that a run holds is held: the optimizer's moments come with the first.
const STEPS: usize = 2;
/// One picture in so many more than asked for is tried, for what a run holds beside its steps: the network that
/// validates, pictures on their way, a last batch that is one larger.
const MARGIN: usize = 8;

#[derive(Serialize, Deserialize)]
struct Request {
    config: String,
    plan: Plan,
    side: usize,
    classes: usize,
    /// The stage that needs most, from 0.
    stage: usize,
    batch: usize,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    schema: u32,
    fits: bool,
    device_memory: Option<u64>,
}

/// Takes what to try as JSON on standard input.
#[derive(Args)]
pub struct Attempt {}

impl Attempt {
    pub fn run(self) -> Ended {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        let request: Request = serde_json::from_str(&text)?;
        let config = Config::parse(&request.config, Path::new("config.toml"), Path::new("/"), &[])?;
        start::threads(config.train.threads)?;
        let chosen = choose(config.train.device)?;
        let fits = match on(&chosen, || request.take_steps(&config, &chosen.device)) {
            Ok(()) => true,
            Err(devices::Error::Full { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        let device_memory = fits.then(|| held(&chosen.device)).flatten();
        print(&(serde_json::to_string(&Answer { schema: 1, fits, device_memory })? + "\n"))?;
        Ok(0)
    }
}

impl Request {
    fn take_steps(&self, config: &Config, device: &Device) {
        let Some(stage) = config.stages.get(self.stage) else { return };
        let network = network(&self.plan, self.classes, device);
        let batch = self.batch + self.batch.div_ceil(MARGIN);
        let images = pictures([batch, self.plan.channels, self.side, self.side], device);
        let averaged = config.train.ema.map(|_| self.plan.parameters(self.classes) as usize);
        let averages = averaged.map(|count| Tensor::<1>::zeros([count], device));
        let training = Training {
            cut: cut_of(stage.trains, network.blocks.len()),
            form: match config.train.batch_norm {
                BatchNorm::Batch => NormForm::Batch,
                BatchNorm::Stored => NormForm::Stored,
            },
            rule: config.optimizer,
            // A second batch is all that a sum of gradients takes.
            accumulate: if config.train.batch > self.batch { 2 } else { 1 },
            rate: 1e-4,
            float: config.train.precision.unwrap_or_default(),
        };
        let mut step = trainer(network, images, &training, device);
        (0..STEPS).for_each(|_| step());
        drop(averages);
    }
}

/// Whether a device can take steps with a batch, and what it held then. Nothing where they do not fit.
pub fn ask(steps: &Steps, batch: usize) -> Result<Option<Option<u64>>> {
    let request = Request {
        config: steps.config.to_toml(),
        plan: steps.plan.clone(),
        side: steps.side,
        classes: steps.classes,
        stage: steps.heaviest(batch),
        batch,
    };
    let mut child = Command::new(std::env::current_exe().context("kiln cannot find itself")?)
        .arg("attempt")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("kiln cannot start itself to try a batch")?;
    if let Some(mut input) = child.stdin.take() {
        // One that ended before it has read says why.
        let _ = input.write_all(serde_json::to_string(&request)?.as_bytes());
    }
    let output = child.wait_with_output()?;
    match serde_json::from_slice::<Answer>(&output.stdout) {
        Ok(answer) => Ok(answer.fits.then_some(answer.device_memory)),
        Err(_) => Err(failed(batch, &output).into()),
    }
}

fn failed(batch: usize, output: &std::process::Output) -> Failure {
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Failure::Usage(format!(
        "train.batch = {batch} could not be tried ({}: {last}); say a number instead of \"auto\"",
        output.status
    ))
}
