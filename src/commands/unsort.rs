//! `kiln unsort`: takes back what `kiln predict --sort-into` did, by its journal.

use std::path::PathBuf;

use clap::Args;

use super::console::{print, tell};
use super::failure::DATA;
use super::{Ended, Format};
use crate::results::sorted::undo;

#[derive(Args)]
pub struct Unsort {
    /// The journal: DIR/sorted.csv
    journal: PathBuf,
    #[command(flatten)]
    format: Format,
}

impl Unsort {
    pub fn run(self) -> Ended {
        let undone = undo(&self.journal)?;
        for remark in &undone.remarks {
            tell(remark);
        }
        let report =
            serde_json::json!({ "schema": 1, "files": undone.files, "stayed": undone.remarks.len() });
        print(&match self.format.json {
            true => serde_json::to_string_pretty(&report)? + "\n",
            false => format!("{} files taken back\n", undone.files),
        })?;
        Ok(if undone.remarks.is_empty() { 0 } else { DATA })
    }
}
