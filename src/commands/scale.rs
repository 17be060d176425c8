//! `kiln scale`: compound scaling before any training.

use anyhow::Result;
use clap::Args;

use super::console::print;
use super::failure::Failure;
use super::{Ended, Format};
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
    #[arg(long, default_value_t = 32)]
    batch: usize,
    #[arg(long, default_value_t = 1000)]
    classes: usize,
    #[command(flatten)]
    format: Format,
}

impl Scale {
    pub fn run(self) -> Ended {
        let mut rows = self.rows()?;
        for row in &mut rows {
            if let Some(variant) = row.plan.as_variant() {
                row.pretrained = Entry::candidates(variant).iter().map(|entry| entry.id.to_owned()).collect();
            }
        }
        let text = match self.format.json {
            true => serde_json::to_string_pretty(&serde_json::json!({ "schema": 1, "networks": rows }))? + "\n",
            false => scale_table(&rows),
        };
        print(&text)?;
        Ok(0)
    }

    fn rows(&self) -> Result<Vec<Row>> {
        let limit = |name: &str, text: &Option<String>| -> Result<Option<u64>> {
            let Some(text) = text else { return Ok(None) };
            let value = amount(text).map_err(|reason| Failure::Usage(format!("--{name} {text}: {reason}")))?;
            Ok(Some(value))
        };
        let budget = Budget {
            max_macs: limit("max-macs", &self.max_macs)?,
            max_params: limit("max-params", &self.max_params)?,
            max_memory: limit("max-memory", &self.max_memory)?,
            batch: self.batch,
            classes: self.classes,
        };
        let compound = |phi| Compound { phi, alpha: self.alpha, beta: self.beta, gamma: self.gamma };
        let row = |plan: &Plan, phi: f64| Row::new(plan, &compound(phi), Some(phi), self.batch, self.classes);
        if budget.max_macs.is_some() || budget.max_params.is_some() || budget.max_memory.is_some() {
            let (phi, plan) = largest(&budget)?;
            return Ok(vec![row(&plan, phi)]);
        }
        if let Some(phi) = self.phi {
            return Ok(vec![row(&Plan::compound(&compound(phi))?, phi)]);
        }
        if let Some(name) = &self.variant {
            return Ok(vec![Row::variant(name.parse::<Variant>()?, self.batch, self.classes)]);
        }
        Ok(Variant::ALL.into_iter().map(|variant| Row::variant(variant, self.batch, self.classes)).collect())
    }
}
