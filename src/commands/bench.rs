//! `kiln bench`: times a network on this machine with made-up pictures, the way PyTorch is timed; `--mode data` times
//! the loading of pictures instead.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::bench_data::{self, Loading};
use super::console::{print, tell};
use super::failure::Failure;
use super::memory;
use super::sizes::Sizes;
use super::steps::{Training, network, pictures, trainer};
use super::tune;
use super::{Ended, Format, Place, at_least_one, start};
use crate::config::{Optimizer as Rule, Policy, Tune};
use crate::dataset::{Interpolation, Preprocess};
use crate::devices::{choose, held, on, precision};
use crate::loader::Decoded;
use crate::model::{Cut, Folded, NormForm, numbers};
use crate::scaling::{Float, Plan, Variant};

#[derive(Args)]
pub struct Bench {
    /// b0..b7 or lite0..lite4
    #[arg(long, default_value = "b0")]
    variant: String,
    #[arg(long, value_enum, default_value_t = Mode::Train)]
    mode: Mode,
    /// With --mode frozen: so many of the last blocks train too
    #[arg(long, value_name = "BLOCKS")]
    last: Option<usize>,
    /// Whose statistics the batch norms use while training
    #[arg(long, value_enum, default_value_t = Norms::Train)]
    bn: Norms,
    /// What pictures are made of while training
    #[arg(long, value_enum, default_value_t = Precision::Fp32)]
    precision: Precision,
    /// On a GPU: measure kernels for products of matrices first, where that has not been done
    #[arg(long)]
    tune: bool,
    /// With --tune: no longer than this; what was not measured by then is left to Burn's own choice
    #[arg(long, value_name = "SECONDS", requires = "tune")]
    tune_for: Option<u64>,
    #[arg(long, default_value_t = 16, value_parser = at_least_one)]
    batch: usize,
    /// How often to time; two runs before that do not count
    #[arg(long, default_value_t = 5, value_parser = at_least_one)]
    steps: usize,
    /// Side of the pictures; the variant's own where not given
    #[arg(long, value_parser = at_least_one)]
    side: Option<usize>,
    #[arg(long, default_value_t = 1000, value_parser = at_least_one)]
    classes: usize,
    /// With --mode data: a folder of pictures
    #[arg(long, required_if_eq("mode", "data"))]
    pictures: Option<PathBuf>,
    /// With --mode data: threads that prepare pictures
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// With --mode data: how pictures are resized
    #[arg(long, value_enum, default_value_t = Filter::Bilinear)]
    interpolation: Filter,
    /// With --mode data: what a policy of [augment] does to pictures; else a crop of 0.08 to 1 and the flip
    #[arg(long, value_name = "NAME", value_parser = bench_data::named)]
    policy: Option<Policy>,
    /// With --mode data: whether JPEGs are decoded at a reduced scale where that is enough
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    reduced_jpeg: bool,
    /// With --mode data: where decoded pictures are kept; the pass that does not count fills it
    #[arg(long, value_enum, default_value_t = Keep::Off)]
    cache: Keep,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Forward, backward and AdamW on all parameters
    Train,
    /// The backbone without gradient, the classifier trains, and with --last some of the blocks
    Frozen,
    /// The folded network
    Infer,
    /// No network: pictures read, decoded, cropped at random, resized, augmented and normalised
    Data,
}

#[derive(Clone, Copy, ValueEnum)]
enum Filter {
    Bilinear,
    Bicubic,
}

/// Where decoded pictures are kept.
#[derive(Clone, Copy, ValueEnum)]
enum Keep {
    Off,
    Ram,
    Disk,
}

#[derive(Clone, Copy, ValueEnum)]
enum Norms {
    Train,
    Frozen,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Precision {
    Fp32,
    Fp16,
    Bf16,
}

impl From<Precision> for Float {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Fp32 => Self::Fp32,
            Precision::Fp16 => Self::Fp16,
            Precision::Bf16 => Self::Bf16,
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    variant: &'a str,
    mode: Mode,
    precision: Float,
    batch: usize,
    side: usize,
    device: &'a str,
    ms: Vec<f64>,
    median_ms: f64,
    peak_rss_mib: f64,
    /// The most that the device's allocator held, where the device tells.
    device_memory_mib: Option<f64>,
    /// Of the first run: kernels are compiled then, and tuned where that is built in.
    first_ms: f64,
}

/// Runs before the clock counts.
const WARM_UP: usize = 2;

impl Bench {
    pub fn run(self) -> Ended {
        if let Some(folder) = &self.pictures {
            return self.data(folder);
        }
        start::threads(self.place.threads)?;
        let chosen = choose(self.place.choice())?;
        let precision = precision(&chosen, Some(self.precision.into()))?;
        if precision.is_half() && matches!(self.mode, Mode::Infer) {
            let text = "--precision is for training; kiln predicts in fp32: leave it out with --mode infer";
            return Err(Failure::Usage(text.into()).into());
        }
        let variant: Variant = self.variant.parse()?;
        let plan = Plan::variant(variant);
        let side = self.side.unwrap_or(plan.resolution);
        if self.tune {
            tune::settle(Tune::On, &chosen, &self.sizes(&plan, side), &self.time_to_tune());
        }
        let (first_ms, ms) = on(&chosen, || self.times(&plan, side, &chosen.device))?;
        let report = Report {
            schema: 1,
            variant: variant.name(),
            mode: self.mode,
            precision,
            batch: self.batch,
            side,
            device: chosen.name,
            median_ms: ms[ms.len() / 2],
            ms,
            peak_rss_mib: peak_memory().unwrap_or(0.0),
            device_memory_mib: held(&chosen.device).map(|bytes| bytes as f64 / f64::from(1 << 20)),
            first_ms,
        };
        self.show(&report)?;
        Ok(0)
    }

    /// What says that it has tuned for long enough.
    fn time_to_tune(&self) -> Arc<AtomicBool> {
        let over = Arc::new(AtomicBool::new(false));
        if let Some(seconds) = self.tune_for {
            let over = over.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_secs(seconds));
                over.store(true, Ordering::Relaxed);
            });
        }
        over
    }

    /// Milliseconds of the first run, and of those that count from the quickest on.
    fn times(&self, plan: &Plan, side: usize, device: &Device) -> (f64, Vec<f64>) {
        let mut step = self.stepper(plan, side, device);
        let mut timed = || {
            let started = Instant::now();
            step();
            started.elapsed().as_secs_f64() * 1e3
        };
        let first = timed();
        for _ in 1..WARM_UP {
            timed();
        }
        let mut ms: Vec<f64> = (0..self.steps).map(|_| timed()).collect();
        ms.sort_by(f64::total_cmp);
        (first, ms)
    }

    fn data(&self, folder: &Path) -> Ended {
        let interpolation = match self.interpolation {
            Filter::Bilinear => Interpolation::Bilinear,
            Filter::Bicubic => Interpolation::Bicubic,
        };
        let usual = Preprocess::image_net(self.side.unwrap_or(224), 0.875, interpolation);
        let preprocess = Preprocess { reduced: self.reduced_jpeg, ..usual };
        let disk = tempfile::tempdir()?;
        let decoded = match self.cache {
            Keep::Off => None,
            Keep::Ram => Some(Decoded::new(memory::available() / 4)),
            Keep::Disk => Some(Decoded::on_disk(disk.path(), u64::MAX)),
        };
        let loading = Loading {
            preprocess,
            policy: self.policy,
            workers: self.workers,
            batch: self.batch,
            passes: self.steps,
            decoded: decoded.map(Arc::new),
        };
        let report = bench_data::measure(folder, &loading)?;
        if !self.format.json {
            tell(&report.to_string());
        }
        print(&(serde_json::to_string(&report)? + "\n"))?;
        Ok(0)
    }

    fn show(&self, report: &Report) -> Result<()> {
        if !self.format.json {
            let pictures = self.batch as f64 / report.median_ms * 1e3;
            tell(&format!(
                "{} at {} px, batch {}, in {}, on {}: {:.1} ms, {pictures:.1} pictures/s, peak memory {:.0} MiB{}",
                report.variant,
                report.side,
                self.batch,
                report.precision,
                report.device,
                report.median_ms,
                report.peak_rss_mib,
                report
                    .device_memory_mib
                    .map_or_else(String::new, |mib| format!(", {mib:.0} MiB on the device"))
            ));
        }
        print(&(serde_json::to_string(report)? + "\n"))
    }

    /// One run of what is timed. Each ends with a number read back, so that nothing is left waiting.
    fn stepper(&self, plan: &Plan, side: usize, device: &Device) -> Box<dyn FnMut()> {
        let network = network(plan, self.classes, device);
        let images = pictures([self.batch, 3, side, side], device);
        match self.cut(network.blocks.len()) {
            None => {
                let folded = Folded::new(&network);
                Box::new(move || {
                    numbers(folded.infer(images.clone()));
                })
            }
            Some(cut) => Box::new(trainer(network, images, &self.training(cut), device)),
        }
    }

    /// Where the network begins to train; nowhere where it only infers.
    fn cut(&self, blocks: usize) -> Option<Cut> {
        match (self.mode, self.last) {
            (Mode::Infer, _) => None,
            (Mode::Train | Mode::Data, _) => Some(Cut::ALL),
            (Mode::Frozen, None) => Some(Cut::classifier_of(blocks)),
            (Mode::Frozen, Some(count)) => Some(Cut::last_of(count, blocks)),
        }
    }

    fn sizes(&self, plan: &Plan, side: usize) -> Sizes {
        let cut = self.cut(plan.blocks.len());
        Sizes {
            plan: plan.clone(),
            side,
            classes: self.classes,
            float: self.precision.into(),
            stored: matches!(self.bn, Norms::Frozen),
            cuts: cut.map(|cut| cut.0).into_iter().collect(),
            batches: [self.batch].into(),
            inferred: cut.is_none().then_some(self.batch).into_iter().collect(),
        }
    }

    fn training(&self, cut: Cut) -> Training {
        let form = match self.bn {
            Norms::Train => NormForm::Batch,
            Norms::Frozen => NormForm::Stored,
        };
        let rule = Rule::AdamW { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 };
        Training { cut, form, rule, accumulate: 1, rate: 1e-4, float: self.precision.into() }
    }
}

/// The largest memory this process has held, in MiB, where the system tells.
pub fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
