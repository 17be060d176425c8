//! One file per verb: the only place where the rooms are put together, and the only one that prints.

#[cfg(not(feature = "serve"))]
mod absent;
mod attempt;
mod bench;
mod bench_data;
mod cache;
mod card;
mod channels;
mod check;
mod classifier;
mod compare;
mod console;
mod contact_sheet;
mod dashboard;
mod data;
mod data_show;
mod devices;
mod doubts;
mod dry_run;
mod embed;
mod eval;
mod explain;
mod export;
mod failure;
mod figures;
mod fits;
mod fitting;
mod found;
mod init;
mod kept;
mod kinds;
mod listing;
mod memory;
mod numbered;
mod onnx;
#[cfg(feature = "onnx-check")]
mod onnx_check;
mod outcome;
mod overlay;
mod predict;
mod prepare;
mod proof;
mod report;
mod reporter;
mod resume;
mod scale;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "serve")]
mod served;
mod session;
mod sizes;
mod start;
mod steps;
mod target;
mod train;
mod tta;
mod tune;
mod unsort;
mod verify;
mod views;
mod web;
mod weights;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::DeviceChoice;
#[cfg(not(feature = "serve"))]
use absent as serve;
use failure::{described, exit_code};

/// Labelled pictures and one TOML file in; a trained, tested and exported EfficientNet out.
#[derive(Parser)]
#[command(name = "kiln", version, about, infer_subcommands = false)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Write a commented TOML for your own folder of pictures
    Init(init::Init),
    /// Train, test and save a model
    Train(train::Train),
    /// Go on with a run after any stop
    Resume(resume::Resume),
    /// Check every checkpoint of a run, or prove that resuming is exact on this machine
    Verify(verify::Verify),
    /// Measure a model on labelled pictures
    Eval(eval::Eval),
    /// Make a run's report again: one page that opens anywhere
    Report(report::Report),
    /// Runs beside each other: figures and curves
    Compare(compare::Compare),
    /// Name the classes of pictures
    Predict(predict::Predict),
    /// Show which places of pictures speak for a class
    Explain(explain::Explain),
    /// Answer over HTTP: a page to drop pictures on, and JSON for programs
    Serve(serve::Serve),
    /// Take back what `predict --sort-into` did
    Unsort(unsort::Unsort),
    /// What the network sees in pictures, as numbers for other programs
    Embed(embed::Embed),
    /// Write a trained model as a file to take elsewhere
    Export(export::Export),
    /// Compound scaling before any training
    Scale(scale::Scale),
    /// Check a data set, fetch one, draw the built-in one, or show how pictures are augmented
    Data(data::Data),
    /// List, fetch and inspect pretrained weights
    Weights(weights::Weights),
    /// List and clear what kiln keeps: downloads, features, decoded pictures
    Cache(cache::Cache),
    /// What kiln can compute on here, and whether it computes right
    Devices(devices::Devices),
    /// Time a network on this machine
    Bench(bench::Bench),
    /// Try a batch (kiln asks itself this)
    #[command(hide = true)]
    Attempt(attempt::Attempt),
    /// Measure kernels for products of matrices (kiln asks itself this)
    #[command(hide = true)]
    Tune(tune::Measure),
}

/// A count on the command line.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(count) => Ok(count),
        Err(_) => Err("must be a whole number".into()),
    }
}

/// What every verb that prints results takes.
#[derive(Args)]
struct Format {
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

/// Where a verb computes.
#[derive(Args)]
struct Place {
    /// What to compute on
    #[arg(long, value_enum, default_value_t = On::Auto)]
    device: On,
    /// Threads that compute; all processors where not given
    #[arg(long, value_parser = at_least_one)]
    threads: Option<usize>,
}

/// The devices by the names they have in the TOML.
#[derive(Clone, Copy, ValueEnum)]
enum On {
    Auto,
    Cpu,
    Ndarray,
    Wgpu,
    Cuda,
}

impl Place {
    fn choice(&self) -> DeviceChoice {
        match self.device {
            On::Auto => DeviceChoice::Auto,
            On::Cpu => DeviceChoice::Cpu,
            On::Ndarray => DeviceChoice::Ndarray,
            On::Wgpu => DeviceChoice::Wgpu,
            On::Cuda => DeviceChoice::Cuda,
        }
    }
}

/// Runs the verb that the arguments name.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(failure::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    start::logging();
    let result = match cli.verb {
        Verb::Init(verb) => verb.run(),
        Verb::Train(verb) => verb.run(),
        Verb::Resume(verb) => verb.run(),
        Verb::Verify(verb) => verb.run(),
        Verb::Eval(verb) => verb.run(),
        Verb::Report(verb) => verb.run(),
        Verb::Compare(verb) => verb.run(),
        Verb::Predict(verb) => verb.run(),
        Verb::Explain(verb) => verb.run(),
        Verb::Serve(verb) => verb.run(),
        Verb::Unsort(verb) => verb.run(),
        Verb::Embed(verb) => verb.run(),
        Verb::Export(verb) => verb.run(),
        Verb::Scale(verb) => verb.run(),
        Verb::Data(verb) => verb.run(),
        Verb::Weights(verb) => verb.run(),
        Verb::Cache(verb) => verb.run(),
        Verb::Devices(verb) => verb.run(),
        Verb::Bench(verb) => verb.run(),
        Verb::Attempt(verb) => verb.run(),
        Verb::Tune(verb) => verb.run(),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console::tell(&format!("error: {}", described(&error)));
            ExitCode::from(exit_code(&error))
        }
    }
}

/// A verb's way to say how it ended: an exit code where nothing went wrong that needs an error.
type Ended = anyhow::Result<u8>;

/// Reads paths from standard input, one a line.
fn paths_from_stdin() -> anyhow::Result<Vec<PathBuf>> {
    let lines: Result<Vec<_>, _> = std::io::stdin().lines().collect();
    Ok(lines?.into_iter().filter(|line| !line.trim().is_empty()).map(PathBuf::from).collect())
}
