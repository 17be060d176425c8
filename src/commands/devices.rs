//! `kiln devices`: what kiln can compute on here, and whether it computes right.

use std::fmt::Write as _;

use serde_json::json;

use super::console::{Bar, print, tell};
use super::{Ended, Format, On, Place};
use crate::devices::{self, Chosen, Listed, Report, Row};
use crate::scaling::Float;

#[derive(clap::Args)]
pub struct Devices {
    /// Only this one; all where none is given
    #[arg(long, value_enum)]
    device: Option<On>,
    #[command(flatten)]
    format: Format,
}

/// A device and what the check found; no report where it is absent, the reason where it does not open.
struct Checked {
    listed: Listed,
    /// What it can train with beside fp32.
    halves: Vec<Float>,
    outcome: Option<Result<Report, String>>,
}

impl Devices {
    /// Ends with 1 where a device is there and computes wrong.
    pub fn run(self) -> Ended {
        let checked: Vec<Checked> = match self.device {
            Some(device) => vec![of_chosen(devices::choose(Place { device, threads: None }.choice())?)],
            None => devices::list().into_iter().map(of_listed).collect(),
        };
        print(&if self.format.json { json_of(&checked)? } else { text_of(&checked) })?;
        Ok(u8::from(checked.iter().any(Checked::fails)))
    }
}

fn of_listed(listed: Listed) -> Checked {
    if !listed.is_present() {
        return Checked { listed, halves: Vec::new(), outcome: None };
    }
    match listed.open() {
        Ok(chosen) => of_chosen(chosen),
        Err(error) => Checked { listed, halves: Vec::new(), outcome: Some(Err(error.to_string())) },
    }
}

fn of_chosen(chosen: Chosen) -> Checked {
    let mut bar = Bar::count(&format!("checking {} ({})", chosen.name, chosen.listed.name));
    let report = devices::check(&chosen.device, &mut |done, all| bar.set(done as u64, all as u64));
    bar.clear();
    devices::remember(&chosen.listed, &report);
    if chosen.listed.software {
        tell(&format!("{} computes on the processor; device = \"cpu\" is faster", chosen.listed.name));
    }
    Checked { halves: devices::halves(&chosen), listed: chosen.listed, outcome: Some(Ok(report)) }
}

impl Checked {
    fn fails(&self) -> bool {
        match &self.outcome {
            None => false,
            Some(Ok(report)) => !report.passes(),
            Some(Err(_)) => true,
        }
    }
}

fn json_of(checked: &[Checked]) -> anyhow::Result<String> {
    let devices: Vec<_> = checked
        .iter()
        .map(|Checked { listed, halves, outcome }| match outcome {
            None => json!({ "device": listed }),
            Some(Ok(report)) => {
                json!({ "device": listed, "half_precision": halves, "passes": report.passes(), "check": report })
            }
            Some(Err(error)) => json!({ "device": listed, "passes": false, "error": error }),
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&json!({ "schema": 1, "devices": devices }))?;
    text.push('\n');
    Ok(text)
}

fn text_of(checked: &[Checked]) -> String {
    checked.iter().map(section).collect::<Vec<_>>().join("\n")
}

fn section(checked: &Checked) -> String {
    let Checked { listed, halves, outcome } = checked;
    let kind = listed.kind.name();
    if let Some(reason) = &listed.absent {
        let name = if listed.name.is_empty() { String::new() } else { format!(" ({})", listed.name) };
        return format!("{kind}{name}: absent: {reason}\n");
    }
    let software = if listed.software { ", software" } else { "" };
    let head = format!("{kind}: {} ({}){software}", listed.name, listed.driver);
    match outcome {
        None => format!("{head}\n"),
        Some(Err(error)) => format!("{head}: {error}\n"),
        Some(Ok(report)) => {
            let halves: Vec<&str> = halves.iter().map(|float| float.name()).collect();
            let halves = match halves.is_empty() {
                true => String::new(),
                false => format!("  trains in half precision too: {}\n", halves.join(", ")),
            };
            format!("{head}\n{halves}{}", table(report))
        }
    }
}

/// One line per operation, with its worst shape; then every shape that failed.
fn table(report: &Report) -> String {
    let mut text = String::new();
    let rule = format!("  {:<42} {:>6} {:>9} {:>9}  ok", "operation", "shapes", "forward", "backward");
    line(&mut text, &rule);
    for (name, rows) in by_operation(report) {
        let forward = rows.iter().map(|row| row.forward).fold(0.0, f64::max);
        let backward = rows.iter().map(|row| row.backward()).fold(0.0, f64::max);
        let ok = if rows.iter().all(|row| row.ok) { "yes" } else { "NO" };
        line(&mut text, &format!("  {name:<42} {:>6} {forward:>9.1e} {backward:>9.1e}  {ok}", rows.len()));
    }
    for row in report.failures() {
        let reason = row.fault.as_deref().unwrap_or("beyond the tolerance");
        line(&mut text, &format!("  failed: {}, {}: {reason}", row.operation, row.shape));
    }
    let verdict = if report.passes() { "computes right" } else { "COMPUTES WRONG" };
    let Report { reference, tolerance, seconds, rows, .. } = report;
    let summary = format!(
        "  {verdict}: {} checks in {seconds:.1} s, relative errors against {reference}, at most {tolerance:.0e} allowed",
        rows.len()
    );
    line(&mut text, &summary);
    text
}

/// In the order of their first shapes.
fn by_operation(report: &Report) -> Vec<(&str, Vec<&Row>)> {
    let mut groups: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in &report.rows {
        match groups.iter_mut().find(|(name, _)| *name == row.operation) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((&row.operation, vec![row])),
        }
    }
    groups
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(operation: &str, forward: f64) -> Row {
        let (operation, shape) = (operation.to_owned(), "8 at 5x5".to_owned());
        Row { operation, shape, forward, gradients: Vec::new(), fault: None, ok: forward <= 1e-3 }
    }

    #[test]
    fn the_table_has_a_line_per_operation_and_names_what_failed() {
        let rows = vec![row("pooling", 1e-7), row("pooling", 2e-7), row("stem", 0.5)];
        let precision = Float::Fp32;
        let report = Report { reference: "cpu", precision, tolerance: 1e-3, seconds: 2.0, rows };
        let table = table(&report);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 5, "{table}");
        assert!(
            lines[1].contains("pooling") && lines[1].contains("2.0e-7") && lines[1].ends_with("yes"),
            "{table}"
        );
        assert!(lines[2].contains("stem") && lines[2].ends_with("NO"), "{table}");
        assert_eq!(lines[3], "  failed: stem, 8 at 5x5: beyond the tolerance");
        assert!(lines[4].contains("COMPUTES WRONG: 3 checks in 2.0 s"), "{table}");
    }
}
