//! `kiln report`: makes the page of any run again, from what lies in its folder.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::console::{answer, print};
use super::{Ended, Format};
use crate::checkpoint::RunFolder;
use crate::durable;
use crate::report::{self, Run, State};

#[derive(Args)]
pub struct Report {
    /// The run folder
    run: PathBuf,
    /// Where to write the page instead of report.html in the run folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

impl Report {
    pub fn run(self) -> Ended {
        let folder = RunFolder::open(&self.run)?;
        let run = Run::read(folder.path())?;
        let page = report::html(&run);
        if self.out.is_none() {
            report::put_plates(&run)?;
        }
        let path = self.out.unwrap_or_else(|| folder.file(report::NAME));
        durable::write(&path, page.as_bytes())?;
        answer(&format!("{}\n", path.display()), self.format.json)?;
        if self.format.json {
            let finished = run.state == State::Finished;
            let line = json!({
                "schema": 1,
                "run": folder.path().display().to_string(),
                "file": path.display().to_string(),
                "finished": finished,
                "epochs": run.epochs.len(),
            });
            print(&format!("{line}\n"))?;
        }
        Ok(0)
    }
}
