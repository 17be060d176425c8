//! What train and resume share: the session, the run itself and how it ends.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::Ended;
use super::console::{Bar, Console, answer, print, tell, warn_loudly};
use super::dashboard::Dashboard;
use super::failure::Failure;
use super::figures::table;
use super::fits::{self, Steps};
use super::memory;
use super::prepare::{DRAWN, SCRATCH};
use super::reporter::{Page, Reporter};
use super::sizes::Sizes;
use super::start::{Signals, processors};
use super::tune;
use crate::checkpoint::{Contents, Identity, RunFolder};
use crate::config::{CachePlace, Config, DataOffline, Source, Track, Tune};
use crate::dataset::{Balance, Preprocess, download};
use crate::devices::{self, Chosen, Kind, alike, approve, choose, held, on, precision};
use crate::durable;
use crate::evaluate::{Figures, SEED};
use crate::loader::Decoded;
use crate::model::Network;
use crate::report::State;
use crate::scaling::Float;
use crate::track::{Description, End, Tracked, Tracker};
use crate::train::{self, Observer, Outcome, Session, Splits, words_of_balance};

/// What a session is made of before it starts.
pub struct Parts<'a> {
    pub config: &'a Config,
    pub splits: Splits,
    pub balance: Balance,
    pub preprocess: Preprocess,
    pub identity: Identity,
    pub device: Chosen,
    /// Others like it, which share the batches of an update.
    pub others: Vec<Device>,
    pub folder: &'a RunFolder,
    pub data: String,
    /// The device has taken steps with this batch already.
    pub tried: bool,
    /// Show burn-train's dashboard instead of lines.
    pub tui: bool,
    /// The figures are for programs, and the words for whoever watches.
    pub json: bool,
}

/// The result that a finished run leaves in result.json.
#[derive(Debug, Serialize, Deserialize)]
pub struct RunResult {
    pub schema: u32,
    pub best: String,
    pub drawn: bool,
    pub from_scratch: bool,
    pub stage_epochs: Vec<usize>,
    /// Updates made until the end.
    #[serde(default)]
    pub steps: usize,
    /// What pictures were made of while training.
    #[serde(default)]
    pub precision: Float,
    /// Updates that were left out because a gradient overflowed; only fp16 has such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_updates: Option<u64>,
    /// The most that the device's allocator held, in bytes, where the device tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_memory: Option<u64>,
    pub test: Option<serde_json::Value>,
}

pub const RESULT: &str = "result.json";

/// Folders of kiln's cache: the outputs of frozen layers, and decoded pictures.
pub const FEATURES: &str = "prefixes";
pub const PICTURES: &str = "pictures";

/// The dashboard needs a terminal to draw on.
pub fn refuse_tui_without_terminal(tui: bool) -> Result<()> {
    if tui && !std::io::stdout().is_terminal() {
        let text = "--tui draws on a terminal, and standard output is none; leave it out for plain lines";
        return Err(Failure::Usage(text.into()).into());
    }
    Ok(())
}

/// The device that the configuration asks for, and the configuration with what training computes with on it.
pub fn devices_ready(config: Config) -> Result<(Chosen, Config)> {
    let chosen = choose(config.train.device)?;
    tell(&format!("device: {} ({})", chosen.name, chosen.listed.name));
    if chosen.listed.software {
        warn_loudly(
            "SOFTWARE DEVICE: this is no real GPU; it is there for testing, and slower than device = \"cpu\".",
        );
    }
    let mut bar = Bar::count("checking that the device computes right");
    let train = &config.train;
    let float = precision(&chosen, train.precision)?;
    if train.precision != Some(Float::Fp32) {
        tell(&format!("precision: {float}"));
    }
    approve(&chosen, float, train.force_device, &mut |done, all| bar.set(done as u64, all as u64))?;
    bar.clear();
    let mut config = config;
    config.train.precision = Some(float);
    Ok((chosen, config))
}

/// The other GPUs that the configuration asks for.
pub fn others(chosen: &Chosen, config: &Config) -> Result<Vec<Device>, devices::Error> {
    let others = alike(chosen, config.train.gpus)?;
    if !others.is_empty() {
        tell(&format!("{} GPUs of this kind share the batches of each update", others.len() + 1));
    }
    Ok(others.into_iter().map(|other| other.device).collect())
}

/// Refuses to train where nothing could be saved, and warns where the disk may become full.
pub fn warn_of_little_room(folder: &Path, config: &Config, network: &Network) -> Result<()> {
    if let Some(warning) = train::expect_room(folder, config, network)? {
        tell(&format!("WARNING: {warning}"));
    }
    Ok(())
}

/// The steps of a run, as the estimate of their memory sees them.
fn steps<'a>(parts: &'a Parts) -> Steps<'a> {
    let Identity { plan, classes, .. } = &parts.identity;
    let through = fits::through(&parts.device);
    Steps { config: parts.config, plan, side: parts.preprocess.size, classes: classes.len(), through }
}

/// What tells one run's settings from another's: all that is not at its default, but for the length of the last stage,
/// which may grow, and for what has no influence on the numbers. The pictures have a fingerprint of their own.
pub fn fingerprint(config: &Config) -> String {
    let mut config = config.clone();
    if let Some(last) = config.stages.last_mut() {
        last.epochs = 1;
    }
    config.data.source = Source::Path(PathBuf::from("/"));
    config.data.offline = DataOffline::Fail;
    config.data.licence = None;
    config.data.columns.source = None;
    config.data.workers = None;
    config.train.threads = None;
    config.train.tune = Tune::Auto;
    config.train.gpus = 1;
    config.track = Track::default();
    config.data.cache = CachePlace::Auto;
    config.data.cache_limit = 1;
    config.data.cache_memory = None;
    durable::hash(config.told().as_bytes())
}

/// Trains to the end, or until it is asked to stop, and tells how it went.
pub fn conclude(parts: Parts, network: Network, from: Option<Contents>, signals: &Signals) -> Ended {
    let (tui, json) = (parts.tui, parts.json);
    if !parts.tried {
        // Nothing is refused: the system may have swap, or free memory meanwhile.
        steps(&parts).warnings(&parts.device).iter().for_each(|line| warn_loudly(line));
    }
    let device = parts.device.clone();
    let session = session(parts, &signals.asked);
    tune::settle(session.config.train.tune, &device, &Sizes::of(&session), &signals.asked);
    for line in words_of_balance(&session.balance, &session.identity.classes) {
        tell(&line);
    }
    let mut screen: Box<dyn Observer> = match tui {
        true => Box::new(Dashboard::open(Arc::clone(&signals.asked))),
        false => Box::new(Console::default()),
    };
    let mut page = Page::new(session.folder);
    page.begin(&session).iter().for_each(|trouble| screen.remark(trouble));
    let mut tracker = tracker(&session);
    let mut reporter = Reporter::new(&mut *screen, page);
    let outcome = {
        let mut observer = Tracked::new(&mut reporter, &mut tracker);
        on(&device, || train::run(&session, network, from, &mut observer))
    };
    let mut page = reporter.into_page();
    drop(screen);
    let outcome = match outcome {
        Ok(ended) => ended.map_err(anyhow::Error::from),
        Err(error) => Err(advised(error, &session, &device)),
    };
    let outcome = outcome.inspect_err(|error| {
        page.write(State::Stopped(error.to_string()));
        close(&mut tracker, End::Failed);
    })?;
    let run = session.folder.path().display();
    match outcome {
        Outcome::Stopped { saved } => {
            let after = signals
                .elapsed()
                .map_or_else(String::new, |time| format!(" {:.2} s after the signal", time.as_secs_f64()));
            say(page.write(State::Stopped("stopped; it can be resumed".into())));
            close(&mut tracker, End::Stopped);
            tell(&format!("\nstopped and saved {}{after}; go on with: kiln resume {run}", saved.display()));
            Ok(signals.exit_code())
        }
        Outcome::Finished { test, best, steps, device_memory, skipped } => {
            let figures = test.as_ref().map(|test| test.answers.figures(test.temperature, SEED));
            if let (Some(test), Some(figures)) = (&test, &figures) {
                say(page.tested(&session, test, figures));
                tracker.tested(steps, figures);
            }
            let result = RunResult {
                schema: 1,
                best: best.display().to_string(),
                drawn: session.identity.drawn,
                from_scratch: session.identity.start.instead_of_pretrained,
                stage_epochs: session.config.stages.iter().map(|stage| stage.epochs).collect(),
                steps,
                precision: session.float(),
                skipped_updates: skipped,
                device_memory,
                test: figures.as_ref().and_then(|figures| serde_json::to_value(figures).ok()),
            };
            let text = serde_json::to_vec_pretty(&result).unwrap_or_default();
            durable::write(&session.folder.file(RESULT), &text)?;
            say(page.write(State::Finished));
            close(&mut tracker, End::Finished);
            report(&session, figures.as_ref(), json)?;
            tell(&format!(
                "best model: {}\nreport: {}\nexport it with: kiln export {run}",
                best.display(),
                session.folder.file(crate::report::NAME).display()
            ));
            if json {
                print_result(session.folder, &result)?;
            }
            Ok(0)
        }
    }
}

/// A device that ran out of memory is no fault of the device.
fn advised(error: devices::Error, session: &Session, device: &Chosen) -> anyhow::Error {
    let devices::Error::Full { .. } = error else { return error.into() };
    let steps = Steps {
        config: session.config,
        plan: &session.identity.plan,
        side: session.preprocess.size,
        classes: session.classes(),
        through: fits::through(device),
    };
    Failure::Usage(format!("{error}: {}", steps.after_running_out(held(&device.device)))).into()
}

/// Those who are told of the run beside its own records.
fn tracker(session: &Session) -> Tracker {
    let run = session.folder.path();
    let Identity { classes, network, data, drawn, start, .. } = &session.identity;
    let about = || Description {
        name: run.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        experiment: session.config.track.experiment.clone(),
        told: session.config.told(),
        tags: [
            ("kiln", env!("CARGO_PKG_VERSION").to_owned()),
            ("network", network.clone()),
            ("data", data.clone()),
            ("data_fingerprint", session.fingerprints[1].clone()),
            ("drawn", drawn.to_string()),
            ("from_scratch", start.instead_of_pretrained.to_string()),
            ("device", session.machine.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
    };
    Tracker::open(session.config, run, classes, about)
}

fn close(tracker: &mut Tracker, end: End) {
    tracker.close(end);
    tracker.troubles().iter().for_each(|line| tell(line));
}

fn say(trouble: Option<String>) {
    trouble.iter().for_each(|line| tell(line));
}

/// A session of these parts, with its share of this machine.
pub fn session<'a>(parts: Parts<'a>, stop: &'a AtomicBool) -> Session<'a> {
    let memory = memory_for_caches(&parts);
    Session {
        fingerprints: [fingerprint(parts.config), parts.data],
        workers: parts.config.data.workers.unwrap_or_else(processors),
        processors: processors(),
        cache_bytes: memory / 3 * 2,
        cache_folder: download::cache_folder().map(|folder| folder.join(FEATURES)),
        decoded: decoded(parts.config, memory / 3),
        stop,
        config: parts.config,
        splits: parts.splits,
        balance: parts.balance,
        preprocess: parts.preprocess,
        identity: parts.identity,
        machine: parts.device.machine(),
        device: parts.device.device,
        others: parts.others,
        folder: parts.folder,
    }
}

/// A finished run's result and its folder as one line of JSON.
pub fn print_result(folder: &RunFolder, result: &RunResult) -> Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        run: String,
        #[serde(flatten)]
        result: &'a RunResult,
    }
    let run = folder.path().display().to_string();
    print(&(serde_json::to_string(&Line { run, result })? + "\n"))
}

fn report(session: &Session, test: Option<&Figures>, json: bool) -> Result<()> {
    let Some(figures) = test else {
        tell("\nno test pictures were set apart, so there is no test figure");
        return Ok(());
    };
    answer(&table(&session.identity.classes, figures), json)?;
    let scores = &figures.scores;
    let interval = figures
        .intervals
        .accuracy
        .map_or_else(String::new, |[from, to]| format!(", 95 % interval {from:.4} to {to:.4}"));
    answer(
        &format!("\ntest accuracy {:.4} ({} pictures){interval}\n", scores.accuracy, scores.samples),
        json,
    )?;
    marks(&session.identity);
    Ok(())
}

/// Repeats what must be known about a model wherever its figures stand.
pub fn marks(identity: &Identity) {
    if identity.drawn {
        warn_loudly(DRAWN);
    }
    if identity.start.instead_of_pretrained {
        warn_loudly(SCRATCH);
    }
}

/// Bytes of memory for what is cached, of which features take two parts and decoded pictures one.
fn memory_for_caches(parts: &Parts) -> usize {
    let free = memory::available();
    let steps = match parts.device.listed.kind {
        Kind::Cpu | Kind::Ndarray => steps(parts).most(parts.config.train.batch),
        _ => 0,
    };
    match parts.config.data.cache_memory {
        // What is asked for may be more than there is.
        Some(wanted) => usize::try_from(wanted).unwrap_or(usize::MAX).min(free),
        // Steps that hardly fit shall not take all from what makes them fast.
        None => (free - usize::try_from(steps).unwrap_or(usize::MAX).min(free / 2)) / 4 * 3,
    }
}

/// Where decoded pictures are kept between epochs.
fn decoded(config: &Config, memory: usize) -> Option<Arc<Decoded>> {
    let folder = download::cache_folder().map(|folder| folder.join(PICTURES));
    let decoded = match (config.data.cache, folder) {
        (CachePlace::Off, _) => return None,
        (CachePlace::Disk, Some(folder)) => {
            let decoded = Decoded::on_disk(&folder, config.data.cache_limit);
            let (held, limit) = (decoded.bytes() >> 20, config.data.cache_limit >> 20);
            tell(&format!(
                "decoded pictures are kept in {} ({held} MiB there, at most {limit})",
                folder.display()
            ));
            decoded
        }
        _ => Decoded::new(memory),
    };
    Some(Arc::new(decoded))
}
