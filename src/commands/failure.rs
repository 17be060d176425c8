//! Errors become exit codes here, and nowhere else.

use crate::{
    checkpoint, config, dataset, devices, durable, export, report, results, scaling, train, weights,
};

pub const USAGE: u8 = 2;
pub const DATA: u8 = 3;
pub const WEIGHTS: u8 = 4;
pub const DIVERGED: u8 = 5;
pub const RUN_FOLDER: u8 = 6;
pub const DISAGREES: u8 = 7;
/// Stopped by SIGINT or SIGTERM after saving; the shell's convention.
pub const SIGNAL: u8 = 128;

/// What a verb itself finds wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Data(String),
    #[error("{0}")]
    Weights(String),
    #[error("{0}")]
    RunFolder(String),
    #[error("{0}")]
    Disagrees(String),
}

/// An error and its causes. Many messages hold their cause already, and nothing is said twice.
pub fn described(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text += if text.is_empty() { "" } else { ": " };
            text += &cause;
        }
    }
    text
}

/// The exit code that belongs to an error: that of the first cause that has one.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(1)
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(match failure {
            Failure::Usage(_) => USAGE,
            Failure::Data(_) => DATA,
            Failure::Weights(_) => WEIGHTS,
            Failure::RunFolder(_) => RUN_FOLDER,
            Failure::Disagrees(_) => DISAGREES,
        });
    }
    if let Some(error) = cause.downcast_ref::<train::Error>() {
        return Some(match error {
            train::Error::Diverged(_) => DIVERGED,
            train::Error::Stopped => return None,
            train::Error::Loader(_) => DATA,
            train::Error::Checkpoint(_) | train::Error::File(_) => RUN_FOLDER,
        });
    }
    if cause.is::<report::Error>() {
        return Some(RUN_FOLDER);
    }
    if let Some(
        export::Error::NoTimmModel { .. }
        | export::Error::NoTorchvisionModel { .. }
        | export::Error::NoWebWindow
        | export::Error::Runtime { .. },
    ) = cause.downcast_ref()
    {
        return Some(USAGE);
    }
    if let Some(error) = cause.downcast_ref::<results::Error>() {
        return Some(match error {
            results::Error::Ending { .. }
            | results::Error::NoParquet
            | results::Error::ClassName { .. }
            | results::Error::File(durable::Error::Exists { .. }) => USAGE,
            results::Error::Journal { .. } => DATA,
            results::Error::Write { .. } | results::Error::File(_) => RUN_FOLDER,
        });
    }
    if let Some(error) = cause.downcast_ref::<checkpoint::Error>() {
        return Some(match error {
            // Another path or step was meant.
            checkpoint::Error::NoRun { .. } | checkpoint::Error::NoStep { .. } => USAGE,
            checkpoint::Error::NoModel { .. } => WEIGHTS,
            _ => RUN_FOLDER,
        });
    }
    #[cfg(feature = "serve")]
    if let Some(crate::serve::Error::Listen { .. }) = cause.downcast_ref() {
        return Some(USAGE);
    }
    match cause.downcast_ref() {
        Some(dataset::Error::BadRecord { .. }) => return Some(RUN_FOLDER),
        // What cannot be fetched has one code, be it weights or an archive.
        Some(dataset::Error::Download(_)) => return Some(WEIGHTS),
        _ => {}
    }
    let is = |found: bool, code: u8| found.then_some(code);
    is(
        cause.is::<config::ConfigError>() || cause.is::<scaling::Error>() || cause.is::<devices::Error>(),
        USAGE,
    )
    .or(is(cause.is::<dataset::Error>() || cause.is::<dataset::drawn::Error>(), DATA))
    .or(is(
        cause.is::<weights::Unreachable>()
            || cause.is::<weights::ImportError>()
            || cause.is::<weights::ReadError>(),
        WEIGHTS,
    ))
    .or(is(cause.is::<durable::Error>() || cause.is::<train::NoRoom>(), RUN_FOLDER))
}
