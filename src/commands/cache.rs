//! `kiln cache`: what kiln keeps to be faster next time, how much that takes, and removing it. What is kiln's own is
//! for `kept` to know.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::console::{print, tell};
use super::failure::Failure;
use super::kept::{Entry, Kind, Shelf};
use super::{Ended, Format};
use crate::dataset::{self, download};
use crate::durable;

#[derive(Args)]
pub struct Cache {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// What is kept, by kind, with sizes and ages
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Remove what kiln wrote and can make or fetch again
    Clear(Clear),
}

#[derive(Args)]
struct Clear {
    /// What to remove
    #[arg(value_enum, value_name = "KIND", required_unless_present = "all")]
    kinds: Vec<Kind>,
    /// Everything
    #[arg(long, conflicts_with = "kinds")]
    all: bool,
    /// Only what was not used for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    older_than: u64,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: Format,
}

impl Cache {
    pub fn run(self) -> Ended {
        let cache = download::cache_folder().ok_or(dataset::Error::NoCache)?;
        match self.verb {
            Verb::List { format } => list(&cache, format.json),
            Verb::Clear(clear) => clear.run(&cache),
        }
    }
}

fn list(cache: &Path, as_json: bool) -> Ended {
    let shelves: Vec<(Kind, Shelf)> = Kind::ALL.into_iter().map(|kind| (kind, kind.look(cache))).collect();
    print(&if as_json { as_json_of(cache, &shelves)? } else { table(cache, &shelves) })?;
    Ok(0)
}

fn as_json_of(cache: &Path, shelves: &[(Kind, Shelf)]) -> Result<String> {
    let kinds: Vec<_> = shelves
        .iter()
        .map(|(kind, shelf)| {
            let [oldest, newest] = ages(&shelf.own).map(|age| age.map(|age| age.as_secs()));
            json!({
                "kind": kind, "folder": kind.folder(cache), "entries": shelf.own.len(), "bytes": bytes(&shelf.own),
                "oldest_seconds": oldest, "newest_seconds": newest, "foreign": shelf.foreign,
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&json!({ "schema": 1, "folder": cache, "kinds": kinds }))? + "\n")
}

fn table(cache: &Path, shelves: &[(Kind, Shelf)]) -> String {
    let mut text = format!("{}\n{:10} {:>8} {:>11}  last used\n", cache.display(), "kind", "entries", "size");
    for (kind, shelf) in shelves {
        let used = match ages(&shelf.own) {
            [Some(oldest), Some(newest)] if words(oldest) != words(newest) => {
                format!("{} to {} ago", words(newest), words(oldest))
            }
            [Some(oldest), _] => format!("{} ago", words(oldest)),
            _ => "-".into(),
        };
        text +=
            &format!("{:10} {:8} {:>11}  {used}\n", kind.name(), shelf.own.len(), amount(bytes(&shelf.own)));
    }
    for path in shelves.iter().flat_map(|(_, shelf)| &shelf.foreign) {
        text += &format!("not kiln's, and left alone: {}\n", path.display());
    }
    text
}

impl Clear {
    fn run(self, cache: &Path) -> Ended {
        let kinds = if self.all { Kind::ALL.to_vec() } else { self.kinds.clone() };
        let shelves: Vec<Shelf> = kinds.iter().map(|kind| kind.look(cache)).collect();
        let own: Vec<&Entry> =
            shelves.iter().flat_map(|shelf| &shelf.own).filter(|e| self.takes(e)).collect();
        let size = amount(own.iter().map(|entry| entry.bytes).sum());
        if !own.is_empty() && !self.yes && !agreed(&format!("remove {} entries, {size}", own.len()))? {
            tell("nothing was removed");
            return Ok(0);
        }
        let (mut removed, mut kept) = (Vec::new(), Vec::new());
        for entry in own {
            match entry.remove() {
                Ok(()) => removed.push(entry),
                Err(error) => kept.push(error),
            }
        }
        for kind in &kinds {
            // Unfinished files of processes that have ended; a folder that is absent has none.
            let _ = durable::sweep(&kind.folder(cache));
        }
        let foreign: Vec<&PathBuf> = shelves.iter().flat_map(|shelf| &shelf.foreign).collect();
        self.show(&removed, &kept, &foreign)?;
        kept.into_iter().next().map_or(Ok(0), |error| Err(error.into()))
    }

    fn takes(&self, entry: &Entry) -> bool {
        age(entry.used) >= Duration::from_secs(self.older_than * 24 * 60 * 60)
    }

    fn show(&self, removed: &[&Entry], kept: &[durable::Error], foreign: &[&PathBuf]) -> Result<()> {
        let bytes: u64 = removed.iter().map(|entry| entry.bytes).sum();
        for path in foreign {
            tell(&format!("not kiln's, and left alone: {}", path.display()));
        }
        if !self.format.json {
            return print(&format!("removed {} entries, {}\n", removed.len(), amount(bytes)));
        }
        let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
        let report = json!({
            "schema": 1, "removed": removed.len(), "bytes": bytes, "kept": kept, "foreign": foreign
        });
        print(&(report.to_string() + "\n"))
    }
}

/// Asks whoever sits at the terminal; without one nobody has agreed.
fn agreed(what: &str) -> Result<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        let text = format!("this would {what}; say so with --yes");
        return Err(Failure::Usage(text).into());
    }
    tell(&format!("{what}? (yes/no)"));
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn bytes(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.bytes).sum()
}

/// How long ago the oldest and the newest were used.
fn ages(entries: &[Entry]) -> [Option<Duration>; 2] {
    let used = || entries.iter().map(|entry| entry.used);
    [used().min(), used().max()].map(|time| time.map(age))
}

fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

fn words(age: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let seconds = age.as_secs();
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

fn amount(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_amounts_read_well() {
        let check = |seconds, expected: &str| assert_eq!(words(Duration::from_secs(seconds)), expected);
        check(0, "0 seconds");
        check(61, "1 minute");
        check(7200, "2 hours");
        check(86_400 * 40, "40 days");
        assert_eq!(amount(1023), "1023 B");
        assert_eq!(amount(1536), "1.5 KiB");
        assert_eq!(amount(20 << 30), "20.0 GiB");
    }
}
