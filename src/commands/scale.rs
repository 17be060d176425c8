//! `kiln scale`: compound scaling before any training.

use anyhow::Result;
use clap::Args;

use super::console::print;
use super::failure::Failure;
use super::{Ended, Format, at_least_one};
use crate::config::amount;
use crate::scaling::{Budget, Compound, Plan, Row, Variant, largest, scale_table};
use crate::weights::Entry;

#[derive(Args)]
pub struct Scale {
    /// A variant, b0..b7 or lite0..lite4; all of them where nothing is asked for
    #[arg(long)]
    variant: Option<String>,
    /// A compound coefficient
    #[arg(long, allow_negative_numbers = true)]
    phi: Option<f64>,
    #[arg(long, default_value_t = Compound::default().alpha)]
    alpha: f64,
    #[arg(long, default_value_t = Compound::default().beta)]
    beta: f64,
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
        let row = |plan: &Plan, phi: f64| {
            (Row::new(plan, &compound(phi), Some(phi), self.batch, self.classes), plan.as_variant())
        };
        let variant = |variant| (Row::variant(variant, self.batch, self.classes), Some(variant));
        if budget.max_macs.is_some() || budget.max_params.is_some() || budget.max_memory.is_some() {
            let (phi, plan) = largest(&budget)?;
            return Ok(vec![row(&plan, phi)]);
        }
        if let Some(phi) = self.phi {
            return Ok(vec![row(&Plan::compound(&compound(phi))?, phi)]);
        }
        if let Some(name) = &self.variant {
            return Ok(vec![variant(name.parse::<Variant>()?)]);
        }
        Ok(Variant::ALL.into_iter().map(variant).collect())
    }
}

/// Adds which pretrained weights fit the network.
fn with_weights((mut row, variant): (Row, Option<Variant>)) -> Row {
    let entries = variant.map(Entry::candidates).unwrap_or_default();
    row.pretrained = entries.into_iter().map(|entry| entry.id.to_owned()).collect();
    row
}
