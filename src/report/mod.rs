//! A run as one page that opens anywhere: a pure function of what lies in the run folder. Owns the files in `report/`
//! that the page is made from beside the run's own records. How a run is made is not its business.

mod card;
mod chart;
mod classes;
mod compare;
mod confusion;
mod curves;
mod head;
mod kept;
mod machine;
mod making;
mod network;
mod pictures;
mod places;
mod plates;
mod reliability;
mod run;
mod tables;
mod time;
mod warnings;

use std::path::PathBuf;

pub use card::Card;
pub use compare::{Summary, page as comparison};
pub use kept::{Files, Made, Mistake, Validation, Views};
pub use plates::put as put_plates;
pub use run::{Run, State};
pub use tables::Row;

use crate::page::Document;
use crate::{config, dataset, durable};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error(transparent)]
    Dataset(#[from] dataset::Error),
    #[error(transparent)]
    File(#[from] durable::Error),
    #[error("{path} cannot be read: {reason}; put it back, or take the file away and make the report again")]
    Damaged { path: PathBuf, reason: String },
}

pub const NAME: &str = "report.html";

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("sort.js");
/// Beside it on a page that looks again.
const STAYS_OPEN: &str = include_str!("open.js");
/// How often an open page of a run in progress looks again, in seconds.
const REFRESH: u32 = 5;

/// The whole page.
pub fn html(run: &Run) -> String {
    let sections = [
        head::hero(run),
        warnings::section(run),
        curves::section(run),
        classes::section(run),
        reliability::section(run),
        pictures::mistakes(run),
        pictures::views(run),
        making::section(run),
    ];
    let refresh = (run.state == State::Training).then_some(REFRESH);
    let stays_open = if refresh.is_some() { STAYS_OPEN } else { "" };
    let body = format!("<main>\n{}</main>\n<script>\n{SCRIPT}{stays_open}</script>\n", sections.concat());
    Document { title: &format!("{} · kiln", run.name), style: STYLE, body: &body, refresh }.html()
}
