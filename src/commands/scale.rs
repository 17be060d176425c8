//! `kiln scale`: compound scaling before any training.

use anyhow::Result;
use clap::Args;

use super::console::print;
use super::failure::Failure;
use super::{Ended, Format, at_least_one};
use crate::config::amount;
use crate::scaling::{Budget, Compound, Plan, Row, Variant, largest_with, scale_table};
use crate::weights::Entry;

#[derive(Args)]
pub struct Scale {
    /// A variant, b0..b7 or lite0..lite4; all of them where nothing is asked for
    #[arg(long, conflicts_with_all = ["phi", "max_macs", "max_params", "max_memory"])]
    variant: Option<String>,
    /// A compound coefficient
    #[arg(long, allow_negative_numbers = true, conflicts_with_all = ["max_macs", "max_params", "max_memory"])]
    phi: Option<f64>,
    /// What depth grows by per unit of phi
    #[arg(long, default_value_t = Compound::default().alpha)]
    alpha: f64,
    /// ... width
    #[arg(long, default_value_t = Compound::default().beta)]
    beta: f64,
    /// ... resolution
    #[arg(long, default_value_t = Compound::default().gamma)]
    gamma: f64,
    /// The largest network within so many multiply-adds, such as 1.8G
    #[arg(long)]
    max_macs: Option<String>,
    /// ... so many parameters, such as 10M
    #[arg(long)]
    max_params: Option<String>,
    /// ... so much memory in training, such as 8GiB
    #[arg(long)]
    max_memory: Option<String>,
    /// The batch that memory is estimated for
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    batch: usize,
    #[arg(long, default_value_t = 1000, value_parser = at_least_one)]
    classes: usize,
    #[command(flatten)]
    format: Format,
}

impl Scale {
    pub fn run(self) -> Ended {
        let rows: Vec<Row> = self.rows()?.into_iter().map(with_weights).collect();
        let text = match self.format.json {
            true => {
                serde_json::to_string_pretty(&serde_json::json!({ "schema": 1, "networks": rows }))? + "\n"
            }
            false => scale_table(&rows),
        };
        print(&text)?;
        Ok(0)
    }

    fn rows(&self) -> Result<Vec<(Row, Option<Variant>)>> {
        let limit = |name: &str, text: &Option<String>| -> Result<Option<u64>> {
            let Some(text) = text else { return Ok(None) };
            let value = amount(text).filter(|value| *value >= 1.0).ok_or_else(|| {
                Failure::Usage(format!("--{name} {text}: must be an amount such as 400M, 2.5G or 4GiB"))
            })?;
            Ok(Some(value as u64))
        };
        let budget = Budget {
            max_macs: limit("max-macs", &self.max_macs)?,
            max_params: limit("max-params", &self.max_params)?,
            max_memory: limit("max-memory", &self.max_memory)?,
            batch: self.batch,
            classes: self.classes,
        };
        let compound = |phi| Compound { phi, alpha: self.alpha, beta: self.beta, gamma: self.gamma };
        // Also refuses constants that are only held against released networks.
        Plan::compound(&compound(0.0))?;
        let row = |plan: &Plan, phi: Option<f64>| {
            let constants = compound(phi.unwrap_or_default());
            (Row::new(plan, &constants, phi, self.batch, self.classes), plan.as_variant())
        };
        if budget.max_macs.is_some() || budget.max_params.is_some() || budget.max_memory.is_some() {
            let (phi, plan) = largest_with(&budget, &compound(0.0))?;
            return Ok(vec![row(&plan, Some(phi))]);
        }
        if let Some(phi) = self.phi {
            return Ok(vec![row(&Plan::compound(&compound(phi))?, Some(phi))]);
        }
        let released = |variant| row(&Plan::variant(variant), None);
        if let Some(name) = &self.variant {
            return Ok(vec![released(name.parse::<Variant>()?)]);
        }
        Ok(Variant::ALL.into_iter().map(released).collect())
    }
}

/// Adds which pretrained weights fit the network.
fn with_weights((mut row, variant): (Row, Option<Variant>)) -> Row {
    let entries = variant.map(Entry::candidates).unwrap_or_default();
    row.pretrained = entries.into_iter().map(|entry| entry.id.to_owned()).collect();
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;
    use clap::{Command, FromArgMatches};

    fn typed(line: &str) -> Result<Scale, clap::Error> {
        let command = Scale::augment_args(Command::new("scale").no_binary_name(true));
        Scale::from_arg_matches(&command.try_get_matches_from(line.split_whitespace())?)
    }

    #[test]
    fn the_network_within_a_budget_is_made_with_the_given_constants() {
        let rows = |line| typed(line).unwrap().rows().unwrap();
        let wide = rows("--max-macs 1G --alpha 1 --beta 1.4 --gamma 1").remove(0).0;
        assert_eq!((wide.depth, wide.resolution, wide.beta), (1.0, 224, 1.4));
        assert!(wide.width > 1.2 && wide.macs <= 1_000_000_000, "{wide:?}");
        let paper = rows("--max-macs 1G").remove(0).0;
        assert!(paper.depth > 1.0 && paper.resolution > 224, "{paper:?}");
    }

    #[test]
    fn what_is_released_is_held_against_the_given_constants() {
        let check = |line: &str, count, near| {
            let rows = typed(line).unwrap().rows().unwrap();
            assert_eq!(
                (rows.len(), rows[0].0.is_near_two, rows[0].1),
                (count, near, Some(Variant::B0)),
                "{line}"
            );
        };
        check("", 13, true);
        check("--variant b0", 1, true);
        check("--variant b0 --gamma 1.3", 1, false);
        let error = typed("--alpha 0.5").unwrap().rows().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("alpha is 0.5; it must lie between 1 and 64"));
    }

    #[test]
    fn two_ways_to_name_the_network_are_refused() {
        for line in ["--variant b0 --phi 1", "--variant b0 --max-macs 1G", "--phi 1 --max-memory 4GiB"] {
            assert_eq!(
                typed(line).err().map(|error| error.kind()),
                Some(ErrorKind::ArgumentConflict),
                "{line}"
            );
        }
        assert!(typed("--max-macs 1G --max-params 10M --alpha 1.3").is_ok());
    }
}
